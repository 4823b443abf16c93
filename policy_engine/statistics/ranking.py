"""Metrics of the order of scores: areas under the ROC and the precision-recall curve.

Rows are sorted once; a resample only changes how often each counts. Without weights all is counted
in whole numbers, which is exact, and several times quicker than to add floats one after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from policy_engine.statistics import areas
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


_STEPS = "average_precision"
"""The area by steps; `pr_curve_area` is that by the straight lines between them."""


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
        found, shares, complete = [], [], np.ones(len(rows), dtype=bool)
        for curve in self._curves:
            area, positives, negatives = curve.area(rows, self._kind)
            found.append(area)
            shares.append(positives + negatives if self._pairs else positives)
            complete &= (positives > 0) & (negatives > 0)
        return _mean(found, shares if self._weighted else None), complete

    def leave_out(self, observed: Counts, start: int, stop: int) -> Floats:
        """Return the metric of the data less one of unit i, for i from start to stop."""
        counts = np.repeat(observed[None, :], stop - start, axis=0)
        counts[np.arange(stop - start), np.arange(start, stop)] -= 1
        return self.evaluate(counts)[0]

    def pulls(self, observed: Counts) -> Floats:
        """Return how much one more of each unit moves the metric."""
        rows: Floats = (observed if self._units is None else observed[self._units]).astype(float)
        weighed = rows if self._weights is None else rows * self._weights
        found = [curve.pulls(weighed, self._kind) for curve in self._curves]
        moved = _pulls_of_mean(found, weighed, pairs=self._pairs, weighted=self._weighted)
        if self._weights is not None:
            moved *= self._weights
        if self._units is None:
            return moved
        return np.asarray(np.bincount(self._units, moved), dtype=float)


class _Curve:
    """The rows of one binary question: its positives and its negatives, the highest score first.

    A resample is judged at its positives alone: how many negatives stand above each of them, and
    how many as high. Both are read off one running sum over the negatives.

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
        self._true, self._false = order[positive[order]], order[~positive[order]]
        self._keys = -scores[self._true], -scores[self._false]

    @cached_property
    def _places(self) -> _Places:
        return _Places(*self._keys)

    def pulls(self, rows: Floats, kind: str) -> _Pulled:
        """Return the area, what one more of each row adds to it, and the rows of both sides."""
        true, false = (
            areas.Side(keys, rows[at])
            for keys, at in zip(self._keys, (self._true, self._false), strict=True)
        )
        if kind == "roc_auc":
            found = areas.roc(true, false)
        else:
            found = areas.precision_recall(true, false, smooth=kind != _STEPS)
        moved = np.zeros(len(rows))
        moved[self._true], moved[self._false] = found.true, found.false
        return _Pulled(found.area, moved, self._true, self._false)

    def area(self, rows: Weights, kind: str) -> tuple[Floats, Weights, Weights]:
        """Return the area, and how much the positives and the negatives weigh, a resample."""
        true = np.take(rows, self._true, axis=1)
        false = _running(np.take(rows, self._false, axis=1))
        above, as_high = self._places.negatives(false)
        positives, negatives = true.sum(axis=1), false[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            if kind == "roc_auc":
                won = positives * negatives - _dot(true, above + as_high) / 2
                return won / (positives * negatives), positives, negatives
            precision = self._places.precision(true, above, as_high, smooth=kind != _STEPS)
            return _dot(true, precision) / positives, positives, negatives


class _Pulled(NamedTuple):
    """An area, what one more of each row adds to it, and which rows its two sides are."""

    area: float
    moved: Floats
    true: NDArray[np.intp]
    false: NDArray[np.intp]


class _Places:
    """Where the positives stand among the negatives and among themselves.

    Args:
        true: The negated scores of the positives, ascending.
        false: Those of the negatives, ascending.
    """

    def __init__(self, true: Floats, false: Floats) -> None:
        self._above = np.searchsorted(false, true, "left")
        self._as_high = np.searchsorted(false, true, "right")
        self._first = np.searchsorted(true, true, "left")
        self._past = np.searchsorted(true, true, "right")
        self._no_pair_is_tied = np.array_equal(self._above, self._as_high)
        self._no_positives_tie = len(true) < 2 or bool((np.diff(true) > 0).all())  # noqa: PLR2004

    def negatives(self, running: Weights) -> tuple[Weights, Weights]:
        """Return how many negatives stand above each positive, and above it or as high."""
        above = np.take(running, self._above, axis=1)
        if self._no_pair_is_tied:
            return above, above
        return above, np.take(running, self._as_high, axis=1)

    def precision(self, true: Weights, above: Weights, as_high: Weights, *, smooth: bool) -> Floats:
        """Return the precision at each positive: with equal scores one step of the curve.

        Smooth: the mean of the precision there and at the next higher score.
        """
        running = _running(true)
        if self._no_positives_tie:
            before, hits = running[:, :-1], running[:, 1:]
        else:
            before, hits = (np.take(running, at, axis=1) for at in (self._first, self._past))
        at = _share(hits, as_high)
        return (at + _share(before, above)) / 2 if smooth else at


def _running(rows: Weights) -> Weights:
    """Return the running sums of each line, from nothing to all of it."""
    sums = np.zeros((len(rows), rows.shape[1] + 1), rows.dtype)
    np.cumsum(rows, axis=1, out=sums[:, 1:])
    return sums


def _dot(rows: Weights, others: Weights) -> Weights:
    return np.asarray(np.einsum("ij,ij->i", rows, others))


def _share(hits: Weights, others: Weights) -> Floats:
    """Return hits/(hits + others); 1 where there is nothing yet: the curve begins there."""
    seen = hits + others
    share: Floats = np.ones(seen.shape)
    np.divide(hits, seen, out=share, where=seen > 0)
    return share


def _one_against_one(scores: Floats, truths: Floats) -> list[_Curve]:
    """Return both directions of each pair of classes, among the rows of the two."""
    curves = []
    for first, second in combinations(range(scores.shape[1]), 2):
        rows = np.flatnonzero((truths == first) | (truths == second))
        curves += [_Curve(scores[:, code], truths == code, rows) for code in (first, second)]
    return curves


def _mean(found: Sequence[Floats], shares: Sequence[Weights] | None) -> Floats:
    if len(found) == 1:
        return found[0]
    if shares is None:
        return np.asarray(np.mean(found, axis=0))
    with np.errstate(invalid="ignore"):  # a resample of rows that weigh nothing
        return np.asarray(np.multiply(found, shares).sum(axis=0) / np.sum(shares, axis=0))


def _pulls_of_mean(
    found: Sequence[_Pulled], rows: Floats, *, pairs: bool, weighted: bool
) -> Floats:
    """Return how much one more of each row moves the mean of areas, and the areas' shares."""
    if len(found) == 1:
        return found[0].moved
    if not weighted:
        return np.asarray(np.mean([each.moved for each in found], axis=0))
    members = [np.concatenate([each.true, each.false]) if pairs else each.true for each in found]
    shares = [float(rows[at].sum()) for at in members]
    mean = sum(each.area * share for each, share in zip(found, shares, strict=True)) / sum(shares)
    moved = np.zeros(len(rows))
    for each, share, at in zip(found, shares, members, strict=True):
        moved += share * each.moved
        moved[at] += each.area - mean
    return moved / sum(shares)
