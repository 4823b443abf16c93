"""What a bootstrap leaves: an estimate and its resamples, from which bounds and p-values come."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from policy_engine.statistics.bounds import quantile
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
else:
    np = Lazy("numpy")

Method = Literal["percentile", "bca"]
ROUNDING = 1e-12
"""Relative difference up to which two floats are the same number, computed in another order."""
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Two one-sided bounds of a gain, by bootstrap.

    Attributes:
        estimate: The gain in the data themselves, in the metric's units.
        lower: The lower bound at alpha.
        upper: The upper bound at alpha.
        alpha: The error of each bound.
        standard_error: The standard deviation over the resamples, in the metric's units.
        resamples: How many.
        method: How the bounds were read off.
    """

    estimate: float
    lower: float
    upper: float
    alpha: float
    standard_error: float
    resamples: int
    method: Method

    @property
    def decides(self) -> bool:
        """False where a bound is not a number or the resamples are all equal."""
        finite = math.isfinite(self.estimate) and math.isfinite(self.lower + self.upper)
        return finite and self.standard_error > 0 and self.upper > self.lower


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampled:
    """A gain and its resamples.

    Attributes:
        estimate: The gain in the data themselves, in the metric's units; above 0 is better.
        values: The gain in each resample, from the lowest to the highest.
        redrawn: How many resamples lacked a class and were drawn again.
        method: How bounds are read off.
        bias: BCa's z0; 0 for percentiles.
        acceleration: BCa's a; 0 for percentiles.
    """

    estimate: float
    values: NDArray[np.float64]
    redrawn: int
    method: Method = "percentile"
    bias: float = 0.0
    acceleration: float = 0.0

    def widened(self, factor: float) -> Resampled:
        """Return it with each resample that many times as far from the estimate."""
        if factor == 1:
            return self
        return replace(self, values=self.estimate + factor * (self.values - self.estimate))

    @property
    def standard_error(self) -> float:
        """The standard deviation over the resamples, in the metric's units; 0 if all are equal."""
        lowest, highest = float(self.values[0]), float(self.values[-1])
        if highest - lowest <= ROUNDING * max(abs(lowest), abs(highest)):
            return 0.0
        return float(np.std(self.values, ddof=1))

    def interval(self, alpha: float) -> Interval:
        """Return the two one-sided bounds at `alpha` (0 to 0.5) each.

        Raises:
            ValueError: If alpha is out of range.
        """
        quantile(alpha)  # for its check
        places = [self._place(alpha), self._place(1 - alpha)]
        known = not any(math.isnan(place) for place in places)
        lower, upper = np.quantile(self.values, places) if known else (math.nan, math.nan)
        return Interval(
            estimate=self.estimate,
            lower=float(lower),
            upper=float(upper),
            alpha=alpha,
            standard_error=self.standard_error,
            resamples=len(self.values),
            method=self.method,
        )

    def p_above(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true gain is at most `difference`.

        (1 + the resamples at or below it) / (1 + all resamples), so never 0: K tests under Holm
        need more than K/alpha resamples. 1.0 where the resamples decide nothing.

        Source: Davison and Hinkley, Bootstrap Methods (1997), section 4.2.5, inverted.
        """
        at_or_below = int(np.searchsorted(self.values, difference, side="right"))
        return self._p(at_or_below, difference, upwards=True)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true gain is at least `difference`."""
        below = int(np.searchsorted(self.values, difference, side="left"))
        return self._p(len(self.values) - below, difference, upwards=False)

    def _p(self, contrary: int, difference: float, *, upwards: bool) -> float:
        if math.isnan(difference) or not self.standard_error > 0 or math.isnan(self.estimate):
            return 1.0
        share = min((1 + contrary) / (1 + len(self.values)), 1.0)
        if self.method == "percentile" or share == 1:
            return share
        # The level whose BCa bound is the difference: the formula of _place, turned round.
        w = _NORMAL.inv_cdf(share if upwards else 1 - share) - self.bias
        level = _NORMAL.cdf(w / (1 + self.acceleration * w) - self.bias)
        return level if upwards else 1 - level

    def _place(self, level: float) -> float:
        """Return which quantile of the resamples bounds the gain at `level`."""
        if self.method == "percentile":
            return level
        z = self.bias + _NORMAL.inv_cdf(level)
        below = 1 - self.acceleration * z
        return _NORMAL.cdf(self.bias + z / below) if below > 0 else math.nan
