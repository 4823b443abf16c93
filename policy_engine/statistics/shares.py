"""Metrics that are the share of rows a model has right, among rows that the targets alone choose.

Two such shares are compared by what they count (`mcnemar_exact`, `tango_bounds`), exactly and on
however few rows; no row beyond those chosen has a say.

| metric | rows | right |
|---|---|---|
| accuracy | all | the prediction is the target |
| recall of a class | of the class | the same |
| specificity of a class | of the other classes | the prediction is not the class |
| recall, weighted by rows | all | as accuracy: sum of n_c/n * hits_c/n_c = sum of hits_c/n |
| recall, precision or F1, micro | all | as accuracy: each row is one prediction of one class |
| a column | all | the value is 1, of values that are 0 or 1 |

Source: the definitions of `tallies`, on rows of one weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policy_engine.statistics.metrics import Label, RowMetric, settle_metric
from policy_engine.statistics.rows import InvalidRows, Outputs, PairedRows, check_targets

_MICRO = frozenset({"f1", "precision", "recall"})


@dataclass(frozen=True, slots=True)
class Share:
    """What two models have right of the rows that a metric is a share of.

    Attributes:
        candidate: Whether the candidate has each of these rows right.
        baseline: Whether the baseline has.
        of: Which rows, where they are not all (`class fraud`, `classes other than fraud`).
    """

    candidate: Sequence[bool]
    baseline: Sequence[bool]
    of: str = ""

    @property
    def n(self) -> int:
        """How many rows (count)."""
        return len(self.candidate)

    @property
    def only_candidate(self) -> int:
        """Rows that the candidate alone has right (count)."""
        return sum(map(bool.__gt__, self.candidate, self.baseline))

    @property
    def only_baseline(self) -> int:
        """Rows that the baseline alone has right (count)."""
        return sum(map(bool.__lt__, self.candidate, self.baseline))


def share_of(metric: RowMetric, rows: PairedRows) -> Share | None:
    """Return what both have right where the metric is a share of rows, without looking at weights.

    Args:
        metric: Its definition.
        rows: The same rows, judged by both. Their weights and clusters are the caller's matter.

    Returns:
        The rows that count; None where the metric is no such share, a column is not there, or a
        column of values holds others than 0 and 1.

    Raises:
        InvalidRows: If a target is null or NaN, a prediction is null and the metric is not
            accuracy, or the lengths differ.
        NotComputable: If the metric is of one class that no row is of.
    """
    if metric.kind == "row_mean":
        return _of_values(rows.candidate.values, rows.baseline.values)
    mine, theirs = rows.candidate, rows.baseline
    if metric.kind != "accuracy" and not _may_be_a_share(metric):
        return None
    check_targets(rows.targets, mine.predictions or (), theirs.predictions or ())
    if metric.kind == "accuracy":
        return Share(_right(rows.targets, mine), _right(rows.targets, theirs))
    if any(_is_no_class(cell) for each in (mine, theirs) for cell in each.predictions or ()):
        raise InvalidRows("a prediction is null or NaN")
    settled = settle_metric(metric, set(rows.targets))
    if settled.positive is None:
        return Share(_right(rows.targets, mine), _right(rows.targets, theirs))
    return _of_class(settled, rows.targets, (mine, theirs))


def _may_be_a_share(metric: RowMetric) -> bool:
    if metric.kind in _MICRO and metric.average == "micro":
        return True
    if metric.kind == "recall":
        return metric.average in ("binary", "weighted")
    return metric.kind == "specificity"


def _of_values(mine: Sequence[float] | None, theirs: Sequence[float] | None) -> Share | None:
    if mine is None or theirs is None or not {*mine, *theirs} <= {0, 1}:
        return None
    if len(mine) != len(theirs):
        raise InvalidRows(f"{len(mine)} and {len(theirs)} values")
    return Share([value == 1 for value in mine], [value == 1 for value in theirs])


def _of_class(metric: RowMetric, targets: Sequence[Label], sides: Sequence[Outputs]) -> Share:
    positive, other = metric.positive, metric.kind == "specificity"
    of = f"classes other than {positive}" if other else f"class {positive}"
    chosen = [i for i, target in enumerate(targets) if (target == positive) != other]
    mine, theirs = (
        [((each.predictions or ())[i] == positive) != other for i in chosen] for each in sides
    )
    return Share(mine, theirs, of)


def _right(targets: Sequence[Label], side: Outputs) -> list[bool]:
    said = side.predictions or ()
    return [cell == target for cell, target in zip(said, targets, strict=True)]


def _is_no_class(cell: Any) -> bool:
    return cell is None or cell != cell  # noqa: PLR0124 (NaN)
