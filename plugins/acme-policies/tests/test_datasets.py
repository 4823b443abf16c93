"""acme-approved-datasets."""

from acme_policies.datasets import ApprovedDatasets
from policy_engine.evidence import Dataset
from policy_engine.testing import assert_outcome, bind, judge, run

PAYMENTS = Dataset(name="payments-2026q1", context="training")
SCRAPED = Dataset(name="scraped", context="training")
POLICY = bind(ApprovedDatasets, approved=["payments-*"])


def test_an_approved_dataset_passes() -> None:
    found = judge(POLICY, candidate=run(datasets=(PAYMENTS,)))
    assert_outcome(found, "pass", message="dataset payments-2026q1 is an approved one")


def test_a_dataset_that_nobody_approved_fails_beside_one_that_is() -> None:
    found = judge(POLICY, candidate=run(datasets=(PAYMENTS, SCRAPED)))
    message = "dataset scraped (training) is none of the approved: payments-*"
    assert_outcome(found, "fail", part="scraped", message=message)
    assert_outcome(found, "pass", part="payments-2026q1")


def test_a_run_without_dataset_inputs_is_missing_evidence() -> None:
    assert_outcome(judge(POLICY, candidate=run()), "missing")


def test_a_name_counts_with_its_case() -> None:
    shouted = Dataset(name="PAYMENTS-2026q1")
    assert_outcome(judge(POLICY, candidate=run(datasets=(shouted,))), "fail")
