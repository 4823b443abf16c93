"""Metrics without a point, whose margin is 1 % of the baseline's value; and AUCs near 1."""

from collections.abc import Iterator

import numpy as np

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import (
    Outputs,
    PairedRows,
    RowMetric,
    paired_bootstrap,
    paired_linear,
    shortfall,
)

_ROWS, _SHARED = 6_000, 0.9
"""Rows, and the share of the variance of errors that both models have in common."""
_RMSE = RowMetric("rmse")


def default_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often models pass and fail `no-regression` by RMSE where nobody set a margin."""
    for loss, told in ((0.0, "equal models"), (0.01, "RMSE 1 % worse"), (0.06, "RMSE 6 % worse")):
        passed = failed = 0
        for _ in range(trials):
            rows = _numbers(random, loss)
            found = paired_linear(_RMSE, rows, goal="minimize")
            before = float(np.sqrt(np.mean(np.asarray(rows.baseline.predictions, float) ** 2)))
            bounds, margin = found.interval(ALPHA), before / 100
            passed += bounds.lower >= -margin
            failed += bounds.upper < 0 and found.estimate < -margin
        world = f"{told}, {_ROWS:,} rows, {100 * _SHARED:g} % of the errors' variance shared"
        verdict = "no regression beyond 1 % of the baseline: "
        at_most = ALPHA if loss == 0.01 else None
        yield Rate(world, verdict + "passes", passed / trials, trials, at_most=at_most)
        at_most = None if loss else ALPHA
        yield Rate(world, verdict + "fails", failed / trials, trials, at_most=at_most)


def _numbers(random: Random, loss: float) -> PairedRows:
    """Draw targets of 0, and errors of 1 on average of squares; the candidate's are larger."""
    both = random.normal(size=_ROWS) * _SHARED**0.5
    mine, theirs = (both + random.normal(size=_ROWS) * (1 - _SHARED) ** 0.5 for _ in range(2))
    return PairedRows(
        targets=[0.0] * _ROWS,
        candidate=Outputs(predictions=(mine * (1 + loss)).tolist()),
        baseline=Outputs(predictions=theirs.tolist()),
    )


def near_one(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models whose AUC is near 1 are called better or worse."""
    metric = RowMetric("roc_auc", "binary", 1)
    for n, apart, told in ((400, 3.8, 0.996), (1_000, 3.8, 0.996), (1_000, 4.4, 0.999)):
        better = worse = 0
        for seed in range(trials):
            truth = np.repeat([1, 0], n // 2)
            mine, theirs = (random.normal(size=n) + apart * truth for _ in range(2))
            rows = PairedRows(
                targets=truth.tolist(),
                candidate=Outputs(scores=mine.tolist()),
                baseline=Outputs(scores=theirs.tolist()),
            )
            found = paired_bootstrap(
                metric, rows, goal="maximize", seed=seed, resamples=RESAMPLES
            ).interval(ALPHA)
            if shortfall(metric, rows) is None:
                better, worse = better + (found.lower > 0), worse + (found.upper < 0)
        world = f"equal models of an AUC of {told}, {n:,} rows, half of them positive"
        for verdict, count in (("improved", better), ("shown to be worse", worse)):
            yield Rate(
                world, f"{verdict} (ROC AUC, percentile)", count / trials, trials, at_most=ALPHA
            )
