"""The paired bootstrap: by how much could the gain differ on other rows of the same kind?

Rows are drawn with replacement, both models on the same ones, and the metric is computed again each
time. Rows that are equal in all that the metric sees are drawn together, by one multinomial over
their counts, which is the same distribution. Clusters are drawn whole.

Sources: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 14 (BCa:
Efron, JASA 82 (1987) 171-185); clusters: Field and Welsh, JRSS B 69 (2007) 369-390.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

from policy_engine.errors import PolicyEngineError
from policy_engine.statistics.linearized import Linearized
from policy_engine.statistics.metrics import Label, RowMetric
from policy_engine.statistics.resampled import ROUNDING, Method, Resampled
from policy_engine.statistics.resampling import CHUNK, Draws, chunks
from policy_engine.statistics.rows import InvalidRows, Outputs, PairedRows
from policy_engine.statistics.sample import Columns, Sample, encode
from policy_engine.statistics.small_classes import small_classes
from policy_engine.statistics.statistic import Statistic, statistic
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
else:
    np = Lazy("numpy")

Goal = Literal["maximize", "minimize"]
RESAMPLES = 10_000
"""Resamples by default: a bound at 0.05 then wobbles by about 0.02 standard errors."""
_NORMAL = NormalDist()


class TooFewOfClass(PolicyEngineError):  # noqa: N818 (it names what is wrong)
    """A class is so rare that most resamples lack it: the bootstrap decides nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OneModel:
    """The rows of one model, and which of them belong to a slice.

    Attributes:
        targets: The truth, one a row.
        outputs: What the model said.
        members: Whether each row belongs to the slice.
        weights: One a row, or None.
        clusters: One a row, or None.
    """

    targets: Sequence[Label]
    outputs: Outputs
    members: Sequence[bool]
    weights: Sequence[float] | None = None
    clusters: Sequence[Label] | None = None


def paired_bootstrap(
    metric: RowMetric,
    rows: PairedRows,
    *,
    goal: Goal,
    seed: int,
    resamples: int = RESAMPLES,
    method: Method = "percentile",
) -> Resampled:
    """Return the gain of the candidate over the baseline, and its resamples.

    Ask `shortfall` first: this computes with too few rows, too, and does not say so.

    Args:
        metric: Its definition.
        rows: The same rows, judged by both. A resample that lacks a class of the targets that the
            metric needs is drawn again.
        goal: Which direction is better: the gain is candidate less baseline, or the reverse.
        seed: A whole number, 0 or above, that the caller derives from the evidence.
        resamples: How many, at least 1.
        method: `percentile`, or `bca` (bias-corrected and accelerated).

    Returns:
        The gain, in the metric's units, above 0 where the candidate is better; ask it for
        `interval(alpha)`, `p_above(difference)` and `p_below(difference)`. The same arguments give
        the same result, whatever the order of the rows.

    Raises:
        InvalidRows: If a value is missing, not finite, out of range, or the lengths differ.
        NotComputable: If a column that the metric needs is absent, its positive class is unknown,
            or the metric cannot be resampled (`max_error`).
        TooFewOfClass: If more resamples lacked a class than were asked for.
        StatisticsUnavailable: Without NumPy and SciPy.
        ValueError: If `seed` or `resamples` is out of range.
    """
    sample, terms = _paired(metric, rows, goal)
    found = _bootstrap(terms, sample.observed, _Plan(seed, resamples, method))
    return found.widened(small_classes(sample, terms.pulls))


def paired_linear(metric: RowMetric, rows: PairedRows, *, goal: Goal) -> Linearized:
    """Return the gain of the candidate over the baseline as on many rows: without resampling.

    Ask `is_large` first: with few rows its bounds are those of no bootstrap.

    Args:
        metric: Its definition.
        rows: The same rows, judged by both.
        goal: Which direction is better.

    Raises:
        InvalidRows: As `paired_bootstrap`.
        NotComputable: As `paired_bootstrap`.
        StatisticsUnavailable: Without NumPy and SciPy.
    """
    sample, terms = _paired(metric, rows, goal)
    return _linear(terms, sample.observed)


def slice_bootstrap(
    metric: RowMetric,
    rows: OneModel,
    *,
    goal: Goal,
    floor: float,
    seed: int,
    resamples: int = RESAMPLES,
) -> Resampled:
    """Return by how much a slice stays above a share of the whole, and its resamples.

    Args:
        metric: Its definition.
        rows: The rows of one model, and which of them belong to the slice.
        goal: Which direction is better.
        floor: The share, in (0, 1], of the whole's metric that the slice must reach; of an error it
            must not exceed the whole's divided by the share.
        seed: A whole number, 0 or above.
        resamples: How many, at least 1.

    Returns:
        slice - floor*whole (for `minimize`: whole/floor - slice), in the metric's units. The slice
        is shown to be under the floor where `p_below()` is below alpha. Percentile.

    Raises:
        InvalidRows: As `paired_bootstrap`, or if no row, or none of weight, belongs to the slice.
        NotComputable: As `paired_bootstrap`.
        TooFewOfClass: As `paired_bootstrap`.
        StatisticsUnavailable: Without NumPy and SciPy.
        ValueError: If `floor`, `seed` or `resamples` is out of range.
    """
    terms, observed = _sliced(metric, rows, goal, floor)
    return _bootstrap(terms, observed, _Plan(seed, resamples, "percentile"))


