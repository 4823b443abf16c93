"""The baseline rule acme-golden."""

import pytest

from acme_policies.golden import resolve_baseline
from policy_engine import MissingEvidence, Needs
from policy_engine.evidence import Run
from policy_engine.testing import Tracking, run

CANDIDATE = Run(run(run_id="c" * 32), Needs.RUN)
GOLDEN = run(run_id="a" * 32, tags={"acme.golden": "fraud"})
OLDER = run(run_id="b" * 32, tags={"acme.golden": "fraud"})


def test_the_newest_golden_run_is_the_baseline() -> None:
    found = resolve_baseline({"acme-golden": "fraud"}, CANDIDATE, Tracking(GOLDEN, OLDER))
    assert found is not None
    assert found.run_id == GOLDEN.run_id


def test_the_candidate_is_not_its_own_baseline() -> None:
    itself = run(run_id=CANDIDATE.run_id, tags={"acme.golden": "fraud"})
    found = resolve_baseline({"acme-golden": "fraud"}, CANDIDATE, Tracking(itself, OLDER))
    assert found is not None
    assert found.run_id == OLDER.run_id


def test_a_run_that_failed_is_none() -> None:
    failed = run(run_id="d" * 32, status="FAILED", tags={"acme.golden": "fraud"})
    with pytest.raises(MissingEvidence, match="no finished run of the experiment has the tag"):
        resolve_baseline({"acme-golden": "fraud"}, CANDIDATE, Tracking(failed))


def test_another_rule_is_left_to_others() -> None:
    assert resolve_baseline({"alias": "champion"}, CANDIDATE, Tracking(GOLDEN)) is None
