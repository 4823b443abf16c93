"""Amounts as people write them in YAML, and the parsers that read them."""

import re
from dataclasses import dataclass
from decimal import Decimal

from policy_engine.quantities.decimals import exact, named
from policy_engine.quantities.showing import show
from policy_engine.quantities.units import BYTES, CURRENCY, SECONDS

_NUMBER = r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
_AMOUNT = re.compile(_NUMBER + r"\s*(?P<unit>[A-Za-zµ%/]*)\s*\Z")
_QUANTITY = re.compile(_NUMBER + r"(?P<unit>.{0,100})\Z")


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
    factor = BYTES.get(unit)
    if factor is None:
        raise ValueError(f"{named(value)} has no known unit of size; write it like 200MB or 1.5GiB")
    size = number * factor
    if size != size.to_integral_value() or size < 0:
        raise ValueError(f"{named(value)} is not a whole number of bytes of at least 0")
    return int(size)


def parse_percent(value: object) -> Decimal:
    """Return `10%` as the fraction 0.10."""
    number, unit = _split(value, "a percentage such as 10%")
    if unit != "%":
        raise ValueError(f"{named(value)} has no percent sign; write it like 10%")
    return number / 100


def parse_duration(value: object) -> Decimal:
    """Return the seconds that `50ms`, `30s`, `10min`, `2h`, `90d` or `1w` says."""
    number, unit = _split(value, "a duration such as 30s")
    factor = SECONDS.get(unit)
    if factor is None:
        raise ValueError(f"{named(value)} has no known unit of time; write ms, s, min, h, d or w")
    if number < 0:
        raise ValueError(f"{named(value)} is negative")
    return number * factor


def parse_money(value: object) -> Money:
    """Return the amount that `50 USD` says (an ISO 4217 code, three capital letters)."""
    if isinstance(value, Money):
        return value
    number, unit = _split(value, "an amount such as 50 USD")
    if not CURRENCY.match(unit):
        raise ValueError(f"{named(value)} has no currency; write it like 50 USD")
    if number < 0:
        raise ValueError(f"{named(value)} is negative")
    return Money(number, unit)


def parse_rate(value: object) -> Rate:
    """Return the hourly price that `0.50 USD/h` says."""
    if isinstance(value, Rate):
        return value
    number, unit = _split(value, "a price such as 0.50 USD/h")
    currency, slash, hour = unit.partition("/")
    if not (slash and hour == "h" and CURRENCY.match(currency)):
        raise ValueError(f"{named(value)} is no price of an hour; write it like 0.50 USD/h")
    if number < 0:
        raise ValueError(f"{named(value)} is negative")
    return Rate(number, currency)


def parse_margin(value: object) -> Margin:
    """Return the distance that `2pt` (points) or a bare number (the metric's own units) says."""
    if isinstance(value, Margin):
        return value
    if isinstance(value, str):
        number, unit = _split(value, "a distance such as 2pt")
        if unit != "pt":
            raise ValueError(
                f"{named(value)} is no distance; write 2pt, or a bare number in the metric's units"
            )
        margin = Margin(number, in_points=True)
    else:
        margin = Margin(exact(value), in_points=False)
    if margin.amount < 0:
        raise ValueError(f"{named(value)} is negative")
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
            return unit not in {"B", "s", "%", "pt"} and not CURRENCY.match(unit.partition("/")[0])
        return bool(CURRENCY.match(self.unit)) and unit == f"{self.unit}/pt"


def parse_quantity(value: object) -> Quantity:
    """Return the quantity that `250MB`, `12%`, `70 USD`, `40 rows` or a bare number says.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(value, str):
        return Quantity(exact(value), "")
    found = _QUANTITY.match(value.strip())
    if found is None:
        raise ValueError(f"a number with its unit is due, such as 250MB, not {named(value)}")
    number, unit = Decimal(found["number"]), found["unit"].strip()
    if unit in BYTES:
        return Quantity(number * BYTES[unit], "B")
    if unit in SECONDS:
        return Quantity(number * SECONDS[unit], "s")
    return Quantity(number / 100 if unit == "%" else number, unit)


def _plain(number: Decimal) -> str:
    return f"{number:f}"


def _split(value: object, due: str) -> tuple[Decimal, str]:
    if not isinstance(value, str):
        raise ValueError(f"{due} is due, not {named(value)}")  # noqa: TRY004 (pydantic's contract)
    found = _AMOUNT.match(value.strip())
    if found is None:
        raise ValueError(f"{due} is due, not {named(value)}")
    return Decimal(found["number"]), found["unit"]
