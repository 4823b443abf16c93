"""How far a gain varies, and so what so many rows or seeds could show of it.

Three kinds of gain vary in three ways; each says how many rows or seeds a difference needs, with
which chance a number of them shows it, and the smallest difference that they show. All three are
the one formula of `planning`, solved for n, for the power and for the difference: the power is that
of a normal estimate, P(Z < delta/s - z_alpha) with s its standard error.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from policy_engine.statistics.bounds import quantile
from policy_engine.statistics.planning import (
    POWER,
    rows_needed,
    rows_needed_for_counts,
    seeds_needed,
)

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class DifferingRows:
    """A share of right rows: it varies by the rows on which one of two models alone is right.

    Attributes:
        differing: How many of them there are (count).
        have: Among how many rows (count, >= 1).
        what: What is counted, such as `rows of class 1`.
        exact: Whether McNemar's exact test shows the difference. It counts whole rows, and so needs
            some more than the formula: as many as with the continuity correction, by which the
            difference counts for one row less (Edwards, 1948). Its power is then what was asked
            for or, on few rows, up to two points more.
    """

    differing: int
    have: int
    what: str = "rows"
    exact: bool = False

    @property
    def share(self) -> float:
        """The share of rows that differ, at least one of them (a fraction)."""
        return max(self.differing, 1) / self.have

    def needed(self, delta: float, alpha: float, power: float = POWER) -> int:
        """Return the rows with which a true difference (a fraction) is shown."""
        n = rows_needed_for_counts(self.differing, 0, self.have, delta, alpha, power=power)
        if not self.exact:
            return n
        return math.ceil(n / 4 * (1 + math.sqrt(1 + 4 / (n * delta))) ** 2)

    def power(self, n: int, delta: float, alpha: float) -> float:
        """Return with which chance n rows show it; models so far apart differ on as many rows."""
        shown = max(delta - self._row(n), 0.0)
        return _power(shown, math.sqrt(max(self.share, delta) / n), alpha)

    def smallest(self, n: int, alpha: float, power: float = POWER) -> float:
        """Return the smallest true difference (a fraction) that n rows show with that chance."""
        reach = quantile(alpha) + quantile(1 - power)
        return reach * max(math.sqrt(self.share / n), reach / n) + self._row(n)

    def _row(self, n: int) -> float:
        """Return the difference that is one row less of n (a fraction)."""
        return 1 / n if self.exact else 0.0


@dataclass(frozen=True, slots=True)
class VaryingRows:
    """Any other metric of rows: it varies as it does on the rows that there are.

    Attributes:
        standard_error: Of the gain on these rows, in the metric's units.
        have: How many they are (count, >= 1).
        what: What is counted, such as `rows predicted as 1`.
    """

    standard_error: float
    have: int
    what: str = "rows"

    def needed(self, delta: float, alpha: float, power: float = POWER) -> int:
        """Return the rows with which a true difference (the metric's units) is shown."""
        return rows_needed(self.have, self.standard_error, delta, alpha, power=power)

    def power(self, n: int, delta: float, alpha: float) -> float:
        """Return with which chance n rows show it."""
        return _power(delta, self.standard_error * math.sqrt(self.have / n), alpha)

    def smallest(self, n: int, alpha: float, power: float = POWER) -> float:
        """Return the smallest true difference that n rows show with that chance."""
        reach = quantile(alpha) + quantile(1 - power)
        return reach * self.standard_error * math.sqrt(self.have / n)


@dataclass(frozen=True, slots=True)
class VaryingSeeds:
    """The mean of a metric over seeds: it varies as the runs of one recipe do.

    Attributes:
        deviation: The standard deviation over seeds, in the metric's units.
        have: How many seeds a side there are (count); 0 where none was looked at.
        what: What is counted.
    """

    deviation: float
    have: int = 0
    what: str = "seeds a side"

    def needed(self, delta: float, alpha: float, power: float = POWER) -> int:
        """Return the seeds a side with which a true difference of means is shown."""
        return seeds_needed(self.deviation, delta, alpha, power=power)

    def power(self, n: int, delta: float, alpha: float) -> float:
        """Return with which chance n seeds a side show it; one of them is for Student's t."""
        return _power(delta, self.deviation * math.sqrt(2 / max(n - 1, 1)), alpha)

    def smallest(self, n: int, alpha: float, power: float = POWER) -> float:
        """Return the smallest true difference of means that n seeds a side show."""
        reach = quantile(alpha) + quantile(1 - power)
        return reach * self.deviation * math.sqrt(2 / max(n - 1, 1))


Spread = DifferingRows | VaryingRows | VaryingSeeds
"""How far a gain varies."""


def _power(delta: float, standard_error: float, alpha: float) -> float:
    if not standard_error > 0:
        return 1.0
    return _NORMAL.cdf(delta / standard_error - quantile(alpha))
