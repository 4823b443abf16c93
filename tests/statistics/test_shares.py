"""Which metrics are a share of rows, of which rows, and that scikit-learn counts the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk
from statsmodels.stats.contingency_tables import mcnemar

from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    Outputs,
    PairedRows,
    RowMetric,
    Share,
    mcnemar_exact,
    share_of,
)

CLASSES = ["a", "b", "c"]
ROWS = st.lists(st.tuples(*[st.sampled_from(CLASSES)] * 3), min_size=1, max_size=40)
SHARES: list[tuple[RowMetric, Any]] = [
    (RowMetric("accuracy"), sk.accuracy_score),
    (RowMetric("recall", "weighted"), lambda t, p: sk.recall_score(t, p, average="weighted")),
    (RowMetric("recall", "micro"), lambda t, p: sk.recall_score(t, p, average="micro")),
    (RowMetric("precision", "micro"), lambda t, p: sk.precision_score(t, p, average="micro")),
    (RowMetric("f1", "micro"), lambda t, p: sk.f1_score(t, p, average="micro")),
    (
        RowMetric("recall", "binary", "a"),
        lambda t, p: sk.recall_score(t, p, labels=["a"], average="micro"),
    ),
    (
        RowMetric("specificity", "binary", "a"),
        lambda t, p: sk.recall_score([v == "a" for v in t], [v == "a" for v in p], pos_label=False),
    ),
]


def named(case: object) -> str:
    return str(case) if isinstance(case, RowMetric) else ""


def paired(targets: list[Any], mine: list[Any], theirs: list[Any]) -> PairedRows:
    return PairedRows(
        targets=targets,
        candidate=Outputs(predictions=mine),
        baseline=Outputs(predictions=theirs),
    )


def found(metric: RowMetric, rows: PairedRows) -> Share:
    share = share_of(metric, rows)
    assert share is not None
    return share


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize(("metric", "oracle"), SHARES, ids=named)
@given(drawn=ROWS)
def test_the_share_of_right_rows_is_scikit_learns_metric(
    metric: RowMetric, oracle: Any, drawn: list[tuple[str, str, str]]
) -> None:
    targets, mine, theirs = (list(column) for column in zip(*drawn, strict=True))
    if metric.positive is not None and "a" not in targets:
        return
    share = found(metric, paired(targets, mine, theirs))
    if not share.n:
        assert set(targets) == {"a"}
        return
    assert sum(share.candidate) / share.n == pytest.approx(oracle(targets, mine), abs=1e-12)
    assert sum(share.baseline) / share.n == pytest.approx(oracle(targets, theirs), abs=1e-12)


def test_rows_of_other_classes_have_no_say_in_a_recall() -> None:
    """Statsmodels tests the six rows of class 1; that the models differ on 90 others is nothing."""
    targets = [1] * 6 + [0] * 100
    mine, theirs = [1, 1, 1, 1, 0, 0] + [1] * 90 + [0] * 10, [0, 0, 0, 1, 1, 0] + [0] * 100
    share = found(RowMetric("recall", "binary"), paired(targets, mine, theirs))
    assert (share.n, share.only_candidate, share.only_baseline) == (6, 3, 1)
    assert share.of == "class 1"
    both = mcnemar([[1, 3], [1, 1]], exact=True).pvalue
    assert mcnemar_exact(3, 1) == pytest.approx(both / 2)
    others = found(RowMetric("specificity", "binary"), paired(targets, mine, theirs))
    assert (others.n, others.only_candidate, others.only_baseline) == (100, 0, 90)
    assert others.of == "classes other than 1"


@pytest.mark.parametrize(
    "metric",
    [
        RowMetric("f1", "binary"),
        RowMetric("f1", "macro"),
        RowMetric("recall", "macro"),
        RowMetric("precision", "binary"),
        RowMetric("jaccard", "micro"),
        RowMetric("balanced_accuracy"),
        RowMetric("mcc"),
        RowMetric("roc_auc"),
        RowMetric("rmse"),
    ],
    ids=str,
)
def test_a_metric_whose_rows_the_predictions_choose_is_no_share(metric: RowMetric) -> None:
    assert share_of(metric, paired([1, 0], [1, 1], [0, 1])) is None


@pytest.mark.parametrize("prediction", [None, float("nan")])
def test_a_prediction_that_is_no_class_is_invalid_but_wrong_in_accuracy(prediction: Any) -> None:
    rows = paired([1, 1], [prediction, 1], [1, 1])
    for metric in (RowMetric("recall", "binary"), RowMetric("recall", "weighted")):
        with pytest.raises(InvalidRows, match=r"^a prediction is null or NaN$"):
            share_of(metric, rows)
    assert found(RowMetric("accuracy"), rows).only_baseline == 1


def test_a_class_that_no_row_is_of_has_no_recall() -> None:
    rows = paired(["b", "b"], ["a", "b"], ["b", "b"])
    with pytest.raises(NotComputable, match=r"^no row is of the positive class a$"):
        share_of(RowMetric("recall", "binary", "a"), rows)


def test_values_are_a_share_where_each_is_0_or_1() -> None:
    def valued(*values: float) -> Outputs:
        return Outputs(values=values)

    metric = RowMetric("row_mean")
    rows = PairedRows(targets=[0, 0], candidate=valued(1, 0), baseline=valued(0.0, 0.0))
    assert share_of(metric, rows) == Share([True, False], [False, False])
    half = PairedRows(targets=[0, 0], candidate=valued(1, 0.5), baseline=valued(0, 0))
    assert share_of(metric, half) is None
    short = PairedRows(targets=[0, 0], candidate=valued(1, 0), baseline=valued(0))
    with pytest.raises(InvalidRows, match=r"^2 and 1 values$"):
        share_of(metric, short)
