"""Precision of two models on the same rows: a score test on the rows that either predicts.

Precision divides by *predicted* rows, which differ from model to model: few of them tell little,
however many rows there are. A bootstrap that finds no miss among few takes the precision for
certain; the test here asks how the rows would vary if the two precisions differed by no more than
the difference under test.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from policy_engine.statistics.bounds import Bounds, quantile, upper_tail
from policy_engine.statistics.metrics import Label, RowMetric, settle_metric
from policy_engine.statistics.rows import InvalidRows, PairedRows, check_targets

_Said = tuple[Sequence[Label | None], Sequence[Label | None]]
_HALVINGS = 60
"""Of an interval of at most 2, after which it is narrower than a float tells."""


class Hits(NamedTuple):
    """Rows that were predicted to be of the class, and how many of them are."""

    hits: int
    rows: int


@dataclass(frozen=True, slots=True)
class Predicted:
    """The rows that either model predicts to be of a class.

    Attributes:
        candidate: Those that the candidate alone predicts.
        both: Those that both predict.
        baseline: Those that the baseline alone predicts.
        positive: The class.
    """

    candidate: Hits
    both: Hits
    baseline: Hits
    positive: Label = 1

    @property
    def by_candidate(self) -> Hits:
        """All that the candidate predicts."""
        return Hits(*map(sum, zip(self.candidate, self.both, strict=True)))

    @property
    def by_baseline(self) -> Hits:
        """All that the baseline predicts."""
        return Hits(*map(sum, zip(self.baseline, self.both, strict=True)))

    @property
    def n(self) -> int:
        """All that either predicts (count)."""
        return self.candidate.rows + self.both.rows + self.baseline.rows

    @property
    def gain(self) -> float:
        """The candidate's precision less the baseline's."""
        mine, theirs = self.by_candidate, self.by_baseline
        return mine.hits / mine.rows - theirs.hits / theirs.rows

    @property
    def reversed(self) -> Self:
        """The same with the models' parts changed."""
        return type(self)(self.baseline, self.both, self.candidate, self.positive)


def predicted_of(metric: RowMetric, rows: PairedRows) -> Predicted | None:
    """Return the rows that either model predicts, without looking at weights.

    Returns:
        The counts; None where the metric is not the precision of one class, or where a model
        predicts no row to be of it.

    Raises:
        InvalidRows: If a target or a prediction is null or NaN, or the lengths differ.
        NotComputable: If no row is of the class.
    """
    if metric.kind != "precision" or metric.average not in (None, "binary"):
        return None
    mine, theirs = rows.candidate.predictions, rows.baseline.predictions
    if mine is None or theirs is None:
        return None
    check_targets(rows.targets, mine, theirs)
    if any(cell is None or cell != cell for said in (mine, theirs) for cell in said):  # noqa: PLR0124 (NaN)
        raise InvalidRows("a prediction is null or NaN")
    settled = settle_metric(metric, set(rows.targets))
    if settled.positive is None:
        return None
    found = _counted(rows.targets, (mine, theirs), settled.positive)
    return found if found.by_candidate.rows and found.by_baseline.rows else None


def _counted(targets: Sequence[Label], said: _Said, positive: Label) -> Predicted:
    parts = {(True, False): [0, 0], (True, True): [0, 0], (False, True): [0, 0]}
    for target, cell, other in zip(targets, *said, strict=True):
        part = parts.get((cell == positive, other == positive))
        if part is not None:
            part[0] += target == positive
            part[1] += 1
    mine, both, theirs = (Hits(*part) for part in parts.values())
    return Predicted(mine, both, theirs, positive)


def precision_p(counts: Predicted, difference: float = 0.0) -> float:
    """Return the one-sided p-value that the true gain in precision is at most `difference`.

    Args:
        counts: The rows that either predicts; both predict some.
        difference: The gain under test, in (-1, 1).

    Returns:
        The p-value, in [0, 1]; 1.0 where nothing can be said. For z = (gain - difference) / sqrt(V)
        with the largest of three variances: that of rows which are all as often right as the
        likeliest two precisions that far apart say; the sum of what each row adds, squared, around
        these two; and the least that a difference needs, |d|(1 - |d|) over the predicted rows. It
        is raised by 1/k, where k is how many equal rows tell as much as these. A z above 0 is
        lowered where the rows are skewed against it. Of few rows p
    can rise again for a difference far below the gain, near -1; the bounds are those next to it.

    Raises:
        ValueError: If the difference is out of range.

    Source: Kosinski, Statistics in Medicine 32 (2013) 964-977, for equal precisions; the likeliest
    two: Miettinen and Nurminen, Statistics in Medicine 4 (1985) 213-226; the least: Tango's
    variance where no row differs; the skewness: Johnson, JASA 73 (1978) 536-544. The largest, and
    1/k, are ours, chosen by simulation: `docs/explanation/statistics.md`, "Equal precision".
    """
    if not -1 < difference < 1:
        raise ValueError(f"the difference is {difference}; it must lie between -1 and 1")
    return upper_tail(_score(counts, difference))


