"""Groups of people: selection rates, true and false positive rates."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations

import numpy as np

from benchmarks.rates import ALPHA, Random, Rate
from mlops_policies.groups.group_counts import Counted
from mlops_policies.groups.selection_ratios import compared
from policy_engine.statistics import holm, newcombe_p, rows_within_ratio
from policy_engine.statistics.bounds import quantile

_gap_p = cache(newcombe_p)


def four_fifths(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often groups fail that are selected alike, or not."""
    for groups in (4, 10):
        world = f"{groups} groups of 100, all selected at a rate of 0.3"
        selected = random.binomial(100, 0.3, size=(trials, groups))
        naive = float((selected.min(axis=1) < 0.8 * selected.max(axis=1)).mean())
        yield Rate(world, "some ratio < 0.8", naive, trials, said=0.73 if groups == 4 else None)
        ours = sum(_adverse(row, [100] * groups) for row in selected.tolist()) / trials
        yield Rate(world, _FAILS, ours, trials, at_most=ALPHA, said=0.01)
        yield Rate(world, "is undecided", naive - ours, trials)
    n = rows_within_ratio(0.3, 4, 0.8)
    selected = random.binomial(n, 0.3, size=(trials, 4))
    in_doubt = float((selected.min(axis=1) < 0.8 * selected.max(axis=1)).mean())
    world = f"4 groups of {n}, which are said to be needed, all selected at a rate of 0.3"
    yield Rate(world, "is undecided, or fails", in_doubt, trials, theory=0.2)
    for world, rates, sizes in _LAWFUL:
        yield from _failing(random, trials, world, rates, sizes, at_most=ALPHA)
    for world, rates, sizes in _HARM:
        yield from _failing(random, trials, world, rates, sizes)


_FAILS = "fails (score test, Holm over all pairs)"
_World = tuple[str, Sequence[float], Sequence[int]]
_LAWFUL: tuple[_World, ...] = (
    *((f"2 groups of {n:,}, whose true ratio is 0.8", (0.24, 0.3), (n, n)) for n in (100, 1_000)),
    ("6 and 6 groups of 400, whose true ratio is 0.8", (0.24,) * 6 + (0.3,) * 6, (400,) * 12),
    (
        "11 groups of 100 and one of 10,000 whose rate is 0.8 of theirs",
        (0.72,) + (0.9,) * 11,
        (10_000,) + (100,) * 11,
    ),
    ("a group of 10,000 whose rate is 0.8 of one of 100", (0.24, 0.3), (10_000, 100)),
    ("a group of 100 whose rate is 0.8 of one of 10,000", (0.24, 0.3), (100, 10_000)),
)
_HARM: tuple[_World, ...] = (
    ("2 groups of 500, whose true ratio is 0.5", (0.15, 0.3), (500, 500)),
    ("6 groups of 300, one at half the rate of the others", (0.15,) + (0.3,) * 5, (300,) * 6),
    ("2 groups of 10,000, whose true ratio is 0.67", (0.2, 0.3), (10_000, 10_000)),
    (
        "2 groups of 10,000, whose true ratio is 0.67, beside one of 100",
        (0.2, 0.3, 0.27),
        (10_000, 10_000, 100),
    ),
    (
        "2 groups of 10,000, whose true ratio is 0.67, beside ten of 100",
        (0.2, 0.3) + (0.27,) * 10,
        (10_000, 10_000) + (100,) * 10,
    ),
)
"""What is true, each group's rate, each group's rows."""


def _failing(
    random: Random,
    trials: int,
    world: str,
    rates: Sequence[float],
    sizes: Sequence[int],
    at_most: float | None = None,
) -> Iterator[Rate]:
    rows = random.binomial(sizes, rates, size=(trials, len(sizes))).tolist()
    ours = sum(_adverse(row, sizes) for row in rows) / trials
    yield Rate(world, _FAILS, ours, trials, at_most=at_most)
    plain = sum(_adverse_to_the_top(row, sizes) for row in rows) / trials
    yield Rate(world, "the same against the highest group only, which we do not do", plain, trials)


def _adverse(selected: Sequence[int], sizes: Sequence[int]) -> bool:
    groups = {str(i): Counted(*each) for i, each in enumerate(zip(selected, sizes, strict=True))}
    ratios = compared({"": groups}, 1, 0.8, ALPHA)[""]
    return any(each.test.rejected for each in ratios)


def _adverse_to_the_top(selected: Sequence[int], sizes: Sequence[int]) -> bool:
    """Return what Katz's bound of each ratio to the highest group says, half a row added."""
    logs = [math.log((a + 0.5) / (n + 1)) for a, n in zip(selected, sizes, strict=True)]
    spreads = [1 / (a + 0.5) - 1 / (n + 1) for a, n in zip(selected, sizes, strict=True)]
    top = max(range(len(sizes)), key=lambda i: (selected[i] / sizes[i], sizes[i]))
    z = quantile(ALPHA / (len(sizes) - 1))
    return any(
        logs[i] - logs[top] + z * math.sqrt(spreads[i] + spreads[top]) < math.log(0.8)
        for i in range(len(sizes))
        if i != top
    )


def equalized_odds(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often groups fail that are judged alike, or not."""
    world = "4 groups of 50 + 50, all with a TPR of 0.85 and an FPR of 0.1"
    hits = random.binomial(50, [0.85] * 4 + [0.1] * 4, size=(trials, 8))
    gaps = np.maximum(np.ptp(hits[:, :4], axis=1), np.ptp(hits[:, 4:], axis=1)) / 50
    yield Rate(world, "some gap > 0.1", float((gaps > 0.1).mean()), trials)
    ours = sum(_unequal(row) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials, at_most=ALPHA, said=0.0)
    yield Rate(world, "is undecided", float((gaps > 0.1).mean()) - ours, trials)
    world = "2 groups of 200 + 200, whose TPR truly differ by 0.1"
    hits = random.binomial(200, [0.75, 0.85, 0.1, 0.1], size=(trials, 4))
    ours = sum(_unequal(row, 200) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials, at_most=ALPHA)
    world = "4 groups of 200 + 200, one TPR of 0.55 among 0.85"
    hits = random.binomial(200, [0.55] + [0.85] * 3 + [0.1] * 4, size=(trials, 8))
    ours = sum(_unequal(row, 200) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials)


def _unequal(hits: list[int], n: int = 50) -> bool:
    p_values = [
        _gap_p(max(a, b), n, min(a, b), n, 0.1)
        for rates in (hits[: len(hits) // 2], hits[len(hits) // 2 :])
        for a, b in combinations(rates, 2)
    ]
    return any(test.rejected for test in holm(p_values, ALPHA))
