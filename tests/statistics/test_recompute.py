from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    Outputs,
    RowMetric,
    metric_definitions,
    recompute,
)

EXACT = 1e-12
SEEDS = [1, 2, 3]
CLASSES = ["ant", "bee", "cat", "dog"]


class Rows:
    """A classifier's rows: some classes are rare, one is only predicted."""

    def __init__(self, seed: int, classes: list[Any], n: int = 200) -> None:
        chance = np.random.default_rng(seed)
        self.chance = chance
        self.classes = classes
        shares = np.linspace(3, 1, len(classes))
        self.truth = chance.choice(len(classes), n, p=shares / shares.sum())
        if len(classes) > 2:
            self.truth[self.truth == len(classes) - 1] = 0
        noise = chance.choice(len(classes), n)
        said = np.where(chance.random(n) < 0.7, self.truth, noise)
        self.targets = [classes[i] for i in self.truth]
        self.predictions = [classes[i] for i in said]
        self.weights = chance.exponential(size=n).tolist()

    def scores(self) -> np.ndarray:
        k = len(self.classes)
        raw = self.chance.random((len(self.truth), k)) + 0.5 * np.eye(k)[self.truth]
        return np.asarray(np.round(raw / raw.sum(axis=1, keepdims=True), 2))  # with ties


def oracle(function: Callable[..., float], *args: Any, **kwargs: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [["no", "yes"], CLASSES, list(range(30))])
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("f1", sk.f1_score),
        ("precision", sk.precision_score),
        ("recall", sk.recall_score),
        ("jaccard", sk.jaccard_score),
    ],
)
def test_averages_are_scikit_learns(
    kind: Any, function: Any, average: Any, classes: list[Any], weighted: bool, seed: int
) -> None:
    rows = Rows(seed, classes)
    weights = rows.weights if weighted else None
    found = recompute(
        RowMetric(kind, average), rows.targets, Outputs(predictions=rows.predictions), weights
    )
    expected = oracle(
        function, rows.targets, rows.predictions, average=average, sample_weight=weights
    )
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [["no", "yes"], CLASSES, [0, 1], list(range(30))])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("accuracy", sk.accuracy_score),
        ("balanced_accuracy", sk.balanced_accuracy_score),
        ("kappa", sk.cohen_kappa_score),
        ("mcc", sk.matthews_corrcoef),
    ],
)
def test_what_has_no_average_is_scikit_learns(
    kind: Any, function: Any, classes: list[Any], weighted: bool
) -> None:
    rows = Rows(4, classes)
    weights = rows.weights if weighted else None
    found = recompute(RowMetric(kind), rows.targets, Outputs(predictions=rows.predictions), weights)
    expected = oracle(function, rows.targets, rows.predictions, sample_weight=weights)
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("positive", CLASSES)
@pytest.mark.parametrize(
    ("kind", "function"),
    [("f1", sk.f1_score), ("precision", sk.precision_score), ("recall", sk.recall_score)],
)
def test_one_class_among_several_is_held_against_all_others(
    kind: Any, function: Any, positive: str, weighted: bool
) -> None:
    rows = Rows(5, CLASSES)
    weights = rows.weights if weighted else None
    expected = function(
        rows.targets,
        rows.predictions,
        labels=[positive],
        average=None,
        zero_division=0,
        sample_weight=weights,
    )[0]
    found = recompute(
        RowMetric(kind, positive=positive),
        rows.targets,
        Outputs(predictions=rows.predictions),
        weights,
    )
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


