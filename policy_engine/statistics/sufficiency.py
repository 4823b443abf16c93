"""Whether there is enough for a bootstrap: rows, rows of a class, clusters, differing rows.

A percentile interval is right for many equal, independent pieces of evidence. With few of them it
is too narrow, and a false verdict comes more often than alpha says. What counts is not the number
of rows but how many equally weighted ones tell as much: Kish's effective number,
(sum of w)² / sum of w², which is the number itself where all weights are equal.

Source: Kish, Survey Sampling (1965), section 11.7. The least numbers are ours, chosen by
simulation: `docs/explanation/statistics.md`, "Few rows that differ" and "Unequal weights".
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from policy_engine.statistics.metrics import (
    COUNTED,
    LOSSES,
    RANKED,
    Label,
    RowMetric,
    settle_metric,
)
from policy_engine.statistics.moving import MOVED, moves
from policy_engine.statistics.rows import Outputs, PairedRows
from policy_engine.statistics.sample import LARGE

MIN_ROWS = 100
"""Effective rows under which a bootstrap decides nothing."""
MIN_OF_CLASS = 50
"""Effective rows of the rarer (or named) class under which a bootstrap decides nothing."""
MIN_IN_TAIL = 100
"""Of three classes or more: the least effective rows of a metric that is of all of them."""
MIN_CLUSTERS = 30
"""Clusters under which a bootstrap of clusters decides nothing."""
MIN_DIFFERING = 30
"""Rows (or clusters) on which the models differ under which a bootstrap decides nothing."""
MIN_EFFECTIVE = 20
"""Of each of these two, the least effective number: they may differ in size, not by much."""
LARGE_OF_CLASS = 500
"""Effective rows of the rarer class that an area under the precision-recall curve needs for it:
with fewer its distribution is bent, which a resample sees and a derivative does not."""
_CLUSTERS, _DIFFERING = (MIN_CLUSTERS, MIN_EFFECTIVE), (MIN_DIFFERING, MIN_EFFECTIVE)
_MATTERS = 1e-3
"""Of how far one row moves the metric at most; a row that moves it by less is no differing one."""
_ROUNDING = 1e-9
"""By so much an effective number may fall short of a whole number and still be it."""


class Shortfall(NamedTuple):
    """Too little for a bootstrap.

    Attributes:
        what: Of what there is too little (`rows`, `clusters`, `rows of class fraud`).
        have: How many there are; where weights or sizes are unequal, the effective number.
        need: How many are needed.
        of: How many there are, whatever they weigh; None where that is `have`.
        of_difference: Whether it is of rows (or clusters) on which the models differ.
    """

    what: str
    have: int
    need: int
    of: int | None = None
    of_difference: bool = False

    def __str__(self) -> str:
        if self.of is None:
            return f"{self.have:,} {self.what}; a bootstrap needs {self.need}"
        return (
            f"{self.of:,} {self.what}, which tell as much as {self.have:,} of equal weight "
            f"((sum of w)²/sum of w²); a bootstrap needs {self.need}"
        )


def shortfall(metric: RowMetric, rows: PairedRows) -> Shortfall | None:
    """Return what there is too little of for a bootstrap of `metric`, or None if there is enough.

    Rows of weight 0 tell nothing and are not counted. Of scores and numbers, a row counts by how
    far it moves the difference (`moves`): noise in the last digits does not count, and where one
    row moves the metric as far as all others together, there is little more than one.

    Args:
        metric: The metric under test. Accuracy, micro averages and means over rows have no class
            of their own: they only need rows.
        rows: Where the classes are counted: in the targets.

    Raises:
        InvalidRows: If the metric is of scores and a score is missing, not finite or out of range.
        NotComputable: If the metric does not fit the rows.
        StatisticsUnavailable: Without NumPy, where scores are to be compared.
    """
    weights = rows.weights or [1.0] * len(rows.targets)
    if rows.clusters is not None:
        short = _too_few("clusters", _masses(rows.clusters, weights), *_CLUSTERS)
        if short is not None:
            return short
    what = "rows" if all(weights) else "rows of weight above 0"
    return (
        _too_few(what, weights, MIN_ROWS)
        or _short_of_class(metric, rows, weights)
        or _short_of_predicted(metric, rows, weights)
        or _short_of_difference(metric, rows, weights)
    )


def is_large(metric: RowMetric, rows: PairedRows) -> bool:
    """Say whether rows are so many that their gain is linearized rather than resampled.

    Counts of classes are drawn by one multinomial, however many rows they are of, and few clusters
    are few sums: those are not, whatever the rows.

    Raises:
        NotComputable: If the metric does not fit the rows.
    """
    if len(rows.targets) < LARGE or metric.kind == "max_error":
        return False
    if metric.kind == "roc_auc":
        return True
    if metric.kind in RANKED:
        weights = rows.weights or [1.0] * len(rows.targets)
        return _short_of_class(metric, rows, weights, LARGE_OF_CLASS) is None
    if rows.clusters is not None:
        return len(set(rows.clusters)) >= LARGE
    return metric.kind not in COUNTED or rows.weights is not None


def _short_of_class(
    metric: RowMetric, rows: PairedRows, weights: Sequence[float], need: int = MIN_OF_CLASS
) -> Shortfall | None:
    if metric.kind not in COUNTED | RANKED | LOSSES or metric.kind == "accuracy":
        return None
    of_class = _of_class(rows, weights)
    scores = rows.candidate.scores
    classes = len(scores) if isinstance(scores, Mapping) else 0
    settled = settle_metric(metric, of_class.keys(), scored_classes=classes)
    if settled.average == "micro":
        return None
    is_of_all = settled.positive is None and metric.kind in COUNTED - {"precision"}
    if is_of_all and len(of_class) > 2:  # noqa: PLR2004 (of two the rarer one limits it)
        return _short_of_tail(settled, of_class)
    label, found = _rarest(settled, of_class)
    return _too_few(f"rows of class {label}", found, need)


def _of_class(rows: PairedRows, weights: Sequence[float]) -> Mapping[Label, Sequence[float]]:
    """Return the weights above 0 of each class."""
    if rows.weights is None:
        return {label: [1.0] * count for label, count in Counter(rows.targets).items()}
    found: dict[Label, list[float]] = {}
    for target, weight in zip(rows.targets, weights, strict=False):
        if weight:
            found.setdefault(target, []).append(weight)
    return found


def _short_of_tail(
    metric: RowMetric, of_class: Mapping[Label, Sequence[float]]
) -> Shortfall | None:
    """Return whether the classes together tell too little, however rare the rarest is.

    Where each class counts alike, a row moves the metric by 1 over the size of its class, and the
    variance by its square: a rare class among few weighs most, one among many hardly. Where classes
    count by their rows, or the metric is of the whole table, what limits it is how many rows the
    largest class leaves. Averages of precision are not among them: with rare classes the bootstrap
    passed 17 % of losses of the margin.
    """
    if metric.average == "macro" or metric.kind == "balanced_accuracy":
        rows = [(w / math.fsum(found)) ** 2 for found in of_class.values() for w in found]
        return _too_few("rows, each class weighed alike", rows, MIN_IN_TAIL)
    largest = max(of_class, key=lambda label: math.fsum(of_class[label]))
    others = [w for label, found in of_class.items() if label != largest for w in found]
    return _too_few("rows outside the largest class", others, MIN_IN_TAIL)


def _short_of_predicted(
    metric: RowMetric, rows: PairedRows, weights: Sequence[float]
) -> Shortfall | None:
    """Return whether a precision divides by too few rows, or by rows nearly all right or wrong.

    Each model has to predict so many that, at the precision of both together, enough of them are
    right and enough are wrong: a resample without a miss takes the precision for certain.
    """
    if metric.kind != "precision":
        return None
    settled = settle_metric(metric, set(rows.targets))
    said = [rows.candidate.predictions, rows.baseline.predictions]
    if settled.positive is None or any(each is None for each in said):
        return None
    sides = [
        [
            (w, target)
            for target, cell, w in zip(rows.targets, each or (), weights, strict=False)
            if w and cell == settled.positive
        ]
        for each in said
    ]
    both = [row for side in sides for row in side]
    hits = math.fsum(w for w, target in both if target == settled.positive)
    right = hits / max(math.fsum(w for w, _ in both), math.ulp(0))
    for role, side in zip(("candidate", "baseline"), sides, strict=True):
        expected = effective_rows(w for w, _ in side) * (1 + _ROUNDING)
        for share, what in ((right, "right"), (1 - right, "wrong")):
            if expected * share < MIN_OF_CLASS:
                named = (
                    f"rows that the {role} predicts as {settled.positive}, expected to be {what}"
                )
                return Shortfall(named, math.floor(expected * share), MIN_OF_CLASS)
    return None


def _rarest(
    metric: RowMetric, of_class: Mapping[Label, Sequence[float]]
) -> tuple[Label, Sequence[float]]:
    """Return the class that limits the metric, the named one or the rarest, and its weights."""
    positive = metric.positive
    both = metric.kind in RANKED | LOSSES
    if positive is None or (both and len(of_class) <= 2):  # noqa: PLR2004 (two classes)
        label = min(of_class, key=lambda each: (effective_rows(of_class[each]), str(each)))
        return label, of_class[label]
    others = [w for label, found in of_class.items() if label != positive for w in found]
    if metric.kind == "specificity" or (
        both and effective_rows(others) < effective_rows(of_class[positive])
    ):
        return f"other than {positive}", others
    return positive, of_class[positive]


def _short_of_difference(
    metric: RowMetric, rows: PairedRows, weights: Sequence[float]
) -> Shortfall | None:
    """Return whether the models differ on too few rows: on all others a resample finds no gain."""
    is_moved = metric.kind in MOVED
    moved = moves(metric, rows) if is_moved else _differing(metric, rows)
    if moved is None:
        return None
    least = _MATTERS * max(moved, default=0.0)
    masses = [w * m if m > least else 0.0 for w, m in zip(weights, moved, strict=False)]
    if rows.clusters is None:
        what = "rows on which the models differ"
        if is_moved and metric.kind not in RANKED | LOSSES:
            what = f"rows that move the {metric.kind} by a thousandth of what the farthest one does"
        short = _too_few(what, [m for m in masses if m], *_DIFFERING)
    else:
        within = _masses(rows.clusters, masses)
        short = _too_few("clusters in which the models differ", within, *_DIFFERING)
    if short is None:
        return None
    short = short._replace(of_difference=True)
    if short.of is None or not is_moved:
        return short
    return short._replace(what=f"{short.what}, weighed by how far each moves the {metric.kind}")


def _differing(metric: RowMetric, rows: PairedRows) -> list[float] | None:
    """Return 1 for each row on which the two models add something else to the metric, else 0."""
    mine, theirs = (_read(metric, side) for side in (rows.candidate, rows.baseline))
    if mine is None or theirs is None:
        return None  # a column is not there: the bootstrap says which
    if metric.kind == "accuracy":
        truth = rows.targets
        mine = [cell == true for cell, true in zip(mine, truth, strict=False)]
        theirs = [cell == true for cell, true in zip(theirs, truth, strict=False)]
    return [float(one != other) for one, other in zip(mine, theirs, strict=False)]


def _read(metric: RowMetric, outputs: Outputs) -> Sequence[object] | None:
    """Return what the metric reads of each row."""
    return outputs.values if metric.kind == "row_mean" else outputs.predictions


def effective_rows(weights: Iterable[float]) -> float:
    """Return Kish's effective number of rows of these weights, (sum of w)² / sum of w².

    It is their number where all are equal, and 0 where none is above 0.
    """
    found = list(weights)
    squares = math.fsum(w * w for w in found)
    return 0.0 if squares == 0 else math.fsum(found) ** 2 / squares


def _masses(units: Iterable[Hashable], weights: Iterable[float]) -> list[float]:
    """Return how much each unit weighs; one without weight is none."""
    masses: dict[Hashable, float] = {}
    for unit, weight in zip(units, weights, strict=False):
        if weight:
            masses[unit] = masses.get(unit, 0.0) + weight
    return list(masses.values())


def _too_few(
    what: str, weights: Sequence[float], need: int, equal: int | None = None
) -> Shortfall | None:
    """Return a shortfall of a number, or of their effective number where that must be `equal`."""
    counted = sum(weight != 0 for weight in weights)
    if counted < need:
        return Shortfall(what, counted, need)
    least, found = equal or need, effective_rows(weights) * (1 + _ROUNDING)
    return Shortfall(what, math.floor(found), least, of=counted) if found < least else None
