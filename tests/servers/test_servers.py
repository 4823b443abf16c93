"""The gate says the same of the same training, whatever server, client and store logged it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.command import Told, command
from tests.servers.environments import version_of
from tests.servers.expected import expected, plain

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.conftest import Site

# An environment of a server may have to be made first.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(autouse=True)
def in_the_clone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate runs in the clone of whoever works on the candidate."""
    monkeypatch.chdir(site.clone.folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", site.uri)
    site.policies()


def check(*arguments: str) -> Told:
    return command("check", "--policies", "policies/fraud.yaml", "--format", "json", *arguments)


def findings(told: Told) -> dict[str, tuple[str, str, str]]:
    """Return outcome, effect and message of each finding, by policy and part."""
    return {
        "/".join(filter(None, (each["id"], each["part"]))): (
            each["outcome"],
            each["effect"],
            plain(each["detail"] or each["message"]),
        )
        for each in told.subject["findings"]
    }


def named(told: Told) -> tuple[Any, ...]:
    """Return which runs and versions the report is about."""
    candidate, baseline = told.subject["candidate"], told.subject["baseline"]
    return (
        *(candidate["run_id"], candidate["registered"], candidate["commit"]),
        *(baseline["run_id"], baseline["registered"], baseline["commit"], baseline["found_by"]),
    )


def test_a_run_is_judged_as_on_every_server(site: Site) -> None:
    told = check("--run", site.candidate)
    assert told.err == ""
    assert findings(told) == expected(site.stand)
    assert (told.code, told.report["verdict"]) == (0, "warn")
    assert named(told) == (
        *(site.candidate, "fraud/2", site.clone.candidate),
        *(site.champion, "fraud/1", site.clone.champion, "alias: champion"),
    )


@pytest.mark.parametrize("way", ["commit", "version", "alias"])
def test_a_commit_a_version_and_an_alias_say_what_the_run_says(way: str, site: Site) -> None:
    arguments = {
        "commit": (),  # that of the work tree
        "version": ("--model", "models:/fraud/2"),
        "alias": ("--model", "models:/fraud@challenger"),
    }
    told = check(*arguments[way])
    assert told.err == ""
    assert findings(told) == expected(site.stand)
    assert named(told) == named(check("--run", site.candidate))


@pytest.mark.parametrize(
    "rule",
    [
        "alias: champion",
        "tag: {baseline.kind: existing}",
        "best: {within: 90d}",
        "commit: merge-base",
    ],
)
def test_each_rule_finds_the_champion(rule: str, site: Site) -> None:
    site.policies(rule)
    told = check()
    assert told.err == ""
    baseline = told.subject["baseline"]
    assert baseline["run_id"] == site.champion
    assert baseline["registered"] == "fraud/1"
    assert told.subject["passed_over"] == []
    said = findings(told)
    assert said["model-size-budget/growth"] == expected(site.stand)["model-size-budget/growth"]
    assert said["no-regression"] == expected(site.stand)["no-regression"]


def test_saved_evidence_gives_the_same_report(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = str(tmp_path / "evidence.json")
    at = ("--at", "2027-01-31T08:00:00Z")
    at_once = check("--run", site.candidate, "--save-evidence", saved, *at)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    later = check("--evidence", saved, *at)
    assert (later.code, later.out) == (at_once.code, at_once.out)
    assert findings(later) == expected(site.stand)


def test_doctor_reads_the_server_and_finds_both_runs(site: Site) -> None:
    told = command("doctor")
    said = " ".join(told.out.split())  # it is wrapped
    version = version_of(site.stand.server)
    assert (
        f"ok tracking {site.uri}, MLflow {version}: 2 experiment(s) to read; tried a search for "
        "runs, a listing of a run's files, the models of a run, a listing of a model's files, "
        "a file of a model ok clock "
    ) in said
    assert "ok candidate candidate ok baseline " in said
    assert told.code == 0
