"""Recipes: repeated seeds and folds."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.rates import ALPHA, Random, Rate
from policy_engine.statistics import folds_t, paired_t, seeds_needed, welch_t


def seeds(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often recipes that are equal, or not, are called better."""
    world = "equal recipes, 5 seeds a side"
    ours, theirs = random.normal(size=(2, trials, 5))
    lucky = float((ours.max(axis=1) > theirs.mean(axis=1)).mean())
    yield Rate(world, "best of 5 > the other's mean", lucky, trials, said=0.93)
    yield Rate(world, "improved (Welch)", _welch(ours, theirs), trials, at_most=ALPHA, said=0.05)
    kept = np.sort(random.normal(size=(trials, 10)), axis=1)[:, 5:]
    world = "equal recipes, the best 5 of 10 runs kept"
    yield Rate(world, "improved (Welch)", _welch(kept, theirs), trials, said=0.34)
    for shift, said in ((1, 0.40), (2, 0.88)):
        world = f"better by {shift} standard deviation{'s' * (shift > 1)}, 5 seeds a side"
        rate = _welch(ours + shift, theirs)
        yield Rate(world, "improved (Welch)", rate, trials, theory=_t_power(5, shift), said=said)
    count = seeds_needed(1, 1, ALPHA)
    ours, theirs = random.normal(size=(2, trials, count))
    world = f"better by 1 standard deviation, on the {count} seeds that are said to be needed"
    theory = _t_power(count, 1)
    yield Rate(world, "improved (Welch)", _welch(ours + 1, theirs), trials, theory=theory)


def unlike_seeds(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often recipes of equal mean are called better where their seeds vary unlike."""
    plain, other = random.normal(size=(2, trials, 5))
    more = random.normal(size=(trials, 20))
    for world, ours, theirs in (
        ("equal means, 5 seeds a side, standard deviations of 5 and 1", 5 * plain, other),
        ("equal means, 5 seeds of standard deviation 5 and 20 of 1", 5 * plain, more),
        (
            "equal recipes, 5 seeds a side, each diverges with a chance of 0.1",
            *(_diverging(random, trials) for _ in range(2)),
        ),
    ):
        yield Rate(world, "improved (Welch)", _welch(ours, theirs), trials, at_most=ALPHA)
        few = max(1, trials // 20)
        rate = _permuted(ours[:few], theirs[:few], random)
        yield Rate(world, "the same by permutation, which we do not use", rate, few)
    world = "equal means, 5 seeds a side, only the candidate's diverge with a chance of 0.1"
    diverging = _diverging(random, trials)
    unseen = (diverging > -5).all(axis=1)
    yield Rate(world, "none of its seeds diverged", float(unseen.mean()), trials, theory=0.9**5)
    yield Rate(world, "improved (Welch)", _welch(diverging, other), trials, said=0.24)
    rate = _permuted(diverging[:few], other[:few], random)
    yield Rate(world, "the same by permutation, which we do not use", rate, few)
    skewed = random.exponential(size=(2, trials, 5)) - 1
    world = "equal means, 5 seeds a side, skewed against each other (exponential)"
    yield Rate(world, "improved (Welch)", _welch(-skewed[0], skewed[1]), trials, said=0.12)


def _permuted(ours: Any, theirs: Any, random: Random) -> float:
    """Return how often a permutation test of the means shows a gain."""
    shown = 0
    for a, b in zip(ours, theirs, strict=True):
        found = stats.permutation_test(
            (a, b), _apart, alternative="greater", n_resamples=999, vectorized=True, rng=random
        )
        shown += found.pvalue < ALPHA
    return shown / len(ours)


def _apart(a: Any, b: Any, axis: int) -> Any:
    return a.mean(axis=axis) - b.mean(axis=axis)


def _diverging(random: Random, trials: int) -> Any:
    """Draw seeds of mean 0 of which one in ten lies 10 standard deviations lower."""
    return random.normal(size=(trials, 5)) - 10 * (random.random((trials, 5)) < 0.1) + 1


def _welch(ours: Any, theirs: Any) -> float:
    pairs = zip(ours.tolist(), theirs.tolist(), strict=True)
    return sum(welch_t(a, b).p_above() < ALPHA for a, b in pairs) / len(ours)


def _t_power(seeds: int, shift: float) -> float:
    degrees = 2 * (seeds - 1)
    limit = stats.t.isf(ALPHA, degrees)
    return float(stats.nct.sf(limit, degrees, shift * math.sqrt(seeds / 2)))


def folds(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal recipes are called better over folds."""
    world = "equal recipes, 10 folds whose results correlate by 1/10"
    common, own = random.normal(size=(trials, 1)), random.normal(size=(trials, 10))
    differences = (math.sqrt(0.1) * common + math.sqrt(0.9) * own).tolist()
    nothing = [0.0] * 10
    naive = sum(paired_t(each, nothing).p_above() < ALPHA for each in differences) / trials
    yield Rate(world, "improved (paired t, variance 1/k)", naive, trials, said=0.13)
    ours = sum(folds_t(each, nothing, 1 / 9).p_above() < ALPHA for each in differences) / trials
    yield Rate(world, "improved (corrected variance)", ours, trials, at_most=ALPHA, said=0.06)
