"""Proportions of different rows: one, and the difference of two; of their ratio: `rate_ratios`.

For groups of people and slices of rows. For two models on the *same* rows these waste what the rows
have in common: see `paired_proportions`. Only `clopper_pearson_bounds` needs SciPy.
"""

import math
from typing import Any

from policy_engine.statistics.bounds import Bounds, check_count, quantile, upper_tail
from policy_engine.statistics.unavailable import Lazy

_special: Any = Lazy("scipy.special")
_FARTHEST = 40.0
"""Standard errors beyond which a normal tail is 0 in floats."""


def wilson_bounds(successes: int, n: int, alpha: float) -> Bounds:
    """Return Wilson's score bounds of one proportion.

    Args:
        successes: Rows that have the property (count).
        n: All rows (count, >= 1).
        alpha: The error of each bound, in (0, 0.5].

    Returns:
        The bounds, in [0, 1]. On average their error is alpha; for some proportions it is above.

    Raises:
        ValueError: If a count or alpha is out of range.

    Source: Wilson, JASA 22 (1927) 209-212.
    """
    check_count("wilson_bounds", successes, n)
    return _wilson(successes, n, quantile(alpha))


def clopper_pearson_bounds(successes: int, n: int, alpha: float) -> Bounds:
    """Return the exact bounds of one proportion, whose error is at most alpha whatever is true.

    Args:
        successes: Rows that have the property (count).
        n: All rows (count, >= 1).
        alpha: The error of each bound, in (0, 0.5].

    Returns:
        The bounds, in [0, 1].

    Raises:
        ValueError: If a count or alpha is out of range.
        StatisticsUnavailable: Without SciPy.

    Source: Clopper and Pearson, Biometrika 26 (1934) 404-413.
    """
    check_count("clopper_pearson_bounds", successes, n)
    quantile(alpha)  # for its check
    inverse, failures = _special.betaincinv, n - successes
    lower = float(inverse(successes, failures + 1, alpha)) if successes else 0.0
    upper = float(inverse(successes + 1, failures, 1 - alpha)) if failures else 1.0
    return Bounds(lower, upper)


def newcombe_bounds(a: int, n_a: int, b: int, n_b: int, alpha: float) -> Bounds:
    """Return Newcombe's hybrid score bounds of the difference a/n_a - b/n_b.

    Args:
        a: Rows of the first group that have the property (count).
        n_a: All rows of the first group (count, >= 1).
        b: Rows of the second group that have it.
        n_b: All rows of the second group.
        alpha: The error of each bound, in (0, 0.5].

    Returns:
        The bounds, in [-1, 1].

    Raises:
        ValueError: If a count or alpha is out of range.

    Source: Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10.
    """
    check_count("newcombe_bounds", a, n_a)
    check_count("newcombe_bounds", b, n_b)
    z = quantile(alpha)
    return Bounds(_newcombe_lower(a, n_a, b, n_b, z), -_newcombe_lower(b, n_b, a, n_a, z))


def newcombe_p(a: int, n_a: int, b: int, n_b: int, difference: float) -> float:
    """Return the one-sided p-value that a/n_a - b/n_b is truly at most `difference`.

    It is below alpha exactly where `newcombe_bounds` has a lower bound above `difference`; Holm's
    correction takes it.

    Args:
        a: Rows of the first group that have the property (count).
        n_a: All rows of the first group (count, >= 1).
        b: Rows of the second group that have it.
        n_b: All rows of the second group.
        difference: The difference under test, in [-1, 1].

    Returns:
        The p-value, in [0, 1].

    Raises:
        ValueError: If a count or the difference is out of range.

    Source: the inversion of `newcombe_bounds`.
    """
    check_count("newcombe_p", a, n_a)
    check_count("newcombe_p", b, n_b)
    if not -1 <= difference <= 1:
        raise ValueError(f"the difference is {difference}; it must lie in [-1, 1]")
    if a / n_a - b / n_b < difference:  # then look from the other side
        return 1.0 - newcombe_p(b, n_b, a, n_a, -difference)
    above, not_above = 0.0, _FARTHEST
    while above < (middle := (above + not_above) / 2) < not_above:
        if _newcombe_lower(a, n_a, b, n_b, middle) > difference:
            above = middle
        else:
            not_above = middle
    return upper_tail(not_above)


def unpaired_z(a: int, n_a: int, b: int, n_b: int) -> float:
    """Return the one-sided p-value that the first proportion is no greater than the second.

    For 0/1 metrics of which only the counts are known: two models on the same rows are treated as
    if the rows were different ones, which finds less but claims no more.

    Args:
        a: Rows that have the property on the first side (count).
        n_a: All rows of the first side (count, >= 1).
        b: Rows that have it on the second side.
        n_b: All rows of the second side.

    Returns:
        P(Z > z) with the pooled standard error, in [0, 1]; 1.0 where every row or none has it.

    Raises:
        ValueError: If a count is out of range.

    Source: the two-proportion z test with pooled variance; Agresti, Categorical Data Analysis,
    3rd ed. (2013), section 3.2.
    """
    check_count("unpaired_z", a, n_a)
    check_count("unpaired_z", b, n_b)
    pooled = (a + b) / (n_a + n_b)
    variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b)
    if not variance > 0:
        return 1.0
    return upper_tail((a / n_a - b / n_b) / math.sqrt(variance))


def _wilson(successes: int, n: int, z: float) -> Bounds:
    share = successes / n
    centre = share + z * z / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    whole = 1 + z * z / n
    lower = (centre - reach) / whole if successes else 0.0
    upper = (centre + reach) / whole if successes < n else 1.0
    return Bounds(max(lower, 0.0), min(upper, 1.0))


def _newcombe_lower(a: int, n_a: int, b: int, n_b: int, z: float) -> float:
    first, second = a / n_a, b / n_b
    below, above = _wilson(a, n_a, z).lower, _wilson(b, n_b, z).upper
    return first - second - math.hypot(first - below, above - second)
