"""The bounds of how far a few rows can move a metric hold for whatever those rows become."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn import metrics as sk

from policy_engine.statistics import Bounds, Outputs, PairedRows, RowMetric, nearly_equal

EPSILON = 2.0**-52


def exactly(k: int, n: int, uses: int) -> Bounds:
    return Bounds(k / n, k / n)


def loss(targets: list[int], scores: list[float]) -> float:
    return float(sk.log_loss(targets, scores, labels=[0, 1]))


def f1(average: str) -> Any:
    return lambda t, p: sk.f1_score(t, p, average=average, zero_division=0)


OF_SCORES: dict[str, Any] = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "brier": sk.brier_score_loss,
    "log_loss": loss,
}
OF_CLASSES: list[tuple[RowMetric, Any]] = [
    (RowMetric("f1", "binary", 1), lambda t, p: sk.f1_score(t, p, labels=[1], average="micro")),
    (RowMetric("f1", "weighted"), f1("weighted")),
    (RowMetric("f1", "macro"), f1("macro")),
    (RowMetric("recall", "macro"), lambda t, p: sk.recall_score(t, p, average="macro")),
    (RowMetric("balanced_accuracy"), sk.balanced_accuracy_score),
]
SCORE = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])


@st.composite
def changed(draw: Any, values: Any, classes: int) -> tuple[list[int], list[Any], list[Any]]:
    """Rows of every class, what one model says of them, and what one says that differs on some."""
    n = draw(st.integers(classes, 30))
    targets = list(range(classes)) + draw(
        st.lists(st.integers(0, classes - 1), min_size=n - classes, max_size=n - classes)
    )
    theirs = draw(st.lists(values, min_size=n, max_size=n))
    mine = list(theirs)
    for place in draw(st.lists(st.integers(0, n - 1), max_size=6)):
        mine[place] = draw(values)
    return targets, mine, theirs


@pytest.mark.parametrize("kind", OF_SCORES)
@settings(deadline=None)
@given(rows=changed(SCORE, 2))
def test_changed_scores_move_no_metric_further_than_its_bound(kind: Any, rows: Any) -> None:
    targets, mine, theirs = rows
    paired = PairedRows(
        targets=targets, candidate=Outputs(scores=mine), baseline=Outputs(scores=theirs)
    )
    found = nearly_equal(RowMetric(kind, "binary"), paired)
    assert found is not None
    assert found.k <= sum(a != b for a, b in zip(mine, theirs, strict=True))
    oracle = OF_SCORES[kind]
    moved = abs(oracle(targets, mine) - oracle(targets, theirs))
    assert moved <= found.reach_by(exactly) + 1e-9


@pytest.mark.parametrize(
    ("metric", "oracle"), OF_CLASSES, ids=lambda case: getattr(case, "kind", "")
)
@settings(deadline=None)
@given(rows=changed(st.integers(0, 2), 3))
def test_changed_predictions_move_no_metric_further_than_its_bound(
    metric: RowMetric, oracle: Any, rows: Any
) -> None:
    targets, mine, theirs = rows
    paired = PairedRows(
        targets=targets, candidate=Outputs(predictions=mine), baseline=Outputs(predictions=theirs)
    )
    found = nearly_equal(metric, paired)
    assert found is not None
    moved = abs(oracle(targets, mine) - oracle(targets, theirs))
    assert moved <= found.reach_by(exactly) + 1e-9


def test_the_bound_of_equal_models_is_by_clopper_and_pearson() -> None:
    """SciPy's beta distribution gives the shares; 1,000 of 10,000 rows are positive."""
    targets = [1] * 1_000 + [0] * 9_000
    said = Outputs(predictions=targets, scores=[0.5] * 10_000)
    rows = PairedRows(targets=targets, candidate=said, baseline=said)

    def upper(k: int, n: int, alpha: float) -> float:
        return float(beta.isf(alpha, k + 1, n - k))

    def reach(metric: RowMetric) -> float:
        found = nearly_equal(metric, rows)
        assert found is not None
        assert (found.k, found.n) == (0, 10_000)
        return found.reach(0.05)

    least = float(beta.ppf(0.025, 1_000, 9_001))
    assert reach(RowMetric("log_loss")) == pytest.approx(
        upper(0, 10_000, 0.05) * -math.log(EPSILON) + 1e-9
    )
    assert reach(RowMetric("f1", "binary")) == pytest.approx(2 * upper(0, 10_000, 0.025) / least)
    a, b = upper(0, 1_000, 0.025), upper(0, 9_000, 0.025)
    assert reach(RowMetric("roc_auc", "binary")) == pytest.approx(a + b - a * b)


def test_scores_crowded_near_1_differ_though_they_are_nearly_the_same() -> None:
    """1 - 1e-12 and 1 - 1e-10 are the same to 1e-9, and the log-loss of a 0 is 27.6 or 23.0."""
    near = Outputs(scores=[1 - 1e-12] * 100)
    nearer = Outputs(scores=[1 - 1e-10] * 100)
    rows = PairedRows(targets=[i % 2 for i in range(100)], candidate=near, baseline=nearer)
    ranked = nearly_equal(RowMetric("roc_auc", "binary"), rows)
    lost = nearly_equal(RowMetric("log_loss"), rows)
    assert ranked is not None
    assert lost is not None
    assert (ranked.k, lost.k) == (100, 50)


def test_scores_that_differ_in_the_last_digits_are_the_same() -> None:
    scores = [i / 100 for i in range(100)]
    rows = PairedRows(
        targets=[i % 2 for i in range(100)],
        candidate=Outputs(scores=[score * (1 + 1e-12) for score in scores]),
        baseline=Outputs(scores=scores),
    )
    for metric in (RowMetric("roc_auc", "binary"), RowMetric("log_loss"), RowMetric("brier")):
        found = nearly_equal(metric, rows)
        assert found is not None
        assert found.k == 0


@pytest.mark.parametrize(
    "metric", [RowMetric("mcc"), RowMetric("precision", "binary"), RowMetric("rmse")], ids=str
)
def test_a_metric_without_a_known_bound_has_none(metric: RowMetric) -> None:
    said = Outputs(predictions=[1, 0])
    assert nearly_equal(metric, PairedRows(targets=[1, 0], candidate=said, baseline=said)) is None


def test_a_class_that_is_only_predicted_leaves_the_averages_without_a_bound() -> None:
    rows = PairedRows(
        targets=[0, 1],
        candidate=Outputs(predictions=[0, 2]),
        baseline=Outputs(predictions=[0, 1]),
    )
    assert nearly_equal(RowMetric("f1", "macro"), rows) is None
