"""Models that say the same of nearly all rows: how often a loss of exactly the margin passes."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from benchmarks.rates import ALPHA, Random, Rate
from policy_engine.statistics import NearlyEqual, Outputs, PairedRows, RowMetric, nearly_equal

Label = str | int | float | bool
_OFTEN = 20
"""How many times dearer a trial with numbers is."""
_FEW = 30
"""Rows that differ from which on a bootstrap decides."""


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
    yield from _of_numbers(max(1, trials // _OFTEN), random)


def _of_numbers(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of 1 % of RMSE passes, by rows that say something else altogether."""
    verdict = "no regression beyond 1 %: passes (bound by the worst constant)"
    for goes, is_tailed, n in (
        ("the mean", False, 30_000),
        ("the largest number seen", False, 30_000),
        ("the largest number seen", True, 100_000),
        ("the mean", True, 100_000),
    ):
        told = ", targets with heavy tails (t of 3)" if is_tailed else ""
        world = f"RMSE 1 % worse, {n:,} rows, by rows that say {goes}{told}"
        rate = _number_passes(goes, n, trials, random, is_tailed=is_tailed)
        yield Rate(world, verdict, rate, trials, at_most=ALPHA)
    world = "RMSE 1 % worse, 30,000 rows, by rows that say 0, 15 deviations under the targets"
    rate = _number_passes("0", 30_000, trials, random, is_tailed=False)
    yield Rate(world, verdict, rate, trials)
    rate = _number_passes("nothing else", 30_000, trials, random, is_tailed=False)
    yield Rate("equal models, 30,000 rows, R² of 0.9", verdict, rate, trials)


def _number_passes(goes: str, n: int, trials: int, random: Random, *, is_tailed: bool) -> float:
    """Return how often the bound is within 1 % of the RMSE, whose errors have a deviation of 1."""
    passed = 0
    for _ in range(trials):
        away = random.standard_t(3, n) / 3**0.5 if is_tailed else random.normal(size=n)
        targets: Any = 45 + 3 * away  # arrays, as columns of a table are
        theirs: Any = targets + random.normal(size=n)
        others = {"the mean": 45.0, "the largest number seen": float(targets.max()), "0": 0.0}
        other = others.get(goes)
        k = 0
        if other is not None:  # so many rows that the mean of squares grows by 1.01² - 1
            costs = 9 + (other - 45) ** 2 - 1
            k = int(random.binomial(n, (1.01**2 - 1) / costs))
        if k >= _FEW:
            continue
        mine = theirs.copy()
        mine[:k] = mine[:k] if other is None else other
        rows = PairedRows(
            targets=targets,
            candidate=Outputs(predictions=mine),
            baseline=Outputs(predictions=theirs),
        )
        found = nearly_equal(RowMetric("rmse"), rows)
        before = float(np.sqrt(np.mean((theirs - targets) ** 2)))
        passed += found is not None and found.reach(ALPHA) <= before / 100
    return passed / trials


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
