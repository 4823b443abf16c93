"""Metrics of the order of scores: areas under the ROC and the precision-recall curve.

Rows are sorted once; a resample only changes how often each counts. Without weights all is counted
in whole numbers, which is exact, and several times quicker than to add floats one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from policy_engine.statistics.sample import Sample
    from policy_engine.statistics.sums import Evaluated

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Weights = NDArray[Any]
else:
    np = Lazy("numpy")


class Ranking:
    """A metric as the mean of areas: of one class against the others, or of pairs of classes.

    Args:
        sample: The rows.
        side: Which model's scores.
        weights: Of each row.
    """

    def __init__(self, sample: Sample, side: int, weights: Floats) -> None:
        self._weights = None if (weights == 1).all() else weights
        self._units = sample.units
        self.width = len(sample.targets)
        self._kind = sample.metric.kind
        self._weighted = sample.metric.average == "weighted"
        self._pairs = False
        scores, truths = sample.outputs[side], sample.targets
        if sample.metric.average == "binary":
            positive = float(sample.labels.index(sample.metric.positive))
            column = 0 if scores.shape[1] == 1 else int(positive)
            self._curves = [_Curve(scores[:, column], truths == positive, None)]
        elif sample.metric.multiclass == "ovo" and self._kind == "roc_auc":
            self._pairs = True
            self._curves = _one_against_one(scores, truths)
        else:
            self._curves = [
                _Curve(scores[:, code], truths == code, None) for code in range(scores.shape[1])
            ]

    def evaluate(self, counts: Counts) -> Evaluated:
        """Return the metric of each resample; `counts` is resamples by units."""
        rows: Weights = counts if self._units is None else counts[:, self._units]
        if self._weights is not None:
            rows = rows * self._weights
        areas, shares, complete = [], [], np.ones(len(rows), dtype=bool)
        for curve in self._curves:
            area, positives, negatives = curve.area(rows, self._kind)
            areas.append(area)
            shares.append(positives + negatives if self._pairs else positives)
            complete &= (positives > 0) & (negatives > 0)
        return _mean(areas, shares if self._weighted else None), complete

    def leave_out(self, observed: Counts, start: int, stop: int) -> Floats:
        """Return the metric of the data less one of unit i, for i from start to stop."""
        counts = np.repeat(observed[None, :], stop - start, axis=0)
        counts[np.arange(stop - start), np.arange(start, stop)] -= 1
        return self.evaluate(counts)[0]


class _Curve:
    """The rows of one binary question, from the highest score to the lowest.

    Args:
        scores: Of the positive class, one a row.
        positive: Whether each row is of that class.
        rows: Which rows take part, or None for all.
    """

    def __init__(
        self, scores: Floats, positive: NDArray[np.bool_], rows: NDArray[np.intp] | None
    ) -> None:
        chosen = np.arange(len(scores)) if rows is None else rows
        order = chosen[np.argsort(-scores[chosen], kind="stable")]
        ranked = scores[order]
        self._order = order
        self._positive = positive[order].astype(np.int64)
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self._starts = None if len(starts) == len(order) else starts

    def area(self, rows: Weights, kind: str) -> tuple[Floats, Weights, Weights]:
        """Return the area, and how much the positives and the negatives weigh, a resample."""
        ranked = np.take(rows, self._order, axis=1)
        true = ranked * self._positive
        if self._starts is not None:  # equal scores are one step of the curve
            ranked = np.add.reduceat(ranked, self._starts, axis=1)
            true = np.add.reduceat(true, self._starts, axis=1)
        hits = np.cumsum(true, axis=1)
        positives = hits[:, -1]
        negatives = ranked.sum(axis=1) - positives
        with np.errstate(invalid="ignore", divide="ignore"):
            if kind == "roc_auc":
                area = _roc(ranked - true, true, hits) / (positives * negatives)
            else:
                area = _precision(ranked, true, hits, smooth=kind == "pr_curve_area") / positives
        return area, positives.copy(), negatives


def _roc(false: Weights, true: Weights, hits: Weights) -> Floats:
    """Count the pairs in which the positive stands higher; a tie is half a pair."""
    higher, tied = (np.einsum("ij,ij->i", each, false) for each in (hits, true))
    return np.asarray(higher - tied / 2)


def _precision(ranked: Weights, true: Weights, hits: Weights, *, smooth: bool) -> Floats:
    """Sum precision over the steps of recall: by steps, or by the straight lines between them."""
    seen = np.cumsum(ranked, axis=1)
    with np.errstate(invalid="ignore"):
        precision = hits / seen
    precision[seen == 0] = 1  # the curve begins there
    if smooth:
        before = np.hstack([np.ones((len(precision), 1)), precision[:, :-1]])
        precision = (precision + before) / 2
    precision *= true
    return np.asarray(precision.sum(axis=1))


def _one_against_one(scores: Floats, truths: Floats) -> list[_Curve]:
    """Return both directions of each pair of classes, among the rows of the two."""
    curves = []
    for first, second in combinations(range(scores.shape[1]), 2):
        rows = np.flatnonzero((truths == first) | (truths == second))
        curves += [_Curve(scores[:, code], truths == code, rows) for code in (first, second)]
    return curves


def _mean(areas: Sequence[Floats], shares: Sequence[Weights] | None) -> Floats:
    if len(areas) == 1:
        return areas[0]
    if shares is None:
        return np.asarray(np.mean(areas, axis=0))
    with np.errstate(invalid="ignore"):  # a resample of rows that weigh nothing
        return np.asarray(np.multiply(areas, shares).sum(axis=0) / np.sum(shares, axis=0))
