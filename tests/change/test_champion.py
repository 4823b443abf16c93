"""Proposed policies are tried on the champion where the change needs no run; it decides nothing."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.change.champion import MOST_FILES, TOO_MANY, UNNAMED
from policy_engine.change.claims import of_this_change
from policy_engine.change.situation import Job
from policy_engine.evidence.record import ChampionRecord, ChangeRecord, EvidenceRecord
from tests.command import Told, candidate, command, evidence
from tests.pull_request import PullRequest
from tests.tracking.team import Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer

FRAUD = "policies/fraud.yaml"
AT = ("--at", "2026-11-22T12:00:00Z", "--no-publish")
NOWHERE = ("--tracking-uri", "http://127.0.0.1:1")


def policies(minimum: str = "0.9", rule: str = "alias: fraud@champion", more: str = "") -> str:
    return (
        "version: 1\n"
        'candidate: {paths: ["training/**"]}\n'
        "metric: {name: val_f1}\n"
        f"baseline: [{{{rule}}}]\n"
        "policies:\n"
        f"  metric-threshold: {{metric: val_f1, min: {minimum}}}\n"
        f"  no-regression: on\n{more}"
    )


@dataclass(frozen=True, slots=True)
class Registered:
    """A team's champion with a val_f1 of 0.93."""

    uri: str
    rule: str
    run_id: str


@pytest.fixture
def champion(mlflow_server: MlflowServer) -> Registered:
    team = Team.of(mlflow_server)
    run_id, name = team.run(team.experiment(), metrics={"val_f1": 0.93}), team.name("fraud")
    team.register(name, team.model(run_id), run_id, "champion")
    return Registered(mlflow_server.uri, f"alias: {name}@champion", run_id)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    made = PullRequest(tmp_path / "clone")
    made.commit({FRAUD: policies()}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


def proposed(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, old: str, new: str, *arguments: str
) -> Told:
    """Judge a pull request that makes one policy file of another, and trains nothing."""
    here.commit({FRAUD: old})
    here.propose({FRAUD: new})
    here.enter(monkeypatch)
    return command("check", "--format", "json", *AT, *arguments)


def only(told: Told) -> dict[str, Any]:
    (found,) = told.report["proposal"]["champions"]
    assert isinstance(found, dict)
    return found


def test_the_champion_is_tried_under_a_stricter_limit_and_decides_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, champion: Registered
) -> None:
    old, new = policies(rule=champion.rule), policies("0.95", champion.rule)
    uri = ("--tracking-uri", champion.uri)
    told = proposed(here, monkeypatch, old, new, *uri)
    assert (told.code, told.report["verdict"]) == (0, "not-applicable")
    found = only(told)
    assert (found["found_by"], found["today"], found["left_out"]) == (
        champion.rule,
        "pass",
        ["no-regression"],
    )
    subject = found["proposed"]
    assert (subject["verdict"], subject["candidate"]["run_id"]) == ("fail", champion.run_id)
    assert [(f["id"], f["outcome"], f["effect"]) for f in subject["findings"]] == [
        ("metric-threshold", "fail", "block")
    ]
    saved = command("collect", "--output", "../evidence.json", *uri)
    assert saved.code == 0
    again = command("check", "--evidence", "../evidence.json", "--format", "json", *AT)
    assert again.report == told.report
    for name in ("text", "markdown", "html", "junit", "sarif", "github", "azure", "codequality"):
        shown = command("check", "--evidence", "../evidence.json", "--format", name, *AT)
        assert shown.code == 0
        text = " ".join(shown.out.replace("`", "").split())
        assert "would come to: fail, today: pass" in text, name
        assert "FAIL, blocks: val_f1 is 0.93" in text, name


def test_a_scope_that_leaves_the_champion_out_says_that_nothing_would_be_judged(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, champion: Registered
) -> None:
    old = policies(rule=champion.rule)
    new = f"{old}applies_to: {{model: nobody}}\n"
    told = proposed(here, monkeypatch, old, new, "--tracking-uri", champion.uri)
    found = only(told)
    assert told.code == 0
    assert (found["today"], found["proposed"]["verdict"]) == ("pass", "not-evaluated")
    assert found["proposed"]["reason"] == f"no policy file applies to run {champion.run_id}"


def test_a_run_that_a_rule_names_is_the_champion_too(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, champion: Registered
) -> None:
    rule = f"run: {champion.run_id}"
    old, new = policies(rule=rule), policies("0.1", rule)
    found = only(proposed(here, monkeypatch, old, new, "--tracking-uri", champion.uri))
    assert (found["found_by"], found["today"], found["proposed"]["verdict"]) == (
        rule,
        "pass",
        "pass",
    )


