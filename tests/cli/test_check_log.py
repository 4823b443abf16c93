"""`check --log` and `waivers`: what an organisation gathers of many repositories."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from policy_engine import __version__
from tests.command import Project, Told, candidate, command, evidence

if TYPE_CHECKING:
    from pathlib import Path

FILE = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
EXPIRES = datetime.now(UTC).date() + timedelta(days=3)
WAIVER = (
    'waivers:\n  - {id: metric-threshold, part: val_f1, model: "*", ceiling: 0.1, reason: launch, '
    f'owner: "@ana", approved_by: "@ben", ticket: ML-1, expires: {EXPIRES}}}\n'
)
BAD = evidence(candidate(metrics={"val_f1": 0.5}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(FILE)
    return made


def lines(project: Project) -> list[dict[str, Any]]:
    """Return the lines of the log, each valid by the published schema."""
    schema = json.loads(command("schema", "--of", "log").out)
    found = [json.loads(line) for line in (project.folder / "log").read_text().splitlines()]
    for line in found:
        jsonschema.validate(line, schema)
    return found


def test_each_check_appends_a_line(project: Project) -> None:
    project.check(evidence(candidate()), "--log", "log")
    told = project.check(BAD, "--log", "log", "--at", "2026-03-01T12:00:00Z")
    first, line = lines(project)
    assert (first["verdict"], first["exit_code"]) == ("pass", 0)
    durations = line.pop("durations")
    assert 0 <= durations["prepare"] + durations["check"] <= durations["total"] + 0.01
    assert line == {
        "schema": "policy-engine/check/v1",
        "at": "2026-03-01T12:00:00Z",
        "repository": None,
        "pull_request": None,
        "verdict": "fail",
        "exit_code": 1,
        "error": None,
        "version": __version__,
        "plugins": told.report["engine"]["plugins"],
        "policies_digest": told.report["policies"]["digest"],
        "policies_ref": None,
        "trusted": False,
        "require": [],
        "profile": None,
        "subjects": [
            {
                "policy_file": "policies/fraud.yaml",
                "verdict": "fail",
                "run": "0" * 32,
                "model": "model",
                "commit": None,
            }
        ],
        "policies": [
            {
                "policy_file": "policies/fraud.yaml",
                "id": "metric-threshold",
                "policy": "metric-threshold",
                "part": told.subject["findings"][0]["part"],
                "level": "overridable",
                "outcome": "fail",
                "effect": "block",
            }
        ],
        "waivers": [],
    }


def test_a_waiver_that_was_used_is_in_the_line(project: Project) -> None:
    part = project.check(BAD).subject["findings"][0]["part"]
    project.policy(FILE + WAIVER.replace("part: val_f1, ", f"part: {part}, " if part else ""))
    assert project.check(BAD, "--log", "log").code == 0
    (line,) = lines(project)
    assert line["waivers"] == [
        {
            "id": "metric-threshold",
            "part": part,
            "approved_by": "@ben",
            "owner": "@ana",
            "expires": str(EXPIRES),
            "where": "policies/fraud.yaml:5",
        }
    ]


def test_an_error_is_a_line_too(project: Project) -> None:
    project.policy("version: 1\npolicies: {no-such-policy: on}\n")
    assert project.check(BAD, "--log", "log").code == 2
    (line,) = lines(project)
    assert (line["verdict"], line["exit_code"]) == (None, 2)
    assert line["error"].startswith(
        "policies/fraud.yaml:2:12: policies.no-such-policy: no policy is called 'no-such-policy'"
    )


def test_the_line_names_the_profile_and_the_required_packs(project: Project) -> None:
    project.policy(FILE + "profiles: {prod: {metric-threshold: {min: 0.95}}}\n")
    flags = ("--require", "advisory", "--log", "log")
    assert project.check(BAD, *flags, "--profile", "prod").code == 1
    assert project.check(BAD, *flags, "--profile", "prd").code == 2
    judged, refused = lines(project)
    assert (judged["require"], judged["profile"]) == (["advisory"], "prod")
    assert (refused["require"], refused["profile"]) == (["advisory"], "prd")
    assert (judged["error"], refused["error"]) == (
        None,
        "--profile prd: policies/fraud.yaml has no profile of that name; did you mean 'prod'?",
    )


def test_the_line_may_be_the_last_of_stdout(project: Project) -> None:
    told = project.check(BAD, "--log", "-", "--format", "json=report.json")
    assert json.loads(told.out.splitlines()[-1])["verdict"] == "fail"
    assert told.code == 1


def test_a_log_that_cannot_be_written_stops_the_check_before_it_begins(project: Project) -> None:
    told = project.check(BAD, "--log", "no/such/log")
    assert told == Told(
        2,
        "",
        "policy-engine: --log no/such/log: No such file or directory; name a file to write to\n",
    )


def test_waivers_of_many_reports_are_one_table(project: Project) -> None:
    assert project.check(BAD, "--format", "json=none.json").code == 1
    part = project.check(BAD).subject["findings"][0]["part"]
    project.policy(FILE + WAIVER.replace("part: val_f1, ", f"part: {part}, " if part else ""))
    project.check(BAD, "--format", "json=a.json")
    project.check(evidence(candidate()), "--format", "json=b.json")
    told = command("waivers", "a.json", "b.json", "none.json")
    rows = [line.split() for line in told.out.splitlines()[2:]]
    id_ = ["metric-threshold", f"({part})"] if part else ["metric-threshold"]
    assert rows == [
        [
            *(str(EXPIRES), state, *id_, "*", "@ben", "@ana", "ML-1"),
            *(f"{report}.json:", "policies/fraud.yaml:5"),
        ]
        for report, state in (("b", "unused"), ("a", "used"))
    ]
    assert told.code == 0
    assert command("waivers", "none.json").out == "no waivers\n"


def test_what_is_no_report_is_told(project: Project) -> None:
    (project.folder / "a.json").write_text("{}")
    told = command("waivers", "a.json")
    assert told.code == 2
    assert told.err.startswith("policy-engine: report file a.json: ")
