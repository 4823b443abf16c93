"""Two runs' predictions, joined row by row: by the name of each row, or by its place."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_engine.evidence.predictions import LOG_PREDICTIONS, Predictions
from policy_engine.evidence.record import Cell
from policy_engine.evidence.states import InvalidEvidence, MissingEvidence

T = TypeVar("T")

SAME = 1e-9
"""Two floats of the same row and column may differ by this much, relatively or absolutely."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The rows that candidate and baseline share, in the baseline's order.

    Attributes:
        targets: What was true of each row; empty where neither table has a column `target`.
        candidate: What the candidate said of it.
        baseline: What the baseline said of it.
        weights: The weight of each row; None where all count alike.
        clusters: What each row belongs to; None where rows are independent.
        groups: The group columns that were asked for, by name.
        candidate_rows: The place of each row in the candidate's table, for other columns.
        baseline_rows: The same in the baseline's.
        left_out: Rows that only the candidate has (count).
    """

    targets: tuple[Cell, ...]
    candidate: tuple[Cell, ...]
    baseline: tuple[Cell, ...]
    weights: tuple[float, ...] | None
    clusters: tuple[Cell, ...] | None
    groups: Mapping[str, tuple[str, ...]]
    candidate_rows: Sequence[int]
    baseline_rows: Sequence[int]
    left_out: int

    def __len__(self) -> int:
        return len(self.baseline_rows)


def join(candidate: Predictions, baseline: Predictions, groups: Sequence[str] = ()) -> Joined:
    """Join two tables on `row_id`, else by place where that is sound.

    Tables of `mlflow.models.evaluate` have no `row_id`. The place of a row stands for it where both
    are such tables of one dataset (equal digests) and of equal length, and share a column of
    inputs, all of which are equal row by row.

    Args:
        candidate: It must have every row of the baseline; its other rows are left out.
        baseline: The rows to compare on.
        groups: Slice and group columns that are needed.

    Raises:
        InvalidEvidence: If the candidate lacks rows, or the two are not about the same data:
            targets, weights, clusters or groups of a shared row differ.
        MissingEvidence: If a column is not there, rows cannot be told apart, or one side has text
            for targets and the other numbers.
    """
    rows = _places(candidate, baseline)
    has_targets = "target" in candidate.names or "target" in baseline.names
    if has_targets:
        _require_one_form(candidate, baseline)
    weights = _shared_or_none("weight", candidate.weights, baseline.weights, rows)
    clusters = _shared_or_none("cluster", candidate.clusters, baseline.clusters, rows)
    said = candidate.predictions
    return Joined(
        targets=_shared("target", candidate.targets, baseline.targets, rows) if has_targets else (),
        candidate=tuple(map(said.__getitem__, rows)),
        baseline=baseline.predictions,
        weights=weights,
        clusters=clusters,
        groups={n: _shared(n, candidate.groups(n), baseline.groups(n), rows) for n in groups},
        candidate_rows=rows,
        baseline_rows=range(len(rows)),
        left_out=len(candidate) - len(rows),
    )


def unlike_labels(one: Sequence[Cell], other: Sequence[Cell]) -> tuple[str, str] | None:
    """Return `text` and `numbers` in their order, if one is all text and the other has none."""
    first = [next((cell for cell in cells if cell is not None), None) for cells in (one, other)]
    texts = [isinstance(cell, str) for cell in first]
    if None in first or texts[0] == texts[1]:
        return None
    for cells, is_text in zip((one, other), texts, strict=True):
        if any(isinstance(cell, str) != is_text for cell in cells if cell is not None):
            return None
    return ("text", "numbers") if texts[0] else ("numbers", "text")


def _require_one_form(candidate: Predictions, baseline: Predictions) -> None:
    """Refuse targets of text against targets of numbers: the same rows, or others, nobody can say.

    Where the candidate's own predictions are not of the form of its targets, the fault is its own;
    else its rows are as good as the baseline's, and only cannot be held against them.
    """
    forms = unlike_labels(candidate.targets, baseline.targets)
    if forms is None:
        return
    mine, theirs = forms
    if unlike_labels(candidate.targets, candidate.predictions):
        raise InvalidEvidence(
            f"the predictions of the candidate run are {theirs}, the targets {mine}: no row can be "
            "right",
            "log target and prediction with labels of one kind",
        )
    raise MissingEvidence(
        f"the targets of the candidate run are {mine}, those of the baseline run {theirs}: their "
        "rows cannot be compared",
        "log the candidate's labels in the form of the baseline's; where the baseline's is wrong, "
        "log its predictions again, or name another baseline",
    )


def _places(candidate: Predictions, baseline: Predictions) -> Sequence[int]:
    """Return, for each row of the baseline, its place in the candidate's table."""
    if "row_id" not in candidate.names and "row_id" not in baseline.names:
        return _same_places(candidate, baseline)
    mine, ids = candidate.row_ids, baseline.row_ids
    if mine == ids:  # in the same order: nothing to look up
        return range(len(ids))
    places = {row: place for place, row in enumerate(mine)}
    absent = [row for row in ids if row not in places]
    if absent:
        raise InvalidEvidence(
            f"the candidate's predictions lack {len(absent)} of the baseline's {len(ids)} rows",
            "predict every row of the evaluation data that the baseline was judged on",
        )
    return tuple(map(places.__getitem__, ids))