def slice_linear(metric: RowMetric, rows: OneModel, *, goal: Goal, floor: float) -> Linearized:
    """Return the same as `slice_bootstrap` on many rows: without resampling.

    Raises:
        InvalidRows: As `slice_bootstrap`.
        NotComputable: As `slice_bootstrap`.
        StatisticsUnavailable: Without NumPy and SciPy.
        ValueError: If `floor` is out of range.
    """
    return _linear(*_sliced(metric, rows, goal, floor))


def _paired(metric: RowMetric, rows: PairedRows, goal: Goal) -> tuple[Sample, _Terms]:
    columns = Columns(targets=rows.targets, weights=rows.weights, clusters=rows.clusters)
    sample = encode(metric, columns, [rows.candidate, rows.baseline])
    sign = 1.0 if goal == "maximize" else -1.0
    terms = _Terms([(sign, statistic(sample, 0)), (-sign, statistic(sample, 1))])
    return sample, terms


def _sliced(metric: RowMetric, rows: OneModel, goal: Goal, floor: float) -> tuple[_Terms, Counts]:
    if not 0 < floor <= 1:
        raise ValueError(f"the floor is {floor}; it must be above 0 and at most 1")
    columns = Columns(
        targets=rows.targets, weights=rows.weights, clusters=rows.clusters, members=rows.members
    )
    sample = encode(metric, columns, [rows.outputs])
    if not (sample.weights * sample.members).sum() > 0:
        raise InvalidRows("no row belongs to the slice")
    part, whole = statistic(sample, 0, members_only=True), statistic(sample, 0)
    shares = (1.0, -floor) if goal == "maximize" else (-1.0, 1 / floor)
    return _Terms([(shares[0], part), (shares[1], whole)]), sample.observed


class _Terms:
    """A sum of metrics, each times a number: what is resampled."""

    def __init__(self, terms: Sequence[tuple[float, Statistic]]) -> None:
        self._terms = terms
        self.width = max(each.width for _, each in terms)

    def evaluate(self, counts: Counts) -> tuple[Floats, NDArray[np.bool_]]:
        total, whole = np.zeros(len(counts)), np.ones(len(counts), dtype=bool)
        scale = np.zeros(len(counts))
        for factor, each in self._terms:
            values, complete = each.evaluate(counts)
            total += factor * values
            scale += np.abs(factor * values)
            whole &= complete
        total[np.abs(total) <= ROUNDING * scale] = 0  # equal but for the last digits: equal
        return total, whole & np.isfinite(total)

    def pulls(self, observed: Counts) -> Floats:
        total = np.zeros(len(observed))
        for factor, each in self._terms:
            total += factor * each.pulls(observed)
        return total

    def leave_out(self, observed: Counts, start: int, stop: int) -> Floats:
        total = np.zeros(stop - start)
        for factor, each in self._terms:
            total += factor * each.leave_out(observed, start, stop)
        return total


class _Plan(NamedTuple):
    seed: int
    resamples: int
    method: Method


def _linear(terms: _Terms, observed: Counts) -> Linearized:
    estimate = float(terms.evaluate(observed[None, :])[0][0])
    return Linearized.of(estimate, terms.pulls(observed), observed)


def _bootstrap(terms: _Terms, observed: Counts, plan: _Plan) -> Resampled:
    if plan.resamples < 1:
        raise ValueError(f"resamples is {plan.resamples}; it must be at least 1")
    estimate = float(terms.evaluate(observed[None, :])[0][0])
    values, redrawn = _values(terms, Draws(observed, plan.seed), plan.resamples)
    if plan.method == "percentile":
        return Resampled(estimate=estimate, values=values, redrawn=redrawn)
    return Resampled(
        estimate=estimate,
        values=values,
        redrawn=redrawn,
        method="bca",
        bias=_bias(values, estimate),
        acceleration=_acceleration(terms, observed),
    )


def _values(terms: _Terms, draws: Draws, resamples: int) -> tuple[Floats, int]:
    """Return the resamples, sorted, and how many more were drawn because a class was lacking."""
    values, have, redrawn = np.empty(resamples), 0, 0
    at_once = draws.at_once(terms.width)
    while have < resamples:
        gains, complete = terms.evaluate(draws.take(min(at_once, resamples - have)))
        kept = gains[complete]
        values[have : have + len(kept)] = kept
        have += len(kept)
        redrawn += len(gains) - len(kept)
        if redrawn > resamples:
            raise TooFewOfClass("most resamples lack a class: too few rows have it")
    values.sort()
    return values, redrawn


def _bias(values: Floats, estimate: float) -> float:
    """Return BCa's z0: how far the estimate lies from the resamples' median."""
    below, equal = (values < estimate).sum(), (values == estimate).sum()
    share = float(below + equal / 2) / len(values)  # a tie counts half, as in SciPy
    return _NORMAL.inv_cdf(share) if 0 < share < 1 else math.nan


def _acceleration(terms: _Terms, observed: Counts) -> float:
    """Return BCa's a, from the jackknife over units."""
    left_out = np.concatenate(
        [
            terms.leave_out(observed, start, stop)
            for start, stop in chunks(
                len(observed), max(1, CHUNK // max(terms.width, len(observed)))
            )
        ]
    )
    away = np.average(left_out, weights=observed) - left_out
    spread = float((observed * away**2).sum())
    return float((observed * away**3).sum()) / (6 * spread**1.5) if spread > 0 else math.nan
