"""What is too little for a bootstrap, and what it says then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.statistics import (
    InvalidRows,
    Outputs,
    PairedRows,
    RowMetric,
    Shortfall,
    effective_rows,
    paired_bootstrap,
    shortfall,
)


def rows(targets: Sequence[Any], clusters: Sequence[int] | None = None) -> PairedRows:
    """Rows that the candidate has right and the baseline wrong, each of them."""
    return PairedRows(
        targets=targets,
        candidate=Outputs(
            predictions=targets, scores=[0.5] * len(targets), values=[1.0] * len(targets)
        ),
        baseline=Outputs(
            predictions=[-1] * len(targets), scores=[0.4] * len(targets), values=[0] * len(targets)
        ),
        clusters=clusters,
    )


def differing(
    differ: int, n: int, weights: Sequence[float] | None = None, clusters: Any = None
) -> PairedRows:
    """Rows of two classes on the first `differ` of which the models differ."""
    targets = [i % 2 for i in range(n)]
    baseline = [1 - t if i < differ else t for i, t in enumerate(targets)]
    return PairedRows(
        targets=targets,
        candidate=Outputs(predictions=targets),
        baseline=Outputs(predictions=baseline),
        weights=weights,
        clusters=clusters,
    )


def test_99_rows_are_too_few() -> None:
    found = shortfall(RowMetric("mae"), rows([1.0] * 99))
    assert found == Shortfall("rows", 99, 100)
    assert str(found) == "99 rows; a bootstrap needs 100"
    assert shortfall(RowMetric("mae"), rows([1.0] * 100)) is None


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (RowMetric("f1"), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("f1", positive=0), "None"),
        (RowMetric("specificity"), "None"),
        (
            RowMetric("specificity", positive=0),
            "49 rows of class other than 0; a bootstrap needs 50",
        ),
        (RowMetric("f1", "macro"), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("mcc"), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("roc_auc"), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("roc_auc", positive=0), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("log_loss"), "49 rows of class 1; a bootstrap needs 50"),
        (RowMetric("accuracy"), "None"),
        (RowMetric("f1", "micro"), "None"),
        (RowMetric("row_mean"), "None"),
    ],
)
def test_49_rows_of_the_class_that_matters_are_too_few(metric: RowMetric, expected: str) -> None:
    assert str(shortfall(metric, rows([0] * 500 + [1] * 49))) == expected


TAIL = [f"c{i}" for i in range(10) for _ in range(10)]
"""Ten classes of ten rows."""


def test_of_several_classes_a_rare_one_that_counts_as_much_as_they_do_limits_the_average() -> None:
    """By hand: (1/100 + 1/60 + 1/3)² / (1/100³ + 1/60³ + 1/3³) = 0.1296/0.03704 = 3.5."""
    three = rows(["a"] * 100 + ["b"] * 60 + ["c"] * 3)
    expected = (
        "163 rows, each class weighed alike, which tell as much as 3 of equal weight "
        "((sum of w)²/sum of w²); a bootstrap needs 100"
    )
    assert str(shortfall(RowMetric("f1", "macro"), three)) == expected
    assert str(shortfall(RowMetric("balanced_accuracy"), three)) == expected
    assert shortfall(RowMetric("f1", positive="b"), three) is None


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_of_a_precision_the_rarest_class_limits_the_average(average: Any) -> None:
    found = shortfall(RowMetric("precision", average), rows(["large"] * 900 + TAIL))
    assert str(found) == "10 rows of class c0; a bootstrap needs 50"


@pytest.mark.parametrize("metric", [RowMetric("f1", "macro"), RowMetric("balanced_accuracy")])
def test_a_long_tail_of_rare_classes_is_enough_for_an_average_over_many(metric: RowMetric) -> None:
    """By hand: (1/900 + 10/10)² / (10/10³) = 100.2; without the large class 1²/(10/10³)."""
    assert shortfall(metric, rows(["large"] * 900 + TAIL)) is None
    assert shortfall(metric, rows(TAIL)) is None
    assert shortfall(metric, rows(["large"] * 900 + TAIL[:-10])) is not None


@pytest.mark.parametrize(
    "metric", [RowMetric("f1", "weighted"), RowMetric("mcc"), RowMetric("kappa")]
)
def test_what_counts_classes_by_their_rows_needs_rows_outside_the_largest(
    metric: RowMetric,
) -> None:
    assert shortfall(metric, rows(["a"] * 900 + ["b"] * 97 + ["c"] * 3)) is None
    assert str(shortfall(metric, rows(["a"] * 900 + ["b"] * 96 + ["c"] * 3))) == (
        "99 rows outside the largest class; a bootstrap needs 100"
    )


def test_29_clusters_are_too_few_however_many_rows_they_hold() -> None:
    targets: list[object] = [0, 1] * 290
    assert str(shortfall(RowMetric("accuracy"), rows(targets, [i % 29 for i in range(580)]))) == (
        "29 clusters; a bootstrap needs 30"
    )
    assert shortfall(RowMetric("accuracy"), rows(targets, [i % 30 for i in range(580)])) is None


def test_29_rows_on_which_the_models_differ_are_too_few_among_however_many() -> None:
    assert str(shortfall(RowMetric("f1"), differing(29, 10_000))) == (
        "29 rows on which the models differ; a bootstrap needs 30"
    )
    assert shortfall(RowMetric("f1"), differing(30, 10_000)) is None


def test_a_row_that_both_have_wrong_in_two_ways_is_no_difference_in_accuracy() -> None:
    both = PairedRows(
        targets=["a"] * 200,
        candidate=Outputs(predictions=["b"] * 200),
        baseline=Outputs(predictions=["c"] * 200),
    )
    assert str(shortfall(RowMetric("accuracy"), both)) == (
        "0 rows on which the models differ; a bootstrap needs 30"
    )
    assert shortfall(RowMetric("f1", "micro"), both) is None


@pytest.mark.parametrize(
    ("metric", "column", "what"),
    [
        (RowMetric("roc_auc"), "scores", "on which the models differ; "),
        (RowMetric("mae"), "predictions", "that move the mae by a thousandth of what the farthest"),
        (RowMetric("row_mean"), "values", "that move the row_mean by a thousandth of what the f"),
    ],
)
def test_the_models_differ_in_the_column_that_the_metric_reads(
    metric: RowMetric, column: str, what: str
) -> None:
    said = [0.5] * 29 + [0.4] * 171
    paired = PairedRows(
        targets=[i % 2 for i in range(200)],
        candidate=Outputs(**{column: [0.4] * 200}),
        baseline=Outputs(**{column: said}),
    )
    assert str(shortfall(metric, paired)).startswith(f"29 rows {what}")


def test_scores_a_class_differ_where_one_of_them_does() -> None:
    columns: dict[Any, list[float]] = {"a": [0.5] * 200, "b": [0.3] * 200, "c": [0.2] * 200}
    other = columns | {"c": [0.1] * 29 + [0.2] * 171}
    paired = PairedRows(
        targets=["a", "b", "c", "a"] * 50,
        candidate=Outputs(scores=columns),
        baseline=Outputs(scores=other),
    )
    assert str(shortfall(RowMetric("brier"), paired)).startswith("29 rows on which the models ")
    assert str(shortfall(RowMetric("roc_auc"), paired)).startswith("29 rows on which the models ")
    of_class_c = sum(i % 4 == 2 for i in range(29))
    assert str(shortfall(RowMetric("log_loss"), paired)).startswith(f"{of_class_c} rows on which ")


def rescored(change: Callable[[int, float], float], n: int = 400) -> PairedRows:
    """Rows whose scores run from 0.1 to 0.9; the candidate's are changed, row by row."""
    scores = [0.1 + 0.8 * (i * 7 % n) / n for i in range(n)]
    return PairedRows(
        targets=[i % 2 for i in range(n)],
        candidate=Outputs(scores=[change(i, score) for i, score in enumerate(scores)]),
        baseline=Outputs(scores=scores),
    )


