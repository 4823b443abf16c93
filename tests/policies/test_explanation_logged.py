from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.explanation_logged import ExplanationLogged
from mlops_policies.reading.importances import uncovered
from policy_engine.check import Options, check
from policy_engine.evidence.record import ImportanceRecord, ModelRecord, Unreadable, metric_value
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run
from tests.mlflow_server import logging_to

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.evidence.record import RunRecord

FILE = "policy_engine/importance.json"
REMEDY = (
    'log numbers: policy_engine.training.log_importance(values, method="permutation"), also mean '
    'absolute SHAP values (method="shap")'
)


def signed(*names: str, **facts: Any) -> ModelRecord:
    inputs = json.dumps([{"type": "double", "name": name} for name in names])
    return model(mlmodel={"signature": {"inputs": inputs}} | facts)


def tensor(*shape: int) -> ModelRecord:
    spec = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": list(shape)}}
    return model(mlmodel={"signature": {"inputs": json.dumps([spec])}})


def explained(
    values: dict[str, float] | None,
    *,
    method: str | None = "permutation",
    source: str = FILE,
    of: ModelRecord | None = None,
    **facts: Any,
) -> RunRecord:
    record = None
    if values is not None:
        logged = {name: metric_value(value) for name, value in values.items()}
        record = ImportanceRecord(source=source, values=logged)
    tags = {} if method is None else {"explanation.method": method}
    return run(importance=record, tags=tags, model=of or signed("age", "city"), **facts)


def judged(record: RunRecord, **settings: Any) -> list[Finding]:
    return judge(bind(ExplanationLogged, **settings), candidate=record)


def test_an_importance_for_every_input_passes() -> None:
    found = judged(explained({"age": 0.25, "city": 0.5}))
    assert_outcome(
        found,
        "pass",
        part="method",
        message=f"importances were found by permutation ({FILE})",
    )
    assert_outcome(
        found,
        "pass",
        part="cover",
        message="the share of the model's 2 inputs with an importance is 100%; it must be at "
        "least 100%",
    )


def test_an_input_without_an_importance_fails_and_is_named() -> None:
    finding = assert_outcome(
        judged(explained({"age": 0.25})),
        "fail",
        part="cover",
        message="the share of the model's 2 inputs with an importance is 50%; it must be at "
        "least 100% (without an importance: city)",
    )
    assert finding.remedy == (
        "log the importance of every input: "
        "policy_engine.training.log_importance(values, features=names, method=…)"
    )


def test_a_lower_cover_may_be_enough_to_the_last_input() -> None:
    record = explained({"age": 0.25})
    assert_outcome(judged(record, cover=0.5), "pass", part="cover")
    assert_outcome(judged(record, cover=0.500001), "fail", part="cover")


def test_encoded_names_count_for_their_input() -> None:
    values = {"num__age": 0.25, "cat__city_Berlin": 0.5, "cat__city_Bonn": 0.0}
    assert_outcome(judged(explained(values)), "pass", part="cover")


@pytest.mark.parametrize(
    ("inputs", "features", "left"),
    [
        (["age", "city"], ["age", "city=Berlin"], []),
        (["age", "age_group"], ["age_group_old"], ["age"]),
        (["age", "age_group"], ["num__age", "cat__age_group_old"], []),
        (["a__b"], ["a__b"], []),
        (["a__b"], ["scale__a__b"], []),
        (["ip"], ["zip", "ipv6"], ["ip"]),
        (["text"], ["tfidf__text__word"], []),
        (["mean radius"], ["mean_radius"], []),  # as LightGBM writes it
        (["a b", "a_b"], ["a_b"], ["a b"]),
        (["a b", "a_b"], ["a b"], ["a_b"]),
        ([], ["age"], []),
    ],
)
def test_a_feature_speaks_for_the_longest_input_that_fits(
    inputs: list[str], features: list[str], left: list[str]
) -> None:
    assert uncovered(inputs, features) == left


def test_nobody_said_how_they_were_found() -> None:
    finding = assert_outcome(
        judged(explained({"age": 1, "city": 1}, method=None)),
        "missing",
        part="method",
        message="no tag explanation.method says how the importances in "
        "policy_engine/importance.json were found",
    )
    assert finding.remedy == REMEDY


def test_a_method_may_be_asked_for() -> None:
    record = explained({"age": 1, "city": 1})
    assert_outcome(judged(record, methods=["SHAP", "Permutation"]), "pass", part="method")
    assert_outcome(
        judged(record, methods=["shap", "gain"]),
        "fail",
        part="method",
        message="importances were found by permutation, which is none of shap, gain",
    )


def test_a_boosters_file_names_its_method_and_leaves_out_unused_features() -> None:
    record = explained({"age": 12.5}, method=None, source="feature_importance_gain.json")
    found = judged(record)
    assert_outcome(
        found,
        "pass",
        part="method",
        message="importances were found by gain (feature_importance_gain.json)",
    )
    assert_outcome(found, "pass", part="cover")


def test_a_boosters_file_about_other_features_covers_nothing() -> None:
    record = explained({"other": 12.5}, source="feature_importance_gain.json")
    assert_outcome(judged(record), "fail", part="cover")


def test_inputs_without_names_are_counted() -> None:
    values = {"x0": 1.0, "x1": 2.0}
    assert_outcome(judged(explained(values, of=tensor(-1, 2))), "pass", part="cover")
    assert_outcome(
        judged(explained(values, of=tensor(-1, 3))),
        "fail",
        part="cover",
        message="the share of the model's 3 inputs with an importance is 66.7%; it must be at "
        "least 100%",
    )


