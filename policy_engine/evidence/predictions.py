"""Per-row predictions of one run: a table, column by column."""

import operator
from collections.abc import Sequence
from itertools import islice
from typing import Any

from policy_engine.evidence.record import Cell, TableRecord
from policy_engine.evidence.states import InvalidEvidence, MissingEvidence, near_names

NONE = "(none)"
"""The slice or group of a row whose cell is null."""
EVALUATE_TABLE = "eval_results_table.json"
"""How the names end of tables that `mlflow.models.evaluate` writes."""
LOG_PREDICTIONS = "log it: policy_engine.training.log_predictions(row_id=…, target=…, prediction=…)"


class Predictions:
    """The rows of a predictions table; every column has one cell a row.

    `row_id`, `target` and `prediction` are the columns that a table should have; `score` (of the
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
    def dataset(self) -> str | None:
        """The digest of the one dataset that it is of; None where nobody says one."""
        return self._table.dataset

    @property
    def is_of_evaluate(self) -> bool:
        """Whether `mlflow.models.evaluate` wrote it: the data, in their order, and what it said."""
        return self._table.source.endswith(EVALUATE_TABLE)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns that are not output of a model and no score of a metric; not the target."""
        known = {"target", "prediction", "score", "weight", "cluster"}
        return tuple(
            name
            for name in self._table.columns
            if name not in known
            and not name.startswith("score/")
            and not name.endswith(("/score", "/justification"))
        )

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
                f"{near_names(name, self._table.columns)}",
                LOG_PREDICTIONS,
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
            raise InvalidEvidence(f"a row_id of the {self._role} run is null", LOG_PREDICTIONS)
        if not _ascend(ids) and len(set(ids)) != len(ids):
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
            raise InvalidEvidence(f"a target of the {self._role} run is null", LOG_PREDICTIONS)
        return targets

    @property
    def predictions(self) -> tuple[Cell, ...]:
        """What the model said of each row; null where it said nothing."""
        return self.cells("prediction")

    @property
    def weights(self) -> tuple[float, ...] | None:
        """The weight of each row; None where all count alike.

        Raises:
            InvalidEvidence: If one is not a finite number of at least 0, or all are 0.
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
        try:
            if set(map(type, column)) <= {int, float}:
                return tuple(map(float, column))  # type: ignore[arg-type]
        except OverflowError:  # a whole number of more than 308 digits
            pass
        raise InvalidEvidence(
            f"column {name} of the {self._role} run holds more than finite numbers",
            f"log {name} as numbers, without nulls",
        )

    def groups(self, name: str) -> tuple[str, ...]:
        """Return a column as text, one value a group; null is the group `(none)`."""
        return tuple(NONE if cell is None else str(cell) for cell in self.cells(name))


def _ascend(ids: Sequence[Any]) -> bool:
    """Say whether each is above the one before, so that none stands twice."""
    try:
        return all(map(operator.lt, ids, islice(ids, 1, None)))
    except TypeError:  # texts among numbers
        return False
