from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import mlops_policies
from mlops_policies import general
from mlops_policies.general.metric_threshold import MetricThreshold
from policy_engine.evidence import Needs
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, judge, run

NAN, INF = float("nan"), float("inf")
finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e308, max_value=1e308)
positive = st.floats(min_value=0, max_value=1e308)
goals = st.sampled_from(["maximize", "minimize"])


def threshold(**settings: Any) -> MetricThreshold:
    return MetricThreshold.model_validate({"metric": "quality"} | settings)


def judged(policy: MetricThreshold, new: float, old: float | None = None) -> list[Finding]:
    baseline = None if old is None else run(metrics={policy.metric: old})
    return judge(policy, candidate=run(metrics={policy.metric: new}), baseline=baseline)


def passes(policy: MetricThreshold, new: float, old: float | None = None) -> bool:
    return all(f.outcome is Outcome.PASS for f in judged(policy, new, old))


def test_a_value_within_its_bounds_passes() -> None:
    found = judged(threshold(min=0.8, max=0.95), 0.9)
    assert_outcome(found, "pass", part="min", message="quality is 0.9; it must be at least 0.8")
    assert_outcome(found, "pass", part="max", message="quality is 0.9; it must be at most 0.95")


def test_a_value_below_min_fails() -> None:
    found = judged(threshold(min=0.8), 0.7)
    message = "quality is 0.7; it must be at least 0.8"
    finding = assert_outcome(found, "fail", part="min", message=message)
    assert finding.remedy == "improve quality, or lower min and say why"
    assert finding.measured is not None
    assert finding.limit is not None
    assert (finding.measured.value, finding.limit.value) == (Decimal("0.7"), Decimal("0.8"))


def test_a_value_above_max_fails() -> None:
    finding = assert_outcome(judged(threshold(max=0.5), 0.7), "fail", part="max")
    assert finding.remedy == "improve quality, or raise max and say why"


def test_a_value_that_only_just_fails_is_told_apart_from_its_limit() -> None:
    message = "quality is 0.7999999; it must be at least 0.8000000"
    assert_outcome(judged(threshold(min=0.8), 0.7999999), "fail", message=message)


def test_an_improvement_passes_and_states_the_baseline() -> None:
    found = judged(threshold(min_absolute_change=0.01, goal="maximize"), 0.91, 0.89)
    message = "quality is 0.91; it must be at least 0.9 (the baseline's 0.89 improved by 0.01)"
    finding = assert_outcome(found, "pass", part="absolute-change", message=message)
    assert finding.baseline is not None
    assert finding.baseline.value == Decimal("0.89")


def test_an_improvement_of_a_loss_goes_down() -> None:
    policy = threshold(min_relative_change=0.1, goal="minimize")
    message = "quality is 0.46; it must be at most 0.45 (the baseline's 0.5 improved by 10%)"
    finding = assert_outcome(
        judged(policy, 0.46, 0.5), "fail", part="relative-change", message=message
    )
    assert finding.remedy == "improve quality, or lower min_relative_change and say why"


def test_equality_passes_where_floats_would_round() -> None:
    assert 0.1 + 0.2 > 0.3
    assert passes(threshold(min_absolute_change=0.2, goal="maximize"), 0.3, 0.1)
    assert passes(threshold(min_relative_change=0.1, goal="maximize"), 1.1, 1.0)


@pytest.mark.parametrize("new", [-0.45, -0.4, 0.0])
def test_a_negative_baseline_is_improved_towards_zero(new: float) -> None:
    assert passes(threshold(min_relative_change=0.1, goal="maximize"), new, -0.5)


@pytest.mark.parametrize("new", [-0.46, -0.5, -0.55])
def test_a_negative_baseline_does_not_turn_the_rule_round(new: float) -> None:
    assert not passes(threshold(min_relative_change=0.1, goal="maximize"), new, -0.5)


def test_over_a_baseline_of_zero_any_improvement_counts() -> None:
    policy = threshold(min_relative_change=0.5, goal="maximize")
    assert not passes(policy, 0.0, 0.0)
    assert not passes(policy, 0.99e-10, 0.0)
    message = (
        "quality is 0.0000000001; it must be at least 0.0000000001 "
        "(the baseline's 0 improved by 0.0000000001)"
    )
    assert_outcome(judged(policy, 1e-10, 0.0), "pass", message=message)
    assert passes(threshold(min_relative_change=0.5, goal="minimize"), -1e-10, 0.0)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    "settings",
    [
        {"min": -1},
        {"max": 1},
        {"min_absolute_change": 0.1, "goal": "maximize"},
        {"min_relative_change": 0.1, "goal": "maximize"},
        {"min_relative_change": 0.1, "goal": "minimize"},
    ],
)
def test_nan_and_infinity_never_pass(value: float, settings: dict[str, object]) -> None:
    assert not passes(threshold(**settings), value, 0.5)
    if "goal" in settings:
        assert not passes(threshold(**settings), 0.5, value)


