"""The report as GitLab's Code Quality report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render.formats.codequality import as_codequality
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def issues(text: str) -> list[dict[str, Any]]:
    """Return the issues of a report that keeps GitLab's rules."""
    found: list[dict[str, Any]] = json.loads(text)
    assert text.isascii()
    for each in found:
        assert each.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in SEVERITIES
        assert each["location"].keys() == {"path", "lines"}
        assert each["location"]["path"][:1] not in {"", "/"}
        assert each["location"]["lines"]["begin"] >= 1
        assert each["description"]
        assert each["check_name"]
    assert len({each["fingerprint"] for each in found}) == len(found)
    return found


def test_what_blocks_is_a_blocker_on_its_line() -> None:
    first = issues(as_codequality(reports.mixed()))[0]
    assert first["check_name"] == "model-size-budget (size)"
    assert first["severity"] == "blocker"
    assert first["location"] == {"path": "policies/fraud.yaml", "lines": {"begin": 14}}
    assert first["description"].startswith(
        "model-size-budget (size): FAIL, blocks; "
        "model size is 253.0 MB; it must be at most 200.0 MB; "
    )


def test_the_next_push_has_the_same_fingerprint() -> None:
    again = reports.candidate(run_id="b")
    other = reports.subject(reports.SIZE._replace(message="other"), candidate=again)
    (before,) = issues(as_codequality(reports.report(reports.subject(reports.SIZE))))
    (after,) = issues(as_codequality(reports.report(other)))
    assert after["fingerprint"] == before["fingerprint"]
    assert after["description"] != before["description"]


def test_a_report_that_passes_is_an_empty_list() -> None:
    assert as_codequality(reports.report(reports.subject(reports.SEEDED))) == "[]\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_issue(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        written = as_codequality(hostile)
        due = issues(as_codequality(benign))
        assert [i["severity"] for i in issues(written)] == [i["severity"] for i in due], place
        assert commands(written) == [], place


@given(ANY_TEXT)
def test_any_text_keeps_gitlabs_rules(text: str) -> None:
    for place, each in everywhere(text).items():
        assert isinstance(issues(as_codequality(each)), list), place
