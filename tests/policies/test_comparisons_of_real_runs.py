"""A logistic regression, a tree and a network, really trained, their rows logged; then checked."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine import training
from policy_engine.check import Options, check
from policy_engine.policy import Outcome

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = """
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline: [{tag: {role: champion}}]
policies:
  significant-improvement: on
  no-regression: {anchor: {tag: {role: champion}}}
  no-slice-regression: {slices: [size]}
  metric-recomputed: {metrics: [val_accuracy, val_f1, val_roc_auc, val_log_loss]}
  deep-margin: on
"""
Findings = dict[tuple[str, str | None], tuple[Outcome, str]]


@dataclass(frozen=True)
class Team:
    """Where the runs lie: a tree (the champion), a better linear model, and a network."""

    folder: Path
    tree: str
    linear: str
    network: str

    def findings(self, run_id: str) -> Findings:
        uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        report = check(
            Options(runs=(run_id,), tracking_uri=uri, policies=("policy.yaml",), root=self.folder)
        )
        (subject,) = report.subjects
        return {(f.policy, f.part): (f.outcome, f.whole) for f in subject.findings}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    folder = tmp_path_factory.mktemp("comparisons")
    (folder / "policy.yaml").write_text(POLICIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # training code may warn
        return _trained(folder)


def _trained(folder: Path) -> Team:
    import mlflow
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("rows", artifact_location=(folder / "files").as_uri())
    try:
        tree = DecisionTreeClassifier(max_depth=1, random_state=1)
        linear = make_pipeline(StandardScaler(), LogisticRegression())
        network = make_pipeline(
            StandardScaler(), MLPClassifier((16,), max_iter=300, random_state=1)
        )
        return Team(
            folder,
            tree=_run(experiment, tree, {"role": "champion", "model.family": "Decision Tree"}),
            linear=_run(experiment, linear, {"model.family": "linear"}),
            network=_run(experiment, network, {"model.family": "deep"}),
        )
    finally:
        mlflow.set_tracking_uri("")


def _run(experiment: str, model: Any, tags: dict[str, str]) -> str:
    import mlflow
    from sklearn.datasets import load_breast_cancer
    from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

    features, labels = load_breast_cancer(return_X_y=True)
    held_out = slice(0, 400)
    model.fit(features[400:], labels[400:])
    truth, said = labels[held_out], model.predict(features[held_out])
    score = model.predict_proba(features[held_out])[:, 1]
    with mlflow.start_run(experiment_id=experiment, tags=tags) as run:
        mlflow.log_metric("val_accuracy", accuracy_score(truth, said))
        mlflow.log_metric("val_f1", f1_score(truth, said, average="weighted"))
        mlflow.log_metric("val_roc_auc", roc_auc_score(truth, score))
        mlflow.log_metric("val_log_loss", log_loss(truth, score))
        training.log_predictions(
            row_id=range(400),
            target=truth,
            prediction=said,
            score=score,
            size=["large" if radius > 14 else "small" for radius in features[held_out, 0]],
        )
    run_id: str = run.info.run_id
    return run_id


def test_a_better_model_is_shown_to_be_better(team: Team) -> None:
    found = team.findings(team.linear)
    outcome, message = found["significant-improvement", None]
    assert outcome is Outcome.PASS
    assert "on 400 shared rows" in message
    assert found["no-regression", "baseline"][0] is Outcome.PASS
    assert found["no-regression", "anchor"][0] is Outcome.PASS
    outcome, message = found["no-slice-regression", None]
    assert outcome is Outcome.PASS
    assert "2 slices (size=large, size=small;" in message
    outcome, message = found["deep-margin", None]
    assert (outcome, message) == (
        Outcome.NOT_APPLICABLE,
        "the candidate is not a deep model: its family is simple",
    )


def test_what_scikit_learn_says_is_recomputed(team: Team) -> None:
    for run in (team.linear, team.network):
        found = team.findings(run)
        assert "(weighted f1)" in found["metric-recomputed", "val_f1"][1]
        for name in ("val_accuracy", "val_f1", "val_roc_auc"):
            assert found["metric-recomputed", name][0] is Outcome.PASS
        # Scores of 0 or 1 to ten decimals allow no log-loss.
        assert found["metric-recomputed", "val_log_loss"][0] in {
            Outcome.PASS,
            Outcome.NOT_APPLICABLE,
        }


def test_a_network_must_beat_the_best_simple_run_and_not_the_champion(team: Team) -> None:
    """The tag `Decision Tree` is simple too; the linear model is better and is the one to beat."""
    outcome, message = team.findings(team.network)["deep-margin", None]
    assert outcome in {Outcome.FAIL, Outcome.INCONCLUSIVE}, message
    assert f"({team.linear[:8]})" in message
    assert "the baseline is the best of 2 runs" in message


def test_mlflows_own_evaluation_table_is_read_where_its_columns_say_what_they_are(
    team: Team,
) -> None:
    """It keeps the data's own names, so `row_id` and `target` must be among them."""
    import mlflow
    import pandas as pd
    from mlflow.metrics import MetricValue
    from mlflow.models import make_metric

    metric: Any = make_metric
    truth = [0, 1] * 100

    def right(predictions: Any, targets: Any) -> MetricValue:
        scores = [float(p == t) for p, t in zip(predictions, targets, strict=True)]
        return MetricValue(scores=scores, aggregate_results={"mean": sum(scores) / len(scores)})

    data = pd.DataFrame({"row_id": range(200), "x": truth, "target": truth})
    mlflow.set_tracking_uri(f"sqlite:///{team.folder / 'mlflow.db'}")
    policies = "version: 1\nmetric: {name: right/mean, goal: maximize, point: 0.01}\n"
    (team.folder / "own.yaml").write_text(policies + "policies: {metric-recomputed: on}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mlflow.start_run(experiment_id="1") as run:
            evaluate: Any = mlflow.models.evaluate
            evaluate(
                lambda rows: rows["x"].to_numpy(),
                data,
                targets="target",
                extra_metrics=[metric(eval_fn=right, greater_is_better=True, name="right")],
            )
    mlflow.set_tracking_uri("")
    report = check(
        Options(
            runs=(run.info.run_id,),
            tracking_uri=f"sqlite:///{team.folder / 'mlflow.db'}",
            policies=("own.yaml",),
            root=team.folder,
        )
    )
    (finding,) = report.subjects[0].findings
    assert finding.outcome is Outcome.PASS
    assert finding.whole == (
        "right/mean is logged as 1; the 200 rows of eval_results_table.json give 1 "
        "(the mean of its column)"
    )
