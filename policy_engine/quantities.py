"""Quantities as people write them in YAML (`200MB`, `10%`, `50 USD`, `30d`) and read them again.

Every setting with a unit states it: a bare number is refused, since nobody can tell seconds from
milliseconds afterwards. Amounts are exact decimals, so that a limit holds at its boundary.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import Enum
from functools import cache
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema

_NUMBER = r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
_AMOUNT = re.compile(_NUMBER + r"\s*(?P<unit>[A-Za-zµ%/]*)\s*\Z")
_QUANTITY = re.compile(_NUMBER + r"(?P<unit>.{0,100})\Z")

_BYTES = {
    "B": 1,
    **{f"{p}B": 10 ** (3 * i) for i, p in enumerate(["k", "M", "G", "T"], 1)},
    "KB": 10**3,
    **{f"{p}iB": 2 ** (10 * i) for i, p in enumerate(["K", "M", "G", "T"], 1)},
}
_LARGE_BYTES = ("TB", "GB", "MB", "kB")
_SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
_CURRENCY = re.compile(r"[A-Z]{3}\Z")
LONGEST = 15
"""Digits before or behind the point beyond which a number is shown with an exponent."""
_MOST_DIGITS = 30
_FIXED = tuple(f".{digits}f" for digits in range(_MOST_DIGITS + 2))
EXACT = Context(prec=1000)
"""Sums and products of two floats have at most 650 digits, so none is rounded; `divide` divides."""
_DIVIDE = Context(prec=28, rounding=ROUND_HALF_EVEN)


def exact(value: object) -> Decimal:
    """Return a finite number as the exact decimal that was written.

    Args:
        value: An `int`, `float` or `Decimal`; a float counts as its shortest decimal form.

    Raises:
        ValueError: If it is anything else (a boolean and text too), NaN or infinite.
    """
    if type(value) is float:
        number = Decimal(repr(value))
    elif type(value) is int or isinstance(value, Decimal):
        number = Decimal(value)
    else:
        raise ValueError(f"a number is due, not {_named(value)}")
    if not number.is_finite():
        raise ValueError(f"a finite number is due, not {value}")
    return number


def divide(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Return the quotient to 28 significant digits, whatever the process's decimal context says."""
    return _DIVIDE.divide(numerator, denominator)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return show(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Rate:
    """A price for one hour of a machine."""

    per_hour: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{_plain(self.per_hour)} {self.currency}/h"


@dataclass(frozen=True, slots=True)
class Margin:
    """A distance between metric values: in points, or in the metric's own units."""

    amount: Decimal
    in_points: bool

    def __str__(self) -> str:
        return f"{_plain(self.amount)} pt" if self.in_points else _plain(self.amount)


def parse_bytes(value: object) -> int:
    """Return the bytes that `200MB` or `1.5 GiB` says (1 MB = 10**6 B, 1 MiB = 2**20 B)."""
    number, unit = _split(value, "a size such as 200MB")
    factor = _BYTES.get(unit)
    if factor is None:
        raise ValueError(
            f"{_named(value)} has no known unit of size; write it like 200MB or 1.5GiB"
        )
    size = number * factor
    if size != size.to_integral_value() or size < 0:
        raise ValueError(f"{_named(value)} is not a whole number of bytes of at least 0")
    return int(size)


def parse_percent(value: object) -> Decimal:
    """Return `10%` as the fraction 0.10."""
    number, unit = _split(value, "a percentage such as 10%")
    if unit != "%":
        raise ValueError(f"{_named(value)} has no percent sign; write it like 10%")
    return number / 100


def parse_duration(value: object) -> Decimal:
    """Return the seconds that `50ms`, `30s`, `10min`, `2h`, `90d` or `1w` says."""
    number, unit = _split(value, "a duration such as 30s")
    factor = _SECONDS.get(unit)
    if factor is None:
        raise ValueError(f"{_named(value)} has no known unit of time; write ms, s, min, h, d or w")
    if number < 0:
        raise ValueError(f"{_named(value)} is negative")
    return number * factor


def parse_money(value: object) -> Money:
    """Return the amount that `50 USD` says (an ISO 4217 code, three capital letters)."""
    if isinstance(value, Money):
        return value
    number, unit = _split(value, "an amount such as 50 USD")
    if not _CURRENCY.match(unit):
        raise ValueError(f"{_named(value)} has no currency; write it like 50 USD")
    if number < 0:
        raise ValueError(f"{_named(value)} is negative")
    return Money(number, unit)


def parse_rate(value: object) -> Rate:
    """Return the hourly price that `0.50 USD/h` says."""
    if isinstance(value, Rate):
        return value
    number, unit = _split(value, "a price such as 0.50 USD/h")
    currency, slash, hour = unit.partition("/")
    if not (slash and hour == "h" and _CURRENCY.match(currency)):
        raise ValueError(f"{_named(value)} is no price of an hour; write it like 0.50 USD/h")
    if number < 0:
        raise ValueError(f"{_named(value)} is negative")
    return Rate(number, currency)


def parse_margin(value: object) -> Margin:
    """Return the distance that `2pt` (points) or a bare number (the metric's own units) says."""
    if isinstance(value, Margin):
        return value
    if isinstance(value, str):
        number, unit = _split(value, "a distance such as 2pt")
        if unit != "pt":
            raise ValueError(
                f"{_named(value)} is no distance; write 2pt, or a bare number in the metric's units"
            )
        margin = Margin(number, in_points=True)
    else:
        margin = Margin(exact(value), in_points=False)
    if margin.amount < 0:
        raise ValueError(f"{_named(value)} is negative")
    return margin


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, whatever the unit is: bytes, seconds and fractions by their parsers.

    Attributes:
        value: In `unit`.
        unit: `B`, `s`, `%` (a fraction), a currency, or as written; "" for a bare number.
    """

    value: Decimal
    unit: str

    def is_in(self, unit: str) -> bool:
        """Say whether it can be compared with a value of this unit.

        A bare number is one of whatever has a name of its own for a unit, such as a metric. An
        amount of money compares with what a point costs too, as such settings are written.
        """
        if self.unit == unit:
            return True
        if not self.unit:
            return unit not in {"B", "s", "%", "pt"} and not _CURRENCY.match(unit.partition("/")[0])
        return bool(_CURRENCY.match(self.unit)) and unit == f"{self.unit}/pt"


def parse_quantity(value: object) -> Quantity:
    """Return the quantity that `250MB`, `12%`, `70 USD`, `40 rows` or a bare number says.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(value, str):
        return Quantity(exact(value), "")
    found = _QUANTITY.match(value.strip())
    if found is None:
        raise ValueError(f"a number with its unit is due, such as 250MB, not {_named(value)}")
    number, unit = Decimal(found["number"]), found["unit"].strip()
    if unit in _BYTES:
        return Quantity(number * _BYTES[unit], "B")
    if unit in _SECONDS:
        return Quantity(number * _SECONDS[unit], "s")
    return Quantity(number / 100 if unit == "%" else number, unit)


def _schema(example: str, pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Number = Annotated[
    Decimal, BeforeValidator(exact), WithJsonSchema({"type": "number", "examples": [0.9]})
]
"""A finite number, exact."""
Bytes = Annotated[int, BeforeValidator(parse_bytes), _schema("200MB", r"^[0-9.]+ ?([kKMGT]i?)?B$")]
"""A size in bytes."""
Percent = Annotated[Decimal, BeforeValidator(parse_percent), _schema("10%", r"^[+-]?[0-9.]+ ?%$")]
"""A fraction (10% is 0.10)."""
Duration = Annotated[
    Decimal, BeforeValidator(parse_duration), _schema("30s", r"^[0-9.]+ ?(ms|s|min|h|d|w)$")
]
"""A time span in seconds."""
Price = Annotated[Money, BeforeValidator(parse_money), _schema("50 USD", r"^[0-9.]+ ?[A-Z]{3}$")]
"""An amount of money."""
HourlyPrice = Annotated[
    Rate, BeforeValidator(parse_rate), _schema("0.50 USD/h", r"^[0-9.]+ ?[A-Z]{3}/h$")
]
"""The price of one hour."""
Points = Annotated[
    Margin,
    BeforeValidator(parse_margin),
    WithJsonSchema(
        {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9.]+ ?pt$"}]}
    ),
]
"""A distance between metric values: `2pt`, or a bare number in the metric's units."""
Fraction = Annotated[Number, Field(ge=0)]
"""A number of at least 0, as a fraction (0.1 is 10%)."""


class Tighter(Enum):
    """Which way a setting gets tighter, so that a policy file may go there from a mandatory one.

        max_size: Annotated[Bytes | None, Tighter.LOWER] = Field(default=None, description="…")

    Declare it only where it is true whatever the other settings are: of two values, the tighter one
    lets nothing merge that the other stops. A setting that declares nothing is fixed beneath
    `level: mandatory`. None ("off") is no limit, the loosest value of all.
    """

    LOWER = "lower"
    """A smaller number is tighter; of a `Literal`, a word that stands before."""
    HIGHER = "higher"
    """A greater number is tighter; of a `Literal`, a word that stands behind."""
    FEWER = "fewer"
    """Of a list or mapping, fewer of the same entries are tighter: what is allowed."""
    MORE = "more"
    """Of a list or mapping, the same entries and more are tighter: what is asked for."""
    ON = "on"
    """True is tighter."""
    OFF = "off"
    """False is tighter."""


def show(value: Decimal | float, unit: str, apart_from: Decimal | float | None = None) -> str:
    """Return a value as people read it, with its unit.

    Args:
        value: The number, in `unit`.
        unit: `B`, `s`, `%` (a fraction), `pt`, a currency, or anything else (shown behind).
        apart_from: A number that this one must not look equal to: digits are added until it does
            not, so that a report never says "200.0 MB is over 200.0 MB".
    """
    number = value if isinstance(value, Decimal) else exact(value)
    _, scale, suffix, digits = _step(number, _steps(unit))
    scaled = number if scale is _ONE else _DIVIDE.divide(number, scale)
    text = _rounded(scaled, digits)
    if apart_from is not None:
        other = apart_from if isinstance(apart_from, Decimal) else exact(apart_from)
        if _near(number, other, scale, digits):
            text = _told_apart(text, scaled, _DIVIDE.divide(other, scale), digits)
    return text + suffix


def show_both(one: Decimal, other: Decimal, unit: str) -> tuple[str, str]:
    """Return two values of one unit as people read them, each shown apart from the other.

    It is `(show(one, unit, other), show(other, unit, one))`.
    """
    steps = _steps(unit)
    step = _step(one, steps)
    if len(steps) == 1 or step is _step(other, steps):
        _, scale, suffix, digits = step
        scaled, other_scaled = one, other
        if scale is not _ONE:
            scaled, other_scaled = _DIVIDE.divide(one, scale), _DIVIDE.divide(other, scale)
        text, other_text = _rounded(scaled, digits), _rounded(other_scaled, digits)
        if text != other_text or one == other:
            return text + suffix, other_text + suffix
    return show(one, unit, other), show(other, unit, one)


def _near(one: Decimal, other: Decimal, scale: Decimal, digits: int | None) -> bool:
    """Say whether two numbers differ by so little that they might be shown alike.

    They are not if they differ by ten or more of the last place that is shown.
    """
    gap = _DIVIDE.subtract(one, other)
    if not gap:
        return False
    if digits is not None:
        return gap.adjusted() <= scale.adjusted() - digits + 1
    place = max(one.adjusted() if one else -LONGEST, other.adjusted() if other else -LONGEST)
    return gap.adjusted() <= place - (2 if scale is _ONE else 1)


class _Step(NamedTuple):
    """How to show a number of at least `least`: divided by `scale`, with so many decimals."""

    least: Decimal
    scale: Decimal
    suffix: str
    digits: int | None


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
        return (_Step(_NONE, Decimal("0.01"), "%", 2),)
    if unit == "B":
        large = [_Step(Decimal(_BYTES[n]), Decimal(_BYTES[n]), f" {n}", 1) for n in _LARGE_BYTES]
        return (*large, _Step(_NONE, _ONE, " B", 0))
    if unit == "s":
        long = [_Step(2 * _SECONDS[n], _SECONDS[n], f" {n}", None) for n in ("d", "h", "min")]
        short = _Step(Decimal("1e-15"), _SECONDS["ms"], " ms", None)
        return (*long, _Step(_ONE, _ONE, " s", None), short, _Step(_NONE, _ONE, " s", None))
    suffix = f" {unit}" if unit else ""
    is_fixed = unit == "pt" or _CURRENCY.match(unit.partition("/")[0])
    return (_Step(_NONE, _ONE, suffix, 2 if is_fixed else None),)


def _rounded(number: Decimal, digits: int | None) -> str:
    if not number:
        return format(_NONE, _FIXED[digits or 0])
    place = number.adjusted()
    if place > LONGEST or place < -LONGEST:
        return f"{number:.3e}"
    if digits is None:
        # Four significant digits, but never fewer than stand before the point.
        if place >= 3:  # noqa: PLR2004 (four digits and more)
            return format(number, _FIXED[0])
        return format(number, _FIXED[3 - place]).rstrip("0").rstrip(".")
    if place < -digits and digits:
        digits = 1 - place  # two significant digits: 0.0001 USD is not 0.00 USD
    return format(number, _FIXED[digits])


def _told_apart(text: str, number: Decimal, other: Decimal, digits: int | None) -> str:
    more = digits or 0
    while text == _rounded(other, digits) and more < _MOST_DIGITS:
        more += 1
        digits = more
        text = _rounded(number, digits)
    return text


def _plain(number: Decimal) -> str:
    return f"{number:f}"


def _split(value: object, due: str) -> tuple[Decimal, str]:
    if not isinstance(value, str):
        raise ValueError(f"{due} is due, not {_named(value)}")  # noqa: TRY004 (pydantic's contract)
    found = _AMOUNT.match(value.strip())
    if found is None:
        raise ValueError(f"{due} is due, not {_named(value)}")
    return Decimal(found["number"]), found["unit"]


def _named(value: object) -> str:
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    return f"'{value}'" if isinstance(value, str) else f"{value}"
