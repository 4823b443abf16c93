"""A figure: what is drawn, and the same numbers as a table for who cannot see it."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

LARGEST = Decimal("1e100")
"""Beyond, a number stands in the table alone: sums of it must stay numbers to JavaScript."""

Spec = dict[str, Any]
"""A chart in the words of Vega-Lite, with its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A plot, its sentence, and its table.

    Attributes:
        title: What it shows, in our own words.
        says: How to read it, in one sentence; it may quote names.
        head: The heads of the table's columns, in our own words.
        rows: The table: names and numbers, not yet escaped.
        spec: The drawing.
    """

    title: str
    says: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    spec: Spec


def drawn(value: Decimal | None) -> float | None:
    """Return a number as JavaScript draws it; None where it cannot."""
    if value is None or not value.is_finite() or abs(value) > LARGEST:
        return None
    return float(value)
