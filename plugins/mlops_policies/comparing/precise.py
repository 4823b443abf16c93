"""The gain in the precision of one class: unweighted, independent rows that either predicts."""

from dataclasses import dataclass

from mlops_policies.comparing.counted import are_plain
from mlops_policies.comparing.tested import MORE_ROWS, shared_rows
from policy_engine.statistics import (
    PairedRows,
    Predicted,
    TwoBounds,
    VaryingRows,
    precision_bounds,
    precision_error,
    precision_p,
    predicted_of,
)
from policy_engine.statistics import RowMetric as Definition

LEAST = 10
"""Rows that each model must predict: of fewer, the test's p and its bounds may disagree (count)."""


@dataclass(frozen=True, slots=True)
class Precise:
    """Rows that either model predicts to be of a class.

    Attributes:
        rows: How many are right, of those that one or both predict.
        among: All rows that were compared (count).
        left_out: Rows that only the candidate's table has (count).
        note: What speaks against trusting the test on these rows, as a sentence's end.
    """

    rows: Predicted
    among: int
    left_out: int = 0
    note: str = ""

    @property
    def too_few(self) -> str | None:
        """Say which rows are too few to test; None: enough are there."""
        least = min(self.rows.by_candidate.rows, self.rows.by_baseline.rows)
        if least >= LEAST:
            return None
        return f"a model predicts only {least} rows as {self.rows.positive}, under {LEAST}"

    @property
    def gain(self) -> float:
        """The gain in precision."""
        return self.rows.gain

    @property
    def after(self) -> float:
        """The candidate's precision."""
        return self.rows.by_candidate.hits / self.rows.by_candidate.rows

    @property
    def before(self) -> float:
        """The baseline's precision."""
        return self.rows.by_baseline.hits / self.rows.by_baseline.rows

    @property
    def where(self) -> str:
        """The rows."""
        within = f" predicted as {self.rows.positive} by either, of {self.among:,} in all"
        return shared_rows(self.rows.n, self.left_out, within)

    @property
    def standard_error(self) -> float:
        """Of the gain."""
        return precision_error(self.rows)

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the score test's bounds."""
        return precision_bounds(self.rows, alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return the score test's p."""
        return precision_p(self.rows, difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the opposite test's p."""
        return precision_p(self.rows.reversed, -difference)

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same test for any)
        """Return the test and its counts."""
        mine, theirs = self.rows.by_candidate, self.rows.by_baseline
        return (
            f"score test of precision, {mine.hits:,} of {mine.rows:,} rows right that the "
            f"candidate predicts as {self.rows.positive}, {theirs.hits:,} of {theirs.rows:,} that "
            "the baseline does"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the predicted rows."""
        return self.spread.needed(delta, alpha), self.rows.n, self.spread.what

    @property
    def doubt(self) -> str:
        """What speaks against trusting the test on these rows."""
        return self.note

    @property
    def spread(self) -> VaryingRows:
        """The rows that either predicts."""
        what = f"rows predicted as {self.rows.positive}"
        return VaryingRows(self.standard_error, self.rows.n, what)

    @property
    def more(self) -> str:
        """Evaluate on more rows."""
        return f"{MORE_ROWS} that are predicted as {self.rows.positive}"


def precise(rows: PairedRows, definition: Definition, left_out: int) -> Precise | None:
    """Return the counts where the metric is a precision of rows that all count alike.

    None where it is not, and where a model predicts no row to be of the class.

    Raises:
        InvalidRows: If the rows hold what no metric can be computed from.
        NotComputable: If no row is of the class.
    """
    if not are_plain(rows):
        return None
    found = predicted_of(definition, rows)
    return None if found is None else Precise(found, len(rows.targets), left_out)
