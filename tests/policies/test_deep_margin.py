from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_policies.deep_learning.deep_margin import DeepMargin
from policy_engine.evidence.record import BaselineRecord, PassedOver, RunRecord
from policy_engine.judging.judgement import findings_of
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, case, model, run
from tests.policies.predicted import counted, rows

TREE = {"model.family": "tree"}
TORCH = model(flavors=("python_function", "pytorch"))


def judged(
    pair: tuple[RunRecord, RunRecord] | None,
    *,
    among: int = 1,
    candidate: RunRecord | None = None,
    tags: dict[str, str] | None = None,
    **settings: Any,
) -> list[Finding]:
    """Judge a deep candidate against the best simple run; None: there is none."""
    policy = bind(DeepMargin, **settings)
    new = candidate or (pair[0] if pair else run()).model_copy(update={"model": TORCH})
    simple = pair[1].model_copy(update={"tags": TREE if tags is None else tags}) if pair else None
    seen = case(policy, candidate=new, metric="val_accuracy")
    none = PassedOver(rule="best: within=180d", why="none has tags and data as asked for")
    found = BaselineRecord(
        rules=policy.rules()[0],
        found_by="best: within=180d" if simple else None,
        among=among,
        run=simple,
        passed_over=() if simple else (none,),
    )
    record = seen.evidence.model_copy(update={"baselines": (found,)})
    return list(findings_of(policy, seen._replace(evidence=record)))


def test_a_deep_model_that_is_unquestionably_better_passes() -> None:
    message = (
        "val_accuracy goes from 0.92 to 0.99 on 1,000 shared rows, a gain of 7.00 pt over the best "
        "simple run old (bbbbbbbb), shown to be at least 2.00 pt (Tango's score test, only the "
        "candidate right b = 80, only the baseline c = 10: one-sided p = 7.1e-09 against "
        "'gains at most 2.00 pt'; one-sided bounds 5.55 pt and 8.61 pt; alpha = 0.05)"
    )
    finding = assert_outcome(judged(counted(80, 10, 1000)), "pass", message=message)
    assert finding.limit is not None
    assert (finding.limit.op, str(finding.limit.value)) == (">=", "2")


def test_one_that_is_shown_to_gain_less_fails() -> None:
    finding = assert_outcome(judged(counted(20, 20, 1000)), "fail")
    assert "shown to be less than 2.00 pt" in finding.whole


def test_what_is_not_shown_is_inconclusive_or_passes_where_no_proof_is_asked_for() -> None:
    pair = counted(45, 20, 1000)
    finding = assert_outcome(judged(pair), "inconclusive")
    assert finding.message == (
        "the deep model gains 2.50 pt, but 1,000 rows do not show that it is 2.00 pt or more"
    )
    assert (
        "; about 16,100 rows show a gain above 2.00 pt 4 times in 5, if the true gain is the "
        "2.50 pt seen here ("
    ) in finding.whole
    assert finding.remedy == (
        "evaluate both on more rows: if the true gain is the 2.50 pt seen here, about 16,100 rows "
        "(1,000 now) decide 4 times in 5; "
        "decide on the number first, take new ones, and check again once: repeated looks "
        "find something by chance; or merge the simple model"
    )
    assert_outcome(judged(pair, require_significant=False), "pass")


def test_a_fail_against_the_best_of_many_asks_for_more() -> None:
    pair = counted(35, 30, 1000)
    assert_outcome(judged(pair), "fail")
    finding = assert_outcome(judged(pair, among=20), "inconclusive")
    assert "the baseline is the best of 20 runs" in finding.whole


@pytest.mark.parametrize(
    ("value", "proof", "outcome"),
    [
        (0.91, True, "fail"),
        (0.92, True, "inconclusive"),
        (0.92, False, "pass"),
        (0.9199, False, "fail"),
    ],
)
def test_without_rows_the_logged_gain_must_reach_the_margin(
    value: float, proof: bool, outcome: str
) -> None:
    pair = run(metrics={"val_accuracy": value}), run(metrics={"val_accuracy": 0.9})
    finding = assert_outcome(judged(pair, require_significant=proof), outcome)
    assert "is untested: the candidate run has no predictions table" in finding.whole


