"""Rows as numbers: checked, in an order of their own, equal ones counted once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from policy_engine.statistics.metrics import (
    COUNTED,
    LOSSES,
    NUMBERS,
    RANKED,
    Label,
    NotComputable,
    RowMetric,
    settle_metric,
)
from policy_engine.statistics.rows import InvalidRows, Outputs
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
else:
    np = Lazy("numpy")


LARGE = 5_000
"""Rows from which on nothing is resampled, where each would be drawn on its own (`is_large`)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """What the rows hold beside the models' outputs.

    Attributes:
        targets: The truth.
        weights: One a row, or None.
        clusters: One a row, or None.
        members: Whether each row belongs to the slice under test, or None.
    """

    targets: Sequence[Label]
    weights: Sequence[float] | None = None
    clusters: Sequence[Label] | None = None
    members: Sequence[bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Distinct rows, sorted, so that no result depends on the order in which rows were logged.

    Attributes:
        metric: With its average and positive class filled in.
        labels: The classes; a class is its place in here. Empty for numbers.
        targets: Class or number of each distinct row.
        outputs: One array a model, rows by columns: class, number, or scores.
        weights: Of each distinct row.
        members: 1.0 for rows in the slice, 0.0 for others.
        times: How often each distinct row occurs.
        units: Number of the cluster of each row, or None where each row is a unit of its own.
    """

    metric: RowMetric
    labels: tuple[Label, ...]
    targets: Floats
    outputs: tuple[Floats, ...]
    weights: Floats
    members: Floats
    times: Counts
    units: NDArray[np.intp] | None

    @property
    def observed(self) -> Counts:
        """How often each unit was drawn in the data themselves."""
        return self.times if self.units is None else np.ones(int(self.units.max()) + 1, np.int64)


def encode(
    metric: RowMetric, columns: Columns, outputs: Sequence[Outputs], *, in_order: bool = False
) -> Sample:
    """Return the rows as numbers.

    Args:
        metric: Which columns are read.
        columns: What the rows hold.
        outputs: What each model said.
        in_order: Keep the rows as they stand, each on its own.

    Raises:
        InvalidRows: If a value is missing, not finite, out of range or of the wrong kind, or the
            lengths differ.
        NotComputable: If a column that the metric needs is absent, or its positive class is not
            known.
    """
    if not len(columns.targets):
        raise InvalidRows("there are no rows")
    labels = _labels(metric, columns.targets, outputs)
    settled = settle_metric(metric, labels, scored_classes=_scored_classes(metric, outputs))
    codes = {label: float(code) for code, label in enumerate(labels)}
    plain = [_output(settled, codes, each, len(columns.targets)) for each in outputs]
    targets = _targets(settled, codes, columns.targets)
    is_ranked = settled.kind in RANKED and settled.positive is not None
    if is_ranked and len(targets) >= LARGE and not in_order:
        true = np.equal(targets, codes[settled.positive])  # type: ignore[index]
        plain = [_ranks(scores, true) for scores in plain]
    return _sorted(
        settled,
        labels,
        [*plain, targets[:, None]],
        _side_columns(columns),
        columns.clusters,
        in_order=in_order,
    )


def _labels(
    metric: RowMetric, targets: Sequence[Label], outputs: Sequence[Outputs]
) -> tuple[Label, ...]:
    if metric.kind not in COUNTED | RANKED | LOSSES:
        return ()
    found: set[Any] = set(targets)
    for each in outputs:
        if metric.kind in COUNTED:
            found.update(each.predictions or ())
        elif isinstance(each.scores, Mapping):
            found.update(each.scores)
    if None in targets or any(label != label for label in found):  # noqa: PLR0124 (NaN)
        raise InvalidRows("a target is null, or a class is NaN")
    if None in found and metric.kind != "accuracy":
        raise InvalidRows("a prediction is null")
    found.discard(None)
    return tuple(sorted(found, key=lambda label: (isinstance(label, str), label)))


def _scored_classes(metric: RowMetric, outputs: Sequence[Outputs]) -> int:
    if metric.kind not in RANKED | LOSSES:
        return 0
    kinds = {
        len(each.scores) if isinstance(each.scores, Mapping) else 0
        for each in outputs
        if each.scores is not None
    }
    if len(kinds) > 1:
        raise InvalidRows("one model has a score a class, the other a single score")
    return kinds.pop() if kinds else 0


def _targets(metric: RowMetric, codes: Mapping[Label, float], targets: Sequence[Label]) -> Floats:
    if metric.kind == "row_mean":
        return np.zeros(len(targets))
    if metric.kind in NUMBERS:
        return _numbers("target", targets)
    return _coded(codes, targets)


def _output(metric: RowMetric, codes: Mapping[Label, float], outputs: Outputs, rows: int) -> Floats:
    if metric.kind == "row_mean":
        return _column("value", outputs.values, rows)
    if metric.kind in NUMBERS:
        return _column("prediction", outputs.predictions, rows)
    if metric.kind in COUNTED:
        return _coded(codes, _present("prediction", outputs.predictions, rows))[:, None]
    return _scores(metric, codes, outputs, rows)


def _coded(codes: Mapping[Label, float], values: Sequence[Label | None]) -> Floats:
    """Return the place of each value among the classes; -1 for null."""
    labels, plain = _plain(list(codes)), _plain(values)
    if labels is not None and plain is not None and (labels[1:] > labels[:-1]).all():
        return np.asarray(np.searchsorted(labels, plain), dtype=np.float64)
    found = (-1.0 if value is None else codes[value] for value in values)
    return np.fromiter(found, float, len(values))


def _scores(metric: RowMetric, codes: Mapping[Label, float], outputs: Outputs, rows: int) -> Floats:
    scores = outputs.scores
    if isinstance(scores, Mapping):
        if metric.average == "binary" and metric.kind in RANKED:
            scores = scores.get(metric.positive)  # type: ignore[arg-type]  # settled: not None
        else:
            absent = [label for label in codes if label not in scores]
            if absent:
                raise NotComputable(f"no score column for the class {absent[0]}")
            columns = [_column("score", scores[label], rows) for label in codes]
            return _probabilities(metric, np.hstack(columns))
    elif metric.average != "binary":
        raise NotComputable(f"{metric} needs a score column a class")
    return _probabilities(metric, _column("score", scores, rows))


def _ranks(scores: Floats, true: NDArray[np.bool_]) -> Floats:
    """Return where each row stands among the positives, which is all that an area looks at.

    An odd number is as high as a positive, an even one between two: many negatives become equal.
    """
    levels = np.unique(scores[true, 0])
    below = np.searchsorted(levels, scores[:, 0], "left")
    ties = np.searchsorted(levels, scores[:, 0], "right") > below
    return np.asarray(2 * below + ties, dtype=np.float64)[:, None]


def _probabilities(metric: RowMetric, scores: Floats) -> Floats:
    if metric.kind in LOSSES and not ((scores >= 0) & (scores <= 1)).all():
        raise InvalidRows("a score lies outside [0, 1] and is not a probability")
    return scores


def _side_columns(columns: Columns) -> Floats:
    rows = len(columns.targets)
    weights, members = np.ones((rows, 1)), np.ones((rows, 1))
    if columns.weights is not None:
        weights = _column("weight", columns.weights, rows)
        if (weights < 0).any() or not weights.sum() > 0:
            raise InvalidRows("weights must be 0 or above, and not all 0")
    if columns.members is not None:
        members = _column("member", columns.members, rows)
    return np.hstack([weights, members])


def _column(name: str, values: Sequence[Any] | None, rows: int) -> Floats:
    return _numbers(name, _present(name, values, rows))[:, None]


def _present(name: str, values: Sequence[Any] | None, rows: int) -> Sequence[Any]:
    if values is None:
        raise NotComputable(f"there is no {name} column")
    if len(values) != rows:
        raise InvalidRows(f"{rows} targets, {len(values)} of the column {name}")
    return values


def _numbers(name: str, values: Sequence[Any]) -> Floats:
    plain = _plain(values)
    if plain is not None:
        return plain
    try:
        numbers = np.fromiter(map(_number, values), float, len(values))
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRows(f"a {name} is not a finite number") from error
    return numbers


def _plain(values: Sequence[Any]) -> Floats | None:
    """Return finite numbers as an array, quickly; None where they are not all plain numbers."""
    array = np.asarray(values)
    if array.dtype.kind not in "bif" or array.ndim != 1 or not np.isfinite(array).all():
        return None
    return np.asarray(array, dtype=float)


def _number(value: Any) -> float:
    if isinstance(value, str) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def _sorted(
    metric: RowMetric,
    labels: tuple[Label, ...],
    blocks: Sequence[Floats],
    side: Floats,
    clusters: Sequence[Label] | None,
    *,
    in_order: bool,
) -> Sample:
    """Sort by the columns from left to right (clusters first) and count equal rows once."""
    table = np.hstack([*blocks, side])
    units = None if clusters is None else _cluster_numbers(clusters, len(table))
    if not in_order:
        order = _order(table, units)
        table = table[order]
        units = None if units is None else units[order]
    times = np.ones(len(table), np.int64)
    if units is None and not in_order:
        first = np.r_[True, (table[1:] != table[:-1]).any(axis=1)]
        starts = np.flatnonzero(first)
        times = np.diff(np.r_[starts, len(table)])
        table = table[starts]
    ends = np.cumsum([block.shape[1] for block in blocks])
    pieces = [np.ascontiguousarray(each) for each in np.split(table, ends, axis=1)]
    return Sample(
        metric=metric,
        labels=labels,
        targets=pieces[-2][:, 0],
        outputs=tuple(pieces[:-2]),
        weights=pieces[-1][:, 0],
        members=pieces[-1][:, 1],
        times=times,
        units=units,
    )


def _order(table: Floats, units: NDArray[np.intp] | None) -> NDArray[np.intp]:
    if units is not None:
        return np.lexsort(np.vstack([table.T[::-1], units]))
    order = np.argsort(table[:, 0])
    first = table[order, 0]
    if (first[1:] > first[:-1]).all():
        return order  # no ties: no other column has a say
    return np.lexsort(table.T[::-1])


def _cluster_numbers(clusters: Sequence[Label], rows: int) -> NDArray[np.intp]:
    if len(clusters) != rows:
        raise InvalidRows(f"{rows} targets, {len(clusters)} of the column cluster")
    names: set[Any] = set(clusters)
    if any(name is None or name != name for name in names):  # noqa: PLR0124 (NaN)
        raise InvalidRows("a cluster is null or NaN")
    ordered = sorted(names, key=lambda name: (isinstance(name, str), name))
    numbers = {name: number for number, name in enumerate(ordered)}
    return np.fromiter((numbers[name] for name in clusters), np.intp, rows)
