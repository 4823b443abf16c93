"""How much evidence is still needed: rows, or seeds, for four chances in five to decide.

All follow one formula: to see a true difference delta with power 0.8 in a one-sided test at alpha,
the standard error may be at most delta/(z_alpha + 0.84). At alpha 0.05 the factor
(z_alpha + 0.84)² is 6.2. No dependency beyond the standard library.

Source of the formula: Cohen, Statistical Power Analysis, 2nd ed. (1988); for paired 0/1 rows:
Connor, Biometrics 43 (1987) 207-211; the range of normal numbers: Tippett, Biometrika 17 (1925).
"""

import math
from functools import cache
from statistics import NormalDist

from policy_engine.statistics.bounds import quantile

_NORMAL = NormalDist()
_STEPS = 400
"""Of the integral over a normal density, which so many make exact to 1e-9."""
_NARROW = 1e-6
POWER = 0.8
"""The chance, in [0, 1], that the stated number of rows or seeds decides."""


def rows_needed(
    n: int, standard_error: float, delta: float, alpha: float, *, power: float = POWER
) -> int:
    """Return the rows with which a true difference of `delta` would be seen, four times in five.

    Args:
        n: The rows that gave the standard error (count, >= 1).
        standard_error: Of the difference, in the metric's units.
        delta: The difference to see, in the same units, above 0: a margin or a least useful gain,
            never the gain that was observed.
        alpha: The one-sided error of the test in force (Holm's, if Holm corrects), in (0, 0.5].
        power: Another chance to see it than four in five, in [0.5, 1).

    Returns:
        n * (z_alpha + 0.84)² * standard_error² / delta², rounded up.

    Raises:
        ValueError: If an argument is out of range or not finite.
    """
    _check(n, "rows")
    return _up(n * _factor(alpha, power) * _ratio(standard_error, delta, "standard error") ** 2)


def rows_needed_for_counts(
    wins: int, losses: int, n: int, delta: float, alpha: float, *, power: float = POWER
) -> int:
    """Return the rows with which a true difference in proportion right would be seen.

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).
        n: All rows that both judged (count, >= 1).
        delta: The difference to see, as a fraction of rows, above 0.
        alpha: The one-sided error of the test in force, in (0, 0.5].
        power: Another chance to see it than four in five, in [0.5, 1).

    Returns:
        (z_alpha + 0.84)² * d_s / delta², rounded up, with d_s = max(wins + losses, 1)/n, the share
        of rows on which the models differ; at least delta, since models that differ on fewer rows
        cannot be delta apart.

    Raises:
        ValueError: If an argument is out of range or not finite.
    """
    _check(n, "rows")
    if min(wins, losses) < 0 or wins + losses > n:
        raise ValueError(f"{wins} wins and {losses} losses cannot come from {n} rows")
    differing = math.sqrt(max(max(wins + losses, 1) / n, delta))
    return _up(_factor(alpha, power) * _ratio(differing, delta, "share of differing rows") ** 2)


def seeds_needed(
    standard_deviation: float, delta: float, alpha: float, *, power: float = POWER
) -> int:
    """Return the runs a side with which a true difference of means would be seen.

    Args:
        standard_deviation: Of the metric over seeds, in the metric's units.
        delta: The difference to see, in the same units, above 0.
        alpha: The one-sided error of the test in force, in (0, 0.5].
        power: Another chance to see it than four in five, in [0.5, 1).

    Returns:
        2 * (z_alpha + 0.84)² * standard_deviation² / delta² + 1, rounded up; at least 2. The one
        more is for Student's t in place of the normal.

    Raises:
        ValueError: If an argument is out of range or not finite.
    """
    spread = _ratio(standard_deviation, delta, "standard deviation")
    return max(2, _up(2 * _factor(alpha, power) * spread**2 + 1))


