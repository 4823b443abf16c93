"""A mean that leaves out the rows whose judge failed is not a measurement: on real evaluations."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence.record import Invalid, RunRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.assessments import with_whole_means
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import ReadFailed
from tests.mlflow_server import logging_to
from tests.tracking.team import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import MlflowServer

POLICIES = "policies: {metric-threshold: {metric: right/mean, min: 0.9}}\n"
EVALUATION = {"mlflow.runType": "genai_evaluate"}


@pytest.fixture
def evaluate(mlflow_server: MlflowServer) -> Iterator[Callable[[int | None], str]]:
    """Evaluate twenty answers; the judge fails on one of them, or on none. Returns the run."""
    import mlflow
    from mlflow.genai.scorers import scorer

    def evaluated(fails_on: int | None) -> str:
        @scorer
        def right(inputs: dict[str, Any], outputs: str) -> bool:
            if inputs["q"] == fails_on:
                raise ValueError("the judge has no answer")
            return outputs == "yes"

        data = [{"inputs": {"q": number}, "outputs": "yes"} for number in range(20)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.set_experiment("judged")
            run_id: str = mlflow.genai.evaluate(data=data, scorers=[right]).run_id
        return run_id

    with logging_to(mlflow_server.uri):
        yield evaluated


def test_a_mean_without_the_row_whose_judge_failed_fails(
    evaluate: Callable[[int | None], str], mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    run = evaluate(3)
    for uri in (mlflow_server.uri, mlflow_server.database):
        report = Gate.of(tmp_path, uri, p=POLICIES).check(runs=(run,))
        (finding,) = report.subjects[0].findings
        assert (report.exit_code, finding.outcome.value, finding.whole) == (
            1,
            "fail",
            (
                "metric right/mean of the candidate run is not of all rows: 1 of 20 rows has no "
                "score: the judge failed"
            ),
        )


def test_a_mean_of_all_rows_passes(
    evaluate: Callable[[int | None], str], mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    gate = Gate.of(tmp_path, mlflow_server.uri, p=POLICIES)
    assert gate.check(runs=(evaluate(None),)).exit_code == 0


class Judged:
    """A store that knows only what was judged, or cannot tell."""

    notes = ()

    def __init__(self, rows: list[list[dict[str, Any]]] | None) -> None:
        self.rows = rows

    def assessments(self, _experiment_id: str, _run_id: str) -> list[list[dict[str, Any]]]:
        if self.rows is None:
            raise ReadFailed("the server is gone")
        return self.rows


def mean(store: Any, **tags: str) -> object:
    run = RunRecord(run_id="a" * 32, tags=dict(tags), metrics={"right/mean": 1.0})
    return with_whole_means(Reads(store, Deadline(9)), run).metrics["right/mean"]


def score(value: object, name: str = "right") -> dict[str, Any]:
    return {"assessment_name": name, "feedback": {"value": value}}


def test_only_an_evaluation_is_asked_for_its_traces() -> None:
    assert mean(Judged(None)) == 1.0


def test_traces_that_cannot_be_read_leave_the_mean_unproved() -> None:
    assert mean(Judged(None), **EVALUATION) == Invalid(
        invalid="not known to be of all rows (the server is gone)"
    )


def test_a_row_without_a_score_makes_the_mean_invalid_whatever_the_reason() -> None:
    rows = [[score(value=True)], [score(value=None)], [score(value=1, name="other")]]
    assert mean(Judged(rows), **EVALUATION) == Invalid(
        invalid="not of all rows: 2 of 3 rows have no score"
    )


def test_a_mean_that_no_scorer_of_the_traces_made_is_left_alone() -> None:
    assert mean(Judged([[score(value=1, name="other")]]), **EVALUATION) == 1.0
