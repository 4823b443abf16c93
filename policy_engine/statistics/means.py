"""Means over repeated seeds or folds: Welch's t, the paired t, the corrected t over folds.

What they judge is the recipe (code, data, settings) on this test set, not one trained model. Count
*all* runs of the recipe, failed and deleted ones too: keeping the best 5 of 10 makes a false winner
of a third of equal recipes. These need SciPy, for Student's t.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any

from policy_engine.statistics.bounds import Bounds, quantile
from policy_engine.statistics.unavailable import Lazy

_special: Any = Lazy("scipy.special")


@dataclass(frozen=True, slots=True)
class MeanTest:
    """A difference of means against Student's t.

    Attributes:
        estimate: The mean of the first less that of the second, in the metric's units.
        standard_error: Of the estimate, in the same units; 0 where nothing varied.
        degrees: Degrees of freedom; NaN where nothing varied.
    """

    estimate: float
    standard_error: float
    degrees: float

    @property
    def decides(self) -> bool:
        """Whether anything varied; runs that are all equal show nothing about chance."""
        return math.isfinite(self.estimate) and self.standard_error > 0

    def p_above(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true difference is at most `difference`.

        1.0 where nothing varied or the argument is NaN.
        """
        t = (self.estimate - difference) / self.standard_error if self.decides else math.nan
        return 1.0 if math.isnan(t) else float(_special.stdtr(self.degrees, -t))

    def p_below(self, difference: float = 0.0) -> float:
        """Return the one-sided p-value that the true difference is at least `difference`."""
        t = (self.estimate - difference) / self.standard_error if self.decides else math.nan
        return 1.0 if math.isnan(t) else float(_special.stdtr(self.degrees, t))

    def bounds(self, alpha: float) -> Bounds:
        """Return the one-sided bounds at `alpha` each (0 to 0.5); NaN where nothing varied."""
        quantile(alpha)  # for its check
        if not self.decides:
            return Bounds(math.nan, math.nan)
        reach = -float(_special.stdtrit(self.degrees, alpha)) * self.standard_error
        return Bounds(self.estimate - reach, self.estimate + reach)


def welch_t(a: Sequence[float], b: Sequence[float]) -> MeanTest:
    """Return the test of mean(a) > mean(b) for runs that have nothing in common.

    Args:
        a: The metric of each run of the candidate's recipe, at least 2.
        b: The metric of each run of the baseline's recipe, at least 2.

    Returns:
        The test, with Welch's degrees of freedom.

    Raises:
        ValueError: If a side has fewer than 2 runs, or a value is not finite.

    Source: Welch, Biometrika 34 (1947) 28-35.
    """
    share_a, share_b = (_variance(side) / len(side) for side in (_finite(a), _finite(b)))
    squared = share_a + share_b
    if not squared > 0:
        return MeanTest(fmean(a) - fmean(b), 0.0, math.nan)
    # In shares of the whole, so that very small variances do not vanish when squared.
    spread = (share_a / squared) ** 2 / (len(a) - 1) + (share_b / squared) ** 2 / (len(b) - 1)
    return MeanTest(fmean(a) - fmean(b), math.sqrt(squared), 1 / spread)


def paired_t(a: Sequence[float], b: Sequence[float]) -> MeanTest:
    """Return the test of mean(a) > mean(b) for runs in pairs: the same seeds on both sides.

    Args:
        a: The metric of each run of the candidate's recipe, at least 2.
        b: The metric of the baseline's run with the same seed, in the same order.

    Returns:
        The test, with one degree of freedom less than there are pairs.

    Raises:
        ValueError: If the sides differ in length, have fewer than 2 runs, or are not finite.

    Source: Student, Biometrika 6 (1908) 1-25.
    """
    differences = _differences(a, b)
    return _mean_test(differences, 1 / len(differences))


def folds_t(a: Sequence[float], b: Sequence[float], test_share: float) -> MeanTest:
    """Return the test of mean(a) > mean(b) over folds, whose training rows overlap.

    Args:
        a: The candidate's metric on each of k folds, k at least 2.
        b: The baseline's metric on the same folds, in the same order.
        test_share: Test rows over training rows of a fold, above 0 (1/9 for ten folds).

    Returns:
        The test, the variance of whose mean is that of the differences times
        1/k + test_share, not 1/k.

    Raises:
        ValueError: If the sides differ in length, have fewer than 2 folds, or a value is not finite
            or out of range.

    Source: Nadeau and Bengio, Machine Learning 52 (2003) 239-281.
    """
    if not (math.isfinite(test_share) and test_share > 0):
        raise ValueError(f"the share of test rows is {test_share}; it must be a number above 0")
    differences = _differences(a, b)
    return _mean_test(differences, 1 / len(differences) + test_share)


def _mean_test(differences: Sequence[float], factor: float) -> MeanTest:
    error = math.sqrt(factor * _variance(differences))
    degrees = len(differences) - 1 if error > 0 else math.nan
    return MeanTest(fmean(differences), error, degrees)


def _variance(values: Sequence[float]) -> float:
    # Runs that are equal have none: the mean of equal floats may be off by its last digit.
    return 0.0 if min(values) == max(values) else variance(values)


def _differences(a: Sequence[float], b: Sequence[float]) -> list[float]:
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values are not pairs")
    return [x - y for x, y in zip(_finite(a), _finite(b), strict=True)]


def _finite(values: Sequence[float]) -> Sequence[float]:
    if len(values) < 2:  # noqa: PLR2004 (one value has no spread)
        raise ValueError(f"{len(values)} value on one side: a spread needs at least 2")
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a value is not finite")
    return values