def _same_places(candidate: Predictions, baseline: Predictions) -> Sequence[int]:
    """Return the places as they are, if the same place is the same row.

    Raises:
        MissingEvidence: If nothing shows that it is; says what.
    """
    why = _no_place(candidate, baseline)
    if why is not None:
        raise MissingEvidence(
            f"neither predictions table has a column row_id, and a row's place does not stand for "
            f"it: {why}",
            LOG_PREDICTIONS,
        )
    return range(len(baseline))


def _no_place(candidate: Predictions, baseline: Predictions) -> str | None:
    """Return why the place of a row does not tell which it is; None where it does."""
    mine, theirs = candidate.dataset, baseline.dataset
    if not (candidate.is_of_evaluate and baseline.is_of_evaluate):
        return "not both are of mlflow.models.evaluate"
    if mine is None or theirs is None:
        return "nothing says which dataset each of them is of"
    if mine != theirs:
        return f"they are of other datasets ({mine} and {theirs})"
    if len(candidate) != len(baseline):
        return f"they have {len(candidate):,} and {len(baseline):,} rows"
    inputs = [name for name in baseline.inputs if name in candidate.inputs]
    if not inputs:
        return "they share no column of inputs"
    differing = [
        name for name in inputs if not all(map(_same, candidate.cells(name), baseline.cells(name)))
    ]
    return f"column {differing[0]} differs at some places" if differing else None


def _shared_or_none(
    name: str, mine: Sequence[T] | None, theirs: Sequence[T] | None, rows: Sequence[int]
) -> tuple[T, ...] | None:
    if mine is None and theirs is None:
        return None
    if mine is None or theirs is None:
        raise InvalidEvidence(
            f"only one of candidate and baseline has a column {name}: other data",
            "log the same columns for both",
        )
    return _shared(name, mine, theirs, rows)


def _shared(
    name: str, mine: Sequence[T], theirs: Sequence[T], rows: Sequence[int]
) -> tuple[T, ...]:
    """Return the baseline's cells, if the candidate has the same for the same rows."""
    if tuple(theirs) == tuple(map(mine.__getitem__, rows)):
        return tuple(theirs)
    differing = sum(not _same(mine[row], cell) for row, cell in zip(rows, theirs, strict=True))
    if differing:
        raise InvalidEvidence(
            f"{name} differs between candidate and baseline on {differing} of {len(rows)} shared "
            "rows: they were not evaluated on the same data",
            "evaluate both on the same data, with the same row_id for the same row",
        )
    return tuple(theirs)


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)
    if isinstance(other, float) and isinstance(one, (int, float)):
        return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)
    return one == other
