from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm
from statsmodels.stats import proportion

from policy_engine.statistics import rate_ratio_p, rate_ratio_upper

SKEWED_UP = [(24, 100, 300, 1000), (0, 20, 30, 90), (150, 1000, 1400, 5000), (3, 40, 200, 900)]
"""Small groups of a low rate beside large ones: the plain score test stands."""


def plain_test(counts: tuple[int, int, int, int], ratio: float) -> Any:
    return proportion.test_proportions_2indep(
        *counts, value=ratio, compare="ratio", method="score", alternative="smaller"
    )


@pytest.mark.parametrize("counts", SKEWED_UP)
@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.0])
def test_the_score_test_is_statsmodels(counts: tuple[int, int, int, int], ratio: float) -> None:
    expected = plain_test(counts, ratio)
    assert rate_ratio_p(*counts, ratio) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("counts", SKEWED_UP[2:])
def test_the_upper_bound_is_statsmodels(counts: tuple[int, int, int, int]) -> None:
    _, expected = proportion.confint_proportions_2indep(
        *counts, compare="ratio", method="score", alpha=0.1
    )
    assert rate_ratio_upper(*counts, 0.05) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("counts", [(2000, 10_000, 38, 100), (100, 1000, 19, 100)])
def test_a_small_group_of_the_higher_rate_is_given_the_benefit_of_its_skewness(
    counts: tuple[int, int, int, int],
) -> None:
    """By hand, from the likeliest rates that statsmodels finds: z = s + skew/6 * (s^2 - 1)."""
    plain = plain_test(counts, 0.8)
    n_a, n_b = counts[1], counts[3]
    low, high = plain.prop1_null, plain.prop2_null
    spread = low * (1 - low) / n_a + 0.64 * high * (1 - high) / n_b
    third = low * (1 - low) * (1 - 2 * low) / n_a**2
    third -= 0.512 * high * (1 - high) * (1 - 2 * high) / n_b**2
    spread *= (n_a + n_b) / (n_a + n_b - 1)
    skew = third / spread**1.5 / 6
    p = rate_ratio_p(*counts, 0.8)
    z = float(norm.ppf(p))
    assert z + skew * (z * z - 1) == pytest.approx(float(plain.statistic), rel=1e-9)
    assert p > plain.pvalue


@pytest.mark.parametrize(
    ("n_a", "n_b", "high", "at_most"),
    [
        (100, 100, 0.1, 0.053),
        (100, 100, 0.3, 0.053),
        (100, 100, 0.6, 0.053),
        (100, 100, 0.9, 0.06),
        (1000, 100, 0.05, 0.057),
        (1000, 100, 0.3, 0.053),
        (100, 1000, 0.3, 0.053),
    ],
)
def test_a_lawful_ratio_is_rejected_as_often_as_alpha_says(
    n_a: int, n_b: int, high: float, at_most: float
) -> None:
    """Not simulated: the chance of each pair of counts, from SciPy, of those that are rejected."""
    chances = binom.pmf(range(n_a + 1), n_a, 0.8 * high), binom.pmf(range(n_b + 1), n_b, high)
    likely = [np.flatnonzero(each > 1e-8) for each in chances]
    total = sum(
        chances[0][a] * chances[1][b]
        for b in likely[1]
        for a in likely[0]
        if rate_ratio_p(int(a), n_a, int(b), n_b, 0.8) < 0.05
    )
    assert 0.02 < total <= at_most


groups = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(groups, groups, st.floats(0.001, 0.5), st.floats(0.05, 1.0))
def test_p_and_bound_say_the_same(
    first: tuple[int, int], second: tuple[int, int], alpha: float, ratio: float
) -> None:
    p = rate_ratio_p(*first, *second, ratio)
    assert 0 <= p <= 1
    if abs(p - alpha) > 1e-9:
        assert (p < alpha) == (rate_ratio_upper(*first, *second, alpha) < ratio)


@given(groups, groups, st.floats(0.05, 1.0))
def test_a_lower_rate_is_never_less_suspect(
    first: tuple[int, int], second: tuple[int, int], ratio: float
) -> None:
    hits, rows = first
    p_values = [rate_ratio_p(each, rows, *second, ratio) for each in range(hits + 1)]
    assert p_values == sorted(p_values)


@pytest.mark.parametrize("counts", [(0, 10, 0, 20), (10, 10, 20, 20)])
def test_groups_of_which_all_or_none_are_selected_show_nothing(
    counts: tuple[int, int, int, int],
) -> None:
    assert rate_ratio_p(*counts, 0.8) >= 0.5


def test_without_a_rate_to_compare_with_there_is_no_bound() -> None:
    assert rate_ratio_upper(1, 10, 0, 20, 0.05) == math.inf


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan, math.inf])
def test_a_ratio_that_cannot_be_is_refused(ratio: float) -> None:
    with pytest.raises(ValueError, match=rf"^the ratio is {ratio}; it must be above 0$"):
        rate_ratio_p(1, 2, 1, 2, ratio)
