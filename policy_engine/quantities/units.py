"""The units that quantities are written in and shown in: one row each, and nowhere else."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of size or time.

    Attributes:
        factor: How many of the first unit of its table one is.
        least: The least number of it that is shown in it; None: it is read, and not shown.
        digits: Decimals that are shown; None: four significant digits.
    """

    factor: Decimal
    least: Decimal | None = None
    digits: int | None = None


_ONE = Decimal(1)
_TWO = Decimal(2)
SIZES: Mapping[str, Unit] = MappingProxyType(
    {
        "B": Unit(_ONE, Decimal(0), 0),
        "kB": Unit(Decimal(10**3), _ONE, 1),
        "MB": Unit(Decimal(10**6), _ONE, 1),
        "GB": Unit(Decimal(10**9), _ONE, 1),
        "TB": Unit(Decimal(10**12), _ONE, 1),
        "KB": Unit(Decimal(10**3)),
        "KiB": Unit(Decimal(2**10)),
        "MiB": Unit(Decimal(2**20)),
        "GiB": Unit(Decimal(2**30)),
        "TiB": Unit(Decimal(2**40)),
    }
)
"""Units of size, in bytes."""
TIMES: Mapping[str, Unit] = MappingProxyType(
    {
        "s": Unit(_ONE, _ONE),
        "ms": Unit(Decimal("0.001"), Decimal("1e-12")),
        "min": Unit(Decimal(60), _TWO),
        "h": Unit(Decimal(3600), _TWO),
        "d": Unit(Decimal(86400), _TWO),
        "w": Unit(Decimal(604800)),
    }
)
"""Units of time, in seconds."""
MEASURES: Mapping[str, Mapping[str, Unit]] = MappingProxyType({"B": SIZES, "s": TIMES})
"""The units by the one that values are kept in."""

CURRENCY = re.compile(r"[A-Z]{3}\Z")
"""A currency, as ISO 4217 writes it."""


def shown_units(measure: str) -> list[tuple[str, Unit]]:
    """Return the units that values are shown in, greatest first."""
    shown = [item for item in MEASURES[measure].items() if item[1].least is not None]
    return sorted(shown, key=lambda item: item[1].factor, reverse=True)


def measure_of(unit: str) -> str | None:
    """Return the unit that values of size or time are kept in, where this is another one of it."""
    return next((kept for kept, units in MEASURES.items() if unit in units and unit != kept), None)
