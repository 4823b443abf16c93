from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlops_policies.general.expression import Expression
from policy_engine.evidence import Needs
from policy_engine.testing import assert_outcome, bind, judge, model, run

RUN = run(metrics={"f1": 0.9, "auc": float("nan")}, tags={"region": "eu"}, model=model(size="3MB"))
REMEDY = "bring the run to where it holds, or change the expression and say why"


def test_a_condition_that_holds_passes_and_says_on_what() -> None:
    policy = bind(Expression, that='candidate.tags.region == "eu"')
    assert_outcome(
        judge(policy, candidate=RUN),
        "pass",
        message="it holds that candidate.tags.region == \"eu\" (candidate.tags.region is 'eu')",
    )


def test_a_condition_that_does_not_hold_fails_and_says_on_what() -> None:
    policy = bind(Expression, that="candidate.metrics.f1 > baseline.metrics.f1")
    found = assert_outcome(
        judge(policy, candidate=RUN, baseline=run(metrics={"f1": 0.95})),
        "fail",
        message="it does not hold that candidate.metrics.f1 > baseline.metrics.f1 "
        "(candidate.metrics.f1 is 0.9; baseline.metrics.f1 is 0.95)",
    )
    assert found.remedy == REMEDY


def test_its_own_message_stands_in_front_of_the_values() -> None:
    policy = bind(Expression, that='candidate.tags.region == "us"', message="serve in the US only")
    assert_outcome(
        judge(policy, candidate=RUN),
        "fail",
        message="serve in the US only (candidate.tags.region is 'eu')",
    )


@pytest.mark.parametrize(("limit", "outcome"), [("0.9", "pass"), ("0.91", "fail")])
def test_one_number_against_its_limit_has_value_limit_and_grade(limit: str, outcome: str) -> None:
    policy = bind(Expression, that=f"candidate.metrics.f1 >= {limit}")
    found = assert_outcome(
        judge(policy, candidate=RUN),
        outcome,
        message=f"candidate.metrics.f1 is 0.9 f1; it must be at least {limit} f1",
    )
    assert found.measured is not None
    assert found.limit is not None
    assert (str(found.measured.value), found.measured.grade) == ("0.9", "logged")
    assert (str(found.limit.value), found.limit.op) == (limit, ">=")


def test_its_own_message_stands_in_front_of_a_limit() -> None:
    policy = bind(Expression, that="candidate.model.size < 2000000", message="too large")
    assert_outcome(
        judge(policy, candidate=RUN),
        "fail",
        message="too large: candidate.model.size is 3.0 MB; it must be below 2.0 MB",
    )


@pytest.mark.parametrize(
    ("that", "outcome", "message"),
    [
        (
            "candidate.metrics.f2 >= 0.5",
            "missing",
            "the candidate run has no metric f2; nearest names: f1",
        ),
        ("candidate.metrics.auc >= 0.5", "fail", "metric auc of the candidate run is NaN"),
        ("!(candidate.metrics.auc < 0.5)", "fail", "metric auc of the candidate run is NaN"),
        (
            "double(candidate.tags.region) > 0.5",
            "error",
            (
                "`double(candidate.tags.region) > 0.5`: double() expects a finite number such as "
                "0.5, not 'eu'"
            ),
        ),
    ],
)
def test_evidence_that_is_no_value_is_never_false(that: str, outcome: str, message: str) -> None:
    assert_outcome(judge(bind(Expression, that=that), candidate=RUN), outcome, message=message)


def test_it_reads_only_what_its_condition_names() -> None:
    assert bind(Expression, that="candidate.metrics.f1 > 0.5").reads() == Needs.RUN
    policy = bind(Expression, that="size(history) > 3 && has(baseline.model)")
    assert policy.reads() == Needs.RUN | Needs.HISTORY | Needs.BASELINE | Needs.MODEL


def test_a_condition_that_is_none_is_refused_when_it_is_bound() -> None:
    with pytest.raises(
        ValidationError, match="expected a condition, which is true or false, got a number"
    ):
        bind(Expression, that="candidate.metrics.f1")
