from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_ind, ttest_rel

from policy_engine.statistics import folds_t, paired_t, welch_t

A = [0.91, 0.93, 0.90, 0.94, 0.92]
B = [0.90, 0.89, 0.91, 0.88, 0.90]
values = st.lists(st.floats(-100, 100).map(lambda x: round(x, 3)), min_size=5, max_size=5)


def test_welch_is_scipys() -> None:
    expected = ttest_ind(A, B[:4], equal_var=False, alternative="greater")
    test = welch_t(A, B[:4])
    assert test.p_above() == pytest.approx(expected.pvalue, rel=1e-10)
    assert test.p_below() == pytest.approx(1 - expected.pvalue, rel=1e-10)
    assert test.degrees == pytest.approx(expected.df)
    interval = expected.confidence_interval(0.95)
    assert test.bounds(0.05).lower == pytest.approx(interval.low, rel=1e-10)


def test_the_paired_t_is_scipys() -> None:
    expected = ttest_rel(A, B, alternative="greater")
    test = paired_t(A, B)
    assert test.p_above() == pytest.approx(expected.pvalue, rel=1e-10)
    assert test.bounds(0.05).lower == pytest.approx(
        expected.confidence_interval(0.95).low, rel=1e-10
    )


def test_folds_count_the_rows_that_their_training_sets_share() -> None:
    differences = [a - b for a, b in zip(A, B, strict=True)]
    mean = sum(differences) / 5
    variance = sum((d - mean) ** 2 for d in differences) / 4
    t = mean / math.sqrt((1 / 5 + 1 / 4) * variance)
    assert folds_t(A, B, 1 / 4).p_above() == pytest.approx(student.sf(t, 4), rel=1e-10)
    assert folds_t(A, B, 1 / 4).standard_error > paired_t(A, B).standard_error


@given(values, values, st.floats(-10, 10), st.floats(0.001, 0.5))
def test_bounds_and_p_values_say_the_same(
    a: list[float], b: list[float], difference: float, alpha: float
) -> None:
    for test in (welch_t(a, b), paired_t(a, b), folds_t(a, b, 0.2)):
        above, below = test.p_above(difference), test.p_below(difference)
        bounds = test.bounds(alpha)
        if abs(above - alpha) > 1e-9:
            assert (above < alpha) == (bounds.lower > difference)
        if abs(below - alpha) > 1e-9:
            assert (below < alpha) == (bounds.upper < difference)


@given(values, values)
def test_swapping_the_sides_mirrors_the_test(a: list[float], b: list[float]) -> None:
    one, other = welch_t(a, b), welch_t(b, a)
    assert one.estimate == -other.estimate
    assert one.p_above() == pytest.approx(other.p_below())


@given(values, values)
def test_the_order_of_the_runs_changes_nothing(a: list[float], b: list[float]) -> None:
    assert welch_t(a[::-1], b).p_above() == pytest.approx(welch_t(a, b).p_above())


def test_runs_that_never_vary_show_nothing_however_far_apart() -> None:
    for test in (welch_t([0.9] * 5, [0.8] * 5), paired_t([0.9] * 3, [0.8] * 3)):
        assert test.decides is False
        assert (test.p_above(), test.p_below()) == (1.0, 1.0)
        assert test.bounds(0.05).decides is False


def test_a_difference_that_is_nan_shows_nothing() -> None:
    assert welch_t(A, B).p_above(math.nan) == 1.0
    assert welch_t(A, B).p_below(math.nan) == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: welch_t([0.9], B), "1 value on one side: a spread needs at least 2"),
        (lambda: welch_t([0.9, math.nan], B), "a value is not finite"),
        (lambda: paired_t(A, B[:4]), "5 and 4 values are not pairs"),
        (lambda: folds_t(A, B, 0), "the share of test rows is 0; it must be a number above 0"),
    ],
)
def test_what_cannot_be_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=rf"^{message}$"):
        call()
