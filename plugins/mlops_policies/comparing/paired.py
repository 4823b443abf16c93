"""Two tables, joined: the columns that a metric reads of both, row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mlops_policies.comparing.row_metric import Class, meant, outputs_of, targets_of
from policy_engine.evidence import (
    InvalidEvidence,
    Joined,
    Metric,
    MissingEvidence,
    Predictions,
    Run,
    join,
    unlike_labels,
)
from policy_engine.statistics import NotComputable, Outputs, PairedRows
from policy_engine.statistics import RowMetric as Definition

T = TypeVar("T")
_ROW_MEAN = Definition("row_mean")


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of both, joined.

    Attributes:
        mine: The candidate's.
        theirs: The baseline's.
        joined: The rows that both have.
    """

    mine: Predictions
    theirs: Predictions
    joined: Joined


def tables_of(candidate: Run, baseline: Run, groups: Sequence[str] = ()) -> Tables:
    """Return the predictions of both, joined.

    Raises:
        MissingEvidence: If one of them, or a group column, is not there.
        InvalidEvidence: If the candidate lacks rows, or the two are not about the same data.
    """
    mine, theirs = candidate.predictions, baseline.predictions
    return Tables(mine, theirs, join(mine, theirs, groups))


def definition_of(metric: Metric, candidate: Run, baseline: Run, tables: Tables) -> Definition:
    """Return how a metric is computed from both: by its name, else as the mean of a column.

    Raises:
        MissingEvidence: If the two runs log different metrics under the name.
        NotComputable: If neither is possible.
    """
    try:
        return meant(metric, (candidate, tables.mine), (baseline, tables.theirs))
    except NotComputable as e:
        if values_column(metric, tables.mine) is None:
            raise NotComputable(f"{e}, and there is no column {metric.name} of row values") from e
        return _ROW_MEAN


def values_column(metric: Metric, table: Predictions) -> str | None:
    """Return the column of the metric's row values, by its name or as MLflow's evaluation has it.

    `mlflow.models.evaluate` logs the mean of a metric `hit` as `hit/mean`, its rows as `hit/score`.
    """
    names = (metric.name, f"{metric.name.removesuffix('/mean')}/score")
    return next((name for name in names if name in table.names), None)


def paired(
    tables: Tables, definition: Definition, metric: Metric, only: Sequence[int] | None = None
) -> PairedRows:
    """Return what the metric reads of both models, on all joined rows or on some places of them.

    Raises:
        InvalidEvidence: If a cell is not a usable value.
        MissingEvidence: If the baseline's labels are not of one form.
        NotComputable: If the metric is of row values and a table has none.
    """
    joined = tables.joined
    places = range(len(joined)) if only is None else only
    targets: Sequence[Class] = (0,) * len(places)
    if definition.kind != "row_mean":
        said = targets_of(definition, tables.theirs)
        targets = tuple(_at(_at(places, joined.baseline_rows), said))
    new, old = (_at(places, rows) for rows in (joined.candidate_rows, joined.baseline_rows))
    mine = outputs_of_places(tables.mine, new, definition, metric)
    theirs = outputs_of_places(tables.theirs, old, definition, metric)
    if definition.kind != "row_mean":
        _require_own_form(targets, mine, theirs)
    return PairedRows(
        targets=targets,
        candidate=mine,
        baseline=theirs,
        weights=None if joined.weights is None else [joined.weights[i] for i in places],
        clusters=None if joined.clusters is None else [str(joined.clusters[i]) for i in places],
    )


def _require_own_form(targets: Sequence[Class], mine: Outputs, theirs: Outputs) -> None:
    """Refuse predictions of text of targets that are numbers, or the other way: none can be right.

    Raises:
        InvalidEvidence: If the candidate's are.
        MissingEvidence: If the baseline's are: it is as if its rows were not there.
    """
    said = _other_labels(targets, mine)
    if said is not None:
        raise InvalidEvidence(
            f"the predictions of the candidate run are {said}: no row can be right",
            "log target and prediction with labels of one kind",
        )
    said = _other_labels(targets, theirs)
    if said is not None:
        raise MissingEvidence(
            f"the predictions of the baseline run are {said}: none of its rows can be right",
            "log the baseline's predictions again, with labels of one kind, or name another "
            "baseline: the candidate's are as they should be",
        )


def _other_labels(targets: Sequence[Class], side: Outputs) -> str | None:
    """Return in words that labels are of text against numbers; None where they are not."""
    said = side.predictions or ()
    forms = unlike_labels(said, targets)
    if forms is None:
        return None
    first = next(cell for cell in said if cell is not None)
    return f"{forms[0]} ({first!r:.20}), the targets {forms[1]} ({targets[0]!r:.20})"


def outputs_of_places(
    table: Predictions, places: Sequence[int], definition: Definition, metric: Metric
) -> Outputs:
    """Return what the model said of some rows of its table, in the columns that the metric reads.

    Raises:
        InvalidEvidence: If a score or a row value is not a finite number.
        NotComputable: If the metric is of row values and the table has none.
    """
    if definition.kind != "row_mean":
        return _taken(outputs_of(definition, table), places)
    column = values_column(metric, table)
    if column is None:
        raise NotComputable(f"only one of the tables has a column {metric.name} of row values")
    return _taken(Outputs(values=table.numbers(column)), places)


def _taken(outputs: Outputs, rows: Sequence[int]) -> Outputs:
    scores: Sequence[float] | Mapping[Class, Sequence[float]] | None = None
    if isinstance(outputs.scores, Mapping):
        scores = {label: _at(rows, column) for label, column in outputs.scores.items()}
    elif outputs.scores is not None:
        scores = _at(rows, outputs.scores)
    said, values = outputs.predictions, outputs.values
    return Outputs(
        predictions=None if said is None else _at(rows, said),
        scores=scores,
        values=None if values is None else _at(rows, values),
    )


def _at(rows: Sequence[int], column: Sequence[T]) -> list[T]:
    return list(map(column.__getitem__, rows))
