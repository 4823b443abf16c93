"""SARIF 2.1.0 by the rules of its specification that our output touches."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render.formats.sarif import as_sarif
from policy_engine.report import Verdict, Where
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
CANDIDATE = "Candidate: model fraud/3, run brave-otter-12 (4f1e2d3c), commit 1a2b3c4"


def run_of(sarif: str) -> dict[str, Any]:
    """Return the one run of a log that keeps SARIF's rules."""
    log = json.loads(sarif)
    assert log.keys() == {"$schema", "version", "runs"}
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    for rule in driver["rules"]:  # GitHub's code scanning refuses a rule without one of them
        assert rule.keys() == {"id", "shortDescription", "fullDescription", "help"}
        assert all(rule[key]["text"] for key in rule.keys() - {"id"})
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert result.keys() <= {
            *("ruleId", "level", "message", "locations", "partialFingerprints", "suppressions")
        }
        assert result["ruleId"] in rules
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        assert "](" not in result["message"]["text"]
        for location in result.get("locations", ()):
            place = location["physicalLocation"]
            assert place["region"]["startLine"] >= 1
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", place["artifactLocation"]["uri"])
    return dict(run)


def test_what_blocks_warns_or_is_waived_is_a_result_on_its_rule() -> None:
    run = run_of(as_sarif(reports.mixed()))
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [
        ("model-size-budget", "error"),
        ("explanation-logged", "warning"),
        ("eu-latency", "warning"),
        ("cost-per-point", "error"),
    ]
    first = run["results"][0]
    assert first.pop("partialFingerprints").keys() == {"finding/v1"}
    assert first == {
        "ruleId": "model-size-budget",
        "level": "error",
        "message": {
            "text": "model-size-budget (size): FAIL, blocks: model size is 253.0 MB; it must be "
            "at most 200.0 MB\nMeasured 253.0 MB (measured); limit <= 200.0 MB; baseline "
            "181.0 MB (measured)\nFix: prune or quantise the model, or raise max_size and say "
            f"why in the pull request\n{CANDIDATE}"
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "policies/fraud.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 14},
                }
            }
        ],
    }
    assert run["results"][3]["suppressions"] == [
        {
            "kind": "external",
            "status": "accepted",
            "justification": "cost-per-point, model fraud-*, ceiling 70 USD, approved_by @ben, "
            "expires 2027-01-31",
        }
    ]
    assert run["invocations"] == [
        {"executionSuccessful": True, "exitCode": 1, "endTimeUtc": "2026-11-22T12:00:00Z"}
    ]


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.NOT_EVALUATED])
def test_a_candidate_that_could_not_be_judged_is_an_error(verdict: Verdict) -> None:
    run = run_of(as_sarif(reports.nothing_judged(verdict, "no run")))
    (found,) = run["results"]
    assert (found["ruleId"], found["level"]) == ("policy-engine/verdict", "error")
    assert found["message"]["text"].endswith(": no run")
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_pass_has_no_result() -> None:
    assert run_of(as_sarif(reports.report(reports.subject(reports.SEEDED))))["results"] == []


def test_the_same_finding_keeps_its_fingerprint_and_another_run_does_not() -> None:
    def fingerprint(run_id: str, message: str) -> str:
        subject = reports.subject(
            reports.SIZE._replace(message=message), candidate=reports.candidate(run_id=run_id)
        )
        (result,) = run_of(as_sarif(reports.report(subject)))["results"]
        return str(result["partialFingerprints"]["finding/v1"])

    assert fingerprint("a", "253 MB") == fingerprint("a", "254 MB") != fingerprint("b", "253 MB")


def test_a_file_outside_the_repository_is_no_location() -> None:
    odd = reports.SIZE._replace(where=Where("../x.yaml", 3))
    (found,) = run_of(as_sarif(reports.report(reports.subject(odd))))["results"]
    assert "locations" not in found


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_result(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        sarif = as_sarif(hostile)
        found, due = run_of(sarif)["results"], run_of(as_sarif(benign))["results"]
        assert [each["level"] for each in found] == [each["level"] for each in due], place
        assert sarif.isascii(), place
        assert commands(sarif) == [], place


@given(ANY_TEXT)
def test_any_text_keeps_sarifs_rules(text: str) -> None:
    for place, found in everywhere(text).items():
        for result in run_of(as_sarif(found))["results"]:
            for location in result.get("locations", ()):
                uri = unquote(location["physicalLocation"]["artifactLocation"]["uri"])
                assert ".." not in uri.split("/"), place
