"""The simulation of long tails is quick by shortcuts, and says what the product says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from benchmarks.class_worlds import METRICS, TAILS, World, shows
from benchmarks.rates import ALPHA, RESAMPLES
from policy_engine.statistics import Decision, non_inferiority, paired_bootstrap


@pytest.mark.parametrize("name", TAILS)
def test_the_shortened_bootstrap_decides_as_the_whole_one(name: str) -> None:
    drawn = np.random.default_rng(3)
    world = World.neglecting(name, TAILS[name])
    margins, decided = world.losses(), set()
    for seed in range(6):
        rows = world.draw(drawn)
        found = shows(rows, margins, seed)
        for shown, metric, margin in zip(found, METRICS.values(), margins, strict=True):
            whole = paired_bootstrap(
                metric, rows, goal="maximize", seed=seed, resamples=RESAMPLES
            ).interval(ALPHA)
            assert shown == (non_inferiority(whole, margin) is Decision.SHOWN)
            decided.add(shown)
    assert False in decided


def test_the_true_losses_are_those_of_a_hundred_thousand_rows_by_scikit_learn() -> None:
    world = World("3 classes", (50_000, 40_000, 10_000), (0.85, 0.8, 0.7))
    rows = world.draw(np.random.default_rng(4))
    said, before = rows.candidate.predictions, rows.baseline.predictions
    by_sklearn = {
        "macro F1": lambda new: oracle.f1_score(rows.targets, new, average="macro"),
        "weighted F1": lambda new: oracle.f1_score(rows.targets, new, average="weighted"),
        "balanced accuracy": lambda new: oracle.balanced_accuracy_score(rows.targets, new),
        "MCC": lambda new: oracle.matthews_corrcoef(rows.targets, new),
        "kappa": lambda new: oracle.cohen_kappa_score(rows.targets, new),
    }
    for name, loss in zip(METRICS, world.losses(), strict=True):
        assert by_sklearn[name](before) - by_sklearn[name](said) == pytest.approx(loss, abs=0.006)
