"""Several tests, several tries, a baseline picked as the best: what is left of alpha.

No dependency beyond the standard library.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple


class Adjusted(NamedTuple):
    """One test of a family, after Holm's correction.

    Attributes:
        p: The adjusted p-value, in [0, 1]: compare it with alpha itself.
        alpha: The level that the test's own p-value was held against.
        rejected: Whether the null hypothesis falls: `p < alpha of the family`.
    """

    p: float
    alpha: float
    rejected: bool


def holm(p_values: Sequence[float], alpha: float) -> tuple[Adjusted, ...]:
    """Return each test after Holm's correction, in the order given.

    The chance that *any* true null hypothesis is rejected is at most alpha, whatever the tests have
    in common.

    Args:
        p_values: One a test, in [0, 1]; NaN counts as 1 and rejects nothing.
        alpha: The family's error, in (0, 1).

    Returns:
        One `Adjusted` a test. The k-th smallest of K is held against alpha/(K - k + 1), and only if
        all smaller ones were rejected.

    Raises:
        ValueError: If a p-value or alpha is out of range.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.
    """
    _check_alpha(alpha)
    values = [1.0 if math.isnan(p) else p for p in p_values]
    if any(not 0 <= p <= 1 for p in values):
        raise ValueError(f"a p-value lies outside [0, 1]: {[p for p in values if not 0 <= p <= 1]}")
    adjusted: dict[int, Adjusted] = {}
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        left = len(values) - rank
        highest = max(highest, min(1.0, left * values[index]))
        adjusted[index] = Adjusted(highest, alpha / left, highest < alpha)
    return tuple(adjusted[index] for index in range(len(values)))


def spend(alpha: float, tries: int) -> float:
    """Return the alpha at which try number `tries` on the same test rows is tested.

    Since the sum of 1/(k(k+1)) over all k is 1, the chance that any of arbitrarily many tries of
    models that are no better passes is at most alpha.

    Args:
        alpha: The error over all tries, in (0, 1).
        tries: Which try this is, counted from 1.

    Returns:
        alpha/(k(k+1)).

    Raises:
        ValueError: If alpha or the count is out of range.

    Source: Bonferroni's inequality with the weights of a telescoping sum.
    """
    _check_alpha(alpha)
    _check_count("tries", tries)
    return alpha / (tries * (tries + 1))


def best_of(alpha: float, runs: int) -> float:
    """Return the alpha at which a candidate is failed against the best of `runs` baselines.

    The best of many equal runs is a lucky one: to call the candidate worse than *it* asks for more.

    Args:
        alpha: The error of the whole, in (0, 1).
        runs: Among how many runs the baseline was the best, >= 1.

    Returns:
        alpha/runs.

    Raises:
        ValueError: If alpha or the count is out of range.

    Source: Bonferroni's inequality.
    """
    _check_alpha(alpha)
    _check_count("runs", runs)
    return alpha / runs


def chance_of_a_better_one(margin: float, deviation: float, runs: int) -> float:
    """Return how likely the best of some runs lies a margin above one more that is equal to them.

    Args:
        margin: How far above, in the metric's units, >= 0.
        deviation: The standard deviation of the metric over equal runs, in the same units, > 0.
        runs: Among how many runs the best is looked for, >= 1.

    Returns:
        A chance in [0, 1], for metrics that are normal and independent of each other.

    Raises:
        ValueError: If the count is out of range.
    """
    _check_count("runs", runs)
    normal, width = NormalDist(), _REACH / _STEPS
    none = 0.0
    for step in range(-_STEPS, _STEPS + 1):
        own = step * width
        none += normal.pdf(own) * width * normal.cdf(own + margin / deviation) ** runs
    return min(max(1 - none, 0.0), 1.0)


_REACH, _STEPS = 8.0, 400
"""How far a run may lie from its mean (standard deviations), and in how many steps it is summed."""


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie between 0 and 1")


def _check_count(name: str, count: int) -> None:
    if count < 1:
        raise ValueError(f"{name} is {count}; it must be at least 1")