def rows_to_show_ratio(low: float, high: float, ratio: float, alpha: float) -> int:
    """Return the rows a group with which low/high is shown to be under `ratio`, 4 times in 5.

    Args:
        low: The true rate of one group, in (0, 1), under `ratio * high`.
        high: That of the other, in (0, 1).
        ratio: The least ratio, above 0.
        alpha: The one-sided error of the test in force.

    Returns:
        (z_alpha + 0.84)² * (low*(1 - low) + ratio²*high*(1 - high)) / (ratio*high - low)², rounded
        up: the variance of low - ratio*high in one row of each group.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not (0 < low < ratio * high and high < 1):
        raise ValueError(f"rates of {low} and {high} show nothing of a ratio of {ratio}")
    spread = math.sqrt(low * (1 - low) + ratio**2 * high * (1 - high))
    return _up(_factor(alpha, POWER) * (spread / (ratio * high - low)) ** 2)


def rows_within_ratio(rate: float, groups: int, ratio: float) -> int:
    """Return the rows a group with which equal rates leave no ratio under `ratio`, 4 times in 5.

    Args:
        rate: Of every group, in (0, 1).
        groups: How many there are, at least 2.
        ratio: The least ratio of the lowest observed rate to the highest, in (0, 1).

    Returns:
        (1 - rate)/rate * (q/log(ratio))², rounded up: with n rows a log rate varies by
        sqrt((1 - rate)/(rate*n)), and of `groups` normal numbers the highest is less than q
        standard deviations above the lowest with a chance of 0.8 (q = 1.81 for two).

    Raises:
        ValueError: If an argument is out of range.
    """
    _check_groups(rate, groups)
    if not 0 < ratio < 1:
        raise ValueError(f"the ratio is {ratio}; it must lie between 0 and 1")
    return _up((1 - rate) / rate * (_spread(groups) / math.log(ratio)) ** 2)


def rows_within_gap(rate: float, groups: int, gap: float) -> int:
    """Return the rows a group with which equal rates are not `gap` apart, 4 times in 5.

    Args:
        rate: Of every group, in (0, 1).
        groups: How many there are, at least 2.
        gap: The greatest difference of the highest observed rate and the lowest, above 0.

    Returns:
        rate*(1 - rate) * (q/gap)², rounded up, with q as in `rows_within_ratio`.

    Raises:
        ValueError: If an argument is out of range.
    """
    _check_groups(rate, groups)
    if not gap > 0:
        raise ValueError(f"the gap is {gap}; it must be above 0")
    return _up(rate * (1 - rate) * (_spread(groups) / gap) ** 2)


def _check_groups(rate: float, groups: int) -> None:
    if not 0 < rate < 1:
        raise ValueError(f"the rate is {rate}; it must lie between 0 and 1")
    if groups < 2:  # noqa: PLR2004 (a spread is of two)
        raise ValueError(f"{groups} groups: at least 2 are needed")


@cache
def _spread(groups: int) -> float:
    """Return by how much so many standard normal numbers differ at most, with a chance of 0.8."""
    low, high = 0.0, 20.0
    while low < (middle := (low + high) / 2) < high:
        if _stays_within(middle, groups) < POWER:
            low = middle
        else:
            high = middle
        if high - low < _NARROW:
            break
    return high


def _stays_within(spread: float, groups: int) -> float:
    """Return the chance that normal numbers lie within a spread: by which of them is the lowest."""
    steps = [-8 + 16 * i / _STEPS for i in range(_STEPS + 1)]
    heights = (
        _NORMAL.pdf(x) * (_NORMAL.cdf(x + spread) - _NORMAL.cdf(x)) ** (groups - 1) for x in steps
    )
    return groups * 16 / _STEPS * math.fsum(heights)


def _factor(alpha: float, power: float) -> float:
    return (quantile(alpha) + quantile(1 - power)) ** 2


def _ratio(spread: float, delta: float, name: str) -> float:
    if not (math.isfinite(spread) and spread >= 0):
        raise ValueError(f"the {name} is {spread}; it must be a number, 0 or above")
    if not (math.isfinite(delta) and delta > 0):
        raise ValueError(f"the difference to see is {delta}; it must be a number above 0")
    return spread / delta


def _check(count: int, name: str) -> None:
    if count < 1:
        raise ValueError(f"{count} {name}: at least 1 is needed")


def _up(number: float) -> int:
    """Round up, but not for the sake of the last digits of a float."""
    return max(1, math.ceil(number * (1 - 1e-12)))