def test_specificity_is_the_recall_of_all_other_classes() -> None:
    rows = Rows(6, ["no", "yes"])
    found = recompute(
        RowMetric("specificity", positive="yes"),
        rows.targets,
        Outputs(predictions=rows.predictions),
    )
    expected = sk.recall_score(rows.targets, rows.predictions, pos_label="no")
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("roc_auc", sk.roc_auc_score),
        ("average_precision", sk.average_precision_score),
        ("log_loss", sk.log_loss),
        ("brier", sk.brier_score_loss),
    ],
)
def test_scores_of_one_class_give_scikit_learns_metric(
    kind: Any, function: Any, weighted: bool, seed: int
) -> None:
    rows = Rows(seed, [0, 1])
    scores = rows.scores()[:, 1]
    weights = rows.weights if weighted else None
    found = recompute(RowMetric(kind), rows.targets, Outputs(scores=scores.tolist()), weights)
    expected = oracle(function, rows.targets, scores, sample_weight=weights)
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


def test_a_score_a_class_gives_the_area_of_the_positive_one() -> None:
    rows = Rows(3, [0, 1])
    scores = rows.scores()
    both = recompute(RowMetric("roc_auc"), rows.targets, Outputs(scores=by_class([0, 1], scores)))
    assert both == recompute(
        RowMetric("roc_auc"), rows.targets, Outputs(scores=scores[:, 1].tolist())
    )


def test_the_area_under_the_drawn_precision_recall_curve_is_scikit_learns() -> None:
    rows = Rows(7, [0, 1])
    scores = rows.scores()[:, 1]
    precision, recall, _ = sk.precision_recall_curve(rows.targets, scores)
    found = recompute(RowMetric("pr_curve_area"), rows.targets, Outputs(scores=scores.tolist()))
    assert found == pytest.approx(sk.auc(recall, precision), rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("multiclass", ["ovr", "ovo"])
@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_the_auc_of_several_classes_is_scikit_learns(average: Any, multiclass: Any) -> None:
    rows = Rows(8, CLASSES[:3])
    rows.targets[:5] = ["cat"] * 5
    scores = rows.scores()
    # scikit-learn asks for rows that sum to 1; rounding to 2 digits broke that.
    scores[:, 2] = 1 - scores[:, 0] - scores[:, 1]
    found = recompute(
        RowMetric("roc_auc", average, multiclass=multiclass),
        rows.targets,
        Outputs(scores=by_class(CLASSES[:3], scores)),
    )
    expected = oracle(
        sk.roc_auc_score, rows.targets, scores, average=average, multi_class=multiclass
    )
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "function"), [("log_loss", sk.log_loss), ("brier", sk.brier_score_loss)]
)
def test_a_loss_of_several_classes_is_scikit_learns(
    kind: Any, function: Any, weighted: bool
) -> None:
    rows = Rows(9, CLASSES)
    scores = rows.scores()
    weights = rows.weights if weighted else None
    found = recompute(
        RowMetric(kind), rows.targets, Outputs(scores=by_class(CLASSES, scores)), weights
    )
    expected = oracle(function, rows.targets, scores, labels=CLASSES, sample_weight=weights)
    assert found == pytest.approx(expected, rel=EXACT, abs=EXACT)


def by_class(classes: list[Any], scores: np.ndarray) -> dict[Any, list[float]]:
    return {label: scores[:, code].tolist() for code, label in enumerate(classes)}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("mae", sk.mean_absolute_error),
        ("mse", sk.mean_squared_error),
        ("rmse", sk.root_mean_squared_error),
        ("r2", sk.r2_score),
        ("mape", sk.mean_absolute_percentage_error),
        ("rmsle", sk.root_mean_squared_log_error),
    ],
)
def test_numbers_give_scikit_learns_metric(kind: Any, function: Any, weighted: bool) -> None:
    chance = np.random.default_rng(10)
    targets = chance.exponential(size=200) + 1e4  # far from 0: R2 must not drown
    predictions = targets + chance.normal(size=200)
    weights = chance.exponential(size=200).tolist() if weighted else None
    found = recompute(
        RowMetric(kind), targets.tolist(), Outputs(predictions=predictions.tolist()), weights
    )
    expected = function(targets, predictions, sample_weight=weights)
    assert found == pytest.approx(expected, rel=1e-10 if kind == "r2" else 1e-12)


