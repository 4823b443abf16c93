"""What a row may cost on which two models differ, where the metric itself sets no bound.

An error of numbers or a mean of row values has no largest loss a row. What the rows themselves show
stands in for it, and whoever uses it says so; a log-loss has one, as scores are clipped:

| metric | a row costs at most |
|---|---|
| RMSE, MSE, MAE, MAPE, RMSLE, R² | what the worst constant costs on average |
| log-loss | 36.04, what a score costs at most: it holds whatever a model says |
| mean of row values | the farthest two values apart |

and never less than the costliest row that was seen. The worst constant is the least or the largest
of all targets and predictions, whichever costs more if it is said of every row. So the bound holds
for rows that go wrong within what was seen: a default value, the mean, the far end of the range. It
does not hold for rows that no evaluation saw, on which a model says what it never said there.

Source: ours; held by a property test, and simulated (`docs/explanation/statistics.md`, "Models that
hardly differ").
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from policy_engine.statistics.metrics import Label, RowMetric
from policy_engine.statistics.rows import Outputs, PairedRows
from policy_engine.statistics.sample import Columns, encode
from policy_engine.statistics.statistic import row_values
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
else:
    np = Lazy("numpy")

_MOST_LOSS = -math.log(sys.float_info.epsilon)
"""36.04: scikit-learn clips probabilities to the epsilon, so no row costs more."""


class Costs(NamedTuple):
    """What rows cost, in what the mean over rows is made of: squared errors for RMSE and R².

    Attributes:
        most: What a row costs at most.
        mean: The smaller of both models' means.
        spread: The variance of the targets; 0 where the metric does not divide by it.
        least: The least of the values (scores, numbers) that were seen.
        largest: The largest of them.
    """

    most: float
    mean: float
    spread: float
    least: float
    largest: float


def costs_of(metric: RowMetric, rows: PairedRows) -> Costs:
    """Return what rows cost of a metric that sets no bound itself.

    Raises:
        InvalidRows, NotComputable, StatisticsUnavailable: As `moves`.
    """
    sides = (rows.candidate, rows.baseline)
    if metric.kind == "row_mean":
        seen = np.asarray([each.values for each in sides], dtype=float)
        low, high = float(seen.min()), float(seen.max())
        return Costs(high - low, float(seen.mean(axis=1).min()), 0.0, low, high)
    if metric.kind == "log_loss":
        return Costs(_MOST_LOSS, 0.0, 0.0, 0.0, 1.0)
    said = np.asarray([rows.targets, *(each.predictions for each in sides)], dtype=float)
    low, high = float(said.min()), float(said.max())
    constants = [Outputs(predictions=[end] * len(rows.targets)) for end in (low, high)]
    losses = _losses(metric, rows.targets, [*sides, *constants])
    means = losses.mean(axis=1)
    most = max(float(losses[:2].max()), float(means[2:].max()))
    spread = float(said[0].var()) if metric.kind == "r2" else 0.0
    return Costs(most, float(means[:2].min()), spread, low, high)


def _losses(metric: RowMetric, targets: Sequence[Label], sides: Sequence[Outputs]) -> np.ndarray:
    """Return what each row costs by each side: sides by rows."""
    sample = encode(metric, Columns(targets=targets), sides, in_order=True)
    return np.stack([row_values(sample, place) for place in range(len(sides))])
