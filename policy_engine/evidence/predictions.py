"""Per-row predictions: one run's, and two runs' joined row by row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_engine.evidence.states import InvalidEvidence, MissingEvidence, nearest
from policy_engine.records import Cell, TableRecord

T = TypeVar("T")

NONE = "(none)"
"""The slice or group of a row whose cell is null."""
SAME = 1e-9
"""Two floats of the same row and column may differ by this much, relatively or absolutely."""

_REMEDY = "log it: policy_engine.training.log_predictions(row_id=…, target=…, prediction=…)"


class Predictions:
    """The rows of a predictions table; every column has one cell a row.

    `row_id`, `target` and `prediction` are the columns that a table must have; `score` (of the
    positive class; `score/<class>` when several), `weight` and `cluster` are known by name; any
    other may be a slice or a group.
    """

    __slots__ = ("_role", "_table")

    def __init__(self, table: TableRecord, role: str) -> None:
        """See the table as that of the `role` run."""
        self._table = table
        self._role = role

    def __len__(self) -> int:
        return len(next(iter(self._table.columns.values()), ()))

    @property
    def source(self) -> str:
        """The path of the table among the artifacts of run `run_id`."""
        return self._table.source

    @property
    def run_id(self) -> str:
        """The run that logged it: the one under judgement, or an evaluation of its model."""
        return self._table.run_id

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(self._table.columns)

    def cells(self, name: str) -> tuple[Cell, ...]:
        """Return a column as it was logged.

        Raises:
            MissingEvidence: If there is none of that name; names the nearest.
        """
        column = self._table.columns.get(name)
        if column is None:
            raise MissingEvidence(
                f"the predictions table of the {self._role} run has no column {name}"
                f"{nearest(name, self._table.columns)}",
                _REMEDY,
            )
        return column

    @property
    def row_ids(self) -> tuple[Cell, ...]:
        """The names of the rows, each once.

        Raises:
            InvalidEvidence: If one is null or stands twice (`log_table` appends on a second call).
        """
        ids = self.cells("row_id")
        if None in ids:
            raise InvalidEvidence(f"a row_id of the {self._role} run is null", _REMEDY)
        if len(set(ids)) != len(ids):
            raise InvalidEvidence(
                f"{len(ids) - len(set(ids))} row_id of the {self._role} run stand twice or more; "
                "mlflow.log_table appends when it is called again",
                "log the predictions once a run",
            )
        return ids

    @property
    def targets(self) -> tuple[Cell, ...]:
        """What was true of each row.

        Raises:
            InvalidEvidence: If one is null.
        """
        targets = self.cells("target")
        if None in targets:
            raise InvalidEvidence(f"a target of the {self._role} run is null", _REMEDY)
        return targets

    @property
    def predictions(self) -> tuple[Cell, ...]:
        """What the model said of each row; null where it said nothing."""
        return self.cells("prediction")

    @property
    def weights(self) -> tuple[float, ...] | None:
        """The weight of each row; None where all count alike.

        Raises:
            InvalidEvidence: If one is no finite number of at least 0, or all are 0.
        """
        if "weight" not in self._table.columns:
            return None
        weights = self.numbers("weight")
        if min(weights) < 0 or not sum(weights) > 0:
            raise InvalidEvidence(
                f"the weights of the {self._role} run are not all at least 0 with a sum above 0",
                "log other weights",
            )
        return weights

    @property
    def clusters(self) -> tuple[Cell, ...] | None:
        """What each row belongs to (a patient, a query); None where rows are independent."""
        if "cluster" not in self._table.columns:
            return None
        return self.groups("cluster")

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return a column of finite numbers.

        Raises:
            InvalidEvidence: If a cell is anything else.
        """
        column = self.cells(name)
        if not all(type(cell) in {int, float} for cell in column):
            raise InvalidEvidence(
                f"column {name} of the {self._role} run holds more than finite numbers",
                f"log {name} as numbers, without nulls",
            )
        return tuple(float(cell) for cell in column if cell is not None)

    def groups(self, name: str) -> tuple[str, ...]:
        """Return a column as text, one value a group; null is the group `(none)`."""
        return tuple(NONE if cell is None else str(cell) for cell in self.cells(name))


@dataclass(frozen=True, slots=True)
class Joined:
    """The rows that candidate and baseline share, in the baseline's order.

    Attributes:
        targets: What was true of each row.
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
    candidate_rows: tuple[int, ...]
    baseline_rows: tuple[int, ...]
    left_out: int

    def __len__(self) -> int:
        return len(self.targets)


def join(candidate: Predictions, baseline: Predictions, groups: Sequence[str] = ()) -> Joined:
    """Join two tables on `row_id`.

    Args:
        candidate: It must have every row of the baseline; its other rows are left out.
        baseline: The rows to compare on.
        groups: Slice and group columns that are needed.

    Raises:
        InvalidEvidence: If the candidate lacks rows, or the two are not about the same data:
            targets, weights, clusters or groups of a shared row differ.
        MissingEvidence: If a column is not there.
    """
    places = {row: place for place, row in enumerate(candidate.row_ids)}
    ids = baseline.row_ids
    absent = [row for row in ids if row not in places]
    if absent:
        raise InvalidEvidence(
            f"the candidate's predictions lack {len(absent)} of the baseline's {len(ids)} rows",
            "predict every row of the evaluation data that the baseline was judged on",
        )
    rows = tuple(places[row] for row in ids)
    targets = _shared("target", candidate.targets, baseline.targets, rows)
    weights = _shared_or_none("weight", candidate.weights, baseline.weights, rows)
    clusters = _shared_or_none("cluster", candidate.clusters, baseline.clusters, rows)
    said = candidate.predictions
    return Joined(
        targets=targets,
        candidate=tuple(said[row] for row in rows),
        baseline=baseline.predictions,
        weights=weights,
        clusters=clusters,
        groups={n: _shared(n, candidate.groups(n), baseline.groups(n), rows) for n in groups},
        candidate_rows=rows,
        baseline_rows=tuple(range(len(ids))),
        left_out=len(places) - len(ids),
    )


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
