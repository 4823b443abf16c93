"""The rows that a comparison is made of, and whether there are enough of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from policy_engine.errors import PolicyEngineError
from policy_engine.statistics.metrics import COUNTED, LOSSES, RANKED, Label, Metric, settle

MIN_ROWS = 100
"""Rows under which a bootstrap decides nothing."""
MIN_OF_CLASS = 50
"""Rows of the rarer (or named) class under which a bootstrap decides nothing."""
MIN_CLUSTERS = 30
"""Clusters under which a bootstrap of clusters decides nothing."""


class InvalidRows(PolicyEngineError):  # noqa: N818 (it names what is wrong)
    """The rows hold what no metric can be computed from: NaN, a hole, unequal lengths."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outputs:
    """What one model said of each row. Only the column that a metric needs must be there.

    Attributes:
        predictions: A class or a number a row; None is a null, which is wrong in accuracy and
            invalid elsewhere.
        scores: Of the positive class, or one column a class.
        values: The metric itself, one value a row (`row_mean`).
    """

    predictions: Sequence[Label | None] | None = None
    scores: Sequence[float] | Mapping[Label, Sequence[float]] | None = None
    values: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedRows:
    """The same rows, judged by both models, in the same order.

    Attributes:
        targets: The truth, one a row.
        candidate: What the candidate said.
        baseline: What the baseline said.
        weights: One a row, finite, >= 0, sum above 0; None weighs all alike.
        clusters: To which patient, user or day each row belongs; None if rows are independent.
    """

    targets: Sequence[Label]
    candidate: Outputs
    baseline: Outputs
    weights: Sequence[float] | None = None
    clusters: Sequence[Label] | None = None


class Wins(NamedTuple):
    """Rows on which only one of two models is right.

    Attributes:
        wins: Only the candidate (count).
        losses: Only the baseline (count).
        n: All rows (count).
    """

    wins: int
    losses: int
    n: int


class Shortfall(NamedTuple):
    """Too few rows for a bootstrap.

    Attributes:
        what: Of what there are too few (`rows`, `clusters`, `rows of class fraud`).
        have: How many there are.
        need: How many are needed.
    """

    what: str
    have: int
    need: int

    def __str__(self) -> str:
        return f"{self.have} {self.what}; a bootstrap needs {self.need}"


def count_wins(
    targets: Sequence[Label],
    candidate: Sequence[Label | None],
    baseline: Sequence[Label | None],
) -> Wins:
    """Count the rows on which the models differ in being right; a null prediction is wrong.

    Args:
        targets: The truth, one a row.
        candidate: The candidate's prediction of each row.
        baseline: The baseline's.

    Returns:
        The counts, for `mcnemar_exact`, `tango_bounds` and `rows_needed_for_counts`.

    Raises:
        InvalidRows: If the lengths differ, or a target is null or NaN.
    """
    if not len(targets) == len(candidate) == len(baseline):
        raise InvalidRows(
            f"{len(targets)} targets, {len(candidate)} and {len(baseline)} predictions"
        )
    if None in targets or any(target != target for target in targets):  # noqa: PLR0124 (NaN)
        raise InvalidRows("a target is null or NaN")
    wins = losses = 0
    for target, ours, theirs in zip(targets, candidate, baseline, strict=True):
        wins += ours == target != theirs
        losses += theirs == target != ours
    return Wins(wins, losses, len(targets))


def shortfall(metric: Metric, rows: PairedRows) -> Shortfall | None:
    """Return what there is too little of for a bootstrap of `metric`, or None if there is enough.

    Rows of weight 0 tell nothing and are not counted.

    Args:
        metric: The metric under test. Accuracy, micro averages and means over rows have no class
            of their own: they only need rows.
        rows: Where the classes are counted: in the targets.

    Raises:
        NotComputable: If the metric does not fit the rows.
    """
    clusters = None if rows.clusters is None else _weighing(rows.clusters, rows.weights)
    targets = _weighing(rows.targets, rows.weights)
    if clusters is not None and (have := len(set(clusters))) < MIN_CLUSTERS:
        return Shortfall("clusters", have, MIN_CLUSTERS)
    if len(targets) < MIN_ROWS:
        what = "rows" if len(targets) == len(rows.targets) else "rows of weight above 0"
        return Shortfall(what, len(targets), MIN_ROWS)
    if metric.kind not in COUNTED | RANKED | LOSSES or metric.kind == "accuracy":
        return None
    counts = Counter(targets)
    scores = rows.candidate.scores
    classes = len(scores) if isinstance(scores, Mapping) else 0
    settled = settle(metric, counts.keys(), scored_classes=classes)
    if settled.average == "micro":
        return None
    label, have = _rarest(settled, counts)
    if have < MIN_OF_CLASS:
        return Shortfall(f"rows of class {label}", have, MIN_OF_CLASS)
    return None


def _weighing(cells: Sequence[Label], weights: Sequence[float] | None) -> Sequence[Label]:
    """Return the cells of the rows that count; a weight that is no number is refused later."""
    if weights is None:
        return cells
    return [cell for cell, weight in zip(cells, weights, strict=False) if weight != 0]


def _rarest(metric: Metric, counts: Counter[Label]) -> tuple[Label, int]:
    """Return the class that limits the metric: the named one, or the rarest."""
    positive = metric.positive
    both = metric.kind in RANKED | LOSSES
    if positive is None or (both and len(counts) <= 2):  # noqa: PLR2004 (two classes)
        label = min(counts, key=lambda each: (counts[each], str(each)))
        return label, counts[label]
    others = sum(counts.values()) - counts[positive]
    if metric.kind == "specificity" or (both and others < counts[positive]):
        return f"other than {positive}", others
    return positive, counts[positive]
