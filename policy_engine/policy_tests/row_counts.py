"""Rows of predictions as counts: `[{target: 1, candidate: 1, baseline: 0, rows: 9}, …]`.

Of labels nothing is lost that a metric or a test of a gain could ask for: which rows there are, how
often. No row is one of a person any more, and a reader sees at once where two models differ.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from policy_engine.evidence.parts import Cell, Record, TableRecord
from policy_engine.evidence.record import RunRecord

PREDICTIONS = "policy_engine/predictions.json"
MOST = 60
"""Different rows that a recorded case has; more are no counts, but the rows themselves."""
MOST_ROWS = 2000
"""Rows that a recorded case may hold one by one."""
_LEAST_ROWS = 2
_COLUMNS = frozenset(("row_id", "target", "prediction"))


class RowCount(Record):
    """Rows of one target on which each side predicted one thing."""

    target: Cell = Field(description="The true class.")
    candidate: Cell = Field(description="What the candidate predicted.")
    baseline: Cell = Field(None, description="What the baseline predicted.")
    rows: int = Field(ge=1, le=1_000_000, description="How many there are (count).")


def counted_rows(
    candidate: TableRecord, baseline: TableRecord | None
) -> list[dict[str, Any]] | None:
    """Return what two tables say of their rows, as counts; None where that is not less.

    Args:
        candidate: Its predictions.
        baseline: The predictions of the run to beat, of the same rows; None: it has none.
    """
    mine = _labels(candidate)
    theirs = None if baseline is None else _labels(baseline)
    if mine is None or (baseline is not None and theirs is None):
        return None
    if theirs is not None and {k: v[0] for k, v in mine.items()} != {
        k: v[0] for k, v in theirs.items()
    }:
        return None
    counts = Counter(
        (target, said, theirs[row][1] if theirs is not None else None)
        for row, (target, said) in mine.items()
    )
    if len(counts) > MOST or len(mine) < _LEAST_ROWS * len(counts):
        return None
    return [
        {
            "target": target,
            "candidate": said,
            **({} if theirs is None else {"baseline": other}),
            "rows": number,
        }
        for (target, said, other), number in sorted(counts.items(), key=lambda each: str(each[0]))
    ]


def numbered_rows(
    candidate: TableRecord, baseline: TableRecord | None
) -> tuple[dict[str, list[Cell]], dict[str, list[Cell]] | None] | None:
    """Return the columns of two tables, with numbers as ids; None where they are no plain numbers.

    Args:
        candidate: Its predictions.
        baseline: Those of the run to beat; None: it has none.
    """
    tables = [table for table in (candidate, baseline) if table is not None]
    if any(not table.columns.keys() >= _COLUMNS for table in tables):
        return None
    ids = dict.fromkeys(cell for table in tables for cell in table.columns["row_id"])
    numbers = {cell: number for number, cell in enumerate(ids)}
    if len(numbers) > MOST_ROWS:
        return None
    made = [_numbered(table, numbers) for table in tables]
    if any(columns is None for columns in made):
        return None
    return made[0] or {}, made[1] if len(made) > 1 else None


def _numbered(table: TableRecord, numbers: dict[Cell, int]) -> dict[str, list[Cell]] | None:
    kept = [name for name in ("target", "prediction", "score") if name in table.columns]
    cells = {name: table.columns[name] for name in kept}
    if any(isinstance(c, (str, bool)) for several in cells.values() for c in several):
        return None
    ids: list[Cell] = [numbers[cell] for cell in table.columns["row_id"]]
    return {"row_id": ids, **{name: list(several) for name, several in cells.items()}}


def with_rows(run: RunRecord, counts: Sequence[RowCount], side: str) -> RunRecord:
    """Return a run with a table of predictions that has each row as often as it counts.

    Args:
        run: The run.
        counts: Of both sides.
        side: Which of them it is: `candidate` or `baseline`.
    """
    rows = [each for each in counts for _ in range(each.rows)]
    said = tuple(getattr(each, side) for each in rows)
    if not rows or None in said:
        return run
    columns: dict[str, tuple[Cell, ...]] = {
        "row_id": tuple(range(len(rows))),
        "target": tuple(each.target for each in rows),
        "prediction": said,
    }
    table = TableRecord(run_id=run.run_id, source=PREDICTIONS, columns=columns)
    return run.model_copy(update={"predictions": table})


def _labels(table: TableRecord) -> dict[Any, tuple[Any, Any]] | None:
    """Return target and prediction by row; None where the table says more than labels."""
    if not table.columns.keys() >= _COLUMNS:
        return None
    ids, target, said = (table.columns[name] for name in ("row_id", "target", "prediction"))
    if len(set(ids)) != len(ids) or not all(map(_is_label, (*target, *said))):
        return None
    return dict(zip(ids, zip(target, said, strict=True), strict=True))


def _is_label(cell: Any) -> bool:
    """Say whether a cell is a class, by number or by one short plain word."""
    if isinstance(cell, bool) or (isinstance(cell, (int, float)) and float(cell).is_integer()):
        return True
    return isinstance(cell, str) and cell.isalpha() and len(cell) <= 12  # noqa: PLR2004
