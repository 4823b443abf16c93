"""The ratio of two groups' rates: is it too low? A score test that holds in small groups too."""

import math

from policy_engine.statistics.bounds import check_count, quantile, upper_tail

_NO_BOUND = 1e6
"""A ratio beyond which no upper bound is looked for."""


def rate_ratio_p(a: int, n_a: int, b: int, n_b: int, ratio: float) -> float:
    """Return the one-sided p-value that (a/n_a) / (b/n_b) is truly at least `ratio`.

    Miettinen and Nurminen's score test: the standard error is that of the likeliest rates of which
    one is `ratio` times the other, so no cell has to be filled. Where the statistic is skewed
    towards a low ratio, as with few rows in the group of the higher rate, the skewness is corrected
    for; where it is skewed the other way, the plain test claims less, and stands.

    Args:
        a: Rows of the first group that have the property (count).
        n_a: All rows of the first group (count, >= 1).
        b: Rows of the second group that have it.
        n_b: All rows of the second group.
        ratio: The ratio under test, above 0.

    Returns:
        The p-value, in [0, 1]; 1.0 where nobody has the property, or everybody has it.

    Raises:
        ValueError: If a count or the ratio is out of range.

    Source: Koopman, Biometrics 40 (1984) 513-517; Miettinen and Nurminen, Statistics in Medicine 4
    (1985) 213-226; skewness: Gart and Nam, Biometrics 44 (1988) 323-338, solved as by Laud,
    Pharmaceutical Statistics 16 (2017) 334-348.
    """
    check_count("rate_ratio_p", a, n_a)
    check_count("rate_ratio_p", b, n_b)
    if not 0 < ratio < math.inf:
        raise ValueError(f"the ratio is {ratio}; it must be above 0")
    return upper_tail(-_score(a, n_a, b, n_b, ratio))


def rate_ratio_upper(a: int, n_a: int, b: int, n_b: int, alpha: float) -> float:
    """Return the upper bound of (a/n_a) / (b/n_b): the greatest ratio that is not rejected.

    Args:
        a: Rows of the first group that have the property (count).
        n_a: All rows of the first group (count, >= 1).
        b: Rows of the second group that have it.
        n_b: All rows of the second group.
        alpha: The error of the bound, in (0, 0.5].

    Returns:
        The bound, above 0; infinity where there is none.

    Raises:
        ValueError: If a count or alpha is out of range.

    Source: the inversion of `rate_ratio_p`.
    """
    check_count("rate_ratio_upper", a, n_a)
    check_count("rate_ratio_upper", b, n_b)
    z = quantile(alpha)
    if b == 0:
        return math.inf
    kept, rejected = a / n_a / (b / n_b), _NO_BOUND
    if -_score(a, n_a, b, n_b, rejected) <= z:
        return math.inf
    while kept < (middle := (kept + rejected) / 2) < rejected:
        if -_score(a, n_a, b, n_b, middle) > z:
            rejected = middle
        else:
            kept = middle
    return kept


def _score(a: int, n_a: int, b: int, n_b: int, ratio: float) -> float:
    """Return by how many standard errors the rates lie above `ratio`; 0 where there are none."""
    rows = n_a + n_b
    high = _likeliest(a, n_a, b, n_b, ratio)
    low = ratio * high
    spreads = (low * (1 - low) / n_a, ratio**2 * high * (1 - high) / n_b)
    variance = sum(spreads) * rows / (rows - 1)
    if not variance > 0:
        return 0.0
    z = (a / n_a - ratio * b / n_b) / math.sqrt(variance)
    third = spreads[0] * (1 - 2 * low) / n_a - ratio * spreads[1] * (1 - 2 * high) / n_b
    skew = third / variance / math.sqrt(variance) / 6
    if not skew < 0:
        return z
    return max(z, 2 * (z + skew) / (1 + math.sqrt(max(0.0, 1 + 4 * skew * (z + skew)))))


def _likeliest(a: int, n_a: int, b: int, n_b: int, ratio: float) -> float:
    """Return the likeliest rate of the second group if the first's is `ratio` times it."""
    whole = (n_a + n_b) * ratio
    sums = n_a * ratio + a + n_b + b * ratio
    root = math.sqrt(max(sums * sums - 4 * whole * (a + b), 0.0))
    return 2 * (a + b) / (sums + root)  # without subtracting nearly equal numbers