def precision_bounds(counts: Predicted, alpha: float) -> Bounds:
    """Return the bounds of the gain in precision: the differences that are not rejected.

    Args:
        counts: The rows that either predicts; both predict some.
        alpha: The error of each bound, in (0, 0.5].

    Returns:
        The bounds, in [-1, 1].

    Raises:
        ValueError: If alpha is out of range.

    Source: the inversion of `precision_p`.
    """
    z = quantile(alpha)
    return Bounds(_lower(counts, z), -_lower(counts.reversed, z))


def precision_error(counts: Predicted) -> float:
    """Return the standard error of the gain, of at least one row that differs."""
    mine, theirs = counts.by_candidate, counts.by_baseline
    steps = _steps(counts, mine.hits / mine.rows, theirs.hits / theirs.rows)
    squares = math.fsum(n * step**2 for n, step in steps)
    return max(math.sqrt(squares), 1 / min(mine.rows, theirs.rows))


def _lower(counts: Predicted, z: float) -> float:
    rejected, kept = -1.0, counts.gain
    while rejected < (middle := (rejected + kept) / 2) < kept:
        if _score(counts, middle) > z:
            rejected = middle
        else:
            kept = middle
    return rejected


def _score(counts: Predicted, difference: float) -> float:
    """Return by how many standard errors the gain lies above `difference`; NaN: unknown."""
    mine, theirs = counts.by_candidate, counts.by_baseline
    high, low = _likeliest(mine, theirs, difference)
    steps = list(_steps(counts, high, low))
    second = math.fsum(n * step**2 for n, step in steps)
    fourth = math.fsum(n * step**4 for n, step in steps)
    least = abs(difference) * (1 - abs(difference)) / min(mine.rows, theirs.rows)
    variance = max(second, _if_alike(counts, high, low), least)
    if not variance > 0:
        return math.nan
    if not fourth > 0:
        return (counts.gain - difference) / math.sqrt(variance)
    z = (counts.gain - difference) / math.sqrt(variance * (1 + fourth / second**2))
    skew = math.fsum(n * step**3 for n, step in steps) / second / math.sqrt(second)
    if not (z > 0 and skew < 0):
        return z
    bend = -skew / 3  # the s of which s + bend*s² + bend/2 is z
    return (math.sqrt(1 + 4 * bend * max(0.0, z - bend / 2)) - 1) / (2 * bend)


def _steps(counts: Predicted, high: float, low: float) -> Iterator[tuple[int, float]]:
    """Yield how many rows move the gain by how much, around the two precisions."""
    mine, theirs = counts.by_candidate.rows, counts.by_baseline.rows
    for hit in (1, 0):
        own, other = (hit - high) / mine, (hit - low) / theirs
        yield _of(counts.candidate, hit), own
        yield _of(counts.both, hit), own - other
        yield _of(counts.baseline, hit), other


def _of(part: Hits, hit: int) -> int:
    return part.hits if hit else part.rows - part.hits


def _if_alike(counts: Predicted, high: float, low: float) -> float:
    """Return the variance of the gain if rows that both predict are no other than the rest."""
    mine, theirs, middle = counts.by_candidate.rows, counts.by_baseline.rows, (high + low) / 2
    return (
        counts.candidate.rows * high * (1 - high) / mine**2
        + counts.baseline.rows * low * (1 - low) / theirs**2
        + counts.both.rows * middle * (1 - middle) * (1 / mine - 1 / theirs) ** 2
    )


def _likeliest(mine: Hits, theirs: Hits, difference: float) -> tuple[float, float]:
    """Return the likeliest two precisions of which the first is higher by `difference`."""
    if difference == 0:
        pooled = (mine.hits + theirs.hits) / (mine.rows + theirs.rows)
        return pooled, pooled
    below, above = max(0.0, -difference), min(1.0, 1.0 - difference)
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        if not below < middle < above:
            break
        if _slope(((mine, middle + difference), (theirs, middle))) > 0:
            below = middle
        else:
            above = middle
    low = (below + above) / 2
    return min(1.0, max(0.0, low + difference)), low


def _slope(sides: Iterable[tuple[Hits, float]]) -> float:
    """Return how the log likelihood changes as both precisions rise."""
    total = 0.0
    for (hits, rows), p in sides:
        if hits:
            total += hits / p if p > 0 else math.inf
        if hits < rows:
            total -= (rows - hits) / (1 - p) if p < 1 else math.inf
    return total
