from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

from policy_engine.statistics import (
    clopper_pearson_bounds,
    newcombe_bounds,
    newcombe_p,
    unpaired_z,
    wilson_bounds,
)

PAIRS = [(56, 70, 48, 80), (9, 10, 3, 10), (0, 20, 10, 30), (20, 20, 0, 30), (500, 1000, 480, 990)]


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (480, 1000)])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_one_proportion_has_scipys_and_statsmodels_bounds(
    successes: int, n: int, alpha: float
) -> None:
    exact = binomtest(successes, n).proportion_ci(1 - 2 * alpha, method="exact")
    assert clopper_pearson_bounds(successes, n, alpha) == pytest.approx(
        (exact.low, exact.high), abs=1e-10
    )
    wilson = proportion_confint(successes, n, 2 * alpha, method="wilson")
    assert wilson_bounds(successes, n, alpha) == pytest.approx(wilson, abs=1e-12)


@pytest.mark.parametrize(("a", "n_a", "b", "n_b"), PAIRS)
@pytest.mark.parametrize("alpha", [0.05, 0.005])
def test_newcombes_bounds_are_statsmodels(a: int, n_a: int, b: int, n_b: int, alpha: float) -> None:
    expected = confint_proportions_2indep(
        a, n_a, b, n_b, compare="diff", method="newcomb", alpha=2 * alpha
    )
    assert newcombe_bounds(a, n_a, b, n_b, alpha) == pytest.approx(expected, abs=1e-12)


def test_newcombes_bounds_are_the_published_ones() -> None:
    """Newcombe (1998), table II: 56/70 - 48/80, method 10."""
    bounds = newcombe_bounds(56, 70, 48, 80, 0.025)
    assert (round(bounds.lower, 4), round(bounds.upper, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(("a", "n_a", "b", "n_b"), PAIRS)
def test_the_unpaired_z_is_statsmodels(a: int, n_a: int, b: int, n_b: int) -> None:
    expected = proportions_ztest([a, b], [n_a, n_b], alternative="larger")[1]
    assert unpaired_z(a, n_a, b, n_b) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (10, 20)])
def test_rows_that_are_all_alike_show_no_difference(a: int, b: int) -> None:
    assert unpaired_z(a, 10, b, 20) == 1.0


groups = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(groups, groups, st.floats(0.001, 0.5), st.floats(-1, 1))
def test_newcombes_p_and_bounds_say_the_same(
    first: tuple[int, int], second: tuple[int, int], alpha: float, difference: float
) -> None:
    p = newcombe_p(*first, *second, difference)
    assert 0 <= p <= 1
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == (newcombe_bounds(*first, *second, alpha).lower > difference)


@given(groups, groups, st.floats(0.001, 0.5))
def test_swapping_the_groups_mirrors_the_bounds(
    first: tuple[int, int], second: tuple[int, int], alpha: float
) -> None:
    bounds = newcombe_bounds(*first, *second, alpha)
    mirrored = newcombe_bounds(*second, *first, alpha)
    assert (bounds.lower, bounds.upper) == (-mirrored.upper, -mirrored.lower)
    assert -1 <= bounds.lower <= bounds.upper <= 1


@pytest.mark.parametrize(("a", "n"), [(-1, 10), (11, 10), (0, 0)])
def test_counts_that_cannot_be_are_refused(a: int, n: int) -> None:
    with pytest.raises(ValueError, match=rf"^unpaired_z: {a} of {n} is not a count of rows$"):
        unpaired_z(a, n, 1, 2)
    with pytest.raises(ValueError, match=rf"^newcombe_bounds: {a} of {n} is not a count of rows$"):
        newcombe_bounds(1, 2, a, n, 0.05)


def test_a_rate_in_place_of_a_count_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^wilson_bounds: counts must be whole numbers, not 0.3 of 10$"
    ):
        wilson_bounds(0.3, 10, 0.05)  # type: ignore[arg-type]


@pytest.mark.parametrize("difference", [math.nan, 1.5])
def test_a_gap_that_cannot_be_is_refused(difference: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^the difference is {difference}; it must lie in \[-1, 1\]$"
    ):
        newcombe_p(1, 2, 1, 2, difference)
