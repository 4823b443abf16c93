"""Percentiles of times that were measured, and how far off each may be by chance."""

import math
from collections.abc import Sequence

ALPHA = 0.05
"""The one-sided error of each bound of a percentile."""


def percentile(values: Sequence[float], q: int) -> float:
    """Return the smallest value that at least `q` percent of the values do not exceed.

    It is the nearest-rank percentile, NumPy's `inverted_cdf`: a value that was really measured,
    never one between two.

    Args:
        values: At least one.
        q: A whole number from 1 to 100.
    """
    rank = -(-len(values) * q // 100)
    return sorted(values)[rank - 1]


def percentile_bounds(values: Sequence[float], q: int) -> tuple[float | None, float | None]:
    """Return two of the values, between which the true percentile lies.

    That the lower one is above a limit is the exact binomial test, at 5 %, of a percentile that is
    at most the limit: it counts how many values are above. So is the upper one, the other way
    round. Nothing is assumed of how the values are distributed, but that they are independent.

    Args:
        values: At least one.
        q: A whole number from 1 to 99.

    Returns:
        The bounds; None where there are too few values for one.

    Source: Conover, Practical Nonparametric Statistics (1999), section 3.2.
    """
    low, high = _ranks(len(values), q / 100)
    ordered = sorted(values)
    return (
        ordered[low - 1] if low >= 1 else None,
        ordered[high - 1] if high <= len(ordered) else None,
    )


def _ranks(n: int, share: float) -> tuple[int, int]:
    """Return which values, counted from 1, bound the percentile; 0 or n + 1 where none does."""
    low, high, below = 0, n + 1, 0.0
    for k in range(n):
        below += math.exp(_log_chance(k, n, share))
        if below <= ALPHA:
            low = k + 1
        if below >= 1 - ALPHA:
            high = k + 1
            break
    return low, high


def _log_chance(k: int, n: int, share: float) -> float:
    """Return the logarithm of the chance that exactly k of n values lie below the percentile."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return ways + k * math.log(share) + (n - k) * math.log1p(-share)
