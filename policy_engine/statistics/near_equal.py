"""How far apart the metrics of two models can be that say the same of nearly all rows.

A bootstrap has nothing to resample there, and its interval is not evidence. But rows on which both
say the same add the same to both metrics. So the share of rows that differ, at most (Clopper and
Pearson), bounds the difference, whatever those rows are. With q the share of all rows that differ,
a of the positive ones, b of the negative ones, a_c of class c, and T the share of rows of the class
(T_min: of the rarest of C):

| metric | at most | why |
|---|---|---|
| log-loss | q * L | a row costs from 0 to -log(eps) = 36.04, where scores are clipped, or L |
| MSE, MAE, MAPE, mean of row values | q * L | a row costs from 0 to L: `costs` says what L is |
| RMSE, RMSLE | sqrt(M + qL) - sqrt(M) | the same, M the smaller mean of both models |
| R² | q * L / V | the same, V the variance of the targets |
| Brier | q (q * C: several classes) | a row costs from 0 to 1 (to C) |
| balanced accuracy, macro recall | mean of a_c | the recall of class c is a mean over its rows |
| ROC AUC | a + b - a*b | that share of pairs holds a row that differs; each pair is 0 to 1 |
| average precision | a + c(1 - log c), c = q/T | below |
| F1 of a class | 2q/T | below |
| weighted F1 | 3q | below: T_c * (2/T_c) + T_d * (1/T_d) for a row that goes from c to d |
| macro F1 | 3q/(C * T_min) | below: (2/T_c + 1/T_d)/C for such a row |
| kappa | 3q/(1 - T_max) | below |
| MCC | 2q/sqrt(V_T * V_S) + 2q/(V_S + sqrt(V_S * (V_S - 2q))) | below |

F1 = 2h/(s + T), h the share of hits, s of rows predicted so. To lose hits (h and s fall alike)
costs (2 - F1)/(s + T) a row, at most 2/T; to gain false alarms (s grows) F1/(s + T), at most 1/T.

Average precision is the mean of the precision at each positive row. A positive that differs adds at
most 1. At the u-th share of the positives that do not, a share of at least T*u is predicted
positive, of which q differs: its precision moves by at most min(1, q/(T*u)), and the integral of
that over u from 0 to 1 is c(1 - log c).

Kappa is 1 - u/v, u the share of rows that are wrong and v the share that would be if predictions
were dealt at random. v = 1 - sum of S_c*T_c is at least 1 - T_max, u/v at most 2; a row that
differs moves u and v by at most 1 each, so u/v by (1 + 2)/v.

MCC is C/sqrt(V_T * V_S): C the covariance of truth and prediction, V the variance of each, 1 - sum
of squared shares. With a share of 1 - b in one class, V is at least 2b(1 - b). A row that differs
moves C by at most 2 and V_S by at most 2; MCC is at most 1.

Scores of an area that are the same to 1e-9 of themselves, and of their distance from 1, count as
equal: that other rows lie between two such is left out. Losses that are so near add 1e-9 in all;
where there is an L, losses that are nearer than 1e-6 of it are the same, and add that.

The shares and T are bounded at alpha over their number (Bonferroni), so that all hold at once. All
this is of rows drawn alike and independent of each other, with equal weights.

Source: our derivations, held by a property test; Clopper and Pearson, Biometrika 26 (1934) 404-413.
"""

import math
import operator
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy_engine.statistics.bounds import Bounds
from policy_engine.statistics.costs import Costs, costs_of
from policy_engine.statistics.metrics import (
    LOSSES,
    NUMBERS,
    RANKED,
    Label,
    RowMetric,
    settle_metric,
)
from policy_engine.statistics.moving import moves
from policy_engine.statistics.proportions import clopper_pearson_bounds
from policy_engine.statistics.rows import Outputs, PairedRows

Proportion = Callable[[int, int, int], Bounds]
"""Of so many rows of so many, where so many shares are bounded at once: the bounds of the share."""

_SAME = 1e-9
"""Scores that differ by less of themselves, and losses that differ by less, are the same."""
_SAME_OF_COST = 1e-6
"""Of what a row may cost at most: losses that differ by less are the same."""
_MOST_LOSS = -math.log(sys.float_info.epsilon)
_OF_ROWS = NUMBERS - {"max_error"} | {"log_loss", "row_mean"}
"""The kinds whose rows have no largest cost but that which they show."""


