"""Times of requests: a percentile against its limit, and against that of an equal model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.rates import ALPHA, Random, Rate
from policy_engine.training.percentiles import percentile_bounds

_KINDS = {"log-normal times of sigma 0.3": 0.3, "log-normal times of sigma 0.6": 0.6}
_TAIL = "times with a Pareto tail of index 3"
_SIZES = ((95, 200), (95, 1_000), (99, 1_000))


def budgets(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a percentile at its limit, or 10 % beyond it, is said to be in time."""
    for kind in (*_KINDS, _TAIL):
        for q, n in _SIZES:
            times, true = _drawn(random, kind, (trials, n)), _true(kind, q)
            low, middle, high = _found(times, q)
            world = f"a {q}th percentile of exactly the limit, {n:,} requests, {kind}"
            verdicts = (("fails", low > true), ("passes", high <= true))
            for said, holds in verdicts:
                verdict = f"latency-percentile-budget {said} (exact binomial)"
                yield Rate(world, verdict, float(holds.mean()), trials, at_most=ALPHA)
            world = f"a {q}th percentile 10 % over the limit, {n:,} requests, {kind}"
            rate = float((middle <= true / 1.1).mean())
            yield Rate(world, "its number is within the limit", rate, trials)
            rate = float((high <= true / 1.1).mean())
            verdict = "latency-percentile-budget passes (exact binomial)"
            yield Rate(world, verdict, rate, trials, at_most=ALPHA)
            world = f"a {q}th percentile 20 % under the limit, {n:,} requests, {kind}"
            yield Rate(world, verdict, float((high <= true / 0.8).mean()), trials)


def growth(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often an equal model, or one twice as slow, is said to be over 25 % slower."""
    for kind in (*_KINDS, _TAIL):
        for q, n in _SIZES:
            new, old = (_found(_moment(random, kind, (trials, n)), q) for _ in range(2))
            run = f"{n:,} requests a side, {kind}, 10 % between moments"
            world = f"equal models, {q}th percentile of {run}"
            rate = float((new[1] > 1.25 * old[1]).mean())
            yield Rate(world, "its number grew by over 25 %", rate, trials)
            fails = float((new[0] > 1.25 * old[2]).mean())
            yield Rate(world, "growth over 25 % fails (bounds)", fails, trials, at_most=ALPHA)
            passes = float((new[2] <= 1.25 * old[0]).mean())
            yield Rate(world, "growth over 25 % passes (bounds)", passes, trials)
            world = f"a model twice as slow, {q}th percentile of {run}"
            rate = float((2 * new[0] > 1.25 * old[2]).mean())
            yield Rate(world, "growth over 25 % fails (bounds)", rate, trials)


def _found(times: Any, q: int) -> tuple[Any, Any, Any]:
    """Return lower bound, percentile and upper bound of each trial."""
    n = times.shape[1]
    bounds = percentile_bounds([float(k) for k in range(n)], q)
    low, high = (int(each) for each in bounds if each is not None)
    ordered = np.sort(times, axis=1)
    return ordered[:, low], ordered[:, -(-n * q // 100) - 1], ordered[:, high]


def _drawn(random: Random, kind: str, shape: tuple[int, int]) -> Any:
    if kind == _TAIL:
        return 1 + random.pareto(3, size=shape)
    return np.exp(_KINDS[kind] * random.normal(size=shape))


def _moment(random: Random, kind: str, shape: tuple[int, int]) -> Any:
    """Draw times of a moment at which all of them take longer, or less long, than usual."""
    return _drawn(random, kind, shape) * np.exp(0.1 * random.normal(size=(shape[0], 1)))


def _true(kind: str, q: int) -> float:
    if kind == _TAIL:
        return float((1 - q / 100) ** (-1 / 3))
    return float(np.exp(_KINDS[kind] * stats.norm.ppf(q / 100)))
