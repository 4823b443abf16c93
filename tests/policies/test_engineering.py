from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mlops_policies.engineering.run_finished import RunFinished
from policy_engine.evidence import Needs
from policy_engine.evidence.record import PrimaryMetric, Unreadable
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, judge, model, run


def judged(policy: RunFinished | None = None, **facts: Any) -> list[Finding]:
    given: dict[str, Any] = {"model": model(), "metrics": {"val_f1": 0.91}}
    candidate = run(**(given | facts))
    return judge(policy or RunFinished(), candidate=candidate, metric="val_f1")


def test_a_run_that_ended_well_passes_in_all_its_parts() -> None:
    found = judged()
    assert_outcome(found, "pass", part="run", message="the run is FINISHED")
    assert_outcome(found, "pass", part="model", message="model 'model' is READY")
    assert_outcome(found, "pass", part="metric", message="val_f1 is 0.91, a finite number")
    assert len(found) == 3


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FAILED", "KILLED"])
def test_a_run_that_did_not_end_well_fails(status: str) -> None:
    found = judged(status=status)
    message = f"the run is {status}; it must be FINISHED"
    finding = assert_outcome(found, "fail", part="run", message=message)
    assert finding.remedy == (
        "train again, and let the run end by itself (with mlflow.start_run(): …)"
    )


def test_another_status_may_be_allowed() -> None:
    policy = RunFinished.model_validate({"allow_status": ["FINISHED", "KILLED"]})
    assert_outcome(judged(policy, status="KILLED"), "pass", part="run")
    message = "the run is FAILED; it must be FINISHED or KILLED"
    assert_outcome(judged(policy, status="FAILED"), "fail", part="run", message=message)


@pytest.mark.parametrize("statuses", [[], ["DONE"], "FINISHED", [True]])
def test_a_status_that_mlflow_does_not_know_is_refused(statuses: object) -> None:
    with pytest.raises(ValidationError):
        RunFinished.model_validate({"allow_status": statuses})


def test_a_deleted_run_fails() -> None:
    found = judged(lifecycle="deleted")
    finding = assert_outcome(found, "fail", part="run", message="the run is deleted")
    assert finding.remedy == f"restore it: mlflow runs restore --run-id {'0' * 32}"


def test_a_run_without_a_model_leaves_that_part_missing_and_the_others_judged() -> None:
    found = judged(model=None)
    assert_outcome(found, "pass", part="run")
    message = "the candidate run has no logged model that is READY"
    assert_outcome(found, "missing", part="model", message=message)
    assert_outcome(found, "pass", part="metric")


@pytest.mark.parametrize("status", ["PENDING", "FAILED"])
def test_a_model_that_is_not_ready_fails(status: str) -> None:
    found = judged(model=model(status=status))
    message = f"model 'model' is {status}; it must be READY"
    finding = assert_outcome(found, "fail", part="model", message=message)
    assert finding.remedy == "log the model again, and see that the upload ends"


def test_a_model_that_could_not_be_read_is_an_error() -> None:
    found = judged(model=Unreadable(unreadable="two READY models: a, b"))
    message = "the model of the candidate run could not be read: two READY models: a, b"
    assert_outcome(found, "error", part="model", message=message)


@pytest.mark.parametrize(
    ("value", "said"),
    [(float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity")],
)
def test_a_metric_that_is_no_number_fails(value: float, said: str) -> None:
    found = judged(metrics={"val_f1": value})
    message = f"metric val_f1 of the candidate run is {said}"
    assert_outcome(found, "fail", part="metric", message=message)


def test_a_named_metric_that_the_run_lacks_is_missing() -> None:
    found = judged(metrics={})
    message = "the candidate run has no metric val_f1"
    assert_outcome(found, "missing", part="metric", message=message)


def test_no_metric_named_anywhere_is_no_failure_of_the_run() -> None:
    found = judge(RunFinished(), candidate=run(model=model()))
    assert [f.part for f in found] == ["run", "model"]


def test_a_metric_that_only_the_experiment_names_is_read() -> None:
    primary = PrimaryMetric(name="profit", goal="maximize")
    candidate = run(model=model(), primary_metric=primary, metrics={"profit": float("nan")})
    assert_outcome(judge(RunFinished(), candidate=candidate), "fail", part="metric")


def test_a_metric_without_a_direction_is_missing_and_not_left_out() -> None:
    candidate = run(model=model(), primary_metric=PrimaryMetric(name="profit"))
    assert_outcome(judge(RunFinished(), candidate=candidate), "missing", part="metric")


def test_it_reads_the_model() -> None:
    assert RunFinished().reads() == Needs.MODEL
