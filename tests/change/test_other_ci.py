"""On every CI the policies of the target branch judge a proposal, never those that it edits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.command import Told, candidate, command, evidence
from tests.pages import blocks_of
from tests.repository import Repository
from tests.tracking.team import Team

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conftest import MlflowServer

POLICIES = """\
version: 1
candidate: {paths: ["training/**"]}
policies:
  metric-threshold: {metric: val_f1, min: %s, level: mandatory}
"""
GITLAB = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_COMMIT_SHA": "HEAD"}
SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "GitLab": GITLAB,
    "Azure Pipelines": {
        "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
        "SYSTEM_PULLREQUEST_SOURCECOMMITID": "HEAD",
    },
    "Bitbucket": {"BITBUCKET_PR_DESTINATION_BRANCH": "main", "BITBUCKET_COMMIT": "HEAD"},
    "Jenkins": {"CHANGE_TARGET": "main", "GIT_COMMIT": "HEAD"},
    "Buildkite": {"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main", "BUILDKITE_COMMIT": "HEAD"},
    "CircleCI": {"CIRCLE_PULL_REQUEST": "https://forge.example/7", "CIRCLE_SHA1": "HEAD"},
}


class Clone:
    """A clone of a job: a change that edits policies, and perhaps training code."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        origin = Repository.new(folder / "origin")
        self.write(origin, "0.9")
        origin.commit("training/fit.py")
        self.repository = Repository.clone(origin, folder / "clone")
        self.repository.git("switch", "--quiet", "--create", "change")
        self.folder = self.repository.folder
        monkeypatch.chdir(self.folder)

    def write(self, repository: Repository, minimum: str) -> None:
        path = repository.folder / "policies" / "fraud.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(POLICIES % minimum)

    def change(self, *paths: str, minimum: str | None = None) -> str:
        """Commit a change of these paths, and of the limit."""
        if minimum is not None:
            self.write(self.repository, minimum)
        return self.repository.commit(*paths)

    def job(self, system: str, **more: str) -> None:
        """Set what the CI system sets, with the head of the change for its commit."""
        head = self.repository.git("rev-parse", "HEAD")
        for name, value in {**SYSTEMS[system], **more}.items():
            self.monkeypatch.setenv(name, head if value == "HEAD" else value)

    def check(self, *arguments: str, score: float = 0.6) -> Told:
        (self.folder / "evidence.json").write_text(
            evidence(candidate(metrics={"val_f1": score})).to_text()
        )
        return command("check", "--evidence", "evidence.json", "--format", "json", *arguments)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    return Clone(tmp_path, monkeypatch)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_weakened_limit_does_not_judge_the_change_that_weakens_it(
    system: str, clone: Clone
) -> None:
    clone.change("training/fit.py", minimum="0.5")
    clone.job(system)
    told = clone.check()
    assert told.code == 1
    policies = told.report["policies"]
    assert policies["trusted"] is True
    assert policies["ref"].startswith(("main@", "the default branch@"))
    (changed,) = told.report["proposal"]["changed"]
    assert changed["id"] == "metric-threshold"


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_target_that_the_clone_lacks_is_exit_3(system: str, clone: Clone) -> None:
    clone.change("training/fit.py", minimum="0.5")
    clone.job(system)
    clone.repository.git("update-ref", "-d", "refs/remotes/origin/main")
    clone.repository.git("update-ref", "-d", "refs/remotes/origin/HEAD")
    clone.repository.git("tag", "origin/main")  # somebody's tag is not the branch
    told = clone.check()
    assert (told.code, told.out) == (3, "")
    assert "and this clone does not have them: fetch them first (`git fetch origin" in told.err


def test_a_commit_that_gitlab_names_serves_where_the_branch_is_not_fetched(clone: Clone) -> None:
    base = clone.repository.git("rev-parse", "main")
    clone.change("training/fit.py", minimum="0.5")
    clone.job("GitLab", CI_MERGE_REQUEST_DIFF_BASE_SHA=base)
    clone.repository.git("update-ref", "-d", "refs/remotes/origin/main")
    assert clone.check().code == 1