def test_without_a_simple_run_it_is_missing() -> None:
    message = (
        "deep model and no simple run to beat: within=180d: none has tags and data as asked for"
    )
    finding = assert_outcome(judged(None), "missing", message=message)
    assert finding.remedy is not None
    assert 'mlflow.set_tag("model.family", "tree")' in finding.remedy


def test_a_simple_candidate_is_not_applicable_and_a_tag_makes_no_deep_flavor_simple() -> None:
    pair = counted(80, 10, 1000)
    forest = pair[0].model_copy(update={"model": model(), "tags": TREE})
    assert_outcome(judged(pair, candidate=forest), "not-applicable")
    tagged = pair[0].model_copy(update={"model": TORCH, "tags": TREE})
    assert_outcome(judged(pair, candidate=tagged), "pass")


def test_a_flavor_that_may_hold_anything_needs_the_tag() -> None:
    pair = counted(80, 10, 1000)
    onnx = model(flavors=("onnx", "python_function"))
    unknown = pair[0].model_copy(update={"model": onnx})
    message = "neither the candidate's model nor its tags tell whether it is deep"
    assert_outcome(judged(pair, candidate=unknown), "missing", message=message)
    for family, outcome in (("deep", "pass"), ("ensemble", "pass"), ("linear", "not-applicable")):
        told = unknown.model_copy(update={"tags": {"model.family": family}})
        assert_outcome(judged(pair, candidate=told), outcome)


def test_a_run_that_is_only_tagged_as_simple_is_none() -> None:
    network = {"model.family": "tree", "estimator_class": "sklearn.neural_network.MLPClassifier"}
    finding = assert_outcome(judged(counted(80, 10, 1000), tags=network), "missing")
    assert "is tagged as simple, and its estimator is not" in finding.whole


def test_nan_fails() -> None:
    pair = run(metrics={"val_accuracy": float("nan")}), run(metrics={"val_accuracy": 0.9})
    assert_outcome(judged(pair), "fail")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100))
def test_a_greater_margin_never_turns_a_fail_into_a_pass(wins: int, losses: int) -> None:
    order = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    pair = counted(wins, losses, 400)
    ranks = [order.index(judged(pair, margin=f"{m}pt")[0].outcome) for m in (0, 1, 2, 5)]
    assert ranks == sorted(ranks)


def test_of_a_gain_under_the_margin_it_says_which_true_gain_the_rows_could_show() -> None:
    """By hand: 2 + 100 * 2.4865 * sqrt(55)/1000 = 3.84."""
    finding = assert_outcome(judged(counted(35, 20, 1000)), "inconclusive")
    assert finding.message == (
        "the deep model gains 1.50 pt, and 1,000 rows do not show whether it truly gains 2.00 pt "
        "or more"
    )
    assert (
        "; 1,000 rows show a gain above 2.00 pt 4 times in 5 where the true gain is 3.84 pt ("
    ) in finding.whole


def test_without_a_margin_mcnemar_decides_as_the_message_says() -> None:
    """By hand: 4 of 4 has p = 1/16, 5 of 5 has 1/32; Tango's bounds would show both."""
    finding = assert_outcome(judged(counted(4, 0, 1000), margin="0pt"), "inconclusive")
    assert "p = 0.0625" in finding.whole
    assert_outcome(judged(counted(5, 0, 1000), margin="0pt"), "pass")
    assert_outcome(judged(counted(0, 4, 1000), margin="0pt"), "inconclusive")
    assert_outcome(judged(counted(0, 5, 1000), margin="0pt"), "fail")


def test_a_deep_model_that_says_nearly_the_same_fails() -> None:
    truth = [1, 0] * 5_000
    simple = [int(t and i % 5 > 0) for i, t in enumerate(truth)]
    pair = tuple(
        run(run_id=digit * 32, predictions=rows(truth, said))
        for digit, said in (("a", [0, *simple[1:]]), ("b", simple))
    )
    new, old = pair
    policy = bind(DeepMargin)
    seen = case(policy, candidate=new.model_copy(update={"model": TORCH}), metric="val_f1")
    found = BaselineRecord(
        rules=policy.rules()[0],
        found_by="best",
        among=1,
        run=old.model_copy(update={"tags": TREE}),
    )
    record = seen.evidence.model_copy(update={"baselines": (found,)})
    finding = assert_outcome(findings_of(policy, seen._replace(evidence=record)), "fail")
    said = "shown to be less than 2.00 pt (the models differ on 0 of 10,000 rows"
    assert said in (finding.detail or "")
