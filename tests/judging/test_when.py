"""`when:` of a binding: who is asked, and what becomes of a condition that cannot be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policy_engine import check
from policy_engine.evidence import Needs
from policy_engine.testing import model, run
from tests.command import Project, candidate, evidence

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


_FILE = """\
version: 1
policies:
  run-finished: on
  small:
    policy: model-size-budget
    max_size: 1kB
    when: {when}
    {more}
"""
_EU = "'candidate.tags.region == \"eu\"'"


def judged(project: Project, when: str, more: str = "", **facts: object) -> tuple[str, str, str]:
    """Return outcome, effect and message of the binding with this condition."""
    project.policy(_FILE.format(when=when, more=more))
    told = project.check(evidence(candidate(**facts)))
    (finding,) = [f for f in told.subject["findings"] if f["id"] == "small"]
    return finding["outcome"], finding["effect"], finding["message"]


def test_a_policy_is_asked_where_its_condition_holds(project: Project) -> None:
    outcome, effect, message = judged(project, _EU, tags={"region": "eu"})
    assert (outcome, effect) == ("fail", "block")
    assert message == "model size is 1.0 MB; it must be at most 1.0 kB"


def test_a_policy_is_not_asked_where_its_condition_does_not_hold(project: Project) -> None:
    assert judged(project, _EU, tags={"region": "us"}) == (
        "not-applicable",
        "none",
        "`when` does not hold: candidate.tags.region == \"eu\" (candidate.tags.region is 'us')",
    )


@pytest.mark.parametrize(
    ("more", "effect"), [("", "block"), ("on_missing: warn", "warn"), ("on_missing: skip", "none")]
)
def test_a_condition_on_what_is_absent_is_missing_and_never_false(
    project: Project, more: str, effect: str
) -> None:
    expected = ("missing", effect, "the candidate run has no tag region")
    assert judged(project, _EU, more) == expected


def test_a_condition_on_nan_fails_and_is_never_false(project: Project) -> None:
    assert judged(project, "candidate.metrics.auc < 0.5", metrics={"auc": float("nan")}) == (
        "fail",
        "block",
        "metric auc of the candidate run is NaN",
    )


def test_a_condition_that_cannot_be_computed_is_an_error_and_never_false(project: Project) -> None:
    outcome, effect, _ = judged(
        project, "'double(candidate.tags.region) > 1'", tags={"region": "eu"}
    )
    assert (outcome, effect) == ("error", "block")


def test_a_condition_on_a_baseline_without_one_is_missing(project: Project) -> None:
    project.policy(_FILE.format(when="baseline.metrics.f1 > 0.5", more=""))
    told = project.check(evidence(candidate()))
    assert told.code == 3  # nobody looked for a baseline by these rules: collect again
    assert told.findings[-1][2] == (
        "the evidence was collected with other baseline rules than the policy file's"
    )


def test_evidence_without_what_a_condition_reads_is_collected_again(project: Project) -> None:
    project.policy(_FILE.format(when="size(history) > 3", more=""))
    told = project.check(evidence(candidate(), needs=("model",)))
    assert told.code == 3
    assert told.findings[-1] == (
        "error",
        "block",
        "the evidence was collected without history",
    )


def test_a_condition_opens_nothing_to_its_policy(project: Project) -> None:
    """What a `when` reads is collected, and stays closed to the policy."""
    project.policy(
        "version: 1\npolicies: {run-finished: {when: size(history) > 3 && has(candidate.model)}}"
    )
    (binding,) = check.load(("policies",)).policies.files[0].bindings
    assert binding.needs == Needs.RUN | Needs.HISTORY | Needs.MODEL
    assert binding.policy.reads() == Needs.MODEL


def test_every_policy_turned_off_is_nothing_evaluated(project: Project) -> None:
    project.policy("version: 1\npolicies: {run-finished: {when: candidate.metrics.f1 > 0.9}}")
    told = project.check(evidence(run(metrics={"f1": 0.1}, model=model())))
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")
