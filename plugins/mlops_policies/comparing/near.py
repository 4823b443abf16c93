"""The gain of a model that says the same as the baseline of nearly all rows: it cannot be far."""

import math
from dataclasses import dataclass

from mlops_policies.comparing.tested import MORE_ROWS, shared_rows
from policy_engine.quantities import exact, show
from policy_engine.statistics import MIN_DIFFERING, Bounds, NearlyEqual, TwoBounds

_LEAST, _MOST = 1e-12, 0.5
"""The levels between which a p-value is looked for."""
_NEAR = 1e-3
"""How near, relatively, a p-value is found."""
_MANY = 10**15
"""More rows than anybody has."""


@dataclass(frozen=True, slots=True)
class Near:
    """A gain that no bootstrap can test, bounded by the share of rows that differ.

    Attributes:
        rows: What counts of the rows.
        after: The candidate's metric on them.
        before: The baseline's.
        gain: The gain in the data themselves, in the metric's units.
        left_out: Rows that only the candidate's table has (count).
    """

    rows: NearlyEqual
    after: float
    before: float
    gain: float
    left_out: int = 0

    @property
    def where(self) -> str:
        """The rows."""
        return shared_rows(self.rows.n, self.left_out)

    @property
    def standard_error(self) -> float:
        """None is known: 0."""
        return 0.0

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the farthest that so few rows can move the metric, either way."""
        reach = self.rows.reach(alpha)
        return Bounds(-reach, reach)

    def p_above(self, difference: float = 0.0) -> float:
        """Return 1 of a gain, which a bound of both ways never shows; of a loss as `p_below`."""
        return self.p_below(-difference) if difference < 0 else 1.0

    def p_below(self, difference: float = 0.0) -> float:
        """Return the least alpha at which so few rows cannot reach the difference.

        1 where the bound, which is of both ways, says nothing: of no difference.
        """
        if not self.rows.reach(_MOST) < difference:
            return 1.0
        low, high = _LEAST, _MOST
        while high > low * (1 + _NEAR):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if self.rows.reach(middle) < difference else (middle, high)
        return high

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same for any)
        """Return what was counted, and by what it is bounded."""
        return (
            f"the models differ on {self.rows.k:,} of {self.rows.n:,} rows: Clopper-Pearson's "
            f"bound of how many can, times how far these can move the metric{self._assumed()}"
        )

    def _assumed(self) -> str:
        """Return what a row is taken to cost at most, where the metric itself sets no bound."""
        costs, kind = self.rows.costs, self.rows.metric.kind
        if costs is None:
            return ""
        if kind == "log_loss":
            what = "what the surest of scores costs where it is wrong"
        elif kind == "row_mean":
            what = "how far the values that were seen lie apart"
        else:
            ends = f"{show(exact(costs.least), '')} and {show(exact(costs.largest), '')}"
            what = f"what the worst constant between {ends}, which were seen, costs on average"
        squared = " (squared)" if kind in ("rmse", "mse", "r2") else ""
        most = show(exact(costs.most), "")
        return f"; a row that differs is taken to cost up to {most}{squared}, {what}"

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows: with as small a share that differs, the bound falls as they grow.

        Or so many that the models differ on enough of them for a bootstrap.
        """
        n, k = self.rows.n, self.rows.k
        need = n * self.rows.reach(alpha) / delta
        if k:
            need = min(need, n * MIN_DIFFERING / k)
        return math.ceil(min(need, _MANY)), n, "rows"

    @property
    def doubt(self) -> str:
        """Nothing: the bound is of any rows."""
        return ""

    @property
    def spread(self) -> None:
        """None is known."""

    @property
    def more(self) -> str:
        """Evaluate on more rows."""
        return MORE_ROWS
