from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import binomtest, norm
from statsmodels.stats.contingency_tables import mcnemar

from policy_engine.statistics import mcnemar_exact, tango_bounds, tango_p

counts = st.integers(0, 60)
alphas = st.floats(0.001, 0.5)


@pytest.mark.parametrize(
    ("wins", "losses"), [(0, 0), (5, 0), (0, 5), (12, 2), (40, 40), (1000, 900), (1100, 1000)]
)
def test_mcnemar_is_scipys_one_sided_sign_test(wins: int, losses: int) -> None:
    expected = (
        binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue if wins + losses else 1.0
    )
    assert mcnemar_exact(wins, losses) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("wins", "losses"), [(12, 2), (30, 20), (9, 0)])
def test_twice_the_smaller_tail_is_statsmodels_exact_mcnemar(wins: int, losses: int) -> None:
    two_sided = mcnemar([[50, wins], [losses, 20]], exact=True).pvalue
    assert 2 * mcnemar_exact(wins, losses) == pytest.approx(two_sided, rel=1e-12)


@pytest.mark.parametrize(
    ("wins", "losses"),
    [(500_500, 499_500), (501_500, 498_500), (505_000, 495_000), (1_100, 950), (90_000, 80_000)],
)
def test_mcnemar_stays_exact_where_whole_numbers_would_take_too_long(
    wins: int, losses: int
) -> None:
    expected = binomtest(wins, wins + losses, 0.5, alternative="greater").pvalue
    assert mcnemar_exact(wins, losses) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_agrees_with_itself_where_the_two_ways_of_summing_meet() -> None:
    rows, wins = 2_002, 1_050
    tail = sum(math.comb(rows, k) for k in range(wins, rows + 1))
    expected = float(Fraction(tail, 2**rows))
    assert mcnemar_exact(wins, rows - wins) == pytest.approx(expected, rel=1e-13)


def test_a_tail_below_the_smallest_float_is_0() -> None:
    assert mcnemar_exact(2_500, 10) == 0.0


def test_models_that_never_differ_show_nothing() -> None:
    assert mcnemar_exact(0, 0) == 1.0


@given(counts, counts)
def test_the_two_tails_of_mcnemar_overlap_in_the_observed_point(wins: int, losses: int) -> None:
    point = math.comb(wins + losses, wins) / 2 ** (wins + losses)
    both = mcnemar_exact(wins, losses) + mcnemar_exact(losses, wins)
    assert both == pytest.approx(1 + point, rel=1e-12)


@given(counts, counts)
def test_one_more_win_never_makes_mcnemar_less_sure(wins: int, losses: int) -> None:
    assert mcnemar_exact(wins + 1, losses) <= mcnemar_exact(wins, losses)


@pytest.mark.parametrize(("wins", "losses"), [(-1, 2), (2, -1)])
def test_a_negative_count_is_refused(wins: int, losses: int) -> None:
    with pytest.raises(
        ValueError, match=rf"^{wins} wins and {losses} losses: a count cannot be negative$"
    ):
        mcnemar_exact(wins, losses)


def test_half_a_row_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^counts must be whole numbers, not 1.5, 2 of 3.5$"):
        mcnemar_exact(1.5, 2)  # type: ignore[arg-type]


def test_more_differing_rows_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^4 wins and 3 losses cannot come from 6 rows$"):
        tango_bounds(4, 3, 6, 0.05)


@pytest.mark.parametrize("alpha", [0, 0.6, -0.1, math.nan])
def test_an_alpha_that_is_no_error_rate_is_refused(alpha: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^alpha is {alpha}; it must be above 0 and at most 0.5$"
    ):
        tango_bounds(4, 3, 60, alpha)


def test_tangos_bounds_are_the_published_ones() -> None:
    """Fagerland, Lydersen, Laake, Statistics in Medicine 33 (2014) 2850-2875: the airway data."""
    bounds = tango_bounds(1, 7, 21, 0.025)
    assert (round(bounds.lower, 3), round(bounds.upper, 3)) == (-0.517, -0.026)


