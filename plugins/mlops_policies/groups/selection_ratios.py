"""Two groups' selection rates: their ratio, what is shown of it, what would be shown."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction as Exact
from itertools import combinations

from mlops_policies.groups.group_counts import Counted, Counts
from policy_engine.statistics import (
    Adjusted,
    holm,
    rate_ratio_p,
    rate_ratio_upper,
    rows_to_show_ratio,
    rows_within_ratio,
)

_TWO = 2


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two groups' selection rates, the lower first; `test` is Holm's word on their ratio."""

    groups: tuple[str, str]
    counts: tuple[Counted, Counted]
    test: Adjusted

    @property
    def value(self) -> Exact:
        """The lower rate as a share of the higher one; 1 where nobody is selected."""
        low, high = self.counts
        return low.rate / high.rate if high.hits else Exact(1)

    @property
    def upper(self) -> float:
        """The ratio's upper bound, at the level of its test."""
        (a, n_a), (b, n_b) = self.counts
        return rate_ratio_upper(a, n_a, b, n_b, self.test.alpha)

    def p(self, ratio: float) -> float:
        """Return the one-sided p-value that the true ratio is so much or more, uncorrected."""
        return _p(*self.counts, ratio)

    def rows_to_show(self, least: float, alpha: float) -> int | None:
        """Return the rows a group that show this ratio to be under `least`, 4 times in 5.

        None where it is not under it, or a rate is 0 or 1.
        """
        low, high = (float(each.rate) for each in self.counts)
        if not (0 < low < least * high and high < 1):
            return None
        return rows_to_show_ratio(low, high, least, alpha)

    def smallest_shown(self, least: float, alpha: float) -> Exact | None:
        """Return the greatest ratio that groups of this size would show to be under `least`.

        The higher rate stays as it is and the lower one falls. None: no ratio would, however low.
        """
        low, high = self.counts

        def is_kept(hits: int) -> bool:
            return not _p(Counted(hits, low.rows), high, least) < alpha

        enough = bisect_left(range(low.rows + 1), x=True, key=is_kept)
        return Exact(enough - 1, low.rows) / high.rate if enough else None


def lowest(ratio: Ratio) -> tuple[Exact, float, tuple[str, str]]:
    """Return what orders ratios: the lowest first."""
    return (ratio.value, ratio.test.p, ratio.groups)


def compared(
    read: Mapping[str, Counts], min_group: int, least: float, alpha: float
) -> dict[str, tuple[Ratio, ...]]:
    """Return the ratios of all pairs of groups of each attribute, tested as one family.

    All pairs, since the highest group is known only from the data: who is compared with it alone is
    compared with the luckiest, and only with it.

    Args:
        read: All groups of each attribute.
        min_group: Least rows of a group that is judged (count).
        least: The ratio under test.
        alpha: The error of the whole family.
    """
    pairs = [(name, pair) for name, counts in read.items() for pair in _pairs(counts, min_group)]
    tests = holm([_p(low[1], high[1], least) for _, (low, high) in pairs], alpha)
    found: dict[str, tuple[Ratio, ...]] = dict.fromkeys(read, ())
    for (name, (low, high)), test in zip(pairs, tests, strict=True):
        found[name] += (Ratio((low[0], high[0]), (low[1], high[1]), test),)
    return found


def smallest_shown(ratios: Iterable[Ratio], least: float, alpha: float) -> Exact | None:
    """Return the ratio that would have been shown to be under `least` between any two groups.

    None: between some two none would, however low.
    """
    shows = [ratio.smallest_shown(least, alpha) for ratio in ratios]
    known = [each for each in shows if each is not None]
    return min(known) if len(known) == len(shows) else None


def rows_for_equal(counts: Counts, min_group: int, least: float) -> int | None:
    """Return the rows a group with which equal rates keep all ratios at `least`, 4 times in 5.

    None where every group has them, where all rows are selected, or where `least` is 1.
    """
    judged = [each for each in counts.values() if each.rows >= min_group]
    rate = sum(c.hits for c in judged) / sum(c.rows for c in judged)
    if not (rate < 1 and least < 1):
        return None
    rows = rows_within_ratio(rate, len(judged), least)
    return rows if rows > min(c.rows for c in judged) else None


def _pairs(counts: Counts, min_group: int) -> Iterable[Sequence[tuple[str, Counted]]]:
    large = [(group, each) for group, each in counts.items() if each.rows >= min_group]
    for pair in combinations(large, _TWO):
        yield sorted(pair, key=lambda each: each[1].rate)


def _p(low: Counted, high: Counted, least: float) -> float:
    return rate_ratio_p(low.hits, low.rows, high.hits, high.rows, least)
