"""The gain in a share of right rows: unweighted, independent of each other, each 0 or 1."""

import math
from dataclasses import dataclass

from mlops_policies.comparing.tested import MORE_ROWS, shared_rows
from policy_engine.evidence import Metric
from policy_engine.statistics import (
    PairedRows,
    TwoBounds,
    count_wins,
    mcnemar_exact,
    rows_needed_for_counts,
    tango_bounds,
    tango_p,
)
from policy_engine.statistics import RowMetric as Definition


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows that are right or wrong, unweighted and independent of each other.

    Attributes:
        wins: Rows that only the candidate has right (count), McNemar's b.
        losses: Rows that only the baseline has right (count), McNemar's c.
        n: All rows (count).
        after: The candidate's metric.
        before: The baseline's.
        left_out: Rows that only the candidate's table has (count).
    """

    wins: int
    losses: int
    n: int
    after: float
    before: float
    left_out: int = 0

    @property
    def gain(self) -> float:
        """The gain, as a fraction of rows."""
        return (self.wins - self.losses) / self.n

    @property
    def where(self) -> str:
        """The rows."""
        return shared_rows(self.n, self.left_out)

    @property
    def standard_error(self) -> float:
        """Of the gain, from the rows on which the models differ (at least one)."""
        return math.sqrt(max(self.wins + self.losses, 1)) / self.n

    def bounds(self, alpha: float) -> TwoBounds:
        """Return Tango's score bounds."""
        return tango_bounds(self.wins, self.losses, self.n, alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return exact McNemar's p; Tango's where the difference is not 0."""
        if difference == 0:
            return mcnemar_exact(self.wins, self.losses)
        return tango_p(self.wins, self.losses, self.n, difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the opposite test's p."""
        if difference == 0:
            return mcnemar_exact(self.losses, self.wins)
        return tango_p(self.losses, self.wins, self.n, -difference)

    def words(self, difference: float = 0.0) -> str:
        """Return the test and its counts."""
        name = "exact McNemar" if difference == 0 else "Tango's score test"
        return (
            f"{name}, only the candidate right b = {self.wins:,}, "
            f"only the baseline c = {self.losses:,}"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows."""
        rows = rows_needed_for_counts(self.wins, self.losses, self.n, delta, alpha)
        return rows, self.n, "rows"

    @property
    def more(self) -> str:
        """Evaluate on more rows."""
        return MORE_ROWS


def counted(
    rows: PairedRows, definition: Definition, metric: Metric, left_out: int
) -> Counts | None:
    """Return the counts where the metric is an unweighted mean of independent 0/1 rows."""
    if not _are_plain(rows):
        return None
    truth, new, old = rows.targets, rows.candidate.predictions, rows.baseline.predictions
    if definition.kind == "row_mean":
        new, old = rows.candidate.values or (), rows.baseline.values or ()
        if not {*new, *old} <= {0, 1}:
            return None
        truth = (1 if metric.goal == "maximize" else 0,) * len(new)
    elif definition.kind != "accuracy":
        return None
    wins, losses, n = count_wins(truth, new or (), old or ())
    right = [
        sum(cell == said for cell, said in zip(truth, side or (), strict=True))
        for side in (new, old)
    ]
    is_of_right = definition.kind == "accuracy" or metric.goal == "maximize"
    after, before = ((count if is_of_right else n - count) / n for count in right)
    return Counts(wins, losses, n, after, before, left_out)


def _are_plain(rows: PairedRows) -> bool:
    """Say whether all rows count alike and none belongs with another.

    A column of ones must not buy the bootstrap, which is the weaker test where few rows differ.
    """
    weights, clusters = rows.weights, rows.clusters
    weigh_alike = weights is None or 0 < min(weights) == max(weights)
    return weigh_alike and (clusters is None or len(set(clusters)) == len(clusters))
