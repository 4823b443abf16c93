"""Each group's selection rate against the highest one: the ratio, its bound, what would be seen."""

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction as Exact

from mlops_policies.groups.group_counts import Counted, Counts
from policy_engine.statistics import log_ratio_bounds, rows_within_ratio


@dataclass(frozen=True, slots=True)
class Ratio:
    """A group's selection rate as a share of the highest group's, with its upper bound."""

    group: str
    value: Exact
    upper: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The groups of one attribute.

    Attributes:
        counts: All groups.
        top: The group of the highest rate; None where nobody is selected or nobody can be compared.
        ratios: Every other group with enough rows, the lowest ratio first.
        small: Groups with too few rows.
        alpha: The error of each upper bound.
    """

    counts: Counts
    top: str | None
    ratios: tuple[Ratio, ...]
    small: tuple[str, ...]
    alpha: float

    def smallest_shown(self, least: float) -> Exact | None:
        """Return the ratio that would have been shown to be under `least` in every group.

        None: in some group no ratio would, however low.
        """
        assert self.top is not None  # noqa: S101 (there are ratios only where there is a top)
        top = self.counts[self.top]
        shows: list[Exact] = []
        for ratio in self.ratios:
            rows = self.counts[ratio.group].rows

            def upper(hits: int, rows: int = rows) -> float:
                return _upper(Counted(hits, rows), top, self.alpha)

            enough = bisect_left(range(rows + 1), least, key=upper)
            if not enough:
                return None
            shows.append(ratio_of(Counted(enough - 1, rows), top))
        return min(shows)

    def rows_for_equal(self, least: float) -> int | None:
        """Return the rows a group with which equal rates keep all ratios at `least`, 4 times in 5.

        None where every group has them, where all rows are selected, or where `least` is 1.
        """
        judged = [self.counts[g] for g in self.counts if g not in self.small]
        rate = sum(c.hits for c in judged) / sum(c.rows for c in judged)
        if not (rate < 1 and least < 1):
            return None
        rows = rows_within_ratio(rate, len(judged), least)
        return rows if rows > min(c.rows for c in judged) else None


def compared(counts: Counts, min_group: int, alpha: float) -> Compared:
    """Return the ratios of all groups of at least `min_group` rows.

    Args:
        counts: All groups.
        min_group: Least rows of a group that is judged (count).
        alpha: The error of each upper bound.
    """
    large = {group: c for group, c in counts.items() if c.rows >= min_group}
    small = tuple(group for group in counts if group not in large)
    # Of equal rates the larger group: its bound is the tighter one.
    top = max(large, key=lambda g: (large[g].rate, large[g].rows), default=None)
    if top is None or len(large) == 1 or not large[top].hits:
        return Compared(counts, None, (), small, alpha)
    ratios = (
        Ratio(group, ratio_of(c, large[top]), _upper(c, large[top], alpha))
        for group, c in large.items()
        if group != top
    )
    ordered = tuple(sorted(ratios, key=lambda r: (r.value, r.group)))
    return Compared(counts, top, ordered, small, alpha)


def ratio_of(group: Counted, top: Counted) -> Exact:
    """Return what `log_ratio_estimate` does, without rounding."""
    return Exact((2 * group.hits + 1) * (top.rows + 1), (2 * top.hits + 1) * (group.rows + 1))


def _upper(group: Counted, top: Counted, alpha: float) -> float:
    return log_ratio_bounds(group.hits, group.rows, top.hits, top.rows, alpha).upper
