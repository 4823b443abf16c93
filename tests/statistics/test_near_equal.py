"""The bounds of how far a few rows can move a metric hold for whatever those rows become."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from sklearn import metrics as sk

from policy_engine.statistics import Bounds, Outputs, PairedRows, RowMetric, nearly_equal


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
    (RowMetric("mcc"), sk.matthews_corrcoef),
    (RowMetric("kappa"), sk.cohen_kappa_score),
]
OF_NUMBERS: dict[str, Any] = {
    "rmse": sk.root_mean_squared_error,
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
    "mape": sk.mean_absolute_percentage_error,
    "rmsle": sk.root_mean_squared_log_error,
    "r2": sk.r2_score,
}
NUMBER = st.sampled_from([0.5, 1.0, 2.0, 3.5, 5.0, 40.0])
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


@pytest.mark.parametrize("kind", OF_NUMBERS)
@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=30),
    changes=st.lists(st.tuples(st.integers(0, 29), NUMBER), max_size=6),
)
def test_changed_numbers_move_no_metric_further_than_its_bound(
    kind: Any, rows: Any, changes: Any
) -> None:
    targets, theirs = (list(column) for column in zip(*rows, strict=True))
    assume(len(set(targets)) > 1)
    mine = list(theirs)
    for place, value in changes:
        mine[place % len(mine)] = value
    paired = PairedRows(
        targets=targets, candidate=Outputs(predictions=mine), baseline=Outputs(predictions=theirs)
    )
    found = nearly_equal(RowMetric(kind), paired)
    assert found is not None
    assert found.k <= sum(a != b for a, b in zip(mine, theirs, strict=True))
    oracle = OF_NUMBERS[kind]
    moved = abs(oracle(targets, mine) - oracle(targets, theirs))
    assert moved <= found.reach_by(exactly) * (1 + 1e-9) + 1e-9


def test_a_row_of_numbers_costs_what_the_worst_constant_does_or_the_costliest_seen() -> None:
    """By hand: of 0, 1, 2 and 9, 9 costs (81 + 64 + 49 + 0) / 4 a row, and 0 costs 86 / 4."""
    targets = [0.0, 1.0, 2.0, 9.0]
    said = Outputs(predictions=targets)
    found = nearly_equal(
        RowMetric("mse"), PairedRows(targets=targets, candidate=said, baseline=said)
    )
    assert found is not None
    assert found.costs is not None
    assert found.costs.most == 194 / 4
    far = Outputs(predictions=[9.0, 1.0, 2.0, 9.0])
    found = nearly_equal(
        RowMetric("mse"), PairedRows(targets=targets, candidate=far, baseline=said)
    )
    assert found is not None
    assert found.costs is not None
    assert found.costs.most == 81
    assert found.k == 1


def test_a_log_loss_costs_what_the_surest_of_scores_does_whatever_was_seen() -> None:
    """scikit-learn: a clipped score of 0 on the one positive row costs 36.04."""
    said = Outputs(scores=[0.3, 0.98, 0.5])
    rows = PairedRows(targets=[0, 1, 1], candidate=said, baseline=said)
    found = nearly_equal(RowMetric("log_loss"), rows)
    assert found is not None
    assert found.costs is not None
    assert found.costs.most == pytest.approx(sk.log_loss([1], [0.0], labels=[0, 1]))


def test_a_column_of_row_values_costs_how_far_its_values_lie_apart() -> None:
    values = [0.5, 3.0, 1.0]
    rows = PairedRows(
        targets=[0, 0, 0],
        candidate=Outputs(values=values),
        baseline=Outputs(values=[0.5, 2.0, 1.0]),
    )
    found = nearly_equal(RowMetric("row_mean"), rows)
    assert found is not None
    assert (found.k, found.n) == (1, 3)
    assert found.reach_by(exactly) == pytest.approx(2.5 / 3, rel=1e-5)


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
        (upper(0, 10_000, 0.05) + 1e-6) * 52 * math.log(2)
    )
    assert reach(RowMetric("f1", "binary")) == pytest.approx(2 * upper(0, 10_000, 0.025) / least)
    q, left = upper(0, 10_000, 0.05 / 3), float(beta.ppf(0.05 / 3, 1_000, 9_001))
    assert reach(RowMetric("kappa")) == pytest.approx(3 * q / left)
    q, left = upper(0, 10_000, 0.01), float(beta.ppf(0.01, 1_000, 9_001))
    spread = 2 * left * (1 - left)
    assert reach(RowMetric("mcc")) == pytest.approx(
        2 * q / spread + 2 * q / (spread + math.sqrt(spread * (spread - 2 * q)))
    )
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
    "metric",
    [RowMetric("jaccard", "macro"), RowMetric("precision", "binary"), RowMetric("max_error")],
    ids=str,
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
