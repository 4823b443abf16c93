"""The gain in a share of right rows, all or of one class: unweighted, independent, each 0 or 1."""

import math
from dataclasses import dataclass

from mlops_policies.comparing.tested import MORE_ROWS, shared_rows
from policy_engine.evidence import Metric
from policy_engine.statistics import (
    Bounds,
    DifferingRows,
    PairedRows,
    TwoBounds,
    clopper_pearson_bounds,
    mcnemar_exact,
    share_of,
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
        of: Which rows, where they are not all that were compared (`class 1`).
        among: All rows that were compared (count), where `of` says something.
        note: What speaks against trusting the test on these rows, as a sentence's end.
    """

    wins: int
    losses: int
    n: int
    after: float
    before: float
    left_out: int = 0
    of: str = ""
    among: int = 0
    note: str = ""

    @property
    def gain(self) -> float:
        """The gain, as a fraction of rows."""
        return (self.wins - self.losses) / self.n

    @property
    def where(self) -> str:
        """The rows."""
        within = f" of {self.of}, of {self.among:,} in all" if self.of else ""
        return shared_rows(self.n, self.left_out, within)

    @property
    def standard_error(self) -> float:
        """Of the gain, from the rows on which the models differ (at least one)."""
        return math.sqrt(max(self.wins + self.losses, 1)) / self.n

    def bounds(self, alpha: float) -> TwoBounds:
        """Return Tango's score bounds."""
        return tango_bounds(self.wins, self.losses, self.n, alpha)

    def exact_bounds(self, alpha: float) -> TwoBounds:
        """Return McNemar's bounds, given how many rows differ: above 0 where it shows a gain."""
        differ = self.wins + self.losses
        share = clopper_pearson_bounds(self.wins, differ, alpha)
        return Bounds(*((2 * each - 1) * differ / self.n for each in (share.lower, share.upper)))

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
        on = f" on {self.n:,} rows of {self.of}" if self.of else ""
        return (
            f"{name}{on}, only the candidate right b = {self.wins:,}, "
            f"only the baseline c = {self.losses:,}"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows."""
        return self.spread.needed(delta, alpha), self.n, self.spread.what

    @property
    def doubt(self) -> str:
        """What speaks against trusting the test on these rows."""
        return self.note

    @property
    def spread(self) -> DifferingRows:
        """The rows on which the models differ."""
        what = f"rows of {self.of}" if self.of else "rows"
        return DifferingRows(self.wins + self.losses, self.n, what)

    @property
    def more(self) -> str:
        """Evaluate on more rows."""
        return f"{MORE_ROWS} of {self.of}" if self.of else MORE_ROWS


def counted(
    rows: PairedRows, definition: Definition, metric: Metric, left_out: int
) -> Counts | None:
    """Return the counts where the metric is a share of independent rows that all count alike.

    None where it is not, and where no row is of those that it is a share of.

    Raises:
        InvalidRows: If the rows hold what no metric can be computed from.
        NotComputable: If the metric is of one class that no row is of.
    """
    if not are_plain(rows):
        return None
    share = share_of(definition, rows)
    if share is None or not share.n:
        return None
    wins, losses = share.only_candidate, share.only_baseline
    if definition.kind == "row_mean" and metric.goal == "minimize":  # a row of 1 is an error
        wins, losses = losses, wins
    return Counts(
        wins,
        losses,
        share.n,
        after=sum(share.candidate) / share.n,
        before=sum(share.baseline) / share.n,
        left_out=left_out,
        of=share.of,
        among=len(rows.targets) if share.of else 0,
    )


def are_plain(rows: PairedRows) -> bool:
    """Say whether all rows count alike and none belongs with another.

    A column of ones must not buy the bootstrap, which is the weaker test where few rows differ.
    """
    weights, clusters = rows.weights, rows.clusters
    weigh_alike = weights is None or 0 < min(weights) == max(weights)
    return weigh_alike and (clusters is None or len(set(clusters)) == len(clusters))
