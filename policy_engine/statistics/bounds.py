"""Two one-sided bounds, and the normal quantile that most of them are made with."""

import math
from statistics import NormalDist
from typing import NamedTuple

_NORMAL = NormalDist()


class Bounds(NamedTuple):
    """A lower and an upper one-sided bound, each at the same alpha.

    Both together are a two-sided interval at 1 - 2*alpha: at 0.05 a 90 % interval.

    Attributes:
        lower: The lower bound, in the unit of what is bounded.
        upper: The upper bound.
    """

    lower: float
    upper: float

    @property
    def decides(self) -> bool:
        """Whether both bounds are numbers; bounds that are not decide nothing."""
        return math.isfinite(self.lower) and math.isfinite(self.upper)


def quantile(alpha: float) -> float:
    """Return z, the standard normal's upper `alpha` point (1.645 at 0.05).

    Raises:
        ValueError: If `alpha` is not in (0, 0.5].
    """
    if not 0 < alpha <= 0.5:  # noqa: PLR2004 (beyond a half the lower bound would pass the upper)
        raise ValueError(f"alpha is {alpha}; it must be above 0 and at most 0.5")
    return -_NORMAL.inv_cdf(alpha)


def upper_tail(z: float) -> float:
    """Return P(Z > z) of the standard normal, exact far out too; NaN gives 1.0."""
    return 1.0 if math.isnan(z) else 0.5 * math.erfc(z / math.sqrt(2))


def check_count(name: str, successes: int, trials: int) -> None:
    """Raise ValueError unless 0 <= `successes` <= `trials` and `trials` >= 1, both whole."""
    if not all(isinstance(count, int) for count in (successes, trials)):
        raise TypeError(f"{name}: counts must be whole numbers, not {successes!r} of {trials!r}")
    if not (trials >= 1 and 0 <= successes <= trials):
        raise ValueError(f"{name}: {successes} of {trials} is not a count of rows")
