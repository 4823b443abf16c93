"""The numbers of a first gate: what a point of the metric is, and values for its test."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal, InvalidOperation

from policy_engine.evidence.metrics import Goal, known

ENOUGH = 5
"""Runs whose spread says something of how far values lie apart."""
_TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Point:
    """What one point of a metric is, in the metric's units, and why so much."""

    value: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values of a metric for a test, as they are written: the first one is better."""

    better: str
    worse: str


def proposed_point(metric: str | None, values: Sequence[float]) -> Point | None:
    """Return what a point shall be, where the metric's name does not tell it.

    A tenth of the spread of the runs, as accuracies mostly lie within ten points, or 1 % of the
    newest value where that is less or the runs are few.

    Args:
        metric: Its name.
        values: Of the runs, newest first.
    """
    kind = known(metric) if metric else None
    if metric is None or not values or not values[0] or (kind and kind.point is not None):
        return None
    newest = Decimal(repr(values[0]))
    percent = _short(abs(newest) / 100, 1)
    point = Point(percent, f"1 % of the newest run's {_plain(_near(newest))}")
    if len(values) < ENOUGH:
        return point
    spread = Decimal(repr(max(values))) - Decimal(repr(min(values)))
    tenth = _short(spread * _TENTH, 1)
    if not 0 < tenth < percent:
        return point
    return Point(tenth, f"a tenth of the spread of {len(values)} runs")


def example_values(metric: str | None, goal: Goal | None, values: Sequence[float]) -> Pair:
    """Return two values that the metric may well have: the newest run's, and one 2 points worse."""
    kind = known(metric) if metric else None
    is_loss = (kind.goal if kind else goal) == "minimize"
    if not values:
        return Pair("0.10", "0.12") if is_loss else Pair("0.92", "0.90")
    point = kind.point if kind and kind.point is not None else None
    if point is None:
        proposed = proposed_point(metric, values)
        point = proposed.value if proposed else Decimal("0.01")
    better = _near(Decimal(repr(values[0])))
    worse = better + 2 * point if is_loss else better - 2 * point
    if kind is not None and kind.bounded:
        worse = min(max(worse, Decimal(0)), Decimal(1))
    return Pair(_plain(better), _plain(worse))


def written(point: Decimal) -> str:
    """Return a point as YAML reads it."""
    return _plain(point)


def positive(text: str) -> Decimal | None:
    """Return a number above 0, or None where the text is not one."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None


def _near(value: Decimal) -> Decimal:
    """Return a value with four significant digits."""
    return value and value.quantize(Decimal(1).scaleb(value.adjusted() - 3))


def _short(value: Decimal, digits: int) -> Decimal:
    """Return a value with so many significant digits, cut off."""
    if not value:
        return value
    return value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), ROUND_DOWN)


def _plain(value: Decimal) -> str:
    """Return a value without an exponent: YAML reads `1e-3` as text."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
