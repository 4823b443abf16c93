from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from policy_engine.statistics import (
    InvalidRows,
    Metric,
    Outputs,
    PairedRows,
    Shortfall,
    Wins,
    count_wins,
    shortfall,
)


def rows(targets: Sequence[object], clusters: list[int] | None = None) -> PairedRows:
    nothing = Outputs(predictions=targets, scores=[0.5] * len(targets))  # type: ignore[arg-type]
    return PairedRows(
        targets=targets,  # type: ignore[arg-type]
        candidate=nothing,
        baseline=nothing,
        clusters=clusters,
    )


def test_only_rows_on_which_the_models_differ_in_being_right_are_wins_or_losses() -> None:
    truth = ["a", "a", "a", "b", "b"]
    candidate = ["a", "a", "b", "b", "c"]
    baseline = ["a", "b", "a", None, "a"]
    assert count_wins(truth, candidate, baseline) == Wins(wins=2, losses=1, n=5)


@pytest.mark.parametrize("target", [None, math.nan])
def test_a_target_that_is_no_class_is_invalid(target: object) -> None:
    with pytest.raises(InvalidRows, match=r"^a target is null or NaN$"):
        count_wins([target], ["a"], ["a"])  # type: ignore[list-item]


def test_columns_of_unequal_length_are_invalid() -> None:
    with pytest.raises(InvalidRows, match=r"^2 targets, 1 and 2 predictions$"):
        count_wins([1, 2], [1], [1, 2])


def test_99_rows_are_too_few() -> None:
    found = shortfall(Metric("mae"), rows([1.0] * 99))
    assert found == Shortfall("rows", 99, 100)
    assert str(found) == "99 rows; a bootstrap needs 100"
    assert shortfall(Metric("mae"), rows([1.0] * 100)) is None


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (Metric("f1"), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("f1", positive=0), "None"),
        (Metric("specificity"), "None"),
        (Metric("specificity", positive=0), "49 rows of class other than 0; a bootstrap needs 50"),
        (Metric("f1", "macro"), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("mcc"), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("roc_auc"), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("roc_auc", positive=0), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("log_loss"), "49 rows of class 1; a bootstrap needs 50"),
        (Metric("accuracy"), "None"),
        (Metric("f1", "micro"), "None"),
        (Metric("row_mean"), "None"),
    ],
)
def test_49_rows_of_the_class_that_matters_are_too_few(metric: Metric, expected: str) -> None:
    assert str(shortfall(metric, rows([0] * 500 + [1] * 49))) == expected


def test_of_several_classes_the_rarest_limits_an_average() -> None:
    three = rows(["a"] * 100 + ["b"] * 60 + ["c"] * 3)
    assert str(shortfall(Metric("f1", "macro"), three)) == (
        "3 rows of class c; a bootstrap needs 50"
    )
    assert shortfall(Metric("f1", positive="b"), three) is None


def test_29_clusters_are_too_few_however_many_rows_they_hold() -> None:
    targets: list[object] = [0, 1] * 290
    assert str(shortfall(Metric("accuracy"), rows(targets, [i % 29 for i in range(580)]))) == (
        "29 clusters; a bootstrap needs 30"
    )
    assert shortfall(Metric("accuracy"), rows(targets, [i % 30 for i in range(580)])) is None