OF_SCORES = ["roc_auc", "average_precision", "pr_curve_area", "log_loss", "brier"]


@pytest.mark.parametrize("kind", OF_SCORES)
def test_a_difference_in_the_last_digits_of_all_scores_is_none(kind: Any) -> None:
    noisy = rescored(lambda i, score: score + (0.2 if i < 29 else 1e-9))
    assert str(shortfall(RowMetric(kind), noisy)) == (
        "29 rows on which the models differ; a bootstrap needs 30"
    )
    enough = rescored(lambda i, score: score + (0.2 if i < 30 else 1e-9))
    assert shortfall(RowMetric(kind), enough) is None


@pytest.mark.parametrize("kind", ["roc_auc", "average_precision"])
def test_scores_that_are_scaled_anew_put_no_row_elsewhere(kind: Any) -> None:
    assert str(shortfall(RowMetric(kind), rescored(lambda _, score: score**3))) == (
        "0 rows on which the models differ; a bootstrap needs 30"
    )
    assert shortfall(RowMetric("log_loss"), rescored(lambda _, score: score**3)) is None


def test_one_row_that_moves_the_metric_as_far_as_all_others_is_little_more_than_one() -> None:
    """By hand: with moves of 1 and 399 of 0.0025 Kish's number is 2²/(1 + 399*0.0025²) = 3.98."""
    targets = [i % 2 for i in range(400)]
    better = math.sqrt(0.25 - 0.75 * 0.0025)
    mine = [abs(target - better) for target in targets]
    mine[1] = 0.0  # Brier's 1 instead of 0.25
    rows = PairedRows(
        targets=targets, candidate=Outputs(scores=mine), baseline=Outputs(scores=[0.5] * 400)
    )
    assert str(shortfall(RowMetric("brier"), rows)) == (
        "400 rows on which the models differ, weighed by how far each moves the brier, which tell "
        "as much as 3 of equal weight ((sum of w)²/sum of w²); a bootstrap needs 20"
    )


