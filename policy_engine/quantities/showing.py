"""Numbers as people read them: rounded, with their unit, and never alike where they differ."""

from decimal import Decimal
from functools import cache
from typing import NamedTuple

from policy_engine.quantities.decimals import DIVIDE, exact
from policy_engine.quantities.units import CURRENCY, MEASURES, Unit, shown_units

LONGEST = 15
"""Digits before or behind the point beyond which a number is shown with an exponent."""
_MOST_DIGITS = 30
_FIXED = tuple(f".{digits}f" for digits in range(_MOST_DIGITS + 2))


def show(value: Decimal | float, unit: str, apart_from: Decimal | float | None = None) -> str:
    """Return a value as people read it, with its unit.

    Args:
        value: The number, in `unit`.
        unit: `B`, `s`, `%` (a fraction), `pt`, a currency, or anything else (shown behind).
        apart_from: A number that this one must not look equal to: digits are added until it does
            not, so that a report never says "200.0 MB is over 200.0 MB".
    """
    number = value if isinstance(value, Decimal) else exact(value)
    _, scale, suffix, digits, significant = _step(number, _steps(unit))
    scaled = number if scale is _ONE else DIVIDE.divide(number, scale)
    text = _rounded(scaled, digits, significant)
    if apart_from is not None:
        other = apart_from if isinstance(apart_from, Decimal) else exact(apart_from)
        if _near(number, other, scale, digits):
            text = _told_apart(text, scaled, DIVIDE.divide(other, scale), digits, significant)
    return text + suffix


def show_both(one: Decimal, other: Decimal, unit: str) -> tuple[str, str]:
    """Return two values of one unit as people read them, each shown apart from the other.

    It is `(show(one, unit, other), show(other, unit, one))`.
    """
    steps = _steps(unit)
    step = _step(one, steps)
    if len(steps) == 1 or step is _step(other, steps):
        _, scale, suffix, digits, significant = step
        scaled, other_scaled = one, other
        if scale is not _ONE:
            scaled, other_scaled = DIVIDE.divide(one, scale), DIVIDE.divide(other, scale)
        text = _rounded(scaled, digits, significant)
        other_text = _rounded(other_scaled, digits, significant)
        if text != other_text or one == other:
            return text + suffix, other_text + suffix
    return show(one, unit, other), show(other, unit, one)


def _near(one: Decimal, other: Decimal, scale: Decimal, digits: int | None) -> bool:
    """Say whether two numbers differ by so little that they might be shown alike.

    They are not if they differ by ten or more of the last place that is shown.
    """
    gap = DIVIDE.subtract(one, other)
    if not gap:
        return False
    if digits is not None:
        return gap.adjusted() <= scale.adjusted() - digits + 1
    place = max(one.adjusted() if one else -LONGEST, other.adjusted() if other else -LONGEST)
    return gap.adjusted() <= place - (2 if scale is _ONE else 1)


class _Step(NamedTuple):
    """How to show a number of at least `least`: divided by `scale`, with so many decimals.

    Where `digits` is None, so many digits are shown as are `significant`.
    """

    least: Decimal
    scale: Decimal
    suffix: str
    digits: int | None
    significant: int = 4


_ONE = Decimal(1)
_NONE = Decimal(0)


def _step(number: Decimal, steps: tuple[_Step, ...]) -> _Step:
    """Return the way to show a number of this size."""
    if len(steps) == 1:
        return steps[0]
    magnitude = number.copy_abs()
    for step in steps:
        if magnitude >= step.least:
            return step
    return steps[-1]


@cache
def _steps(unit: str) -> tuple[_Step, ...]:
    """Return the ways to show a unit, greatest numbers first; None: four significant digits."""
    if unit == "%":
        return (_Step(_NONE, Decimal("0.01"), "%", None, 3),)
    if unit in MEASURES:
        base = MEASURES[unit][unit]
        steps = [_in_unit(name, each) for name, each in shown_units(unit)]
        return (*steps, _Step(_NONE, _ONE, f" {unit}", base.digits))
    suffix = f" {unit}" if unit else ""
    is_fixed = unit == "pt" or CURRENCY.match(unit.partition("/")[0])
    return (_Step(_NONE, _ONE, suffix, 2 if is_fixed else None),)


def _in_unit(name: str, unit: Unit) -> _Step:
    scale = _ONE if unit.factor == 1 else unit.factor
    return _Step((unit.least or _NONE) * scale, scale, f" {name}", unit.digits)


def _rounded(number: Decimal, digits: int | None, significant: int = 4) -> str:
    if not number:
        return format(_NONE, _FIXED[digits or 0])
    place = number.adjusted()
    if place > LONGEST or place < -LONGEST:
        return f"{number:.3e}"
    if digits is None:
        # The significant digits, but never fewer than stand before the point.
        if place >= significant - 1:
            return format(number, _FIXED[0])
        return format(number, _FIXED[significant - 1 - place]).rstrip("0").rstrip(".")
    if place < -digits and digits:
        digits = 1 - place  # two significant digits: 0.0001 USD is not 0.00 USD
    return format(number, _FIXED[digits])


def _told_apart(
    text: str, number: Decimal, other: Decimal, digits: int | None, significant: int
) -> str:
    more = digits or 0
    while text == _rounded(other, digits, significant) and more < _MOST_DIGITS:
        more += 1
        digits = more
        text = _rounded(number, digits)
    return text
