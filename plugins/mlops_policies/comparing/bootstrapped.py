"""The gain in any other metric of rows: a paired bootstrap, with a seed that the runs give.

Of many rows nothing is resampled: what a bootstrap would find is known in closed form.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mlops_policies.comparing.doubts import CARRIED, few_carry
from mlops_policies.comparing.tested import MORE_ROWS, shared_rows
from policy_engine.evidence import Metric
from policy_engine.quantities import exact, show
from policy_engine.statistics import (
    Bounds,
    Linearized,
    PairedRows,
    Resampled,
    TwoBounds,
    Unseen,
    VaryingRows,
    is_large,
    paired_bootstrap,
    paired_linear,
    recompute,
    unseen_of,
)
from policy_engine.statistics import RowMetric as Definition

_USUAL = 0.05
"""The level at which it is looked whether bounds are widened."""
_FEW = 5
"""Resamples beyond a bound, below which it wobbles more than it bounds (count)."""
_UNDECIDED = Bounds(float("nan"), float("nan"))


class How(NamedTuple):
    """How to resample: from which seed, how often, and how bounds are read off."""

    seed: int
    resamples: int
    method: Literal["percentile", "bca"]


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The gain in a metric of rows, and its resamples; of many rows, what they would come to.

    Attributes:
        tail: What tells bounds beyond which too few resamples lie; None: nothing does.
        unseen: What a row may cost of which there was none; None: it has a bound.
        carried: That few rows carry the difference, as a sentence's end; empty if they do not.
        note: What else there is to know of these rows, as a sentence's end.
    """

    resampled: Resampled | Linearized
    definition: Definition
    n: int
    clusters: int | None
    seed: int
    after: float
    before: float
    left_out: int = 0
    tail: Linearized | None = None
    unseen: Unseen | None = None
    carried: str = ""
    note: str = ""

    @property
    def gain(self) -> float:
        """The gain, in the metric's units."""
        return self.resampled.estimate

    @property
    def where(self) -> str:
        """The rows, and the clusters that they lie in."""
        within = "" if self.clusters is None else f" in {self.clusters:,} clusters"
        return shared_rows(self.n, self.left_out, within)

    @property
    def standard_error(self) -> float:
        """The standard deviation over the resamples, or what it comes to."""
        return self.resampled.standard_error

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the bootstrap's bounds, or those that it comes to; NaN where nothing tells."""
        found = self._drawn(alpha)
        if self.unseen is None or not found.decides:
            return found
        rare = self.unseen.bounds(self.gain, alpha)
        return Bounds(min(found.lower, rare.lower), max(found.upper, rare.upper))

    def _drawn(self, alpha: float) -> TwoBounds:
        """Return the bounds by the rows that there are."""
        if not self.is_in_tail(alpha):
            return self.resampled.interval(alpha)
        return _UNDECIDED if self.tail is None else self.tail.interval(alpha)

    @property
    def doubt(self) -> str:
        """What the bounds allow for beside the rows, and what else there is to know."""
        if self.unseen is None:
            return self.carried + self.note
        drawn, both = self._drawn(_USUAL), self.bounds(_USUAL)
        wider = [
            role
            for role, is_wider in (
                ("candidate", both.lower < drawn.lower),
                ("baseline", both.upper > drawn.upper),
            )
            if is_wider
        ]
        said = "".join(_rare(role, getattr(self.unseen, role), self.unseen.n) for role in wider)
        return self.carried + said + self.note

    def is_in_tail(self, alpha: float) -> bool:
        """Say whether too few resamples lie beyond the bounds at alpha to read them off."""
        drawn = self.resamples
        if drawn is None:
            return False
        beyond = alpha * (drawn + 1)
        return beyond < 1 or (beyond < _FEW and self.tail is not None)

    @property
    def resamples(self) -> int | None:
        """How many resamples there are; None where nothing was resampled."""
        return len(self.resampled.values) if isinstance(self.resampled, Resampled) else None

    def p_above(self, difference: float = 0.0) -> float:
        """Return the share of resamples at or below it, (1 + k)/(1 + R), or its limit."""
        p = self.resampled.p_above(difference)
        rare = 0.0 if self.unseen is None else self.unseen.p_above(self.gain, difference)
        return max(p, rare)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the share of resamples at or above it, (1 + k)/(1 + R), or its limit."""
        p = self.resampled.p_below(difference)
        rare = 0.0 if self.unseen is None else self.unseen.p_below(self.gain, difference)
        return max(p, rare)

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same test for any)
        """Return the test, its resamples and its seed; of many rows, what tells the spread."""
        of = "rows" if self.clusters is None else "whole clusters"
        metric = "" if self.definition.kind == "row_mean" else f" of the {self.definition}"
        if isinstance(self.resampled, Linearized):
            test = "DeLong's test" if self.definition.kind == "roc_auc" else "jackknife"
            return f"{test} of {of}{metric}, bounds corrected for skewness"
        kind = "BCa" if self.resampled.method == "bca" else "percentile"
        return (
            f"paired {kind} bootstrap of {of}{metric}, {len(self.resampled.values):,} resamples, "
            f"seed {self.seed}"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows; clusters have to grow in number alike."""
        return self.spread.needed(delta, alpha), self.n, self.spread.what

    @property
    def spread(self) -> VaryingRows:
        """The rows, as they moved the gain."""
        what = "rows" if self.clusters is None else "rows in clusters of this size"
        return VaryingRows(self.standard_error, self.n, what)

    @property
    def more(self) -> str:
        """Evaluate on more rows; where few of them decide, look at these first."""
        return CARRIED if self.carried else MORE_ROWS


