"""Gains, p-values and numbers of rows as people read them."""

from dataclasses import replace
from decimal import ROUND_CEILING, Context, Decimal
from typing import NamedTuple

from mlops_policies.comparing.bootstrapped import Bootstrapped
from mlops_policies.comparing.tested import Tested
from policy_engine.evidence import Metric
from policy_engine.quantities import divide, exact, show
from policy_engine.statistics import DifferingRows

ONCE = (
    "decide on the number first, take new ones, and check again once: repeated looks find "
    "something by chance"
)
"""What to heed where more is measured because a test decided nothing."""

_SMALL = 1e-4
_MOST = 1_000_000
"""Rows that somebody might get (count); of more only this is said."""
_DIGITS = 1000
"""From here on three digits are said, below two."""
_FEW = 99
"""Up to so many, each one counts."""
_READ = tuple(Context(prec=digits, rounding=ROUND_CEILING) for digits in (2, 3))


def amount(
    metric: Metric, value: float | Decimal, apart_from: float | Decimal | None = None
) -> str:
    """Return a difference of metric values as people read it: in points, where there are any."""
    if not isinstance(value, Decimal) and value - value != 0:
        return "not a number"
    number, other = exact(value), None if apart_from is None else exact(apart_from)
    if metric.point is None:
        return show(number, "", other)
    point = metric.point
    return show(divide(number, point), "pt", None if other is None else divide(other, point))


def gain_or_loss(
    metric: Metric, value: float | Decimal, apart_from: float | Decimal | None = None
) -> str:
    """Return a difference as a gain, as a loss where it is below 0, or as none."""
    if value == 0:
        return "no change"
    if value < 0:
        return f"a loss of {amount(metric, -value, apart_from)}"
    return f"a gain of {amount(metric, value, apart_from)}"


def with_a_point(metric: Metric, baseline: Decimal) -> tuple[Metric, str]:
    """Return a metric that has a point, and in brackets which, if it is ours.

    Where neither the metric's name nor the policy file says what a point is, it is 1 % of the
    baseline's value: a loss that everybody sees shall not merge for want of a setting.

    Args:
        metric: The metric.
        baseline: Its value in the baseline (the metric's units).
    """
    if metric.point is not None or not baseline:
        return metric, ""
    point = divide(baseline.copy_abs(), Decimal(100))
    said = (
        f" (a point is 1 % of the baseline's {metric.name}, {show(point, '')}, since neither its "
        "name nor `metric: {point: …}` says what it is)"
    )
    return replace(metric, point=point), said


def about(rows: int) -> str:
    """Return a number of rows or seeds with the digits that it is good for, rounded up."""
    if rows > _MOST:
        return "more than a million"
    if rows <= _FEW:
        return f"{rows}"
    read = _READ[rows >= _DIGITS]
    return f"about {int(read.create_decimal(rows)):,}"


def if_it_gains(metric: Metric, delta: float, seen: float) -> str:
    """Return under which truth so many rows would show a gain."""
    said = amount(metric, delta)
    is_seen = said == amount(metric, seen)
    return f"if the true gain is {f'the {said} seen here' if is_seen else said}"


IF_EQUAL = "if the candidate is truly equal"
"""Under which truth so many rows would show that it loses no more than a margin."""


def have(tested: Tested) -> str:
    """Return on how many rows or seeds a test was made, in short."""
    if tested.spread is None:
        return "these rows"
    return f"{tested.spread.have:,} {tested.spread.what}"


class Wanted(NamedTuple):
    """What more rows or seeds are to show.

    Attributes:
        delta: The difference to see, beyond what is tested (the metric's units).
        aim: What they show then, such as `a gain above 0`.
        truth: In which case they do, as `if_it_gains` says it.
        seen: The difference that is seen, beyond what is tested too; 0: not worth to say.
        said: The gain that is seen, in words.
        of_none: Whether what is tested is no gain at all, which counts test exactly.
    """

    delta: float
    aim: str
    truth: str
    seen: float = 0.0
    said: str = ""
    of_none: bool = False


def is_carried_by_few(tested: Tested) -> bool:
    """Say whether few rows carry the difference, so that more rows do not settle it."""
    return isinstance(tested, Bootstrapped) and bool(tested.carried)


def _needed(
    tested: Tested, delta: float, alpha: float, *, of_none: bool
) -> tuple[int, int, str] | None:
    """Return how many rows or seeds would decide, how many there are, of what; None: not known."""
    if is_carried_by_few(tested) or not (delta > 0 and tested.standard_error > 0):
        return None
    need, have, what = tested.needed(delta, alpha)
    if of_none and isinstance(tested.spread, DifferingRows):
        need = replace(tested.spread, exact=True).needed(delta, alpha)
    return need, have, what


def still_needed(tested: Tested, wanted: Wanted, alpha: float) -> str:
    """Return, as a sentence's end, how many rows or seeds would decide at alpha (one-sided)."""
    rows = _needed(tested, wanted.delta, alpha, of_none=wanted.of_none)
    if rows is None:
        return ""
    need, have, what = rows
    if need <= have:
        return f"; {have:,} {what} are enough to show {wanted.aim} 4 times in 5, {wanted.truth}"
    return f"; {about(need)} {what} show {wanted.aim} 4 times in 5, {wanted.truth}"


def more_needed(tested: Tested, wanted: Wanted, alpha: float) -> str:
    """Return what to do so that it decides, with how many rows or seeds, where these are few."""
    rows = _needed(tested, wanted.delta, alpha, of_none=wanted.of_none)
    if rows is None or rows[0] <= rows[1]:
        return tested.more
    need, have, what = rows
    many = f"{about(need)} {what} ({have:,} now)"
    seen = _needed(tested, wanted.seen, alpha, of_none=wanted.of_none)
    more = ""
    if seen is not None and seen[0] > need:
        more = f", and {about(seen[0])} if it is the {wanted.said} seen here"
    return f"{tested.more}: {wanted.truth}, {many} decide 4 times in 5{more}; {ONCE}"


def p_value(p: float) -> str:
    """Return a p-value as people read it."""
    return show(exact(p), "") if p >= _SMALL else f"{p:.1e}"
