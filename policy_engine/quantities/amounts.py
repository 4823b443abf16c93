"""Amounts as people write them in YAML, and the parsers that read them."""

from dataclasses import dataclass
from decimal import Decimal

from policy_engine.quantities import syntax
from policy_engine.quantities.decimals import exact, named
from policy_engine.quantities.showing import show
from policy_engine.quantities.units import CURRENCY, MEASURES, SIZES, TIMES


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
    """Return the bytes that `200MB` or `1.1 GiB` says (1 MB = 10**6 B, 1 MiB = 2**20 B).

    A part of a byte is left out.
    """
    number, unit = syntax.SIZE.read(value)
    return int(number * SIZES[unit].factor)


def parse_percent(value: object) -> Decimal:
    """Return `10%` as the fraction 0.10."""
    return syntax.PERCENTAGE.read(value)[0] / 100


def parse_duration(value: object) -> Decimal:
    """Return the seconds that `50ms`, `30s`, `10min`, `2h`, `90d` or `1w` says."""
    number, unit = syntax.DURATION.read(value)
    return number * TIMES[unit].factor


def parse_money(value: object) -> Money:
    """Return the amount that `50 USD` says (an ISO 4217 code, three capital letters)."""
    return value if isinstance(value, Money) else Money(*syntax.MONEY.read(value))


def parse_rate(value: object) -> Rate:
    """Return the hourly price that `0.50 USD/h` says."""
    if isinstance(value, Rate):
        return value
    number, unit = syntax.PRICE.read(value)
    return Rate(number, unit.removesuffix("/h"))


def parse_margin(value: object) -> Margin:
    """Return the distance that `2pt` (points) or a bare number (the metric's own units) says."""
    if isinstance(value, Margin):
        return value
    if isinstance(value, str):
        return Margin(syntax.DISTANCE.read(value)[0], in_points=True)
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
            return unit not in {*MEASURES, "%", "pt"} and not CURRENCY.match(unit.partition("/")[0])
        return bool(CURRENCY.match(self.unit)) and unit == f"{self.unit}/pt"


def parse_quantity(value: object) -> Quantity:
    """Return the quantity that `250MB`, `12%`, `70 USD`, `40 rows` or a bare number says.

    Raises:
        ValueError: If it is none of them.
    """
    if not isinstance(value, str):
        return Quantity(exact(value), "")
    found = syntax.NUMBER.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"a number with its unit is needed, such as 250MB, not {named(value)}")
    number, unit = Decimal(found[1]), found[2].strip()
    for measure, units in MEASURES.items():
        if unit in units:
            return Quantity(number * units[unit].factor, measure)
    return Quantity(number / 100 if unit == "%" else number, unit)


def _plain(number: Decimal) -> str:
    return f"{number:f}"
