"""How far apart the metrics of two models can be that say the same of nearly all rows.

A bootstrap has nothing to resample there, and its interval is not evidence. But rows on which both
say the same add the same to both metrics. So the share of rows that differ, at most (Clopper and
Pearson), bounds the difference, whatever those rows are. With q the share of all rows that differ,
a of the positive ones, b of the negative ones, a_c of class c, and T the share of rows of the class
(T_min: of the rarest of C):

| metric | at most | why |
|---|---|---|
| log-loss | q * -log(eps) | a row costs from 0 to -log(eps) = 36.04, where scores are clipped |
| Brier | q (q * C: several classes) | a row costs from 0 to 1 (to C) |
| balanced accuracy, macro recall | mean of a_c | the recall of class c is a mean over its rows |
| ROC AUC | a + b - a*b | that share of pairs holds a row that differs; each pair is 0 to 1 |
| average precision | a + c(1 - log c), c = q/T | below |
| F1 of a class | 2q/T | below |
| weighted F1 | 3q | below: T_c * (2/T_c) + T_d * (1/T_d) for a row that goes from c to d |
| macro F1 | 3q/(C * T_min) | below: (2/T_c + 1/T_d)/C for such a row |

F1 = 2h/(s + T), h the share of hits, s of rows predicted so. To lose hits (h and s fall alike)
costs (2 - F1)/(s + T) a row, at most 2/T; to gain false alarms (s grows) F1/(s + T), at most 1/T.

Average precision is the mean of the precision at each positive row. A positive that differs adds at
most 1. At the u-th share of the positives that do not, a share of at least T*u is predicted
positive, of which q differs: its precision moves by at most min(1, q/(T*u)), and the integral of
that over u from 0 to 1 is c(1 - log c).

Scores of an area that are the same to 1e-9 of themselves, and of their distance from 1, count as
equal: that other rows lie between two such is left out. Losses that are so near add 1e-9 in all.

The shares and T are bounded at alpha over their number (Bonferroni), so that all hold at once. All
this is of rows drawn alike and independent of each other, with equal weights.

Source: our derivations, held by a property test; Clopper and Pearson, Biometrika 26 (1934) 404-413.
"""

import math
import operator
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policy_engine.statistics.bounds import Bounds
from policy_engine.statistics.metrics import LOSSES, RANKED, Label, RowMetric, settle_metric
from policy_engine.statistics.moving import moves
from policy_engine.statistics.proportions import clopper_pearson_bounds
from policy_engine.statistics.rows import Outputs, PairedRows

Proportion = Callable[[int, int, int], Bounds]
"""Of so many rows of so many, where so many shares are bounded at once: the bounds of the share."""

_SAME = 1e-9
"""Scores that differ by less of themselves, and losses that differ by less, are the same."""
_MOST_LOSS = -math.log(sys.float_info.epsilon)


@dataclass(frozen=True, slots=True, eq=False)
class NearlyEqual:
    """What counts of two models for how far apart they can be.

    Attributes:
        metric: Its definition, settled.
        of_class: How many rows each class has (count).
        differing: On how many of them the models differ (count).
        columns: Columns of scores (count).
    """

    metric: RowMetric
    of_class: Mapping[Label, int]
    differing: Mapping[Label, int]
    columns: int

    @property
    def n(self) -> int:
        """All rows (count)."""
        return sum(self.of_class.values())

    @property
    def k(self) -> int:
        """Rows on which the models differ (count)."""
        return sum(self.differing.values())

    def reach(self, alpha: float) -> float:
        """Return how far apart the true metrics are at most, with an error of at most alpha.

        Raises:
            StatisticsUnavailable: Without SciPy.
            ValueError: If alpha is out of range.
        """
        return self.reach_by(lambda k, n, uses: clopper_pearson_bounds(k, n, alpha / uses))

    def reach_by(self, proportion: Proportion) -> float:
        """Return the same by other bounds of shares; by k/n it is the bound of the rows' own."""
        return _REACHES[_key(self.metric)](self, proportion)


def nearly_equal(metric: RowMetric, rows: PairedRows) -> NearlyEqual | None:
    """Return what counts of two models that say the same of nearly all rows.

    Args:
        metric: Its definition.
        rows: The same rows, judged by both, whose weights and clusters are the caller's matter.

    Returns:
        It; None where no bound is known (the table above), a column is not there, or a class is
        predicted that no row is of.

    Raises:
        InvalidRows: If the metric is of scores that are not finite, or no probabilities.
        NotComputable: If the metric is of one class that no row is of.
        StatisticsUnavailable: Without NumPy, for a loss.
    """
    sides = (rows.candidate, rows.baseline)
    if any(_is_absent(metric, each) for each in sides):
        return None
    scores = rows.candidate.scores
    columns = len(scores) if isinstance(scores, Mapping) else 0
    of_class = Counter(rows.targets)
    settled = settle_metric(metric, of_class, scored_classes=columns)
    if _key(settled) not in _REACHES or not _are_of(settled, rows, of_class):
        return None
    both = zip(rows.targets, _differ(metric, rows), strict=True)
    differing = Counter(target for target, differs in both if differs)
    return NearlyEqual(settled, of_class, differing, max(columns, 1))


