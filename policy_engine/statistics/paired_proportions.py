"""Two models on the same rows, each right or wrong: McNemar's test and Tango's bounds.

Both look only at the rows where the models differ: `wins`, that the candidate alone got right, and
`losses`, that the baseline alone got right. Nothing beyond the standard library is needed.
"""

import math

from policy_engine.statistics.bounds import Bounds, quantile, upper_tail

_WHOLE_NUMBERS_UP_TO = 2_000
"""Differing rows up to which the binomial tail is summed in whole numbers (about 1 ms)."""
_SURELY_NOTHING = 100
"""Beyond 2000 rows, a tail of so few terms lies below the smallest float (2**-1074)."""
_NEGLIGIBLE = 1e-18
"""A term of the tail, relative to its first, that no longer changes a float."""


def mcnemar_exact(wins: int, losses: int) -> float:
    """Return the one-sided exact McNemar p-value that the candidate is no better.

    The opposite question, whether it is no worse, is `mcnemar_exact(losses, wins)`.

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).

    Returns:
        P(X >= wins) for X ~ Binomial(wins + losses, 1/2), in [0, 1]; 1.0 when both are 0. Correct
        to the last digits up to 2000 differing rows, to 1e-9 of itself beyond.

    Raises:
        ValueError: If a count is negative.
        TypeError: If a count is not a whole number.

    Source: McNemar, Psychometrika 12 (1947) 153-157; exact form: the sign test (Dixon and Mood,
    JASA 41 (1946) 557-566).
    """
    _check(wins, losses, wins + losses)
    rows = wins + losses
    if wins <= losses:  # the shorter tail is the other one
        return 1.0 - _tail(rows, losses + 1)
    return _tail(rows, wins)


def tango_bounds(wins: int, losses: int, n: int, alpha: float) -> Bounds:
    """Return Tango's score bounds of the difference in proportion right, candidate less baseline.

    They are never of width zero: two models that agree on all n rows have the bounds
    -z²/(n + z²) and z²/(n + z²).

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).
        n: All rows that both judged (count).
        alpha: The error of each bound, in (0, 0.5].

    Returns:
        The bounds, in [-1, 1], as fractions of rows.

    Raises:
        ValueError: If a count is negative, n is below wins + losses or 1, or alpha out of range.
        TypeError: If a count is not a whole number.

    Source: Tango, Statistics in Medicine 17 (1998) 891-908.
    """
    _check(wins, losses, n)
    z = quantile(alpha)
    return Bounds(_lower(wins, losses, n, z), -_lower(losses, wins, n, z))


def tango_p(wins: int, losses: int, n: int, difference: float = 0.0) -> float:
    """Return the one-sided p-value that the true difference is at most `difference`.

    It is below alpha exactly where `tango_bounds` has a lower bound above `difference`.

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).
        n: All rows that both judged (count).
        difference: The difference in proportion right under test, in (-1, 1).

    Returns:
        The p-value, in [0, 1]; 1.0 where nothing can be said.

    Raises:
        ValueError: If a count is negative, n is below wins + losses or 1, or the difference out of
            range.

    Source: as `tango_bounds`.
    """
    _check(wins, losses, n)
    if not -1 < difference < 1:
        raise ValueError(f"the difference is {difference}; it must lie between -1 and 1")
    return upper_tail(_score(wins, losses, n, difference))


def _check(wins: int, losses: int, n: int) -> None:
    if not all(isinstance(count, int) for count in (wins, losses, n)):
        raise TypeError(f"counts must be whole numbers, not {wins!r}, {losses!r} of {n!r}")
    if min(wins, losses) < 0:
        raise ValueError(f"{wins} wins and {losses} losses: a count cannot be negative")
    if n < wins + losses:
        raise ValueError(f"{wins} wins and {losses} losses cannot come from {n} rows")


def _tail(rows: int, first: int) -> float:
    """Return P(X >= first), X ~ Binomial(rows, 1/2), for a `first` above the middle."""
    if first > rows:
        return 0.0
    if rows <= _WHOLE_NUMBERS_UP_TO:
        term = total = math.comb(rows, first)
        for k in range(first, rows):
            term = term * (rows - k) // (k + 1)
            total += term
        return total / (1 << rows)  # of two whole numbers: rounded once
    if rows - first < _SURELY_NOTHING:
        return 0.0
    terms = [1.0]
    for k in range(first, rows):
        terms.append(terms[-1] * (rows - k) / (k + 1))
        if terms[-1] < _NEGLIGIBLE:
            break
    return _mass(rows, first) * math.fsum(terms)


def _mass(rows: int, k: int) -> float:
    """Return P(X = k), X ~ Binomial(rows, 1/2), without the cancellation of three lgamma.

    Source: Loader, "Fast and accurate computation of binomial probabilities" (2000).
    """
    away = (2 * k - rows) / rows
    deviance = rows / 2 * ((1 + away) * math.log1p(away) + (1 - away) * math.log1p(-away))
    correction = _stirling(rows) - _stirling(k) - _stirling(rows - k)
    return math.exp(correction - deviance) * math.sqrt(rows / (2 * math.pi * k * (rows - k)))


def _stirling(k: int) -> float:
    """Return log(k!) less Stirling's formula, for k >= 100 (error below 1e-17)."""
    return (1 / 12 - (1 / 360 - 1 / 1260 / k**2) / k**2) / k


def _lower(wins: int, losses: int, n: int, z: float) -> float:
    """Return the smallest difference that the score test at z does not reject."""
    rejected, kept = -1.0, (wins - losses) / n
    while rejected < (middle := (rejected + kept) / 2) < kept:
        if _score(wins, losses, n, middle) > z:
            rejected = middle
        else:
            kept = middle
    return rejected


def _score(wins: int, losses: int, n: int, difference: float) -> float:
    """Return Tango's statistic: how many standard errors the data lie above `difference`."""
    excess = wins - losses - n * difference
    losing = _losing(wins, losses, n, difference)
    variance = n * (2 * losing + difference * (1 - difference))
    if variance > 0:
        return excess / math.sqrt(variance)
    return math.copysign(math.inf, excess) if excess else math.nan


def _losing(wins: int, losses: int, n: int, difference: float) -> float:
    """Return the likeliest proportion of losses if that of wins is larger by `difference`."""
    a = 2.0 * n
    b = (2 * n - wins + losses) * difference - wins - losses
    c = -losses * difference * (1 - difference)
    root = math.sqrt(max(b * b - 4 * a * c, 0.0)) if c else abs(b)  # b*b may be too small a float
    if b <= 0:
        return (root - b) / (2 * a)
    return -2 * c / (root + b)  # the same root, without subtracting nearly equal numbers