def test_29_clusters_in_which_the_models_differ_are_too_few() -> None:
    clusters = [i % 100 for i in range(1000)]
    found = shortfall(RowMetric("accuracy"), differing(29, 1000, clusters=clusters))
    assert str(found) == "29 clusters in which the models differ; a bootstrap needs 30"
    assert shortfall(RowMetric("accuracy"), differing(30, 1000, clusters=clusters)) is None


def test_few_heavy_rows_are_too_few_however_many_light_ones_stand_beside_them() -> None:
    """By hand: (90*100 + 910)²/(90*100² + 910) = 109.1; with 80 heavy ones 99.2."""
    heavy = [[100.0] * k + [1.0] * (1000 - k) for k in (90, 80)]
    assert shortfall(RowMetric("accuracy"), differing(1000, 1000, heavy[0])) is None
    found = shortfall(RowMetric("accuracy"), differing(1000, 1000, heavy[1]))
    assert found == Shortfall("rows", 99, 100, of=1000)
    assert str(found) == (
        "1,000 rows, which tell as much as 99 of equal weight ((sum of w)²/sum of w²); a bootstrap "
        "needs 100"
    )


def test_the_rarer_class_and_the_differing_rows_are_weighed_too() -> None:
    """By hand: of the positives (40*100 + 19.6)²/(40*100² + 0.2) = 40.4."""
    weights = [100.0 if i % 2 == 0 or i < 80 else 0.01 for i in range(4000)]
    assert str(shortfall(RowMetric("f1"), differing(4000, 4000, weights))) == (
        "2,000 rows of class 1, which tell as much as 40 of equal weight ((sum of w)²/sum of w²); "
        "a bootstrap needs 50"
    )
    weights = [100.0 if i < 19 or i >= 100 else 0.01 for i in range(4000)]
    assert str(shortfall(RowMetric("f1"), differing(100, 4000, weights))) == (
        "100 rows on which the models differ, which tell as much as 19 of equal weight "
        "((sum of w)²/sum of w²); a bootstrap needs 20"
    )


def test_one_large_cluster_among_small_ones_is_not_30() -> None:
    """By hand: (400 + 39)²/(400² + 39) = 1.2."""
    clusters = [0] * 400 + list(range(1, 40))
    found = shortfall(RowMetric("accuracy"), differing(439, 439, clusters=clusters))
    assert found == Shortfall("clusters", 1, 20, of=40)


def test_rows_of_weight_0_are_none() -> None:
    found = shortfall(RowMetric("mae"), differing(500, 500, [0.0] * 401 + [1.0] * 99))
    assert str(found) == "99 rows of weight above 0; a bootstrap needs 100"


def test_a_weight_that_is_no_number_is_left_to_the_bootstrap_which_refuses_it() -> None:
    paired = differing(200, 200, [math.nan] + [1.0] * 199)
    assert shortfall(RowMetric("accuracy"), paired) is None
    with pytest.raises(InvalidRows, match="a weight is not a finite number"):
        paired_bootstrap(RowMetric("accuracy"), paired, goal="maximize", seed=1, resamples=10)


@given(st.integers(1, 500), st.floats(1e-6, 1e6))
def test_equal_rows_are_as_many_as_they_are(n: int, weight: float) -> None:
    assert effective_rows([weight] * n) == pytest.approx(n)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_weighted_rows_never_tell_more_than_equal_ones(weights: list[float]) -> None:
    assert effective_rows(weights) <= sum(w > 0 for w in weights) * (1 + 1e-9)