def _key(metric: RowMetric) -> tuple[str, str | None]:
    averaged = metric.kind in ("f1", "recall") or metric.kind in RANKED
    return metric.kind, metric.average if averaged else None


def _are_of(metric: RowMetric, rows: PairedRows, classes: Mapping[Label, int]) -> bool:
    """Say whether there are the classes that the bound speaks of, and none that it does not."""
    if metric.kind in RANKED:
        return len(classes) > 1
    if metric.kind in LOSSES or metric.positive is not None:
        return True
    said = {*(rows.candidate.predictions or ()), *(rows.baseline.predictions or ())}
    return said <= classes.keys()


def _is_absent(metric: RowMetric, outputs: Outputs) -> bool:
    read = outputs.scores if metric.kind in RANKED | LOSSES else outputs.predictions
    return read is None


def _differ(metric: RowMetric, rows: PairedRows) -> Iterable[bool]:
    """Say of each row whether the models differ on it."""
    if metric.kind in LOSSES:
        return [moved > _SAME for moved in moves(metric, rows)]
    sides = (rows.candidate, rows.baseline)
    if metric.kind not in RANKED:
        return map(operator.ne, *(each.predictions or () for each in sides))
    return map(_scores_differ, *(_score_rows(each) for each in sides))


def _score_rows(outputs: Outputs) -> Iterable[Sequence[float]]:
    scores = outputs.scores
    if isinstance(scores, Mapping):
        return zip(*(scores[c] for c in sorted(scores, key=str)), strict=True)
    return zip(scores or ())


def _scores_differ(mine: Sequence[float], theirs: Sequence[float]) -> bool:
    """Say whether a score differs, or its distance from 1, near which a network's are crowded."""
    return mine != theirs and not all(
        math.isclose(a, b, rel_tol=_SAME) and math.isclose(1 - a, 1 - b, rel_tol=_SAME)
        for a, b in zip(mine, theirs, strict=True)
    )


def _all(rows: NearlyEqual, proportion: Proportion, uses: int = 1) -> float:
    return proportion(rows.k, rows.n, uses).upper


def _positive(rows: NearlyEqual) -> tuple[int, int]:
    """Return how many rows of the positive class differ, of how many."""
    positive: Any = rows.metric.positive
    return rows.differing[positive], rows.of_class[positive]


def _log_loss(rows: NearlyEqual, proportion: Proportion) -> float:
    return _all(rows, proportion) * _MOST_LOSS + _SAME


def _brier(rows: NearlyEqual, proportion: Proportion) -> float:
    most = rows.columns if rows.columns > 2 else 1  # noqa: PLR2004 (two classes)
    return _all(rows, proportion) * most + _SAME


def _recalls(rows: NearlyEqual, proportion: Proportion) -> float:
    uses = len(rows.of_class)
    shares = [proportion(rows.differing[c], n, uses).upper for c, n in rows.of_class.items()]
    return math.fsum(shares) / uses


def _roc_auc(rows: NearlyEqual, proportion: Proportion) -> float:
    k, n = _positive(rows)
    a = proportion(k, n, 2).upper
    b = proportion(rows.k - k, rows.n - n, 2).upper
    return a + b - a * b


def _average_precision(rows: NearlyEqual, proportion: Proportion) -> float:
    k, n = _positive(rows)
    a, least = proportion(k, n, 3).upper, proportion(n, rows.n, 3).lower
    c = min(_all(rows, proportion, 3) / least, 1.0) if least else 1.0
    return min(a + c * (1 - math.log(c)), 1.0) if c else a


def _f1(rows: NearlyEqual, proportion: Proportion) -> float:
    least = proportion(_positive(rows)[1], rows.n, 2).lower
    return min(2 * _all(rows, proportion, 2) / least, 1.0) if least else 1.0


def _weighted_f1(rows: NearlyEqual, proportion: Proportion) -> float:
    return 3 * _all(rows, proportion)


def _macro_f1(rows: NearlyEqual, proportion: Proportion) -> float:
    classes = len(rows.of_class)
    least = proportion(min(rows.of_class.values()), rows.n, 1 + classes).lower
    return min(3 * _all(rows, proportion, 1 + classes) / (classes * least), 1.0) if least else 1.0


_REACHES: Mapping[tuple[str, str | None], Callable[[NearlyEqual, Proportion], float]] = {
    ("log_loss", None): _log_loss,
    ("brier", None): _brier,
    ("balanced_accuracy", None): _recalls,
    ("recall", "macro"): _recalls,
    ("roc_auc", "binary"): _roc_auc,
    ("average_precision", "binary"): _average_precision,
    ("f1", "binary"): _f1,
    ("f1", "weighted"): _weighted_f1,
    ("f1", "macro"): _macro_f1,
}
