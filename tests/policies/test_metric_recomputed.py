from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_policies.general.metric_recomputed import MetricRecomputed
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.predicted import rows

TRUTH = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
SAID = [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
"""Binary F1 = 2*2/(3 + 3) = 2/3, accuracy 0.8, weighted F1 = 0.3*2/3 + 0.7*6/7 = 0.8."""


def judged(name: str, logged: float, **facts: Any) -> list[Finding]:
    settings = facts.pop("settings", {})
    table = facts.pop("table", None) or rows(TRUTH, SAID, **facts)
    candidate = run(metrics={name: logged}, predictions=table)
    return judge(bind(MetricRecomputed, **settings), candidate=candidate, metric=name)


def test_a_metric_that_the_rows_give_passes_and_says_which_it_is() -> None:
    message = (
        "val_f1 is logged as 0.6667; the 10 rows of policy_engine/predictions.json give 0.6667 "
        "(binary f1)"
    )
    assert_outcome(judged("val_f1", 2 / 3), "pass", message=message)
    assert "(weighted f1)" in assert_outcome(judged("val_f1", 0.8), "pass").whole


def test_a_metric_that_they_do_not_give_fails() -> None:
    message = (
        "val_accuracy is logged as 0.95; the 10 rows of policy_engine/predictions.json give 0.8 "
        "(accuracy), 15.00 pt apart; at most 0.01 pt may be due to rounding"
    )
    assert_outcome(judged("val_accuracy", 0.95), "fail", message=message)


def test_the_tolerance_is_a_boundary() -> None:
    assert_outcome(judged("val_accuracy", 0.8001), "pass")
    assert_outcome(judged("val_accuracy", 0.80011), "fail")
    assert_outcome(judged("val_accuracy", 0.81, settings={"tolerance": "1pt"}), "pass")


def test_rounding_to_three_decimals_is_forgiven_and_to_two_is_not() -> None:
    assert_outcome(judged("val_f1", 0.667), "pass")
    assert_outcome(judged("val_f1", 0.67), "fail")


def test_what_cannot_be_recomputed_is_listed() -> None:
    found = judged("roc_auc", 0.9)
    assert "roc_auc cannot be recomputed: " in assert_outcome(found, "not-applicable").message
    assert_outcome(judged("training_accuracy_score", 1.0), "not-applicable")
    message = "latency cannot be recomputed: it is not known how latency is computed from rows"
    found = judge(
        bind(MetricRecomputed, metrics=["latency"]),
        candidate=run(metrics={"latency": 1.0}, predictions=rows(TRUTH, SAID)),
    )
    assert_outcome(found, "not-applicable", message=message)


def test_a_log_loss_of_rounded_scores_is_not_compared() -> None:
    scores = [0.9, 0.8, 0.4, 0.6, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0]
    found = judged("log_loss", 0.3, score=scores)
    assert "a stored score is 0 or 1" in assert_outcome(found, "not-applicable").message


def test_a_column_named_as_the_metric_is_its_rows() -> None:
    table = rows(TRUTH, SAID, ndcg=[0.5] * 5 + [1.0] * 5)
    assert_outcome(judged("ndcg", 0.75, table=table), "pass")
    assert_outcome(judged("ndcg", 0.76, table=table), "fail")


def test_several_metrics_are_findings_of_their_own() -> None:
    candidate = run(metrics={"val_f1": 0.9, "accuracy": 0.8}, predictions=rows(TRUTH, SAID))
    policy = bind(MetricRecomputed, metrics=["val_f1", "accuracy", "recall"])
    found = judge(policy, candidate=candidate, metric="val_f1")
    outcomes = [(f.part, f.outcome.value) for f in found]
    assert outcomes == [("val_f1", "fail"), ("accuracy", "pass"), ("recall", "missing")]


def test_without_a_table_it_is_missing_and_nan_never_passes() -> None:
    found = judge(bind(MetricRecomputed), candidate=run(metrics={"val_f1": 0.5}), metric="val_f1")
    assert_outcome(found, "missing", message="the candidate run has no predictions table")
    assert_outcome(judged("val_f1", float("nan")), "fail")


@pytest.mark.parametrize("cell", [None, "x"])
def test_a_prediction_that_is_no_number_fails_where_numbers_are_due(cell: Any) -> None:
    table = rows([1.0, 2.0], [1.0, cell])
    assert_outcome(judged("rmse", 0.5, table=table), "fail")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_the_true_accuracy_always_passes(pairs: list[tuple[bool, bool]]) -> None:
    truth, said = ([int(each[i]) for each in pairs] for i in (0, 1))
    right = sum(a == b for a, b in pairs) / len(pairs)
    assert_outcome(judged("accuracy", right, table=rows(truth, said)), "pass")