def test_the_largest_error_is_scikit_learns() -> None:
    targets, predictions = [1.0, 2.0, 3.0], [1.5, 0.0, 3.25]
    found = recompute(RowMetric("max_error"), targets, Outputs(predictions=predictions))
    assert found == sk.max_error(targets, predictions)


def test_a_column_of_values_is_its_weighted_mean() -> None:
    found = recompute(RowMetric("row_mean"), [0, 0], Outputs(values=[1.0, 4.0]), [2, 1])
    assert found == 2.0


def test_scores_of_0_and_1_cost_what_scikit_learn_says() -> None:
    found = recompute(RowMetric("log_loss"), [0, 1, 1], Outputs(scores=[0.0, 1.0, 0.0]))
    assert found == pytest.approx(sk.log_loss([0, 1, 1], [0.0, 1.0, 0.0]), rel=EXACT, abs=EXACT)


def test_true_1_and_1_0_are_one_class() -> None:
    found = recompute(RowMetric("f1"), [True, False, 1, 0], Outputs(predictions=[1.0, 1, True, 0]))
    assert found == pytest.approx(0.8)


def test_a_null_prediction_is_wrong_in_accuracy_and_invalid_elsewhere() -> None:
    outputs = Outputs(predictions=[1, None, 0])
    assert recompute(RowMetric("accuracy"), [1, 1, 0], outputs) == pytest.approx(2 / 3)
    with pytest.raises(InvalidRows, match=r"^a prediction is null$"):
        recompute(RowMetric("f1"), [1, 1, 0], outputs)
    with pytest.raises(InvalidRows, match=r"^a prediction is not a finite number$"):
        recompute(RowMetric("mae"), [1, 1, 0], outputs)


@given(st.permutations(range(4)))
def test_the_names_of_classes_do_not_matter(order: list[int]) -> None:
    rows = Rows(11, CLASSES, n=60)
    renamed = dict(zip(CLASSES, [CLASSES[i] for i in order], strict=True))
    for metric in (
        RowMetric("f1", "macro"),
        RowMetric("mcc"),
        RowMetric("kappa"),
        RowMetric("accuracy"),
    ):
        before = recompute(metric, rows.targets, Outputs(predictions=rows.predictions))
        after = recompute(
            metric,
            [renamed[label] for label in rows.targets],
            Outputs(predictions=[renamed[label] for label in rows.predictions]),
        )
        assert after == pytest.approx(before, rel=EXACT, abs=EXACT)


@given(st.integers(1, 9))
def test_a_weight_of_k_is_k_equal_rows(times: int) -> None:
    rows = Rows(12, [0, 1], n=40)
    scores = rows.scores()[:, 1].tolist()
    for metric in (RowMetric("roc_auc"), RowMetric("average_precision"), RowMetric("log_loss")):
        heavy = recompute(metric, rows.targets, Outputs(scores=scores), [times] + [1] * 39)
        many = recompute(
            metric,
            rows.targets[:1] * times + rows.targets[1:],
            Outputs(scores=scores[:1] * times + scores[1:]),
        )
        assert heavy == pytest.approx(many, rel=EXACT, abs=EXACT)


def test_an_area_without_one_of_its_classes_has_no_value() -> None:
    assert math.isnan(recompute(RowMetric("roc_auc"), [1, 1], Outputs(scores=[0.2, 0.3])))


def test_r2_of_equal_targets_has_no_value() -> None:
    assert math.isnan(recompute(RowMetric("r2"), [2, 2], Outputs(predictions=[1, 2])))


