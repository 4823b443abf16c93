"""Whoever makes judging quicker changes no word and no digit of what it says."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from benchmarks import cases
from benchmarks.policies import POLICY_FILE, TEXT
from policy_engine import plugins
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy_file import load_policies
from policy_engine.report import Engine, PolicySource

CONTEXT = Context(datetime(2026, 2, 1, tzinfo=UTC), PolicySource("sha256:0"), Engine("0", ()))


def test_what_5000_findings_of_six_policies_say_is_pinned_byte_for_byte() -> None:
    """If you meant to change a message, a number or a unit of them, pin the new digest."""
    policies = load_policies({POLICY_FILE: TEXT.encode()}, plugins.load_plugins().policies, {})
    pairs = list(cases.pairs(600))
    evidence = cases.together(cases.evidence(pairs, policies.files[0], EvidenceRecord))
    report = evaluate(policies, evidence, CONTEXT).to_dict()
    findings = [finding for subject in report["subjects"] for finding in subject["findings"]]
    assert len(findings) > 5000
    said = hashlib.sha256(json.dumps(findings, sort_keys=True).encode()).hexdigest()
    assert said == "1660a0e34433a62d4fc97c5695c2735df56302fd1f65ee2bd8559dca7d6c769c"
