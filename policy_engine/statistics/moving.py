"""How far each row moves the difference of two models' metrics, where rows move it unlike far.

A score that differs by 1e-9 moves nothing, and one that lies elsewhere among the same rows of the
other class moves no area. What counts is what a row adds to the difference:

- a loss (log-loss, Brier), an error of numbers (RMSE, MAE, R²) or a mean of row values: what the
  row adds by the one model less what it adds by the other;
- an area: the row's placement, which is the share of the rows of the other class that stand on its
  right side, less its placement by the other model, over the rows of its own class. Placements give
  ROC AUC (their mean) and both areas under the precision-recall curve, whose precisions need only
  how many negatives stand above each positive. A row whose own score is the same moves nothing,
  though others pass it: one row that goes from the last place to the first changes all placements.

Source: placements: DeLong and others, Biometrics 44 (1988) 837-845.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from policy_engine.statistics.metrics import LOSSES, NUMBERS, RANKED, RowMetric
from policy_engine.statistics.sample import Columns, Sample, encode
from policy_engine.statistics.statistic import row_values
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from policy_engine.statistics.rows import PairedRows

    Floats = NDArray[np.float64]
    Truths = NDArray[np.bool_]
else:
    np = Lazy("numpy")

MOVED = RANKED | LOSSES | NUMBERS - {"max_error"} | {"row_mean"}
"""The kinds of metrics of which one row can move more than another."""
FEW = 0.01
"""The share of rows that are few."""
_NOISE = 1e-6
"""Of how far apart two scores of a row are at most; scores that are nearer are the same."""


def moves(metric: RowMetric, rows: PairedRows) -> list[float]:
    """Return how far each row moves the difference, 0 or above, in the order of the rows.

    Raises:
        InvalidRows: As `paired_bootstrap`.
        NotComputable: If a column that the metric needs is absent, or its positive class unknown.
        StatisticsUnavailable: Without NumPy.
    """
    columns = Columns(targets=rows.targets)
    sample = encode(metric, columns, [rows.candidate, rows.baseline], in_order=True)
    if metric.kind not in RANKED:
        moved = abs(row_values(sample, 0) - row_values(sample, 1))
    else:
        apart = abs(_columns(sample, 0) - _columns(sample, 1))
        differs = apart > _NOISE * apart.max()
        moved = (abs(_placements(sample, 0) - _placements(sample, 1)) * differs).sum(axis=1)
    found: list[float] = moved.tolist()
    return found


def carried_by_few(metric: RowMetric, rows: PairedRows) -> float | None:
    """Return which share of all that the models differ by the 1 % of rows carry that carry most.

    None where every row moves the metric equally far, or none does.

    Raises:
        InvalidRows, NotComputable, StatisticsUnavailable: As `moves`.
    """
    if metric.kind not in MOVED:
        return None
    weights = rows.weights or [1.0] * len(rows.targets)
    moved = sorted(
        (w * m for w, m in zip(weights, moves(metric, rows), strict=False)), reverse=True
    )
    whole = math.fsum(moved)
    return math.fsum(moved[: math.ceil(FEW * len(moved))]) / whole if whole > 0 else None


def _columns(sample: Sample, side: int) -> Floats:
    """Return the scores that curves are made of: rows by curves."""
    scores = sample.outputs[side]
    if sample.metric.positive is None or scores.shape[1] == 1:
        return scores
    code = sample.labels.index(sample.metric.positive)
    return scores[:, code : code + 1]


def _placements(sample: Sample, side: int) -> Floats:
    """Return the placement of each row in each curve: rows by classes."""
    positive = sample.metric.positive
    codes = range(len(sample.labels)) if positive is None else [sample.labels.index(positive)]
    columns = _columns(sample, side).T
    return np.column_stack(
        [_placed(c, sample.targets == code) for c, code in zip(columns, codes, strict=True)]
    )


def _placed(scores: Floats, true: Truths) -> Floats:
    """Return how often each row is on the right side of one of the other class, over all pairs."""
    right = np.zeros(len(scores))
    pairs = max(int(true.sum()) * int((~true).sum()), 1)
    for mine, sign in ((true, 1.0), (~true, -1.0)):
        ours, theirs = sign * scores[mine], np.sort(sign * scores[~mine])
        below, as_high = (np.searchsorted(theirs, ours, s) for s in ("left", "right"))
        right[mine] = (below + as_high) / (2 * pairs)
    return right
