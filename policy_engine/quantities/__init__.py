"""Quantities as people write them in YAML (`200MB`, `10%`, `50 USD`, `30d`) and read them again.

Every setting with a unit states it: a bare number is refused, since nobody can tell seconds from
milliseconds afterwards. Amounts are exact decimals, so that a limit holds at its boundary.
"""

from policy_engine.quantities.amounts import (
    Margin,
    Money,
    Quantity,
    Rate,
    parse_bytes,
    parse_duration,
    parse_margin,
    parse_money,
    parse_percent,
    parse_quantity,
    parse_rate,
)
from policy_engine.quantities.decimals import EXACT, divide, exact, not_exact
from policy_engine.quantities.settings import (
    Bytes,
    Duration,
    Fraction,
    HourlyPrice,
    Number,
    Percent,
    Points,
    Price,
    Tighter,
)
from policy_engine.quantities.showing import LONGEST, show, show_both
from policy_engine.quantities.units import MEASURES, shown_units
from policy_engine.quantities.words import count, did_you_mean, first_few, listed, nearest, plural

__all__ = [
    "EXACT",
    "LONGEST",
    "MEASURES",
    "Bytes",
    "Duration",
    "Fraction",
    "HourlyPrice",
    "Margin",
    "Money",
    "Number",
    "Percent",
    "Points",
    "Price",
    "Quantity",
    "Rate",
    "Tighter",
    "count",
    "did_you_mean",
    "divide",
    "exact",
    "first_few",
    "listed",
    "nearest",
    "not_exact",
    "parse_bytes",
    "parse_duration",
    "parse_margin",
    "parse_money",
    "parse_percent",
    "parse_quantity",
    "parse_rate",
    "plural",
    "show",
    "show_both",
    "shown_units",
]