def score_by_hand(wins: int, losses: int, n: int, difference: float) -> float:
    """Tango's statistic with the likelihood maximised numerically, not by its formula."""

    def minus_log_likelihood(losing: float) -> float:
        chances = (losing + difference, losing, 1 - difference - 2 * losing)
        seen = (wins, losses, n - wins - losses)
        return -sum(k * math.log(max(p, 1e-300)) for k, p in zip(seen, chances, strict=True) if k)

    low, high = max(0.0, -difference), (1 - difference) / 2
    best = minimize_scalar(
        minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    ).x
    variance = n * (2 * best + difference * (1 - difference))
    return float((wins - losses - n * difference) / math.sqrt(variance))


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize(
    ("wins", "losses", "n"),
    [(12, 2, 50), (40, 40, 1000), (3, 9, 100), (0, 4, 100), (200, 150, 400)],
)
def test_tangos_bounds_are_where_the_score_test_turns(
    wins: int, losses: int, n: int, alpha: float
) -> None:
    z, estimate = norm.isf(alpha), (wins - losses) / n
    bounds = tango_bounds(wins, losses, n, alpha)
    assert bounds.lower == pytest.approx(
        brentq(lambda d: score_by_hand(wins, losses, n, d) - z, -0.999, estimate), abs=2e-6
    )
    assert bounds.upper == pytest.approx(
        brentq(lambda d: score_by_hand(wins, losses, n, d) + z, estimate, 0.999), abs=2e-6
    )


@pytest.mark.parametrize("n", [1, 30, 100, 10**6])
def test_models_that_never_differ_have_bounds_all_the_same(n: int) -> None:
    z = norm.isf(0.05)
    bounds = tango_bounds(0, 0, n, 0.05)
    assert bounds.lower == pytest.approx(-(z**2) / (n + z**2), rel=1e-12)
    assert bounds.upper == -bounds.lower


def test_a_model_that_loses_every_row_has_a_lower_bound_of_minus_1() -> None:
    assert tango_bounds(0, 7, 7, 0.05).lower == -1.0


@given(counts, counts, counts, alphas)
def test_swapping_the_models_mirrors_tangos_bounds(
    wins: int, losses: int, same: int, alpha: float
) -> None:
    n = wins + losses + same + 1
    bounds, mirrored = tango_bounds(wins, losses, n, alpha), tango_bounds(losses, wins, n, alpha)
    assert (bounds.lower, bounds.upper) == (-mirrored.upper, -mirrored.lower)


@given(counts, counts, counts, alphas, alphas)
def test_less_alpha_means_wider_bounds_around_the_estimate(
    wins: int, losses: int, same: int, one: float, two: float
) -> None:
    n = wins + losses + same + 1
    wide, narrow = (tango_bounds(wins, losses, n, a) for a in sorted((one, two)))
    estimate = (wins - losses) / n
    assert -1 <= wide.lower <= narrow.lower <= estimate <= narrow.upper <= wide.upper <= 1


@given(counts, counts, counts)
def test_turning_a_loss_into_a_win_raises_both_bounds(wins: int, losses: int, same: int) -> None:
    n = wins + losses + 1 + same
    before, after = tango_bounds(wins, losses + 1, n, 0.05), tango_bounds(wins + 1, losses, n, 0.05)
    assert after.lower >= before.lower
    assert after.upper >= before.upper


@given(counts, counts, counts, alphas, st.floats(-0.9, 0.9))
@example(0, 0, 0, 0.25, -3e-270)
def test_tangos_p_and_bounds_say_the_same(
    wins: int, losses: int, same: int, alpha: float, difference: float
) -> None:
    n = wins + losses + same + 1
    lower = tango_bounds(wins, losses, n, alpha).lower
    p = tango_p(wins, losses, n, difference)
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == (lower > difference)


def test_tangos_p_of_models_that_never_differ_shows_no_difference() -> None:
    assert tango_p(0, 0, 100) == 1.0


@pytest.mark.parametrize("difference", [-1.0, 1.0, math.nan])
def test_a_difference_that_cannot_be_is_refused(difference: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^the difference is {difference}; it must lie between -1 and 1$"
    ):
        tango_p(1, 2, 10, difference)
