"""From bounds to a verdict: is the candidate shown to be better, or to be no worse?

Pure comparisons. Written so that NaN shows nothing.
"""

from enum import StrEnum
from typing import Protocol

from policy_engine.statistics.paired_proportions import mcnemar_exact, tango_bounds


class Decision(StrEnum):
    """What the evidence shows of a claim."""

    SHOWN = "shown"
    OPPOSITE = "opposite shown"
    UNDECIDED = "undecided"


class TwoBounds(Protocol):
    """`Bounds`, an `Interval`, or any other pair that knows whether it decides."""

    @property
    def lower(self) -> float:
        """The lower one-sided bound of the gain."""

    @property
    def upper(self) -> float:
        """The upper one-sided bound of the gain."""

    @property
    def decides(self) -> bool:
        """False for NaN, and for a bootstrap interval of width zero."""


def superiority(gain: TwoBounds, min_effect: float = 0.0) -> Decision:
    """Return whether the gain is shown to exceed `min_effect`.

    Args:
        gain: Bounds of the gain (above 0 is better), in the metric's units.
        min_effect: The gain to exceed, in the same units.

    Returns:
        `SHOWN` if lower > min_effect (strictly), `OPPOSITE` if upper < min_effect, else
        `UNDECIDED`.
    """
    if gain.decides and gain.lower > min_effect:
        return Decision.SHOWN
    if gain.decides and gain.upper < min_effect:
        return Decision.OPPOSITE
    return Decision.UNDECIDED


def superiority_of_counts(
    wins: int, losses: int, n: int, *, alpha: float, min_effect: float = 0.0
) -> Decision:
    """Return whether the gain in proportion right is shown to exceed `min_effect`.

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).
        n: All rows that both judged (count, >= 1).
        alpha: The one-sided error, in (0, 0.5].
        min_effect: The gain to exceed, as a fraction of rows.

    Returns:
        By exact McNemar where min_effect is 0, else as `superiority` of Tango's bounds; an effect
        of less than a row must be shown by both.

    Raises:
        ValueError: If a count or alpha is out of range.
    """
    bounds = tango_bounds(wins, losses, n, alpha)
    if not is_less_than_a_row(min_effect, n):
        return superiority(bounds, min_effect)
    if mcnemar_exact(wins, losses) < alpha:
        return Decision.SHOWN if min_effect == 0 else superiority(bounds, min_effect)
    return Decision.OPPOSITE if mcnemar_exact(losses, wins) < alpha else Decision.UNDECIDED


def non_inferiority(gain: TwoBounds, margin: float, *, harmed: bool | None = None) -> Decision:
    """Return whether the gain is shown to be no lower than `-margin`.

    Args:
        gain: Bounds of the gain (above 0 is better), in the metric's units.
        margin: The loss that is still accepted, in the same units, 0 or above.
        harmed: Whether a test of its own (McNemar, Holm's) shows the candidate worse; None asks the
            bounds: upper < 0.

    Returns:
        `SHOWN` if lower >= -margin, though the candidate may be worse within the margin; `OPPOSITE`
        if it is shown to be worse and lower < -margin; else `UNDECIDED`.

    Raises:
        ValueError: If the margin is negative or NaN.
    """
    if not margin >= 0:
        raise ValueError(f"the margin is {margin}; it must be 0 or above")
    if not gain.decides:
        return Decision.UNDECIDED
    if gain.lower >= -margin:
        return Decision.SHOWN
    worse = gain.upper < 0 if harmed is None else harmed
    return Decision.OPPOSITE if worse else Decision.UNDECIDED


def non_inferiority_of_counts(
    wins: int, losses: int, n: int, *, alpha: float, margin: float
) -> Decision:
    """Return whether the gain in proportion right is shown to be no lower than `-margin`.

    Args:
        wins: Rows that the candidate alone got right (count).
        losses: Rows that the baseline alone got right (count).
        n: All rows that both judged (count, >= 1).
        alpha: The one-sided error, in (0, 0.5].
        margin: The loss that is still accepted, as a fraction of rows, 0 or above.

    Returns:
        As `non_inferiority` of Tango's bounds, with exact McNemar for the harm. With a margin of
        less than a row no loss is accepted: exact McNemar must show a gain.

    Raises:
        ValueError: If a count, alpha or the margin is out of range.
    """
    harmed = mcnemar_exact(losses, wins) < alpha
    found = non_inferiority(tango_bounds(wins, losses, n, alpha), margin, harmed=harmed)
    if not is_less_than_a_row(margin, n):
        return found
    if mcnemar_exact(wins, losses) < alpha:
        return Decision.SHOWN
    return Decision.OPPOSITE if harmed else Decision.UNDECIDED


def is_less_than_a_row(difference: float, n: int) -> bool:
    """Return whether a difference in proportion right is less than one of n rows.

    Counts are whole, so such a difference is none in them. There Tango's score test, which is right
    for many rows, is wrong in up to 6.3 % of cases at 5 %; the exact test never is in more than 5.
    """
    return abs(difference) * n < 1
