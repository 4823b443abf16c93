"""A gain on many rows, whose distribution needs no resampling: it is all but normal.

What a bootstrap finds by drawing is known in closed form where rows are many: the standard error,
from how much each row moves the gain, and how skewed it is. The bounds are the percentiles that
ever more resamples would come to, up to terms of 1/n: normal ones, with Cornish and Fisher's term
for the skewness. Nothing is drawn, so there is no seed and no wobble.

With z the normal quantile of a level, s the standard error and k the skewness of the estimate:

    bound = gain + s * (z + k/6 * (z² - 1))

Sources: Efron, The Jackknife, the Bootstrap and Other Resampling Plans (1982), chapter 6; Hall, The
Bootstrap and Edgeworth Expansion (1992), section 2.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Self

from policy_engine.statistics.bounds import Bounds, quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NORMAL = NormalDist()
MOST_SKEWED = 0.25
"""Skewness of an estimate up to which its bounds follow from three moments: three rows of a
hundred that carry all of a gain have more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linearized:
    """A gain with the first moments of its distribution.

    Attributes:
        estimate: The gain in the data themselves, in the metric's units; above 0 is better.
        standard_error: Of the estimate; 0 where no row moves it.
        skewness: Of the estimate; positive where it can lie far above the truth.
        units: How many rows, or clusters (count).
    """

    estimate: float
    standard_error: float
    skewness: float
    units: int

    @classmethod
    def of(cls, estimate: float, pulls: NDArray[np.float64], times: NDArray[np.int64]) -> Self:
        """Return it from how much one of each distinct unit moves the gain.

        Args:
            estimate: The gain.
            pulls: By how much one unit moves it.
            times: How often each such unit occurs.
        """
        units = int(times.sum())
        away = pulls - float((times * pulls).sum()) / units
        spread = float((times * away**2).sum())
        third = float((times * away**3).sum())
        return cls(
            estimate=estimate,
            standard_error=math.sqrt(spread * units / max(units - 1, 1)),
            skewness=third / spread**1.5 if spread > 0 else 0.0,
            units=units,
        )

    @property
    def is_near_normal(self) -> bool:
        """Whether no few rows carry the gain, so that three moments tell its distribution."""
        return math.isfinite(self.standard_error) and abs(self.skewness) <= MOST_SKEWED

    def interval(self, alpha: float) -> Bounds:
        """Return the two one-sided bounds at `alpha` (0 to 0.5) each.

        Raises:
            ValueError: If alpha is out of range.
        """
        z = quantile(alpha)
        if not self.standard_error > 0:
            return Bounds(math.nan, math.nan)
        lower, upper = (self.estimate + self.standard_error * self._bent(x) for x in (-z, z))
        return Bounds(lower, upper)

    def p_above(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true gain is at most `difference`.

        The alpha at which the lower bound is that difference; 1.0 where no row moves the gain.
        """
        return self._level(difference, 1.0)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true gain is at least `difference`."""
        return self._level(difference, -1.0)

    def _bent(self, z: float) -> float:
        return z + self.skewness / 6 * (z * z - 1)

    def _level(self, difference: float, sign: float) -> float:
        away = (difference - self.estimate) / self.standard_error if self.standard_error else 0.0
        if not (self.standard_error > 0 and math.isfinite(away)):
            return 1.0
        return _NORMAL.cdf(sign * self._straight(away))

    def _straight(self, away: float) -> float:
        """Return the z whose bound lies `away` standard errors from the estimate."""
        bend = self.skewness / 6
        inner = 1 + 4 * bend * (away + bend)
        if inner <= 0:  # beyond where the three moments reach: as far as they do
            return -1 / (2 * bend)
        return 2 * (away + bend) / (1 + math.sqrt(inner))
