"""Earlier runs, really logged: the rows of the best that costs no more are read and tested."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from policy_engine import training
from policy_engine.check import Options, check
from policy_engine.policy import Outcome
from tests.mlflow_server import logging_to

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ROWS = 300
POLICY = """
version: 1
metric: {name: val_accuracy, goal: maximize}
policies:
  pareto-dominated: on
"""


def logged(wrong: Iterable[int], cost: float) -> str:
    """Log a run that is wrong on these rows."""
    import mlflow
    from mlflow.data.numpy_dataset import from_numpy

    ids, missed = list(range(ROWS)), set(wrong)
    said = [0 if i in missed else 1 for i in ids]
    with mlflow.start_run() as run:
        data = from_numpy(np.ones((ROWS, 1)), name="test")
        mlflow.log_input(data, context="evaluation")
        training.log_cost(cost, "USD")
        training.log_predictions(row_id=ids, target=[1] * ROWS, prediction=said)
        mlflow.log_metric("val_accuracy", sum(said) / ROWS)
    run_id: str = run.info.run_id
    return run_id


@pytest.mark.parametrize(("better_by", "outcome"), [(10, "inconclusive"), (26, "fail")])
def test_the_best_run_that_costs_no_more_is_tested_on_the_rows_of_both(
    tmp_path: Path, better_by: int, outcome: str
) -> None:
    import mlflow

    (tmp_path / "policy.yaml").write_text(POLICY)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with warnings.catch_warnings(), logging_to(uri):
        warnings.simplefilter("ignore")
        mlflow.create_experiment("rivals", artifact_location=str(tmp_path / "artifacts"))
        mlflow.set_experiment("rivals")
        logged(range(1), cost=11)  # the best of all, and more expensive
        best = logged(range(40, 40 + 30 - better_by), cost=10)
        for shift in range(4):
            logged(range(shift, shift + 30), cost=10)
        candidate = logged(range(30), cost=10)
    report = check(
        Options(runs=(candidate,), tracking_uri=uri, policies=("policy.yaml",), root=tmp_path)
    )
    (finding,) = report.subjects[0].findings
    assert finding.outcome is Outcome(outcome)
    assert f"({best[:8]}) has val_accuracy " in finding.whole
    counts = (
        f"only the candidate right b = {30 - better_by}, only the baseline c = 30: one-sided p = "
    )
    assert counts in finding.whole
    assert "alpha = 0.008333 = 0.05/6, as it is the best of 6 runs: 6 x p = " in finding.whole
