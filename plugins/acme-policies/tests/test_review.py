"""acme-high-risk-review."""

import pytest

from acme_policies.review import HighRiskReview
from policy_engine.evidence import Change
from policy_engine.testing import assert_outcome, bind, judge, run

POLICY = bind(HighRiskReview)
BY_ANA = Change(pull_request=7, author="ana")


@pytest.mark.parametrize("risk", ["high", "Critical", " high "])
def test_high_risk_without_a_review_is_missing_evidence(risk: str) -> None:
    found = judge(POLICY, candidate=run(tags={"risk": risk}), change=BY_ANA)
    assert_outcome(found, "missing")


def test_a_review_by_somebody_else_passes() -> None:
    found = judge(POLICY, candidate=run(tags={"risk": "high", "reviewed_by": "ben"}), change=BY_ANA)
    assert_outcome(found, "pass", message="its risk is high, and ben reviewed it")


@pytest.mark.parametrize("reviewer", ["ana", "@ana", "Ana "])
def test_a_review_by_the_author_is_none(reviewer: str) -> None:
    tags = {"risk": "high", "reviewed_by": reviewer}
    found = judge(POLICY, candidate=run(tags=tags), change=BY_ANA)
    assert_outcome(found, "fail", message="its risk is high, and only its author ana reviewed it")


def test_an_empty_review_is_none() -> None:
    found = judge(POLICY, candidate=run(tags={"risk": "high", "reviewed_by": " "}), change=BY_ANA)
    assert_outcome(found, "missing")


def test_low_risk_asks_for_no_review() -> None:
    found = judge(POLICY, candidate=run(tags={"risk": "low"}), change=BY_ANA)
    assert_outcome(found, "pass", message="its risk is low: no review is asked for")


def test_a_run_that_states_no_risk_is_missing_evidence() -> None:
    assert_outcome(judge(POLICY, candidate=run(), change=BY_ANA), "missing")


def test_outside_a_pull_request_a_review_counts_and_the_unknown_author_is_said() -> None:
    found = judge(POLICY, candidate=run(tags={"risk": "high", "reviewed_by": "ben"}))
    message = (
        "its risk is high, and ben reviewed it (outside a pull request: its author is not known)"
    )
    assert_outcome(found, "pass", message=message)
