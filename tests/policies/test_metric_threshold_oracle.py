"""`metric-threshold` beside MLflow's own `validate_evaluation_results`, the real function."""

from __future__ import annotations

import warnings
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_policies.general.metric_threshold import MetricThreshold
from policy_engine.policy import Outcome
from policy_engine.testing import judge, run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own, while it is imported
    from mlflow.models import MetricThreshold as Theirs
    from mlflow.models.evaluation import EvaluationResult
    from mlflow.models.evaluation.validation import (
        ModelValidationFailedException,
        validate_evaluation_results,
    )

LARGEST = 1.7e308  # above it MLflow's store has no finite numbers
floats = st.floats(min_value=-LARGEST, max_value=LARGEST)
hundredths = st.integers(-300, 300).map(lambda n: n / 100)  # where people's numbers meet limits
values = st.one_of(floats, hundredths, st.sampled_from([0.0, -0.0, 5e-324, 1e-10, -1e-10]))
changes = st.one_of(
    st.floats(min_value=5e-324, max_value=LARGEST), st.integers(1, 300).map(lambda n: n / 100)
)
shares = st.one_of(st.floats(0, 1), st.integers(0, 100).map(lambda n: n / 100))
goals = st.sampled_from(["maximize", "minimize"])


def ours(new: float, old: float, **settings: Any) -> bool:
    policy = MetricThreshold.model_validate({"metric": "quality"} | settings)
    found = judge(
        policy, candidate=run(metrics={"quality": new}), baseline=run(metrics={"quality": old})
    )
    return all(finding.outcome is Outcome.PASS for finding in found)


def theirs(new: float, old: float, goal: str, **settings: Any) -> bool:
    # MLflow does not type these two.
    limit = Theirs(greater_is_better=goal == "maximize", **settings)  # type: ignore[no-untyped-call]
    results = [
        EvaluationResult(metrics={"quality": v}, artifacts={})  # type: ignore[no-untyped-call]
        for v in (new, old)
    ]
    try:
        validate_evaluation_results({"quality": limit}, *results)
    except ModelValidationFailedException:
        return False
    return True


def exact(value: float) -> Fraction:
    """The decimal that was written; a float's binary value is another number."""
    return Fraction(Decimal(repr(value)))


def lies_between(middle: float, one: Fraction, other: float) -> bool:
    """Whether a float, read as decimal or binary, lies between the exact and the rounded one."""
    if other in {float("inf"), float("-inf")}:
        return False
    ends = sorted((one, Fraction(other)))
    readings = sorted((exact(middle), Fraction(middle)))
    return readings[0] <= ends[1] and ends[0] <= readings[1]


@given(new=values, limit=st.one_of(values, st.integers(-(2**53), 2**53)), goal=goals)
def test_a_threshold_is_min_or_max(new: float, limit: float, goal: str) -> None:
    bound = {"min" if goal == "maximize" else "max": limit}
    assert ours(new, 0.0, **bound) == theirs(new, 0.0, goal, threshold=limit)


@given(new=values, old=values, change=changes, goal=goals)
@example(new=0.3, old=0.1, change=0.2, goal="maximize")
@example(new=0.7, old=0.8, change=0.1, goal="minimize")
def test_an_absolute_change_is_judged_as_mlflow_judges_it(
    new: float, old: float, change: float, goal: str
) -> None:
    """The two differ only where MLflow's rounding of the limit steps over the candidate."""
    mine = ours(new, old, min_absolute_change=change, goal=goal)
    if mine != theirs(new, old, goal, min_absolute_change=change):
        sign = 1 if goal == "maximize" else -1
        limit = exact(old) + sign * exact(change)
        assert mine == (sign * exact(new) >= sign * limit)
        assert lies_between(new, limit, old + sign * change)


@given(new=values, old=values, share=shares, goal=goals)
@example(new=1.1, old=1.0, share=0.1, goal="maximize")
@example(new=0.0, old=0.0, share=0.5, goal="maximize")
@example(new=1e-10, old=0.0, share=0.5, goal="maximize")
@example(new=-1e-10, old=0.0, share=0.5, goal="minimize")
@example(new=-0.45, old=-0.5, share=0.1, goal="maximize")
def test_a_relative_change_is_judged_as_mlflow_judges_it(
    new: float, old: float, share: float, goal: str
) -> None:
    """The two differ only where MLflow's rounding of the change steps over the limit."""
    mine = ours(new, old, min_relative_change=share, goal=goal)
    if mine != theirs(new, old, goal, min_relative_change=share):
        sign = 1 if goal == "maximize" else -1
        change = sign * (exact(new) - exact(old)) / abs(exact(old))
        assert mine == (change >= exact(share))
        assert lies_between(share, change, sign * (new - old) / abs(old))


whole = st.integers(-(2**40), 2**40)


@given(new=whole, old=whole, change=st.integers(1, 2**40), goal=goals, by=st.integers(0, 10))
def test_where_floats_round_nothing_every_verdict_is_mlflows(
    new: int, old: int, change: int, goal: str, by: int
) -> None:
    """Whole numbers of 1/1024 add without rounding, and meet their limits often."""
    unit = 2.0**-by
    numbers = (new * unit, old * unit)
    least = change * unit
    mine = ours(*numbers, min_absolute_change=least, goal=goal)
    assert mine == theirs(*numbers, goal, min_absolute_change=least)


@given(new=hundredths, old=hundredths, limit=hundredths, change=changes, share=shares, goal=goals)
def test_all_bounds_together_hold_only_if_each_does(
    new: float, old: float, limit: float, change: float, share: float, goal: str
) -> None:
    bound = {"min" if goal == "maximize" else "max": limit}
    each: list[dict[str, Any]] = [
        {**bound},
        {"min_absolute_change": change, "goal": goal},
        {"min_relative_change": share, "goal": goal},
    ]
    together = each[0] | each[1] | each[2]
    assert ours(new, old, **together) == all(ours(new, old, **one) for one in each)


def test_where_mlflow_rounds_equality_is_refused_there_and_passes_here() -> None:
    assert not theirs(0.3, 0.1, "maximize", min_absolute_change=0.2)
    assert ours(0.3, 0.1, min_absolute_change=0.2, goal="maximize")


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_nan_passes_mlflows_relative_change_and_not_ours(goal: str) -> None:
    nan = float("nan")
    assert theirs(nan, 0.5, goal, min_relative_change=0.1)
    assert not ours(nan, 0.5, min_relative_change=0.1, goal=goal)