def test_the_main_branch_of_a_fork_is_its_authors_own(clone: Clone) -> None:
    clone.change("training/fit.py", minimum="0.5")
    clone.repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    clone.job("GitLab", CI_MERGE_REQUEST_PROJECT_ID="1", CI_PROJECT_ID="2")
    assert clone.check().code == 3


def test_the_user_can_name_the_commit(clone: Clone) -> None:
    clone.change("training/fit.py", minimum="0.5")
    assert clone.check().code == 0  # a terminal: the work tree's own policies, not trusted
    assert clone.check("--trusted-ref", "origin/main").code == 1
    told = clone.check("--trusted-ref", "nowhere")
    assert told.code == 3
    assert "the policies of nowhere judge this change (--trusted-ref)" in told.err


def test_a_change_that_touches_no_training_code_needs_no_run(clone: Clone) -> None:
    clone.change("README.md")
    clone.job("GitLab")
    told = command("check", "--format", "json", "--tracking-uri", "http://127.0.0.1:1")
    assert (told.code, told.subject["verdict"]) == (0, "not-applicable")


def test_a_target_without_policies_is_judged_by_the_proposal_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = Repository.new(tmp_path / "origin")
    origin.commit("training/fit.py")
    repository = Repository.clone(origin, tmp_path / "clone")
    repository.git("switch", "--quiet", "--create", "change")
    (repository.folder / "policies").mkdir()
    (repository.folder / "policies" / "fraud.yaml").write_text(POLICIES % "0.5")
    repository.commit("training/fit.py")
    monkeypatch.chdir(repository.folder)
    monkeypatch.setenv("CHANGE_TARGET", "main")
    (repository.folder / "evidence.json").write_text(
        evidence(candidate(metrics={"val_f1": 0.6})).to_text()
    )
    told = command("check", "--evidence", "evidence.json", "--format", "json")
    assert (told.code, told.report["verdict"], told.report["policies"]["trusted"]) == (
        0,
        "warn",
        False,
    )


def test_in_github_actions_the_flag_is_refused(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"default_branch": "main"}}))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    told = clone.check("--trusted-ref", "origin/main", "--no-publish")
    assert told.code == 2
    assert "in GitHub Actions the event says which branch is the default one" in told.err


# The page, done in a clone that looks as each system's.

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "other-ci.md"


def script_of(system: str) -> str:
    """Return what the page's job of a system runs, without the installation."""
    (block,) = [b for b in blocks_of(PAGE) if FILES[system] in b.text.partition("\n")[0]]
    if system == "Jenkins":
        text = block.text.split("'''")[1]
    else:
        job = yaml.safe_load(block.text)
        steps: Any = job.get("steps") or job.get("pipelines") or job["model gate"]["script"]
        if system == "Azure Pipelines":
            steps = [steps[1]["script"]]
        elif system == "Bitbucket":
            steps = steps["pull-requests"]["**"][0]["step"]["script"]
        lines: list[str] = steps
        text = "\n".join(lines)
    return "\n".join(line for line in text.splitlines() if "pip install" not in line)


FILES = {
    "GitLab": ".gitlab-ci.yml",
    "Azure Pipelines": "azure-pipelines.yml",
    "Bitbucket": "bitbucket-pipelines.yml",
    "Jenkins": "Jenkinsfile",
}


@pytest.mark.parametrize(("score", "code"), [(0.6, 1), (0.95, 0)])
@pytest.mark.parametrize("system", FILES)
def test_the_pages_job_judges_by_the_target_branch(
    system: str, score: float, code: int, clone: Clone, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    head = clone.change("training/fit.py", minimum="0.5")
    clone.job(system)
    team = Team.of(mlflow_server)
    team.run(team.experiment(), commit=head, metrics={"val_f1": score})
    programs = tmp_path / "bin"
    programs.mkdir()
    command_file = programs / "policy-engine"
    command_file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m policy_engine "$@"\n')
    command_file.chmod(0o755)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    done = subprocess.run(
        ["bash", "-e", "-c", script_of(system)],
        cwd=clone.folder,
        env={**os.environ, "PATH": path, "MLFLOW_TRACKING_URI": mlflow_server.uri},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == code, done.stderr
    policies = json.loads((clone.folder / "report.json").read_text())["policies"]
    assert (policies["ref"][:5], policies["trusted"]) == ("main@", True)
