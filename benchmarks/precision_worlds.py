"""Precision: two models that predict few rows, or not equally many, of a class."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import Predicted, precision_p
from policy_engine.statistics.precision import Hits

_TEST = "improved (score test)"
_NOT_USED = "the same by percentile bounds on however few rows, which we do not use"


def equal_precision(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often models of equal precision are called better."""
    for precision, mine, theirs, shared in (
        (0.9, 10, 500, 10),
        (0.9, 20, 500, 20),
        (0.9, 50, 500, 50),
        (0.9, 20, 20, 0),
        (0.9, 30, 100, 24),
        (0.9, 100, 50, 40),
        (0.5, 50, 5_000, 40),
        (0.99, 500, 50, 40),
        (0.99, 5_000, 500, 500),
        (0.99, 100, 10, 8),
        (0.7, 5_000, 5_000, 4_000),
    ):
        counts = _drawn(random, trials, (mine - shared, shared, theirs - shared), (precision,) * 3)
        world = (
            f"a precision of {precision:g} each, {mine:,} and {theirs:,} rows predicted, "
            f"{shared:,} by both"
        )
        yield from _judged(random, counts, world, at_most=ALPHA)
    counts = _drawn(random, trials, (20, 500, 20), (0.8, 0.99, 0.8))
    world = (
        "equal models, 520 rows predicted by each, right 0.99 of 500 that both predict, else 0.8"
    )
    yield from _judged(random, counts, world, at_most=ALPHA)
    for more, less in (((20, 80, 20), (0.99, 0.9, 0.7)), ((100, 900, 100), (0.95, 0.9, 0.5))):
        counts = _drawn(random, trials, more, less)
        own, both, other = (str(each) for each in less)
        n = more[0] + more[1]
        world = (
            f"{n:,} rows predicted by each, right {both} of {more[1]} that both predict, {own} of "
            f"the candidate's own, {other} of the baseline's"
        )
        yield from _judged(random, counts, world)


def precision_at_the_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of exactly the margin passes."""
    for precision, rows, own, margin in (
        (0.9, 100, 30, 0.05),
        (0.8, 300, 90, 0.02),
        (0.9, 1_000, 100, 0.02),
        (0.97, 1_000, 300, 0.05),
        (0.6, 5_000, 500, 0.01),
    ):
        parts, rates = (own, rows - own, own), (precision - margin * rows / own, *[precision] * 2)
        counts = _drawn(random, trials, parts, rates)
        rate = sum(_p(each, -margin) < ALPHA for each in counts) / trials
        world = (
            f"precision exactly {100 * margin:g} pt worse than {precision:g}, {rows:,} rows "
            f"predicted by each, {own} by one alone"
        )
        verdict = f"no regression beyond {100 * margin:g} pt: passes (score test)"
        yield Rate(world, verdict, rate, trials, at_most=ALPHA)


_p = cache(precision_p)


def _judged(
    random: Random, counts: list[Predicted], world: str, at_most: float | None = None
) -> Iterator[Rate]:
    rate = sum(_p(each) < ALPHA for each in counts) / len(counts)
    yield Rate(world, _TEST, rate, len(counts), at_most=at_most)
    few = counts[: max(1, len(counts) // 20)]
    rate = sum(_percentile_lower(random, each) > 0 for each in few) / len(few)
    yield Rate(world, _NOT_USED, rate, len(few))


def _drawn(random: Random, trials: int, parts: Any, rates: Any) -> list[Predicted]:
    """Draw how many rows each part has, and how many of them are right."""
    rows = random.poisson(parts, size=(trials, 3))
    hits = random.binomial(rows, rates)
    found = [
        Predicted(Hits(a, n_a), Hits(b, n_b), Hits(c, n_c))
        for (a, b, c), (n_a, n_b, n_c) in zip(hits.tolist(), rows.tolist(), strict=True)
    ]
    return [each for each in found if each.by_candidate.rows and each.by_baseline.rows]


def _percentile_lower(random: Random, counts: Predicted) -> float:
    cells = np.array(
        [
            cell
            for part in (counts.candidate, counts.both, counts.baseline)
            for cell in (part.hits, part.rows - part.hits)
        ]
    )
    drawn = random.multinomial(counts.n, cells / counts.n, size=RESAMPLES)
    own_hits, own_misses, hits, misses, other_hits, other_misses = drawn.T
    with np.errstate(invalid="ignore"):
        mine = (own_hits + hits) / (own_hits + own_misses + hits + misses)
        theirs = (other_hits + hits) / (other_hits + other_misses + hits + misses)
    return float(np.nanquantile(mine - theirs, ALPHA))
