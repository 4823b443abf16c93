"""The report in an Azure Pipelines log: commands of ours alone, each whole."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render.formats.azure import as_azure
from policy_engine.report import Where
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
_UNSEEN = re.compile("[\u00ad\u034f\u200b-\u200f\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff]")
_COMMAND = re.compile(r"##vso\[task\.logissue ([^\]]*)\](.*)")


def issues(log: str) -> list[tuple[dict[str, str], str]]:
    """Return properties and message of each command, by the rules of Azure's agent."""
    found = []
    for line in re.split("[\r\n]", _UNSEEN.sub("", log)):
        if "##" in line and "vso[" in line:
            command = _COMMAND.fullmatch(line)
            assert command is not None, line
            assert line.count("##vso[") == 1, line
            pairs = [pair.split("=", 1) for pair in command[1].split(";") if pair]
            found.append(({key: read(value) for key, value in pairs}, read(command[2])))
    return found


def read(text: str) -> str:
    for code, char in {"%3B": ";", "%5D": "]", "%0D": "\r", "%0A": "\n", "%AZP25": "%"}.items():
        text = text.replace(code, char)
    return text


def test_what_blocks_and_warns_is_an_issue_on_its_line_and_the_verdict_comes_last() -> None:
    log = as_azure(reports.mixed())
    properties, message = issues(log)[0]
    assert properties == {
        "type": "error",
        "sourcepath": "policies/fraud.yaml",
        "linenumber": "14",
    }
    assert message.splitlines()[:2] == [
        "model-size-budget (size): FAIL, blocks",
        "model size is 253.0 MB; it must be at most 200.0 MB",
    ]
    assert log.splitlines()[-1].startswith("policy-engine: FAIL (exit code 1): ")


def test_a_place_that_is_no_file_of_the_repository_is_left_out() -> None:
    outside = reports.SIZE._replace(where=Where("../x", 3))
    log = as_azure(reports.report(reports.subject(outside)))
    assert issues(log)[0][0] == {"type": "error"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_command_and_changes_no_other(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        log = as_azure(hostile)
        found, due = issues(log), issues(as_azure(benign))
        assert [p["type"] for p, _ in found] == [p["type"] for p, _ in due], place
        assert all(p.keys() <= {"type", "sourcepath", "linenumber"} for p, _ in found), place
        assert commands(log) == [], place
        assert log.encode(), place


@given(ANY_TEXT)
def test_any_text_keeps_the_commands_whole(text: str) -> None:
    for (place, each), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        assert len(issues(as_azure(each))) == len(issues(as_azure(benign))), place
