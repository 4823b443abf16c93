"""Evaluation sets so large that nothing is resampled: levels, and whether the methods agree."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import (
    Outputs,
    PairedRows,
    RowMetric,
    paired_bootstrap,
    paired_linear,
)

_ROWS = 5_000
_TRUTH = 400_000
"""Rows of each of ten samples whose mean is taken for the truth."""
_BOTH = 20
"""Of so many trials, in one the bootstrap is asked too."""


class _World(NamedTuple):
    """Models that truly differ, and the metric by which they do."""

    metric: RowMetric
    told: str
    draw: Callable[[Random, int], PairedRows]
    goal: Any = "maximize"


def large(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often the true difference is called exceeded or not reached, and both methods."""
    for world in _WORLDS:
        truth = float(np.mean([_gain(world, random, _TRUTH) for _ in range(10)]))
        more = less = other = asked = 0
        for trial in range(trials):
            rows = world.draw(random, _ROWS)
            found = paired_linear(world.metric, rows, goal=world.goal)
            verdicts = [found.p_above(truth) < ALPHA, found.p_below(truth) < ALPHA]
            more, less = more + verdicts[0], less + verdicts[1]
            if trial % _BOTH == 0:
                drawn = paired_bootstrap(
                    world.metric, rows, goal=world.goal, seed=trial, resamples=RESAMPLES
                )
                theirs = [drawn.p_above(truth) < ALPHA, drawn.p_below(truth) < ALPHA]
                asked, other = asked + 1, other + (theirs != verdicts)
        name = f"{world.told}, {_ROWS:,} rows"
        yield Rate(name, "exceeds the true gain", more / trials, trials, at_most=ALPHA)
        yield Rate(name, "falls short of the true gain", less / trials, trials, at_most=ALPHA)
        yield Rate(name, "the bootstrap of the same rows says otherwise", other / asked, asked)


def _gain(world: _World, random: Random, n: int) -> float:
    return paired_linear(world.metric, world.draw(random, n), goal=world.goal).estimate


def _classifiers(share: float) -> Callable[[Random, int], PairedRows]:
    """Return a draw of two models of which the candidate separates the classes less well."""

    def draw(random: Random, n: int) -> PairedRows:
        truth = random.random(n) < share
        shared = random.normal(size=n)
        scores = [
            1 / (1 + np.exp(2 - skill * truth - 0.8 * shared - 0.6 * random.normal(size=n)))
            for skill in (1.2, 1.5)
        ]
        ours, theirs = (Outputs(scores=each.tolist()) for each in scores)
        return PairedRows(targets=(truth * 1).tolist(), candidate=ours, baseline=theirs)

    return draw


def _regressors(random: Random, n: int) -> PairedRows:
    """Draw two models of which the candidate errs more, with rather heavy tails."""
    truth = random.normal(size=n)
    ours, theirs = (
        Outputs(predictions=(truth + size * random.standard_t(8, size=n)).tolist())
        for size in (0.55, 0.5)
    )
    return PairedRows(targets=truth.tolist(), candidate=ours, baseline=theirs)


_WORLDS = (
    _World(RowMetric("roc_auc", positive=1), "ROC AUC (DeLong), 2 % positive", _classifiers(0.02)),
    _World(RowMetric("roc_auc", positive=1), "ROC AUC (DeLong), 30 % positive", _classifiers(0.3)),
    _World(
        RowMetric("average_precision", positive=1),
        "average precision (jackknife), 10 % positive",
        _classifiers(0.1),
    ),
    _World(
        RowMetric("log_loss", positive=1),
        "log-loss (jackknife), 10 % positive",
        _classifiers(0.1),
        "minimize",
    ),
    _World(RowMetric("rmse"), "RMSE (jackknife), errors of Student's t8", _regressors, "minimize"),
    _World(RowMetric("r2"), "R² (jackknife), errors of Student's t8", _regressors),
)