@pytest.mark.parametrize(
    ("metric", "outputs", "message"),
    [
        (
            RowMetric("f1", "binary"),
            Outputs(predictions=["a", "b"]),
            "f1 needs a positive class and no class is 1 or true; name it: metric: {positive: …}",
        ),
        (
            RowMetric("f1", positive="c"),
            Outputs(predictions=["a", "b"]),
            "no row is of the positive class c",
        ),
        (RowMetric("f1", "macro"), Outputs(scores=[0.1, 0.2]), "there is no prediction column"),
        (RowMetric("roc_auc", positive="a"), Outputs(), "there is no score column"),
        (
            RowMetric("roc_auc", "macro"),
            Outputs(scores=[0.1, 0.2]),
            "macro ovr roc auc needs a score column a class",
        ),
        (
            RowMetric("log_loss"),
            Outputs(scores={"a": [0.1, 0.2]}),
            "no score column for the class b",
        ),
    ],
)
def test_what_does_not_fit_the_rows_says_why(
    metric: RowMetric, outputs: Outputs, message: str
) -> None:
    with pytest.raises(NotComputable) as error:
        recompute(metric, ["a", "b"], outputs)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("metric", "outputs", "weights", "message"),
    [
        (
            RowMetric("mae"),
            Outputs(predictions=[1.0]),
            None,
            "2 targets, 1 of the column prediction",
        ),
        (
            RowMetric("mae"),
            Outputs(predictions=[1.0, math.nan]),
            None,
            "a prediction is not a finite number",
        ),
        (
            RowMetric("mae"),
            Outputs(predictions=[1, "2"]),
            None,
            "a prediction is not a finite number",
        ),
        (
            RowMetric("log_loss"),
            Outputs(scores=[0.1, 1.1]),
            None,
            "a score lies outside [0, 1] and is not a probability",
        ),
        (
            RowMetric("roc_auc"),
            Outputs(scores=[0.1, math.inf]),
            None,
            "a score is not a finite number",
        ),
        (
            RowMetric("mae"),
            Outputs(predictions=[1, 2]),
            [0, 0],
            "weights must be 0 or above, and not all 0",
        ),
        (
            RowMetric("mae"),
            Outputs(predictions=[1, 2]),
            [2, -1],
            "weights must be 0 or above, and not all 0",
        ),
        (RowMetric("mae"), Outputs(predictions=[1, 2]), [1], "2 targets, 1 of the column weight"),
        (
            RowMetric("f1"),
            Outputs(predictions=[1, math.nan]),
            None,
            "a target is null, or a class is NaN",
        ),
        (
            RowMetric("rmsle"),
            Outputs(predictions=[1, -1]),
            None,
            "a number is -1 or below, which has no logarithm of 1 plus it",
        ),
    ],
)
def test_rows_that_hold_nonsense_are_invalid(
    metric: RowMetric, outputs: Outputs, weights: list[float] | None, message: str
) -> None:
    with pytest.raises(InvalidRows) as error:
        recompute(metric, [0, 1], outputs, weights)
    assert str(error.value) == message


def test_no_rows_are_invalid() -> None:
    with pytest.raises(InvalidRows, match=r"^there are no rows$"):
        recompute(RowMetric("accuracy"), [], Outputs(predictions=[]))


def test_a_name_may_have_several_definitions() -> None:
    assert [str(metric) for metric in metric_definitions("val_f1_score")] == [
        "binary f1",
        "weighted f1",
        "macro f1",
        "micro f1",
    ]
    assert [str(metric) for metric in metric_definitions("test/f1_macro")] == ["macro f1"]
    assert [str(metric) for metric in metric_definitions("roc_auc")] == [
        "binary roc auc",
        "weighted ovr roc auc",
        "macro ovr roc auc",
        "weighted ovo roc auc",
        "macro ovo roc auc",
    ]
    assert [str(metric) for metric in metric_definitions("eval_pr_auc", positive="fraud")] == [
        "binary average precision of fraud",
        "weighted average precision of fraud",
        "macro average precision of fraud",
        "binary pr curve area of fraud",
    ]
    assert [str(metric) for metric in metric_definitions("val_accuracy_score")] == ["accuracy"]
    assert metric_definitions("mean_squared_error") == (RowMetric("mse"),)


@pytest.mark.parametrize("name", ["", "profit", "loss", "perplexity", "ndcg", "val"])
def test_what_rows_cannot_give_has_no_definition(name: str) -> None:
    assert metric_definitions(name) == ()