def bootstrapped(
    rows: PairedRows, definition: Definition, metric: Metric, how: How, *, left_out: int
) -> Bootstrapped:
    """Return the gain on these rows, resampled.

    Raises:
        InvalidRows: If the rows hold what the metric cannot be computed from.
        NotComputable: If they do not allow the metric.
        TooFewOfClass: If most resamples lack a class.
    """
    resampled, tail = _gain(rows, definition, metric, how)
    after, before = resampled_values(rows, definition)
    clusters = None if rows.clusters is None else len(set(rows.clusters))
    return Bootstrapped(
        resampled,
        definition,
        len(rows.targets),
        clusters,
        how.seed,
        after,
        before,
        left_out,
        tail,
        unseen_of(definition, rows),
        few_carry(definition, rows) if isinstance(resampled, Resampled) else "",
    )


def _rare(role: str, cost: float, n: float) -> str:
    """Return that the bounds allow for a row of which there was none."""
    return (
        f"; where the {role} is surest, one wrong row costs {show(exact(cost), '')} more, "
        f"{show(exact(cost / n), '')} of the mean: the bounds allow for as many as {n:,.0f} rows "
        "without one do not exclude"
    )


def _gain(
    rows: PairedRows, definition: Definition, metric: Metric, how: How
) -> tuple[Resampled | Linearized, Linearized | None]:
    """Return the gain and its tail, linearized where rows are many and no few of them carry it."""
    linear = paired_linear(definition, rows, goal=metric.goal)
    tail = linear if linear.is_near_normal else None
    if tail is not None and is_large(definition, rows):
        return tail, None
    resampled = paired_bootstrap(
        definition,
        rows,
        goal=metric.goal,
        seed=how.seed,
        resamples=how.resamples,
        method=how.method,
    )
    return resampled, tail


def resampled_values(rows: PairedRows, definition: Definition) -> tuple[float, float]:
    """Return the candidate's and the baseline's metric on these rows."""
    after, before = (
        recompute(definition, rows.targets, side, rows.weights)
        for side in (rows.candidate, rows.baseline)
    )
    return after, before


def seed_of(metric: str, candidate: str, baseline: str) -> int:
    """Return the seed of a bootstrap: the first 32 bits of SHA-256 over what is compared.

    Args:
        metric: Its name.
        candidate: The id of the run that logged the candidate's rows.
        baseline: The id of the run that logged the baseline's.
    """
    text = f"{metric}\n{candidate}\n{baseline}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
