"""How old the baseline is, as git and MLflow know it: real clones, real runs, the real command."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest

from tests.command import command
from tests.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """\
version: 1
metric: {name: val_f1}
baseline: [{tag: {kind: champion}}]
policies:
  baseline-fresh: {max_age: 180d, max_commits: 2}
"""
BEGAN_MS = 1_790_000_000_000  # 2026-09-21
HOUR_MS = 3_600_000
AT = "2026-11-22T12:00:00Z"


class Team:
    """A repository, and a store with a champion of its first commit and a candidate of its head."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository.new(folder / "clone")
        file = self.repository.folder / "policies" / "fraud.yaml"
        file.parent.mkdir()
        file.write_text(POLICY)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, and SQLAlchemy's about it
            from mlflow import MlflowClient

            self.uri = f"sqlite:///{folder / 'mlflow.db'}"
            self.client = MlflowClient(self.uri)
            self.experiment = self.client.create_experiment("fraud")

    def run(self, commit: str, **tags: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            both = {"policy_engine.head_sha": commit, **tags}
            made = self.client.create_run(self.experiment, BEGAN_MS, both, "a-run")
            self.client.log_metric(made.info.run_id, "val_f1", 0.9)
            self.client.set_terminated(made.info.run_id, "FINISHED", BEGAN_MS + HOUR_MS)


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    made = Team(tmp_path)
    monkeypatch.chdir(made.repository.folder)
    return made


def check(team: Team, *more: str) -> dict[str, object]:
    told = command("check", "--tracking-uri", team.uri, "--at", AT, "--format", "json", *more)
    return told.subject


def test_the_report_says_when_the_baseline_was_trained_and_how_many_commits_lie_between(
    team: Team,
) -> None:
    team.run(team.repository.commit("train.py"), kind="champion")
    for _ in range(2):
        team.repository.commit("train.py")
    team.run(team.repository.commit("train.py"))
    subject = check(team)
    baseline = subject["baseline"]
    assert isinstance(baseline, dict)
    assert (baseline["trained"], baseline["commits"]) == ("2026-09-21T15:13:20Z", 3)
    assert [(f["part"], f["outcome"]) for f in subject["findings"]] == [  # type: ignore[attr-defined]
        ("age", "pass"),
        ("commits", "fail"),
    ]
    text = command("check", "--tracking-uri", team.uri, "--at", AT).out
    assert "found by tag: kind=champion, trained on 2026-09-21, 3 commits before" in " ".join(
        text.split()
    )
    markdown = command("check", "--tracking-uri", team.uri, "--at", AT, "--format", "markdown").out
    assert ", trained on 2026-09-21, 3 commits before" in markdown


def test_saved_evidence_knows_the_commits_where_there_is_no_clone(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.run(team.repository.commit("train.py"), kind="champion")
    team.run(team.repository.commit("train.py"))
    saved = str(tmp_path / "evidence.json")
    assert command("collect", "--tracking-uri", team.uri, "--output", saved).code == 0
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "policies").mkdir(parents=True)
    (elsewhere / "policies" / "fraud.yaml").write_text(POLICY)
    monkeypatch.chdir(elsewhere)
    told = command("check", "--evidence", saved, "--at", AT, "--format", "json")
    assert told.subject["baseline"]["commits"] == 1


def test_a_baseline_of_a_commit_that_was_squashed_is_counted_from_where_it_branched_off(
    team: Team,
) -> None:
    team.repository.commit("train.py")
    team.repository.git("switch", "--quiet", "--create", "forest")
    team.run(team.repository.commit("train.py"), kind="champion")
    team.repository.git("switch", "--quiet", "main")
    team.repository.commit("squashed.py")
    team.run(team.repository.commit("train.py"))
    baseline = check(team)["baseline"]
    assert isinstance(baseline, dict)
    assert baseline["commits"] == 2


@pytest.mark.parametrize("commit", ["f" * 40, "main", "--all"])
def test_a_baseline_of_a_commit_that_git_does_not_know_has_no_distance(
    commit: str, team: Team
) -> None:
    team.run(commit, kind="champion")
    team.run(team.repository.commit("train.py"))
    subject = check(team)
    baseline = subject["baseline"]
    assert isinstance(baseline, dict)
    assert (baseline["trained"], baseline["commits"]) == ("2026-09-21T15:13:20Z", None)


def test_a_shallow_clone_counts_nothing_rather_than_too_little(team: Team) -> None:
    first = team.repository.commit("train.py")
    team.run(first, kind="champion")
    team.repository.commit("train.py")
    head = team.repository.commit("train.py")
    team.run(head)
    (team.repository.folder / ".git" / "shallow").write_text(f"{head}\n")
    baseline = check(team, "--commit", head)["baseline"]
    assert isinstance(baseline, dict)
    assert baseline["commits"] is None
