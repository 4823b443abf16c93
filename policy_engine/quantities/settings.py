"""Types of a policy's settings: each reads a quantity, and has its JSON Schema."""

from decimal import Decimal
from enum import Enum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from policy_engine.quantities import syntax
from policy_engine.quantities.amounts import (
    Margin,
    Money,
    Rate,
    parse_bytes,
    parse_duration,
    parse_margin,
    parse_money,
    parse_percent,
    parse_rate,
)
from policy_engine.quantities.decimals import exact


def _schema(amount: syntax.Amount) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": amount.pattern, "examples": [amount.example]}
    )


Number = Annotated[
    Decimal, BeforeValidator(exact), WithJsonSchema({"type": "number", "examples": [0.9]})
]
"""A finite number, exact."""
Bytes = Annotated[int, BeforeValidator(parse_bytes), _schema(syntax.SIZE)]
"""A size in bytes."""
Percent = Annotated[Decimal, BeforeValidator(parse_percent), _schema(syntax.PERCENTAGE)]
"""A fraction (10% is 0.10)."""
Duration = Annotated[Decimal, BeforeValidator(parse_duration), _schema(syntax.DURATION)]
"""A time span in seconds."""
Price = Annotated[Money, BeforeValidator(parse_money), _schema(syntax.MONEY)]
"""An amount of money."""
HourlyPrice = Annotated[Rate, BeforeValidator(parse_rate), _schema(syntax.PRICE)]
"""The price of one hour."""
Points = Annotated[
    Margin,
    BeforeValidator(parse_margin),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": syntax.DISTANCE.pattern},
            ]
        }
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
