"""The cells of a model's stored input example, whatever form MLflow gave it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policy_engine.evidence import MissingEvidence, Model, json_value

EXAMPLES = ("input_example.json", "serving_input_example.json")
EXAMPLE_REMEDY = (
    "log the model with a made-up input example; MLflow stores the example as it is given"
)
DEEPEST = 50
"""Lists in lists beyond which an example is not an example (levels)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of an example as text, and the column that it stands in, where one is named."""

    column: str | None
    text: str


def example_texts(model: Model) -> list[str]:
    """Return the stored texts of the input example; the one that MLmodel names must be among them.

    Raises:
        MissingEvidence: If MLmodel names an example that is stored in no form that can be read.
    """
    texts = []
    for path in EXAMPLES:
        try:
            texts.append(model.text(path))
        except MissingEvidence:
            continue
    if not texts and model.mlmodel.get("saved_input_example_info"):
        raise MissingEvidence(
            f"the input example of model '{model.name}' is not JSON file: nobody can say what it "
            "holds",
            EXAMPLE_REMEDY,
        )
    return texts


def cells(text: str) -> Iterator[Cell]:
    """Yield the cells of an example; all of it as one where it is not JSON."""
    try:
        value = json_value(text)
    except ValueError:
        yield Cell(None, text)
        return
    yield from _walked(value, None)


def _walked(value: Any, column: str | None, depth: int = 0) -> Iterator[Cell]:
    """Yield the texts and whole numbers at any depth, each with its nearest column."""
    if isinstance(value, str):
        yield Cell(column, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Cell(column, str(value))
    elif depth > DEEPEST:
        yield Cell(column, json.dumps(value))
    elif isinstance(value, list):
        for each in value:
            yield from _walked(each, column, depth + 1)
    elif isinstance(value, dict):
        for name, each in _named_values(value):
            yield Cell(name, name)
            yield from _walked(each, name, depth + 1)


def _named_values(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and values: of pandas' "split" form the columns, else the keys."""
    names, rows = value.get("columns"), value.get("data")
    is_split = (
        isinstance(names, list)
        and isinstance(rows, list)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )
    if is_split and names and rows:
        for place, name in enumerate(names):
            yield str(name), [row[place] for row in rows]
    for key, each in value.items():
        if not is_split or key not in {"columns", "data"}:
            yield key, each