@dataclass(frozen=True, slots=True, eq=False)
class NearlyEqual:
    """What counts of two models for how far apart they can be.

    Attributes:
        metric: Its definition, settled.
        of_class: How many rows each class has (count).
        differing: On how many of them the models differ (count).
        columns: Columns of scores (count).
        said: How many rows the candidate predicts as each class (count); empty: it is not needed.
        costs: What a row costs, where the metric itself sets no bound.
    """

    metric: RowMetric
    of_class: Mapping[Label, int]
    differing: Mapping[Label, int]
    columns: int
    said: Mapping[Label, int] = field(default_factory=dict)
    costs: Costs | None = None

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
    if metric.kind in _OF_ROWS - LOSSES:
        return _of_numbers(metric, rows)
    scores = rows.candidate.scores
    columns = len(scores) if isinstance(scores, Mapping) else 0
    of_class = Counter(rows.targets)
    settled = settle_metric(metric, of_class, scored_classes=columns)
    if _key(settled) not in _REACHES or not _are_of(settled, rows, of_class):
        return None
    costs = costs_of(settled, rows) if metric.kind in _OF_ROWS else None
    both = zip(rows.targets, _differ(metric, rows, costs), strict=True)
    differing = Counter(target for target, differs in both if differs)
    predictions = (rows.candidate.predictions or ()) if metric.kind == "mcc" else ()
    said = Counter(each for each in predictions if each is not None)
    return NearlyEqual(settled, of_class, differing, max(columns, 1), said, costs)


def _of_numbers(metric: RowMetric, rows: PairedRows) -> NearlyEqual:
    """Return what counts where there are no classes: all rows are of one."""
    costs = costs_of(metric, rows)
    differing = sum(_differ(metric, rows, costs))
    return NearlyEqual(metric, {0: len(rows.targets)}, {0: differing}, 1, {}, costs)


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
    if metric.kind == "row_mean":
        return outputs.values is None
    read = outputs.scores if metric.kind in RANKED | LOSSES else outputs.predictions
    return read is None


def _differ(metric: RowMetric, rows: PairedRows, costs: Costs | None) -> Iterable[bool]:
    """Say of each row whether the models differ on it."""
    if metric.kind in LOSSES or costs is not None:
        least = _SAME if costs is None else _SAME_OF_COST * costs.most
        return [moved > least for moved in moves(metric, rows)]
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


def _by_costs(rows: NearlyEqual, proportion: Proportion) -> float:
    costs = rows.costs
    most = _MOST_LOSS if costs is None else costs.most
    return (_all(rows, proportion) + _SAME_OF_COST) * most


def _root(rows: NearlyEqual, proportion: Proportion) -> float:
    mean = 0.0 if rows.costs is None else rows.costs.mean
    return math.sqrt(mean + _by_costs(rows, proportion)) - math.sqrt(mean)


def _r2(rows: NearlyEqual, proportion: Proportion) -> float:
    spread = 0.0 if rows.costs is None else rows.costs.spread
    return _by_costs(rows, proportion) / spread if spread else math.inf


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


def _kappa(rows: NearlyEqual, proportion: Proportion) -> float:
    left = proportion(rows.n - max(rows.of_class.values()), rows.n, 3)
    least = min(left.lower, 1 - left.upper)  # of the others together none has more than they
    return min(3 * _all(rows, proportion, 3) / least, 2.0) if least > 0 else 2.0


def _mcc(rows: NearlyEqual, proportion: Proportion) -> float:
    q = _all(rows, proportion, 5)
    of_true, of_said = (
        _variance(proportion(rows.n - max(each.values()), rows.n, 5))
        for each in (rows.of_class, rows.said)
    )
    if not (of_true > 0 and of_said > 0):
        return 2.0
    first = 2 * q / math.sqrt(of_true * of_said)
    second = 2 * q / (of_said + math.sqrt(of_said * max(of_said - 2 * q, 0.0)))
    return min(first + second, 2.0)


def _variance(others: Bounds) -> float:
    """Return the least variance of a class, where the others have such a share."""
    return min(2 * b * (1 - b) for b in (others.lower, others.upper))


_REACHES: Mapping[tuple[str, str | None], Callable[[NearlyEqual, Proportion], float]] = {
    **{(kind, None): _by_costs for kind in ("log_loss", "mse", "mae", "mape", "row_mean")},
    **{(kind, None): _root for kind in ("rmse", "rmsle")},
    ("r2", None): _r2,
    ("kappa", None): _kappa,
    ("mcc", None): _mcc,
    ("brier", None): _brier,
    ("balanced_accuracy", None): _recalls,
    ("recall", "macro"): _recalls,
    ("roc_auc", "binary"): _roc_auc,
    ("average_precision", "binary"): _average_precision,
    ("f1", "binary"): _f1,
    ("f1", "weighted"): _weighted_f1,
    ("f1", "macro"): _macro_f1,
}
