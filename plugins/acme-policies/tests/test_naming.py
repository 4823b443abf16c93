"""acme-model-naming."""

import pytest

from acme_policies.naming import ModelNaming
from policy_engine import Finding
from policy_engine.evidence import Version
from policy_engine.testing import assert_outcome, bind, judge, model, run

POLICY = bind(ModelNaming, teams=["fraud", "growth"])


def registered(*names: str) -> list[Finding]:
    versions = tuple(Version(name=name, version="1") for name in names)
    return judge(POLICY, candidate=run(model=model(versions=versions)))


def test_team_purpose_and_kind_pass() -> None:
    message = "registered name fraud-chargebacks-ranker says whose it is"
    assert_outcome(registered("fraud-chargebacks-ranker"), "pass", message=message)


@pytest.mark.parametrize("name", ["model", "fraud", "Fraud-chargebacks-ranker", "fraud--ranker"])
def test_a_name_of_another_form_fails(name: str) -> None:
    message = f"registered name {name} is not <team>-<purpose>-<kind> in lower case"
    assert_outcome(registered(name), "fail", message=message)


def test_a_team_that_does_not_exist_fails() -> None:
    message = "registered name ops-chargebacks-ranker begins with ops, which is not a team"
    assert_outcome(registered("ops-chargebacks-ranker"), "fail", message=message)


def test_a_model_that_is_not_registered_is_missing_evidence() -> None:
    assert_outcome(registered(), "missing")
