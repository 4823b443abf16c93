"""A network, a searched tree and a baseline, really trained and logged; then checked for real."""

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

    from policy_engine.report import Subject

POLICIES = """
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline: [{tag: {role: champion}}]
policies:
  baseline-kind: on
  pareto-dominated: on
  same-eval-data: on
  simple-model-tried: on
  train-cost-budget: {max_cost: 10 USD, max_gpu_hours: 0, max_hours: 1, max_growth: 25%}
  finished-and-scored:
    policy: expression
    that: candidate.status == "FINISHED" && candidate.metrics.val_accuracy > 0.5
  too-good-to-be-true: {policy: expression, that: candidate.metrics.val_accuracy > 1.5}
  never-logged: {policy: expression, that: candidate.metrics.val_f2 > 0.5}
"""


@dataclass(frozen=True)
class Team:
    """Where a team's runs lie: a simple champion, found by a search, and two networks."""

    folder: Path
    champion: str
    network: str
    untested: str  # on half of the evaluation data, for three times the money

    def subject(self, run_id: str) -> Subject:
        uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        report = check(
            Options(runs=(run_id,), tracking_uri=uri, policies=("policy.yaml",), root=self.folder)
        )
        (subject,) = report.subjects
        return subject

    def findings(self, run_id: str) -> dict[tuple[str, str | None], tuple[Outcome, str]]:
        found = self.subject(run_id).findings
        return {(f.policy, f.part): (f.outcome, f.whole) for f in found}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Team:
    folder = tmp_path_factory.mktemp("team")
    (folder / "policy.yaml").write_text(POLICIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # training code may warn
        return _trained(folder)


def _trained(folder: Path) -> Team:
    import mlflow
    import mlflow.sklearn
    from mlflow.data.numpy_dataset import from_numpy
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    # By its id, so that no later test finds another active experiment.
    experiment = mlflow.create_experiment("fraud", artifact_location=str(folder / "artifacts"))
    data = load_breast_cancer(return_X_y=True)
    x, x_test, y, y_test = train_test_split(*data, test_size=0.4, random_state=7)

    def evaluated(model: Any, cost: float, rows: int = len(y_test), **tags: str) -> str:
        with mlflow.start_run(experiment_id=experiment, tags=tags) as run:
            model.fit(x, y)
            said = model.predict(x_test[:rows])
            mlflow.log_metric("val_accuracy", float((said == y_test[:rows]).mean()))
            source = from_numpy(x_test[:rows], targets=y_test[:rows], name="cells")
            mlflow.log_input(source, context="evaluation")
            columns = {"row_id": range(rows), "target": y_test[:rows], "prediction": said}
            table = {name: [int(cell) for cell in column] for name, column in columns.items()}
            mlflow.log_table(table, "policy_engine/predictions.json")
            training.log_cost(cost, "USD", instance="laptop", gpus=0)
        run_id: str = run.info.run_id
        return run_id

    try:
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        grid = {"logisticregression__C": [0.01, 0.03, 0.1, 0.3, 1.0]}
        mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
        champion = evaluated(GridSearchCV(linear, grid, cv=2), 1, role="champion")
        network = evaluated(MLPClassifier((5,), max_iter=5, random_state=7), 2)
        untested = evaluated(MLPClassifier((5,), max_iter=5, random_state=7), 30, rows=100)
    finally:
        mlflow.sklearn.autolog(disable=True)
        mlflow.set_tracking_uri("")
    return Team(folder, champion, network, untested)


def test_a_small_network_is_judged_by_what_was_really_logged(team: Team) -> None:
    found = team.findings(team.network)
    outcome, message = found["simple-model-tried", None]
    assert outcome is Outcome.PASS
    assert message.startswith("6 linear or tree runs since ")
    assert message.endswith(
        " on the candidate's evaluation data, with 6 configurations; at least 1 run and 5 "
        "configurations are needed"
    )
    outcome, message = found["same-eval-data", None]
    assert outcome is Outcome.PASS
    assert ", 228 rows) (by MLflow's digest alone, " in message
    assert found["train-cost-budget", "cost"] == (
        Outcome.PASS,
        "training cost is 2.00 USD; it must be at most 10.00 USD (metric cost.total)",
    )
    assert found["train-cost-budget", "gpu-hours"][0] is Outcome.PASS
    assert found["train-cost-budget", "growth"][0] is Outcome.NOT_APPLICABLE
    outcome, message = found["pareto-dominated", None]
    assert outcome is Outcome.FAIL
    assert f"({team.champion[:8]}) has val_accuracy 0.9" in message
    assert "training cost 1.00 USD against 2.00 USD" in message


def test_the_zero_rule_is_that_of_the_evaluation_rows(team: Team) -> None:
    outcome, message = team.findings(team.network)["baseline-kind", "zero-rule"]
    assert outcome is Outcome.FAIL
    assert "must be above that of the best constant (class 1, true of " in message
    assert team.findings(team.champion)["baseline-kind", "zero-rule"][0] is Outcome.PASS


def test_other_data_and_too_much_money_fail(team: Team) -> None:
    found = team.findings(team.untested)
    outcome, message = found["same-eval-data", None]
    assert outcome is Outcome.FAIL
    assert "100 rows), the baseline on 'cells' (digest " in message
    assert found["train-cost-budget", "cost"][0] is Outcome.FAIL
    assert found["simple-model-tried", None][0] is Outcome.FAIL
    assert found["pareto-dominated", None][0] is Outcome.MISSING


def test_a_linear_candidate_is_not_asked_for_a_simple_model(team: Team) -> None:
    assert team.findings(team.champion)["simple-model-tried", None] == (
        Outcome.NOT_APPLICABLE,
        "the candidate is a simple model itself",
    )


def test_an_expression_is_judged_on_what_a_real_run_logged(team: Team) -> None:
    outcomes = {f.id: f.outcome for f in team.subject(team.network).findings}
    assert outcomes["finished-and-scored"] is Outcome.PASS
    assert outcomes["too-good-to-be-true"] is Outcome.FAIL
    assert outcomes["never-logged"] is Outcome.MISSING


def test_gain_and_cost_are_those_of_the_real_runs(team: Team) -> None:
    """What a policy looked back at stands beside the champion."""
    trade_off = team.subject(team.untested).trade_off
    assert trade_off is not None
    assert (trade_off.metric, trade_off.unit) == ("val_accuracy", "USD")
    roles = {point.run_id: point.role for point in trade_off.points}
    assert roles[team.untested] == "candidate"
    assert roles[team.champion] == "baseline"
    assert roles[team.network] == "earlier"
    assert all(0.5 < point.metric <= 1 and point.cost > 0 for point in trade_off.points)
