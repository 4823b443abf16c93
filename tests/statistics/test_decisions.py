from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.statistics import (
    Bounds,
    Decision,
    Interval,
    mcnemar_exact,
    non_inferiority,
    non_inferiority_of_counts,
    superiority,
    superiority_of_counts,
    tango_bounds,
)

SHOWN, OPPOSITE, UNDECIDED = Decision.SHOWN, Decision.OPPOSITE, Decision.UNDECIDED
counts = st.integers(0, 80)


def interval(lower: float, upper: float, error: float = 0.01) -> Interval:
    middle = (lower + upper) / 2
    return Interval(
        estimate=middle,
        lower=lower,
        upper=upper,
        alpha=0.05,
        standard_error=error,
        resamples=100,
        method="percentile",
    )


@pytest.mark.parametrize(
    ("lower", "upper", "min_effect", "verdict"),
    [
        (0.001, 0.02, 0, SHOWN),
        (0.0, 0.02, 0, UNDECIDED),  # strict
        (0.01, 0.02, 0.01, UNDECIDED),
        (-0.02, -0.001, 0, OPPOSITE),
        (-0.02, 0.0, 0, UNDECIDED),
        (0.001, 0.009, 0.01, OPPOSITE),  # better, but by less than was asked
    ],
)
def test_superiority_is_strict(
    lower: float, upper: float, min_effect: float, verdict: Decision
) -> None:
    assert superiority(Bounds(lower, upper), min_effect) is verdict
    assert superiority(interval(lower, upper), min_effect) is verdict


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [
        (-0.01, 0.02, SHOWN),  # the margin itself is accepted
        (-0.01, -0.005, SHOWN),  # worse, within the margin
        (-0.011, -0.005, OPPOSITE),
        (-0.011, 0.0, UNDECIDED),
        (-0.03, -0.02, OPPOSITE),
    ],
)
def test_non_inferiority_accepts_the_margin_itself(
    lower: float, upper: float, verdict: Decision
) -> None:
    assert non_inferiority(Bounds(lower, upper), 0.01) is verdict


def test_harm_may_be_shown_by_a_test_of_its_own() -> None:
    bounds = Bounds(-0.02, 0.001)
    assert non_inferiority(bounds, 0.01, harmed=True) is OPPOSITE
    assert non_inferiority(Bounds(-0.02, -0.001), 0.01, harmed=False) is UNDECIDED
    assert non_inferiority(Bounds(-0.005, -0.001), 0.01, harmed=True) is SHOWN


@pytest.mark.parametrize(
    "gain",
    [
        Bounds(math.nan, 0.1),
        Bounds(0.1, math.nan),
        Bounds(math.inf, math.inf),
        interval(0.0, 0.0, 0.0),
        interval(0.1, 0.1, 0.0),
        interval(-0.1, -0.1, 0.0),
        interval(0.1, 0.2, math.nan),
        interval(math.nan, math.nan),
    ],
)
def test_nan_and_an_interval_without_width_decide_nothing(gain: Bounds | Interval) -> None:
    assert superiority(gain) is UNDECIDED
    assert superiority(gain, -1) is UNDECIDED
    assert non_inferiority(gain, 0.01, harmed=True) is UNDECIDED


def test_a_nan_limit_shows_nothing() -> None:
    assert superiority(Bounds(0.1, 0.2), math.nan) is UNDECIDED
    with pytest.raises(ValueError, match=r"^the margin is nan; it must be 0 or above$"):
        non_inferiority(Bounds(0.1, 0.2), math.nan)


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the margin is -0.01; it must be 0 or above$"):
        non_inferiority_of_counts(1, 2, 100, alpha=0.05, margin=-0.01)


@given(counts, counts, counts)
def test_counts_are_judged_by_mcnemar_at_0_and_by_tango_elsewhere(
    wins: int, losses: int, same: int
) -> None:
    n = wins + losses + same + 1
    shown = superiority_of_counts(wins, losses, n, alpha=0.05) is SHOWN
    assert shown == (mcnemar_exact(wins, losses) < 0.05)
    shown = superiority_of_counts(wins, losses, n, alpha=0.05, min_effect=0.01) is SHOWN
    exact = n >= 100 or mcnemar_exact(wins, losses) < 0.05
    assert shown == (exact and tango_bounds(wins, losses, n, 0.05).lower > 0.01)


@given(counts, counts, counts, st.floats(0, 0.999))
def test_a_margin_of_less_than_a_row_asks_for_the_exact_test(
    wins: int, losses: int, same: int, rows: float
) -> None:
    n = wins + losses + same + 1
    found = non_inferiority_of_counts(wins, losses, n, alpha=0.05, margin=rows / n)
    assert (found is SHOWN) == (mcnemar_exact(wins, losses) < 0.05)
    assert (found is OPPOSITE) == (mcnemar_exact(losses, wins) < 0.05)


@given(counts, counts, counts, st.floats(0.001, 0.999))
def test_an_effect_of_less_than_a_row_is_never_shown_by_tango_alone(
    wins: int, losses: int, same: int, rows: float
) -> None:
    n = wins + losses + same + 1
    found = superiority_of_counts(wins, losses, n, alpha=0.05, min_effect=rows / n)
    assert found is not SHOWN or mcnemar_exact(wins, losses) < 0.05
    assert (found is OPPOSITE) == (mcnemar_exact(losses, wins) < 0.05)


@given(counts, counts, counts)
def test_better_seen_from_one_side_is_worse_seen_from_the_other(
    wins: int, losses: int, same: int
) -> None:
    n = wins + losses + same + 1
    mirror = {SHOWN: OPPOSITE, OPPOSITE: SHOWN, UNDECIDED: UNDECIDED}
    forwards = superiority_of_counts(wins, losses, n, alpha=0.05)
    assert superiority_of_counts(losses, wins, n, alpha=0.05) is mirror[forwards]


@given(counts, counts, counts, st.floats(0.001, 0.5), st.floats(0.001, 0.5))
def test_a_stricter_alpha_never_shows_more(
    wins: int, losses: int, same: int, one: float, two: float
) -> None:
    strict, loose = sorted((one, two))
    n = wins + losses + same + 1
    if superiority_of_counts(wins, losses, n, alpha=strict) is SHOWN:
        assert superiority_of_counts(wins, losses, n, alpha=loose) is SHOWN
    if non_inferiority_of_counts(wins, losses, n, alpha=strict, margin=0.01) is SHOWN:
        assert non_inferiority_of_counts(wins, losses, n, alpha=loose, margin=0.01) is SHOWN


@given(counts, counts, counts, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_margin_never_fails_more(
    wins: int, losses: int, same: int, one: float, two: float
) -> None:
    narrow, wide = sorted((one, two))
    n = wins + losses + same + 1
    if non_inferiority_of_counts(wins, losses, n, alpha=0.05, margin=narrow) is SHOWN:
        assert non_inferiority_of_counts(wins, losses, n, alpha=0.05, margin=wide) is SHOWN


def test_equal_predictions_are_no_improvement_and_no_regression() -> None:
    assert superiority_of_counts(0, 0, 1000, alpha=0.05) is UNDECIDED
    assert non_inferiority_of_counts(0, 0, 1000, alpha=0.05, margin=0.01) is SHOWN
    assert non_inferiority_of_counts(0, 0, 100, alpha=0.05, margin=0.01) is UNDECIDED