def test_a_missing_metric_names_the_nearest() -> None:
    policy = threshold(metric="quality", min=0.5)
    found = judge(policy, candidate=run(metrics={"qualty": 0.9}))
    message = "the candidate run has no metric quality; nearest names: qualty"
    finding = assert_outcome(found, "missing", message=message)
    assert finding.remedy == 'log it: mlflow.log_metric("quality", value)'


def test_a_missing_baseline_keeps_the_bounds_that_were_judged() -> None:
    found = judged(threshold(min=0.5, min_absolute_change=0.1, goal="maximize"), 0.9)
    assert [(f.part, f.outcome.value) for f in found] == [("min", "pass"), (None, "missing")]


def test_a_value_outside_the_range_that_its_name_says_fails() -> None:
    policy = MetricThreshold(metric="accuracy", min=Decimal("0.5"))
    found = judged(policy, 91.0)
    message = "metric accuracy of the candidate run is 91.0; it lies in [0, 1] by definition"
    assert_outcome(found, "fail", message=message)


def test_only_a_change_reads_the_baseline() -> None:
    assert threshold(min=0.5).reads() == Needs.RUN
    assert threshold(min_absolute_change=0.1, goal="maximize").reads() == Needs.BASELINE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "set min, max, min_absolute_change or min_relative_change"),
        ({"goal": "maximize"}, "set min, max, min_absolute_change or min_relative_change"),
        ({"min": 0.9, "max": 0.5}, "min (0.9) must be at most max (0.5)"),
        ({"min_absolute_change": 0.1}, "min_absolute_change and min_relative_change need goal"),
        ({"min_relative_change": 0.1}, "min_absolute_change and min_relative_change need goal"),
        (
            {"metric": "val_loss", "min_absolute_change": 0.1, "goal": "maximize"},
            "goal is maximize, but val_loss is known as one to minimize",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        threshold(**settings)
    (error,) = caught.value.errors()
    assert error["msg"] == f"Value error, {message}"


@pytest.mark.parametrize(
    "settings",
    [
        {"min": "0.9"},
        {"min": True},
        {"min": NAN},
        {"max": INF},
        {"min": 0, "metric": ""},
        {"min": 0, "metric": 1},
        {"min_absolute_change": -0.1, "goal": "maximize"},
        {"min_relative_change": -0.1, "goal": "maximize"},
        {"min_relative_change": 5, "goal": "maximize"},
        {"min_relative_change": "10%", "goal": "maximize"},
        {"min_absolute_change": 0.1, "goal": "up"},
        {"minimum": 0.1},
    ],
)
def test_a_setting_of_another_kind_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        threshold(**settings)


@given(new=finite, old=finite, limit=positive, less=positive, goal=goals)
def test_a_smaller_change_never_fails_what_a_greater_one_passes(
    new: float, old: float, limit: float, less: float, goal: str
) -> None:
    less = min(less, limit)
    if passes(threshold(min_absolute_change=limit, goal=goal), new, old):
        assert passes(threshold(min_absolute_change=less, goal=goal), new, old)


@given(new=finite, old=finite, change=positive)
def test_minimizing_is_maximizing_the_negative(new: float, old: float, change: float) -> None:
    up = threshold(min_absolute_change=change, goal="maximize")
    down = threshold(min_absolute_change=change, goal="minimize")
    assert passes(up, new, old) == passes(down, -new, -old)


@given(new=finite, old=finite, change=st.floats(min_value=1e-300, max_value=1e308), goal=goals)
def test_two_runs_never_both_improve_on_the_other(
    new: float, old: float, change: float, goal: str
) -> None:
    policy = threshold(min_absolute_change=change, goal=goal)
    assert not (passes(policy, new, old) and passes(policy, old, new))


@given(
    new=st.integers(-(10**9), 10**9),
    old=st.integers(-(10**9), 10**9).filter(bool),
    share=st.floats(0, 1),
    goal=goals,
    times=st.integers(1, 10**6),
)
def test_a_relative_change_does_not_depend_on_the_metrics_scale(
    new: int, old: int, share: float, goal: str, times: int
) -> None:
    policy = threshold(min_relative_change=share, goal=goal)
    # Whole numbers below 2**53 are themselves as floats, so scaling them rounds nothing.
    assert passes(policy, new, old) == passes(policy, new * times, old * times)


def test_the_packs_are_found_by_their_stem() -> None:
    folder = Path(mlops_policies.__file__).resolve().parents[2] / "policies"
    expected = {p.stem for p in folder.glob("*.yaml") if not p.name.startswith("_")}
    found = general.register_packs()
    assert set(found) == expected
    assert all(path.is_file() for path in found.values())
