"""Models that say the same of nearly all rows: how often a loss of exactly the margin passes."""

from collections.abc import Iterator
from functools import cache

from benchmarks.rates import ALPHA, Random, Rate
from policy_engine.statistics import NearlyEqual, RowMetric

Label = str | int | float | bool


def hardly_different(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of 1 pt is taken for less, and equal models are not passed."""
    for metric, n, share in (
        (RowMetric("brier", positive=1), 5_000, 0.01),
        (RowMetric("balanced_accuracy"), 5_000, 0.01),
        (RowMetric("roc_auc", "binary", 1), 20_000, 1 - 0.99**0.5),
    ):
        told = str(metric).removesuffix(" of 1").removeprefix("binary ")
        world = (
            f"{told} 1 pt worse, {n:,} rows, {100 * share:.1g} % differ, each as badly as it can"
        )
        rate = _passes(metric, n, share, trials, random)
        verdict = "no regression beyond 1 pt: passes (Clopper-Pearson)"
        yield Rate(world, verdict, rate, trials, at_most=ALPHA)
    world = "equal models, 5,000 rows, 30 % positive"
    for metric in (RowMetric("f1", "binary", 1), RowMetric("roc_auc", "binary", 1)):
        rate = _passes(metric, 5_000, 0.0, trials, random)
        told = str(metric).removesuffix(" of 1").removeprefix("binary ")
        yield Rate(world, f"no regression beyond 1 pt of {told}: passes", rate, trials)


def _passes(metric: RowMetric, n: int, share: float, trials: int, random: Random) -> float:
    """Return how often the bound is within 1 pt, where 30 % are positive and all may differ."""

    @cache
    def reach(positive: int, of_true: int, of_false: int) -> float:
        classes: dict[Label, int] = {1: positive, 0: n - positive}
        differing: dict[Label, int] = {1: of_true, 0: of_false}
        return NearlyEqual(metric, classes, differing, 1).reach(ALPHA)

    positive = random.binomial(n, 0.3, size=trials)
    of_true, of_false = random.binomial(positive, share), random.binomial(n - positive, share)
    drawn = zip(positive.tolist(), of_true.tolist(), of_false.tolist(), strict=True)
    return sum(reach(*each) <= 0.01 for each in drawn) / trials
