"""From a metric to the function that computes it for many resamples at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from policy_engine.statistics import tallies
from policy_engine.statistics.metrics import COUNTED, RANKED, NotComputable
from policy_engine.statistics.ranking import Ranking
from policy_engine.statistics.rows import InvalidRows
from policy_engine.statistics.sums import Sums
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from policy_engine.statistics.sample import Sample
    from policy_engine.statistics.sums import Evaluated

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
else:
    np = Lazy("numpy")


class Statistic(Protocol):
    """A metric of one model, as a function of how often each unit was drawn."""

    @property
    def width(self) -> int:
        """How many numbers one resample takes to evaluate."""

    def evaluate(self, counts: Counts) -> Evaluated:
        """Return the metric of each resample, and whether it held every class."""

    def pulls(self, observed: Counts) -> Floats:
        """Return how much one more (or less) of each unit moves the metric."""

    def leave_out(self, observed: Counts, start: int, stop: int) -> Floats:
        """Return the metric of the data less one of unit i, for i from start to stop."""


def statistic(sample: Sample, side: int, *, members_only: bool = False) -> Statistic:
    """Return the metric of the model at `side`, of all rows or of those in the slice alone."""
    weights = sample.weights * sample.members if members_only else sample.weights
    kind = sample.metric.kind
    if kind in RANKED:
        return Ranking(sample, side, weights)
    if kind in COUNTED:
        features = tallies.features(sample, side, weights)
        return Sums(features, sample.units, tallies.finish(sample, weights))
    if kind == "max_error":
        raise NotComputable("the largest error cannot be resampled: no row stands beyond it")
    values = row_values(sample, side)
    if kind == "r2":
        # Around the mean, so that a large mean does not drown the spread.
        centred = sample.targets - np.average(sample.targets, weights=weights * sample.times)
        values = np.column_stack([values, centred, centred**2])
    else:
        values = values[:, None]
    features = np.hstack([np.ones((len(values), 1)), values]) * weights[:, None]
    return Sums(features, sample.units, _r2 if kind == "r2" else _mean_of(kind))


def errors(sample: Sample, side: int) -> Floats:
    """Return what each row's number is too much, in the metric's units."""
    return sample.outputs[side][:, 0] - sample.targets


def row_values(sample: Sample, side: int) -> Floats:
    """Return what each row adds to the mean that the metric is made of."""
    kind = sample.metric.kind
    if kind == "row_mean":
        return sample.outputs[side][:, 0]
    if kind in ("brier", "log_loss"):
        return _losses(sample, side)
    off = errors(sample, side)
    if kind == "mae":
        return np.abs(off)
    if kind == "mape":
        return np.abs(off) / np.maximum(np.abs(sample.targets), np.finfo(float).eps)
    if kind == "rmsle":
        predicted = sample.outputs[side][:, 0]
        if min(predicted.min(), sample.targets.min()) <= -1:
            raise InvalidRows("a number is -1 or below, which has no logarithm of 1 plus it")
        return (np.log1p(predicted) - np.log1p(sample.targets)) ** 2
    return off**2


def _losses(sample: Sample, side: int) -> Floats:
    """Return what each row's probability costs, as scikit-learn counts it."""
    scores = sample.outputs[side]
    if scores.shape[1] == 1:
        positive = sample.labels.index(sample.metric.positive)
        true = (sample.targets == positive)[:, None]
        scores, true = np.hstack([1 - scores, scores]), np.hstack([~true, true])
    else:
        true = sample.targets[:, None] == np.arange(scores.shape[1])
    if sample.metric.kind == "log_loss":
        smallest = np.finfo(float).eps
        clipped = np.clip(scores, smallest, 1 - smallest)
        return np.asarray(-np.log(clipped[true]))
    halves = 2 if scores.shape[1] == 2 else 1  # noqa: PLR2004 (two classes)
    return np.asarray(((scores - true) ** 2).sum(axis=1) / halves)


def _mean_of(kind: str) -> _Mean:
    return _Mean(root=kind in ("rmse", "rmsle"))


class _Mean:
    """The mean of the rows drawn, or its square root."""

    def __init__(self, *, root: bool) -> None:
        self._root = root

    def __call__(self, sums: Floats) -> Evaluated:
        complete = sums[:, 0] > 0
        means = np.divide(sums[:, 1], sums[:, 0], out=np.full(len(sums), np.nan), where=complete)
        return (np.sqrt(np.maximum(means, 0)) if self._root else means), complete


def _r2(sums: Floats) -> Evaluated:
    weight, squared, total, squares = sums.T
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = squares - total**2 / weight
        complete = spread > 0
        return np.where(complete, 1 - squared / np.where(complete, spread, 1), np.nan), complete