@pytest.mark.parametrize(
    "of",
    [
        model(mlmodel={}),
        model(mlmodel={"signature": {"inputs": "no json"}}),
        model(mlmodel={"signature": {"outputs": "[]"}}),
        tensor(-1, 28, 28),
        tensor(-1, -1),
    ],
)
def test_without_known_inputs_the_cover_is_missing(of: ModelRecord) -> None:
    found = judged(explained({"age": 1.0}, of=of))
    assert_outcome(found, "pass", part="method")
    assert_outcome(
        found,
        "missing",
        part="cover",
        message="the signature of model 'model' does not say which inputs it has",
    )


def test_metrics_do_where_there_is_no_file() -> None:
    metrics = {"importance.age": 0.25, "importance.city": 0.5, "accuracy": 0.9}
    found = judged(explained(None, metrics=metrics))
    assert_outcome(
        found,
        "pass",
        part="method",
        message="importances were found by permutation (metrics importance.<feature>)",
    )
    assert_outcome(found, "pass", part="cover")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_importance_that_is_no_number_fails(bad: float) -> None:
    words = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(bad)]
    assert_outcome(
        judged(explained({"age": bad, "city": 1})),
        "fail",
        message=f"feature importances of the candidate run are not finite numbers: age is {words}",
    )
    record = explained(None, metrics={"importance.age": bad})
    message = f"metric importance.age of the candidate run is {words}"
    assert_outcome(judged(record), "fail", message=message)


def test_pictures_are_not_evidence() -> None:
    record = run(importance=ImportanceRecord(pictures=("shap_summary_plot.png",)), model=signed())
    finding = assert_outcome(
        judged(record),
        "missing",
        message="only SHAP images found: not machine-readable (shap_summary_plot.png)",
    )
    assert finding.remedy == REMEDY


def test_no_importances_at_all_are_missing() -> None:
    assert_outcome(judged(run()), "missing", message="the candidate run has no feature importances")


def test_a_file_that_could_not_be_read_is_an_error() -> None:
    assert_outcome(judged(run(importance=Unreadable(unreadable="HTTP 500"))), "error")


@pytest.mark.parametrize("wrong", [{"cover": 1.1}, {"cover": -1}, {"methods": 3}])
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bind(ExplanationLogged, **wrong)


names = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


@given(names, st.integers(0, 6), st.integers(0, 100))
def test_the_cover_is_the_share_of_the_inputs_that_are_named(
    inputs: list[str], few: int, percent: int
) -> None:
    known = dict.fromkeys(inputs[:few] or inputs[:1], 1.0)
    found = judged(explained(known, of=signed(*inputs)), cover=percent / 100)
    (cover,) = (f for f in found if f.part == "cover")
    assert (cover.outcome is Outcome.PASS) == (100 * len(known) >= percent * len(inputs))


def test_a_really_trained_pipeline_is_explained_by_one_line(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_id = train(tmp_path)
    (tmp_path / "gate.yaml").write_text(
        "version: 1\nmetric: {name: accuracy, goal: maximize}\npolicies:\n"
        "  explanation-logged: on\n  no-dominant-feature: on\n"
    )
    report = check(
        Options(
            runs=(run_id,),
            policies=(str(tmp_path / "gate.yaml"),),
            tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}",
        )
    )
    (subject,) = report.subjects
    found = {(f.policy, f.part): f for f in subject.findings}
    assert found["explanation-logged", "method"].outcome is Outcome.PASS
    cover = found["explanation-logged", "cover"]
    assert cover.outcome is Outcome.PASS, cover.whole
    dominant = found["no-dominant-feature", None]
    assert dominant.outcome is Outcome.FAIL
    assert dominant.whole.startswith("feature leak carries ")


def train(folder: Path) -> str:
    """A pipeline over numbers and texts, in which one column gives the target away."""
    import mlflow
    import mlflow.sklearn
    import numpy as np
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from policy_engine import training

    random = np.random.default_rng(3)
    target = random.integers(0, 2, 400)
    rows = pd.DataFrame(
        {
            "age": random.normal(size=400),
            "income": random.normal(size=400) + 0.1 * target,
            "leak": target + random.normal(scale=0.05, size=400),
            "city": np.where(random.random(400) < 0.5, "Bonn", "Ulm"),
        }
    )
    columns = make_column_transformer(
        (StandardScaler(), ["age", "income", "leak"]), (OneHotEncoder(), ["city"])
    )
    pipeline = make_pipeline(columns, LogisticRegression()).fit(rows, target)
    with logging_to(f"sqlite:///{folder / 'mlflow.db'}"):
        experiment = mlflow.create_experiment("leak", artifact_location=str(folder / "files"))
        with mlflow.start_run(experiment_id=experiment) as active:
            mlflow.log_metric("accuracy", float(pipeline.score(rows, target)))
            found = permutation_importance(pipeline, rows, target, n_repeats=3, random_state=1)
            training.log_importance(found, method="permutation", features=rows.columns)
            mlflow.sklearn.log_model(
                pipeline,
                name="model",
                signature=mlflow.models.infer_signature(rows, target),
                pip_requirements=["scikit-learn"],
                serialization_format="cloudpickle",
            )
        run_id: str = active.info.run_id
        return run_id
