"""What a resample of a class of few rows does not show of its variance is added again."""

from __future__ import annotations

import numpy as np
import pytest

from policy_engine.statistics import Outputs, PairedRows, RowMetric, paired_bootstrap

SIZES = (60, 40, 5)


def classified() -> PairedRows:
    targets = [label for label, size in enumerate(SIZES) for _ in range(size)]
    mine = [t if i % 4 else (t + 1) % 3 for i, t in enumerate(targets)]
    theirs = [t if i % 5 else (t + 1) % 3 for i, t in enumerate(targets)]
    return PairedRows(
        targets=targets,
        candidate=Outputs(predictions=mine),
        baseline=Outputs(predictions=theirs),
    )


def test_the_spread_of_balanced_accuracy_is_that_of_unbiased_variances_of_each_class() -> None:
    """By hand: the variance of a mean of n rows is s²/n, s² with n - 1 (NumPy's ddof=1)."""
    rows = classified()
    gains = np.array(
        [
            float(new == true) - float(old == true)
            for true, new, old in zip(
                rows.targets,
                rows.candidate.predictions or (),
                rows.baseline.predictions or (),
                strict=True,
            )
        ]
    )
    parts = np.split(gains, np.cumsum(SIZES)[:-1])
    wanted = np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)) / 3
    found = paired_bootstrap(RowMetric("balanced_accuracy"), rows, goal="maximize", seed=1)
    assert found.estimate == pytest.approx(sum(part.mean() for part in parts) / 3)
    assert found.standard_error / wanted == pytest.approx(1.0, abs=0.2)
    in_clusters = PairedRows(
        targets=rows.targets,
        candidate=rows.candidate,
        baseline=rows.baseline,
        clusters=list(range(len(rows.targets))),
    )
    plain = paired_bootstrap(RowMetric("balanced_accuracy"), in_clusters, goal="maximize", seed=1)
    assert found.standard_error > 1.05 * plain.standard_error