def test_a_server_that_does_not_answer_changes_no_verdict(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = proposed(here, monkeypatch, policies(), policies("0.1"), *NOWHERE, "--timeout", "2s")
    assert (told.code, told.report["verdict"]) == (0, "not-applicable")
    assert only(told)["proposed"]["verdict"] == "error"


def test_without_an_address_of_mlflow_the_champion_is_said_to_be_unread(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = proposed(here, monkeypatch, policies(), policies("0.1"))
    assert told.code == 0
    assert only(told)["proposed"]["reason"] == (
        "the champion cannot be read: MLFLOW_TRACKING_URI is empty"
    )


@pytest.mark.parametrize(
    "rule", ["alias: champion", "best: {within: 90d}", "commit: merge-base", "tag: {a: b}"]
)
def test_a_rule_that_needs_a_candidate_names_no_champion(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    old, new = policies(rule=rule), policies("0.1", rule)
    subject = only(proposed(here, monkeypatch, old, new, *NOWHERE))["proposed"]
    assert (subject["verdict"], subject["reason"]) == ("not-evaluated", UNNAMED)


def test_a_plain_alias_is_of_the_one_model_that_the_file_is_for(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, champion: Registered
) -> None:
    name = champion.rule.removeprefix("alias: ").partition("@")[0]
    old = policies(rule="alias: champion", more=f"applies_to: {{model: {name}}}\n")
    told = proposed(
        here, monkeypatch, old, old.replace("0.9", "0.95"), "--tracking-uri", champion.uri
    )
    assert only(told)["proposed"]["candidate"]["run_id"] == champion.run_id


def test_the_champion_is_the_one_that_todays_file_names(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, champion: Registered
) -> None:
    old, new = policies(rule=champion.rule), policies("0.95", "alias: mine@champion")
    found = only(proposed(here, monkeypatch, old, new, "--tracking-uri", champion.uri))
    assert found["found_by"] == champion.rule


def test_a_change_that_owes_a_run_is_judged_by_its_own(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: policies("0.1")}, "training/train.py")
    here.enter(monkeypatch)
    told = command("check", "--format", "json", *AT, *NOWHERE, "--timeout", "2s")
    assert told.code == 3
    assert told.report["proposal"]["champions"] == []


def test_no_more_than_twenty_files_are_tried_and_the_others_are_said(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"policies/p{i:02}.yaml": policies(rule="alias: champion") for i in range(21)}
    for number, path in enumerate(files):
        files[path] = (
            files[path]
            .replace("metric-threshold", f"t{number}")
            .replace("{metric", "{policy: metric-threshold, metric")
            .replace("  no-regression: on\n", "")
        )
    here.commit(files)  # type: ignore[arg-type]
    here.propose({path: text.replace("0.9", "0.1") for path, text in files.items()})
    here.enter(monkeypatch)
    told = command("check", "--format", "json", *AT, *NOWHERE)
    reasons = [c["proposed"]["reason"] for c in told.report["proposal"]["champions"]]
    assert reasons == [UNNAMED] * MOST_FILES + [TOO_MANY]


def test_a_second_stage_believes_nothing_that_a_champion_says_of_a_change(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = here.propose({FRAUD: policies("0.1")})
    here.enter(monkeypatch, "workflow_run")
    claimed = ChangeRecord(pull_request=1, author="ana", head_sha=head)
    inner = evidence(candidate(), change=claimed, for_proposal=EvidenceRecord())
    record = ChampionRecord(policy_files=(FRAUD,), rule="alias: a@b", evidence=inner)
    saved = evidence(named=False, change=claimed, champions=(record,))
    found = of_this_change(saved, Job(here.clone.folder, os.environ)).champions
    assert found is not None
    assert (found[0].evidence.change, found[0].evidence.for_proposal) == (None, None)
    assert found[0].evidence.candidates == inner.candidates


def test_a_champion_has_no_part_in_the_digest() -> None:
    record = ChampionRecord(policy_files=(FRAUD,), evidence=evidence(candidate()))
    plain = evidence(candidate())
    assert plain.model_copy(update={"champions": (record,)}).digest == plain.digest
    text = plain.model_copy(update={"champions": (record,)}).to_text()
    assert json.loads(text)["champions"][0]["policy_files"] == [FRAUD]
