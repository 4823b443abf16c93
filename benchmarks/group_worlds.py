"""Groups of people: selection rates, true and false positive rates."""

from collections.abc import Iterator
from functools import cache
from itertools import combinations

import numpy as np

from benchmarks.rates import ALPHA, Random, Rate
from policy_engine.statistics import holm, log_ratio_bounds, newcombe_p, rows_within_ratio

_gap_p = cache(newcombe_p)


def four_fifths(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often groups fail that are selected alike, or not."""
    for groups in (4, 10):
        rows = random.binomial(100, 0.3, size=(trials, groups)).tolist()
        world = f"{groups} groups of 100, all selected at a rate of 0.3"
        naive = sum(min(row) / max(row) < 0.8 for row in rows) / trials
        yield Rate(world, "some ratio < 0.8", naive, trials, said=0.73 if groups == 4 else None)
        plain = sum(_adverse(row, ALPHA) for row in rows) / trials
        yield Rate(
            world, "a bound at alpha < 0.8", plain, trials, said=0.15 if groups == 10 else None
        )
        ours = sum(_adverse(row, ALPHA / (groups - 1)) for row in rows) / trials
        yield Rate(world, "fails (bound at alpha/(k-1))", ours, trials, at_most=ALPHA, said=0.01)
        yield Rate(world, "is undecided", naive - ours, trials)
    n = rows_within_ratio(0.3, 4, 0.8)
    selected = random.binomial(n, 0.3, size=(trials, 4))
    in_doubt = float((selected.min(axis=1) < 0.8 * selected.max(axis=1)).mean())
    world = f"4 groups of {n}, which are said to be needed, all selected at a rate of 0.3"
    yield Rate(world, "is undecided, or fails", in_doubt, trials, theory=0.2)
    for n in (100, 1_000):
        low, high = random.binomial(n, 0.24, size=trials), random.binomial(n, 0.3, size=trials)
        rows = [[int(a), int(b)] for a, b in zip(low, high, strict=True)]
        rate = sum(_adverse(row, ALPHA, n) for row in rows) / trials
        world = f"2 groups of {n:,}, whose true ratio is 0.8"
        yield Rate(world, "fails (bound at alpha/(k-1))", rate, trials, at_most=ALPHA)
    rows = [[int(a), int(b)] for a, b in random.binomial(500, [0.15, 0.3], size=(trials, 2))]
    rate = sum(_adverse(row, ALPHA, 500) for row in rows) / trials
    world = "2 groups of 500, whose true ratio is 0.5"
    yield Rate(world, "fails (bound at alpha/(k-1))", rate, trials)


def _adverse(selected: list[int], alpha: float, n: int = 100) -> bool:
    highest = max(selected)
    others = sorted(selected)[:-1]
    return any(log_ratio_bounds(each, n, highest, n, alpha).upper < 0.8 for each in others)


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
