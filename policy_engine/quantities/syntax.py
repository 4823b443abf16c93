"""How amounts are written: what a parser admits, and the pattern that the JSON Schema shows."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from policy_engine.quantities.decimals import named
from policy_engine.quantities.units import SIZES, TIMES
from policy_engine.quantities.words import listed

# As ECMA 262 reads it too, which is what JSON Schema means.
_DIGITS = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_ANY = re.compile(rf" *([+-]?){_DIGITS}(?: *[A-Za-zµ%/]+)? *")
NUMBER = re.compile(rf"([+-]?{_DIGITS})(.{{0,100}})")
"""A number with whatever unit."""


class Amount(NamedTuple):
    """How an amount of one kind is written.

    Attributes:
        what: Its kind, with an article.
        example: One.
        unit: A pattern of its units.
        refusal: What a number with another unit is, and how to write it.
        sign: A pattern of the signs that it may have.
    """

    what: str
    example: str
    unit: str
    refusal: str
    sign: str = r"\+?"

    @property
    def pattern(self) -> str:
        """Return the pattern of all that is admitted, for Python and for JSON Schema."""
        return f"^ *({self.sign}{_DIGITS}) *({self.unit}) *$"

    def read(self, value: object) -> tuple[Decimal, str]:
        """Return the number and the unit of an amount that is written so.

        Raises:
            ValueError: If it is not; says what is needed.
        """
        written = value if isinstance(value, str) else ""
        found = re.fullmatch(self.pattern, written)
        if found is not None:
            return Decimal(found[1]), found[2]
        parts = _ANY.fullmatch(written)
        if parts is None:
            raise ValueError(f"expected {self.what} such as {self.example}, got {named(value)}")
        if parts[1] == "-" and re.fullmatch(self.pattern, written.replace("-", "+", 1)):
            raise ValueError(f"{named(value)} is negative")
        raise ValueError(f"{named(value)} {self.refusal}")


def _any_of(units: Iterable[str]) -> str:
    return "|".join(map(re.escape, units))


_CURRENCY = "[A-Z]{3}"
_TIMES = sorted(TIMES, key=lambda name: TIMES[name].factor)
SIZE = Amount(
    "a size", "200MB", _any_of(SIZES), "has no known unit of size; write it like 200MB or 1.5GiB"
)
PERCENTAGE = Amount("a percentage", "10%", "%", "has no percent sign; write it like 10%", "[+-]?")
DURATION = Amount(
    "a duration", "30s", _any_of(_TIMES), f"has no known unit of time; write {listed(_TIMES, 'or')}"
)
MONEY = Amount("an amount", "50 USD", _CURRENCY, "has no currency; write it like 50 USD")
PRICE = Amount(
    "a price", "0.50 USD/h", _CURRENCY + "/h", "is not a price of an hour; write it like 0.50 USD/h"
)
DISTANCE = Amount(
    "a distance",
    "2pt",
    "pt",
    "is not a distance; write 2pt, or a bare number in the metric's units",
)
