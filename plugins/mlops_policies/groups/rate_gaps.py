"""Two groups' rates of one kind: how far they are apart, what is shown, what would be shown."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction as Exact
from itertools import combinations

from mlops_policies.groups.error_rates import KINDS
from mlops_policies.groups.group_counts import Counted, Counts, readable
from policy_engine.statistics import Adjusted, newcombe_bounds, newcombe_p, rows_within_gap

_TWO = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups' rates of one kind, the higher first; `test` is Holm's word on the gap."""

    kind: str
    groups: tuple[str, str]
    counts: tuple[Counted, Counted]
    test: Adjusted

    @property
    def gap(self) -> Exact:
        """How far the rates are apart (rate)."""
        return self.counts[0].rate - self.counts[1].rate

    @property
    def said(self) -> str:
        """Both rates, with their counts."""
        (high, low), (more, less) = self.groups, self.counts
        return (
            f"the {KINDS[self.kind]} differs by {readable(self.gap)} ({high} {more}; {low} {less})"
        )

    def smallest_shown(self, max_gap: float, alpha: float) -> Exact | None:
        """Return the smallest gap that two groups of this size would show; None: not even 1.

        The lower rate stays as it is and the higher one rises; where it cannot rise far enough, the
        higher one stays and the lower one falls.
        """
        high, low = self.counts

        def risen(hits: int) -> bool:
            return lower_bound(Counted(hits, high.rows), low, alpha) > max_gap

        def fallen(missed: int) -> bool:
            return lower_bound(high, Counted(low.rows - missed, low.rows), alpha) > max_gap

        hits, missed = _first(risen, high.rows), _first(fallen, low.rows)
        gaps = []
        if hits <= high.rows:
            gaps.append(Exact(hits, high.rows) - low.rate)
        if missed <= low.rows:
            gaps.append(high.rate - Exact(low.rows - missed, low.rows))
        return min(gaps, default=None)


def widest(pair: Pair) -> tuple[Exact, float, str, tuple[str, str]]:
    """Return what orders pairs: the widest gap first."""
    return (-pair.gap, pair.test.p, pair.kind, pair.groups)


def ordered_pairs(counts: Counts, least: int) -> Iterator[list[tuple[str, Counted]]]:
    """Yield each pair of groups with at least `least` rows, the higher rate first."""
    large = [(group, c) for group, c in counts.items() if c.rows >= least]
    for pair in combinations(large, _TWO):
        yield sorted(pair, key=lambda each: each[1].rate, reverse=True)


def p_of_gap(ordered: Sequence[tuple[str, Counted]], max_gap: Exact) -> float:
    """Return Newcombe's p-value that two groups' rates are no more than `max_gap` apart."""
    (_, high), (_, low) = ordered
    if high.rate - low.rate <= max_gap:
        return 1.0  # it is at least a half: no alpha rejects it, and bisecting it takes time
    return newcombe_p(high.hits, high.rows, low.hits, low.rows, float(max_gap))


def lower_bound(high: Counted, low: Counted, alpha: float) -> float:
    """Return Newcombe's lower bound of the gap (rate)."""
    return newcombe_bounds(high.hits, high.rows, low.hits, low.rows, alpha).lower


def rows_for_equal(counts: Counts, least: int, max_gap: float) -> int | None:
    """Return the rows a group with which equal rates stay within `max_gap`, 4 times in 5.

    None where every group has them, where the rate is 0 or 1, or where no gap is accepted.
    """
    judged = [c for c in counts.values() if c.rows >= least]
    rate = sum(c.hits for c in judged) / sum(c.rows for c in judged)
    if not (0 < rate < 1 and max_gap > 0):
        return None
    rows = rows_within_gap(rate, len(judged), max_gap)
    return rows if rows > min(c.rows for c in judged) else None


def _first(holds: Callable[[int], bool], most: int) -> int:
    """Return the first number that holds, as all after it do; `most` + 1 if none does."""
    low, high = 0, most + 1
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
