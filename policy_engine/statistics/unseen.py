"""What a row that no sample held would cost: the one on which a model is surest, and wrong.

A log-loss has no bound that rows could show: where a model says 0.99999 and errs, one row costs as
much as hundreds of others. Rows without such an error look like a small, steady gain, and a
bootstrap, which draws only what is there, takes it for certain. But of n rows that show no such
error, its share may still be -log(alpha)/n at a level of alpha (Clopper and Pearson's upper bound
of none). So the true gain may lie that share of the cost below the gain in the data, and bounds
that claim more are widened to that. With usual scores it seldom widens any: it falls with n, where
an interval falls with its root; very sharp scores on few rows lose power by it.

Source: Clopper and Pearson, Biometrika 26 (1934) 404-413; of none in n: Hanley and Lippman-Hand,
JAMA 249 (1983) 1743-1745 ("the rule of three"). That a bootstrap's bound is widened by it is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from policy_engine.statistics.bounds import Bounds
from policy_engine.statistics.metrics import RowMetric
from policy_engine.statistics.rows import PairedRows
from policy_engine.statistics.sufficiency import effective_rows
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = Lazy("numpy")

_LEAST = 2.0**-52


class Unseen(NamedTuple):
    """What one row may cost of which the sample held none.

    Attributes:
        candidate: What the candidate loses on a row, if it is wrong where it is surest (log-loss).
        baseline: The same of the baseline.
        n: How many rows held none (effective ones).
    """

    candidate: float
    baseline: float
    n: float

    def bounds(self, gain: float, alpha: float) -> Bounds:
        """Return how far below and above the gain in the data the true one may lie by such rows."""
        share = -math.log(alpha) / self.n
        return Bounds(gain - share * self.candidate, gain + share * self.baseline)

    def p_above(self, gain: float, difference: float) -> float:
        """Return the alpha at which the lower bound is that difference; 1 if the gain is less."""
        return _level(gain - difference, self.candidate / self.n)

    def p_below(self, gain: float, difference: float) -> float:
        """Return the alpha at which the upper bound is that difference; 1 if the gain is more."""
        return _level(difference - gain, self.baseline / self.n)


def unseen_of(metric: RowMetric, rows: PairedRows) -> Unseen | None:
    """Return what one row of either model may cost; None where the metric has a bound, or none is.

    Only of two classes with one score: of several it is not known which one a row would be.
    """
    mine, theirs = rows.candidate.scores, rows.baseline.scores
    if metric.kind != "log_loss" or not (
        isinstance(mine, Sequence) and isinstance(theirs, Sequence) and mine and theirs
    ):
        return None
    scores = np.asarray([mine, theirs], dtype=float)
    wrong = np.log(np.maximum(1 - scores, _LEAST)), np.log(np.maximum(scores, _LEAST))
    costs = [
        # What it loses more than the other on a row that is not what it says is the likelier.
        np.where(scores[one] < 0.5, *(side[1 - one] - side[one] for side in reversed(wrong)))  # noqa: PLR2004
        for one in (0, 1)
    ]
    weights = rows.weights or [1.0] * len(mine)
    new, old = (max(0.0, float(each.max())) for each in costs)
    return Unseen(new, old, effective_rows(weights))


def _level(distance: float, cost: float) -> float:
    if not distance > 0:
        return 1.0
    return math.exp(-distance / cost) if cost > 0 else 0.0
