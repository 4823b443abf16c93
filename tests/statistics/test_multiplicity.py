from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from policy_engine.statistics import Adjusted, best_of, chance_of_a_better_one, holm, spend
from tests.oracle import holm_by_statsmodels

families = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(families, st.floats(0.001, 0.5))
def test_holm_is_statsmodels(p_values: list[float], alpha: float) -> None:
    _, expected = holm_by_statsmodels(p_values, alpha)
    found = holm(p_values, alpha)
    assert [test.p for test in found] == pytest.approx(expected, rel=1e-12)
    assert [test.rejected for test in found] == [test.p < alpha for test in found]


def test_the_kth_smallest_is_held_against_alpha_by_what_is_left() -> None:
    assert holm([0.04, 0.01, 0.03], 0.05) == (
        Adjusted(p=0.06, alpha=0.05, rejected=False),
        Adjusted(p=0.03, alpha=0.05 / 3, rejected=True),
        Adjusted(p=0.06, alpha=0.025, rejected=False),
    )


@given(families, st.floats(0.001, 0.5))
def test_the_order_of_the_tests_changes_nothing(p_values: list[float], alpha: float) -> None:
    forwards = [(test.p, test.rejected) for test in holm(p_values, alpha)]
    backwards = [(test.p, test.rejected) for test in holm(p_values[::-1], alpha)]
    assert forwards == backwards[::-1]


def test_what_could_not_be_tested_rejects_nothing_but_counts() -> None:
    untested, tested = holm([math.nan, 0.03], 0.05)
    assert (untested.p, untested.rejected) == (1.0, False)
    assert (tested.p, tested.rejected) == (0.06, False)


def test_a_p_value_of_alpha_itself_does_not_reject() -> None:
    assert holm([0.05], 0.05)[0].rejected is False


def test_no_tests_are_no_family() -> None:
    assert holm([], 0.05) == ()


def test_a_p_value_that_is_no_chance_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a p-value lies outside \[0, 1\]: \[1.2\]$"):
        holm([0.1, 1.2], 0.05)


def test_what_is_spent_over_all_tries_is_never_more_than_alpha() -> None:
    assert [spend(0.05, k) for k in (1, 2, 3)] == [0.025, 0.05 / 6, 0.05 / 12]
    assert math.fsum(spend(0.05, k) for k in range(1, 10_000)) < 0.05


def test_a_baseline_that_is_the_best_of_many_is_failed_at_a_share_of_alpha() -> None:
    assert best_of(0.05, 200) == 0.00025
    assert best_of(0.05, 1) == 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spend(0.05, 0), "tries is 0; it must be at least 1"),
        (lambda: best_of(0.05, 0), "runs is 0; it must be at least 1"),
        (lambda: spend(0, 1), "alpha is 0; it must lie between 0 and 1"),
        (lambda: best_of(math.nan, 1), "alpha is nan; it must lie between 0 and 1"),
        (lambda: holm([0.1], 1), "alpha is 1; it must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_is_refused(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=rf"^{message}$"):
        call()


@pytest.mark.parametrize("runs", [1, 2, 20, 200])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.02, 0.05])
def test_how_lucky_the_best_of_many_is_agrees_with_scipys_integral(
    margin: float, runs: int
) -> None:
    def none_is_above(own: float) -> float:
        return float(stats.norm.pdf(own) * stats.norm.cdf(own + margin / 0.01) ** runs)

    expected = 1 - integrate.quad(none_is_above, -9, 9, epsabs=1e-12, limit=200)[0]
    assert chance_of_a_better_one(margin, 0.01, runs) == pytest.approx(expected, abs=1e-8)


def test_one_equal_run_is_above_as_often_as_below() -> None:
    assert chance_of_a_better_one(0.0, 0.01, 1) == pytest.approx(0.5)


def test_the_best_of_no_runs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^runs is 0; it must be at least 1$"):
        chance_of_a_better_one(0.01, 0.01, 0)
