"""Metrics of counts: how often each class is true, predicted, and both.

The definitions are scikit-learn's, with its zero where it warns of a division by zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from policy_engine.statistics.sample import Sample
    from policy_engine.statistics.sums import Evaluated

    Floats = NDArray[np.float64]
else:
    np = Lazy("numpy")

_sparse: Any = Lazy("scipy.sparse")
_DENSE_CLASSES = 2
"""Classes up to which plain columns beat a sparse matrix."""


def features(sample: Sample, side: int, weights: Floats) -> Any:
    """Return what one row adds: to the whole, then to each class's hits, predictions and truths."""
    truths, predicted = sample.targets, sample.outputs[side][:, 0]
    if sample.metric.kind == "accuracy":
        return np.column_stack([np.ones_like(truths), truths == predicted]) * weights[:, None]
    classes = _classes(sample)
    if len(classes) > _DENSE_CLASSES:
        return _sparse_features(truths, predicted, len(classes), weights)
    true = truths[:, None] == classes
    said = predicted[:, None] == classes
    whole = np.ones((len(truths), 1))
    return np.hstack([whole, true & said, said, true]) * weights[:, None]


def finish(sample: Sample, weights: Floats) -> Any:
    """Return the function from sums to the metric.

    A class that the data's targets lack themselves is not asked of a resample.
    """
    metric = sample.metric
    if metric.kind == "accuracy":
        return _accuracy
    rows = weights * sample.times
    needed = np.array([rows[sample.targets == code].sum() > 0 for code in _classes(sample)])

    def from_sums(sums: Floats) -> Evaluated:
        whole = sums[:, :1]
        hits, said, true = np.split(sums[:, 1:], 3, axis=1)
        if metric.kind == "specificity":
            hits, said, true = whole - said - true + hits, whole - said, whole - true
        complete = np.asarray((true[:, needed] > 0).all(axis=1))
        return _value(metric.kind, metric.average, whole, hits, said, true), complete

    return from_sums


def _classes(sample: Sample) -> Floats:
    if sample.metric.positive is not None:
        return np.array([float(sample.labels.index(sample.metric.positive))])
    return np.arange(len(sample.labels), dtype=float)


def _sparse_features(truths: Floats, predicted: Floats, classes: int, weights: Floats) -> Any:
    rows = np.arange(len(truths))
    hit = truths == predicted
    row = np.concatenate([rows, rows[hit], rows, rows])
    column = np.concatenate(
        [np.zeros(len(rows)), 1 + truths[hit], 1 + classes + predicted, 1 + 2 * classes + truths]
    )
    values = np.concatenate([weights, weights[hit], weights, weights])
    shape = (len(rows), 1 + 3 * classes)
    return _sparse.csr_array((values, (row, column.astype(np.intp))), shape=shape)


def _accuracy(sums: Floats) -> Evaluated:
    return _ratio(sums[:, 1], sums[:, 0]), sums[:, 0] > 0


def _value(
    kind: str, average: str | None, whole: Floats, hits: Floats, said: Floats, true: Floats
) -> Floats:
    if kind == "kappa":
        by_chance = (said * true).sum(axis=1) / whole[:, 0]
        left = whole[:, 0] - by_chance
        return 1 - _ratio(whole[:, 0] - hits.sum(axis=1), left, np.nan)
    if kind == "mcc":
        return _mcc(whole[:, 0], hits, said, true)
    if kind == "balanced_accuracy":
        recalls, present = _ratio(hits, true), true > 0
        return _ratio((recalls * present).sum(axis=1), present.sum(axis=1), np.nan)
    if average == "micro":
        hits, said, true = (each.sum(axis=1, keepdims=True) for each in (hits, said, true))
    per_class = _per_class(kind, hits, said, true)
    if per_class.shape[1] == 1:
        return per_class[:, 0]
    share = true if average == "weighted" else ((said + true) > 0).astype(float)
    return _ratio((per_class * share).sum(axis=1), share.sum(axis=1))


def _per_class(kind: str, hits: Floats, said: Floats, true: Floats) -> Floats:
    if kind == "precision":
        return _ratio(hits, said)
    if kind in ("recall", "specificity"):
        return _ratio(hits, true)
    if kind == "jaccard":
        return _ratio(hits, said + true - hits)
    return _ratio(2 * hits, said + true)


def _mcc(whole: Floats, hits: Floats, said: Floats, true: Floats) -> Floats:
    together = hits.sum(axis=1) * whole - (said * true).sum(axis=1)
    of_said = whole**2 - (said**2).sum(axis=1)
    of_true = whole**2 - (true**2).sum(axis=1)
    return _ratio(together, np.sqrt(np.maximum(of_said, 0) * np.maximum(of_true, 0)))


def _ratio(above: Any, below: Any, otherwise: float = 0.0) -> Floats:
    result: Floats = np.full(np.shape(above), otherwise)
    np.divide(above, below, out=result, where=below > 0)
    return result
