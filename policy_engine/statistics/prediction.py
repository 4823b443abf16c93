"""Where the next run should lie, given the earlier ones; and where their level last moved.

The interval is for one run that was not seen yet: it is wider than that of the mean, and wider than
mean and standard deviation alone, which 5 runs know badly: mean + 1.645 s of 5 runs is exceeded by
10 % of equal runs, not by 5 %. These need SciPy, for Student's t.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from statistics import fmean, stdev
from typing import Any

from policy_engine.statistics.bounds import Bounds, quantile
from policy_engine.statistics.unavailable import Lazy

_special: Any = Lazy("scipy.special")

LEAST_SIDE = 4
"""Runs that each level must have for a step between two of them to be looked for."""


def prediction_bounds(values: Sequence[float], alpha: float) -> Bounds:
    """Return the bounds that the next value passes with a chance of `alpha` on each side.

    Args:
        values: Independent values of one level, at least 2, normal about it.
        alpha: The chance (0 to 0.5).

    Returns:
        mean -+ t(1 - alpha, n - 1) * s * sqrt(1 + 1/n); the value itself, twice, where nothing
        varied.

    Raises:
        ValueError: If there are fewer than 2 values, one is not finite, or alpha is out of range.

    Source: Hahn and Meeker, Statistical Intervals (1991), section 4.7.
    """
    quantile(alpha)  # for its check
    n = len(values)
    if n < 2:  # noqa: PLR2004 (one value has no spread)
        raise ValueError(f"{n} value: a spread needs at least 2")
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a value is not finite")
    if min(values) == max(values):
        return Bounds(values[0], values[0])
    mean = fmean(values)
    t = -float(_special.stdtrit(n - 1, alpha))
    reach = t * stdev(values) * math.sqrt(1 + 1 / n)
    return Bounds(mean - reach, mean + reach)


def last_step(values: Sequence[float], alpha: float) -> int:
    """Return where the latest level of a series begins: 0 where no step is found in it.

    Of all ways to split the series in two, the one with the greatest pooled t is a step if its
    two-sided p-value, times the number of ways, is below `alpha`; what follows it is looked at
    again.

    Args:
        values: In the order of time, all finite.
        alpha: The chance of a step in a series that has none, at most (0 to 0.5).

    Returns:
        The index of the first value of the latest level; each level has at least `LEAST_SIDE`.
    """
    begin = 0
    while step := _step(values[begin:], alpha):
        begin += step
    return begin


def _step(values: Sequence[float], alpha: float) -> int:
    n = len(values)
    ways = range(LEAST_SIDE, n - LEAST_SIDE + 1)
    if not ways or min(values) == max(values):
        return 0
    centre = fmean(values)  # of deviations, squares of large values do not swallow small spreads
    sums = list(accumulate(value - centre for value in values))
    whole = math.fsum((value - centre) ** 2 for value in values)
    # The deviations sum to 0: the squares between two levels follow from those of the first alone.
    between = {k: sums[k - 1] ** 2 * n / (k * (n - k)) for k in ways}
    best = max(between, key=between.__getitem__)
    within = whole - between[best]
    if within <= 1e-12 * whole:  # nothing varies within the levels but by rounding
        return best
    t = math.sqrt(between[best] * (n - 2) / within)
    p = 2 * float(_special.stdtr(n - 2, -t))
    return best if p * len(ways) < alpha else 0
