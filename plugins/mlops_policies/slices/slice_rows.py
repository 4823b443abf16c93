"""The slices of joined rows: which there are, and which have enough rows to be judged."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policy_engine.evidence import Joined, MissingEvidence

REST = "(rest)"
"""The slice of all values of a column that have too few rows each."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the joined rows.

    Attributes:
        name: `column=value`.
        places: Where its rows stand among the joined ones.
        values: How many values of the column it holds; above 1 for the rest.
        is_named: Whether the policy names this very value.
    """

    name: str
    places: tuple[int, ...]
    values: int = 1
    is_named: bool = False


def columns_of(slices: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that slices such as `region` and `region=EU` are of, each once."""
    return tuple(dict.fromkeys(each.partition("=")[0] for each in slices))


def slices_of(declared: str, joined: Joined, min_rows: int) -> Iterator[Slice]:
    """Yield the slices that one declaration makes.

    Args:
        declared: A column, or `column=value`.
        joined: The rows, with the column among their groups.
        min_rows: Values with fewer rows are pooled as `(rest)`; a value that is named is not.

    Raises:
        MissingEvidence: If no row has the value that is named.
    """
    column, _, value = declared.partition("=")
    cells = joined.groups[column]
    if value:
        places = tuple(i for i, cell in enumerate(cells) if cell == value)
        if not places:
            raise MissingEvidence(
                f"slice {declared} is declared but absent from the {len(cells):,} shared rows",
                f"evaluate both on rows of {declared}, or take it out of `slices`",
            )
        yield Slice(declared, places, is_named=True)
        return
    counts = Counter(cells)
    large = sorted(cell for cell, count in counts.items() if count >= min_rows)
    for cell in large:
        places = tuple(i for i, each in enumerate(cells) if each == cell)
        yield Slice(f"{column}={cell}", places)
    kept = set(large)
    rest = tuple(i for i, cell in enumerate(cells) if cell not in kept)
    if rest:
        yield Slice(f"{column}={REST}", rest, values=len(counts) - len(large))
