"""Whom to ask about a finding, and from which day on it blocks: in every format."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from policy_engine.evidence import EVERYTHING, Case, Needs
from policy_engine.evidence.record import CandidateRecord, EvidenceRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.judging.report_file import report_of
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.policy_file import Offered, load_policies
from policy_engine.render import FORMATS
from policy_engine.report import Effect, Engine, Judged, PolicySource
from policy_engine.testing import NOW, check_policies, model, run
from tests.policy_file.test_edits import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy_engine.report import Report


class Mute(Policy, name="mute"):
    """It fails, and says no more."""

    needs = Needs.RUN

    def evaluate(self, case: Case) -> Iterator[Finding]:
        del case
        yield Finding(Outcome.FAIL, "no")


OFFERED = Offered(Mute, "acme")
CONTEXT = Context(NOW, PolicySource("sha256:0"), Engine("0", ()))
OWNED = "version: 1\npolicies:\n  model-size-budget: {max_size: 1MB%s}\n"
MAIL = "risk@acme.example"
BEFORE = datetime(2027, 1, 30, 23, 59, tzinfo=UTC)
AFTER = datetime(2027, 1, 31, tzinfo=UTC)
REMEDY = "prune, quantize, or store fewer files with the model"


def report(keys: str, *, size: str = "2MB", at: datetime = BEFORE) -> Report:
    return check_policies(OWNED % keys, candidate=run(model=model(size=size)), at=at)


def finding(keys: str, *, size: str = "2MB", at: datetime = BEFORE) -> Judged:
    (found,) = report(keys, size=size, at=at).subjects[0].findings
    return found


def test_advice_says_from_which_day_on_it_blocks_and_whom_to_ask() -> None:
    found = finding(f", enforce_from: 2027-01-31, owner: {MAIL}")
    assert found.effect is Effect.WARN
    plain = finding("").remedy
    assert found.remedy == f"{plain} (blocks from 2027-01-31 on; owner: {MAIL})"
    assert (found.owner, found.enforce_from) == (MAIL, date(2027, 1, 31))


def test_from_that_day_on_it_names_the_owner_alone() -> None:
    found = finding(f", enforce_from: 2027-01-31, owner: {MAIL}", at=AFTER)
    assert found.effect is Effect.BLOCK
    assert found.remedy == f"{finding('').remedy} (owner: {MAIL})"


def test_a_finding_that_passes_bothers_nobody() -> None:
    found = finding(f", enforce_from: 2027-01-31, owner: {MAIL}", size="1MB")
    assert found.remedy == finding("", size="1MB").remedy
    assert found.owner == MAIL


def test_where_the_policy_names_no_remedy_the_owner_is_named_all_the_same() -> None:
    named = EvidenceRecord(needs=EVERYTHING.names, candidates=(CandidateRecord(run=run()),))
    policies = load_policies(
        {"p.yaml": b"version: 1\npolicies: {mute: {owner: ana}}\n"}, {"mute": OFFERED}, {}
    )
    (subject,) = evaluate(policies, named, CONTEXT).subjects
    (found,) = subject.findings
    assert found.remedy == "the policy names no remedy (owner: ana)"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_the_day_and_the_owner(name: str) -> None:
    text = FORMATS[name](report(f", enforce_from: 2027-01-31, owner: {MAIL}"))
    plain = " ".join(re.sub(r"</?\w+>", "", text).split())
    assert f"(blocks from 2027-01-31 on; owner: {MAIL})" in plain


def test_a_saved_report_keeps_both() -> None:
    made = report(f", enforce_from: 2027-01-31, owner: {MAIL}")
    assert report_of(FORMATS["json"](made).encode()) == made


def test_another_owner_is_an_edit_that_is_neither_tighter_nor_looser() -> None:
    assert told(OWNED % ', owner: "@ana"', OWNED % ', owner: "@ben"') == [
        ("neither", "changed", "policies.model-size-budget.owner", "'@ana'", "'@ben'")
    ]
