from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binom, norm

from policy_engine.statistics import (
    rate_ratio_p,
    rows_needed,
    rows_needed_for_counts,
    rows_to_show_ratio,
    rows_within_gap,
    rows_within_ratio,
    seeds_needed,
)

deltas = st.floats(1e-3, 1)


def test_at_alpha_0_05_the_factor_is_6_2() -> None:
    assert rows_needed(1000, 0.01, 0.01, 0.05) == math.ceil(1000 * (1.6448536 + 0.8416212) ** 2)
    assert rows_needed(1000, 0.01, 0.01, 0.05) == pytest.approx(6200, rel=0.005)


def test_the_rows_for_a_point_at_8_percent_of_disagreement_are_about_5000() -> None:
    assert rows_needed_for_counts(40, 40, 1000, 0.01, 0.05) == 4947


def test_models_that_never_differ_count_as_differing_on_one_row() -> None:
    assert rows_needed_for_counts(0, 0, 1000, 0.01, 0.05) == rows_needed_for_counts(
        1, 0, 1000, 0.01, 0.05
    )


def test_models_that_hardly_differ_need_rows_enough_to_be_so_far_apart() -> None:
    """A point of 619 rows is 6.19 rows, of which five losses and no win are shown by McNemar."""
    assert rows_needed_for_counts(0, 0, 1000, 0.01, 0.05) == 619
    assert binom.sf(4, 619, 0.01) == pytest.approx(0.8, abs=0.06)


def test_the_seeds_for_one_standard_deviation_are_14_a_side() -> None:
    assert seeds_needed(0.01, 0.01, 0.05) == 14


def test_seeds_are_never_fewer_than_a_spread_needs() -> None:
    assert seeds_needed(0.0, 0.01, 0.05) == 2


@given(deltas, st.floats(0.001, 0.5), st.integers(100, 10**5))
def test_the_rows_needed_have_the_power_that_they_promise(
    delta: float, alpha: float, n: int
) -> None:
    error = 0.02
    needed = rows_needed(n, error, delta, alpha)
    power = norm.sf(norm.isf(alpha) - delta / (error * math.sqrt(n / needed)))
    assert power >= 0.8 - 1e-9


@given(deltas, st.floats(0.001, 0.25))
def test_half_of_alpha_or_of_the_difference_needs_more(delta: float, alpha: float) -> None:
    rows = rows_needed(100, 0.02, delta, alpha)
    assert rows_needed(100, 0.02, delta, alpha / 2) >= rows
    assert rows_needed(100, 0.02, delta / 2, alpha) >= rows
    assert seeds_needed(0.02, delta / 2, alpha) >= seeds_needed(0.02, delta, alpha)


@given(st.integers(1, 8))
def test_another_unit_changes_nothing(power: int) -> None:
    scale = 10.0**power
    assert rows_needed(100, 0.02 * scale, 0.01 * scale, 0.05) == rows_needed(100, 0.02, 0.01, 0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: rows_needed(10, 0.1, 0, 0.05),
            "the difference to see is 0; it must be a number above 0",
        ),
        (
            lambda: rows_needed(10, math.nan, 0.1, 0.05),
            "the standard error is nan; it must be a number, 0 or above",
        ),
        (
            lambda: seeds_needed(-1, 0.1, 0.05),
            "the standard deviation is -1; it must be a number, 0 or above",
        ),
        (lambda: rows_needed(0, 0.1, 0.1, 0.05), "0 rows: at least 1 is needed"),
        (
            lambda: rows_needed_for_counts(3, 3, 5, 0.1, 0.05),
            "3 wins and 3 losses cannot come from 5 rows",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=rf"^{message}$"):
        call()


@pytest.mark.parametrize("groups", [2, 3, 4, 10])
def test_the_spread_of_equal_groups_is_that_of_the_studentized_range(groups: int) -> None:
    """With a rate of a half and a gap of 1 the rows are a quarter of q²; 1e6 of them show it."""
    spread = stats.studentized_range.ppf(0.8, groups, np.inf)
    rows = rows_within_gap(0.5, groups, 1e-3)
    assert rows == pytest.approx(0.25 * (spread / 1e-3) ** 2, rel=1e-5)
    rows = rows_within_ratio(0.5, groups, 0.999)
    assert rows == pytest.approx((spread / math.log(0.999)) ** 2, rel=1e-5)


def test_four_equal_groups_of_so_many_rows_look_equal_4_times_in_5() -> None:
    random = np.random.default_rng(3)
    rows = rows_within_ratio(0.3, 4, 0.8)
    rates = random.binomial(rows, 0.3, size=(20_000, 4))
    assert rows == 364
    assert (rates.min(axis=1) >= 0.8 * rates.max(axis=1)).mean() == pytest.approx(0.8, abs=0.04)
    rows = rows_within_gap(0.85, 4, 0.1)
    rates = random.binomial(rows, 0.85, size=(20_000, 4))
    assert (np.ptp(rates, axis=1) <= 0.1 * rows).mean() == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((0.0, 2, 0.5), "the rate is 0.0; it must lie between 0 and 1"),
        ((math.nan, 2, 0.5), "the rate is nan; it must lie between 0 and 1"),
        ((0.5, 1, 0.5), "1 groups: at least 2 are needed"),
    ],
)
def test_groups_out_of_range_are_refused(arguments: tuple[float, int, float], why: str) -> None:
    for function in (rows_within_ratio, rows_within_gap):
        with pytest.raises(ValueError, match=f"^{why}$"):
            function(*arguments)


def test_no_gap_and_a_ratio_of_1_have_no_rows() -> None:
    with pytest.raises(ValueError, match=r"^the gap is 0; it must be above 0$"):
        rows_within_gap(0.5, 2, 0)
    with pytest.raises(ValueError, match=r"^the ratio is 1; it must lie between 0 and 1$"):
        rows_within_ratio(0.5, 2, 1)


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.5), (0.06, 0.1), (0.6, 0.9)])
def test_a_ratio_that_is_too_low_is_shown_four_times_in_five(low: float, high: float) -> None:
    rows = rows_to_show_ratio(low, high, 0.8, 0.05)
    chance = np.random.default_rng(11)
    drawn = zip(chance.binomial(rows, low, 2000), chance.binomial(rows, high, 2000), strict=True)
    shown = [rate_ratio_p(int(a), rows, int(b), rows, 0.8) < 0.05 for a, b in drawn]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.05)


def test_a_ratio_that_is_not_too_low_is_shown_by_no_rows() -> None:
    with pytest.raises(ValueError, match=r"rates of 0.4 and 0.5 show nothing of a ratio of 0.8"):
        rows_to_show_ratio(0.4, 0.5, 0.8, 0.05)
