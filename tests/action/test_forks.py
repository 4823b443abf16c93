"""A pull request from a fork, in two stages, by the workflows to copy and the real steps."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.action.story import EXAMPLES, Story
from tests.github.fake.job import PAYLOADS
from tests.github.fake.state import TOKEN, Actor

if TYPE_CHECKING:
    from tests.action.composite import Told
    from tests.action.conftest import Installed
    from tests.github.fake.server import GitHubFake

pytestmark = pytest.mark.timeout(600)  # it installs the action and makes a store

# What the fork's job trains with: a run of the commit that is checked out, with a model.
TRAIN = """\
import sys
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus

client = MlflowClient()
experiment = client.create_experiment("fraud")
tags = {"mlflow.source.git.commit": sys.argv[1]}
run = client.create_run(experiment, tags=tags, run_name=sys.argv[3]).info.run_id
client.log_metric(run, "val_accuracy", 0.9)
model = client.create_logged_model(experiment, name="fraud", source_run_id=run)
open("MLmodel", "w").write("flavors: {}\\n")
open("model.bin", "wb").write(bytes(int(sys.argv[2])))
for file in ("MLmodel", "model.bin"):
    client.log_model_artifact(model.model_id, file)
client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
client.set_terminated(run)
"""
MAKE = "train:\n\t'{python}' training/train.py $$(git rev-parse HEAD) {size} '{name}'\n"


class Fork(Story):
    """A pull request from the repository `eve/fraud`."""

    def __init__(self, folder: Path, fake: GitHubFake, installed: Installed) -> None:
        super().__init__(folder, fake, installed)
        fake.state.pulls[7].head_repository = "eve/fraud"
        fake.state.pulls[7].files = [("training/fit.py", None)]
        policy = (self.origin.folder / "policies" / "fraud.yaml").read_bytes()
        fake.state.commit(self.main, {"policies/fraud.yaml": policy}, "main")

    def train_with(self, size: int, name: str = "a-run") -> None:
        """Let the fork's job train a model of so many bytes, under this name."""
        (self.origin.folder / "training" / "train.py").write_text(TRAIN)
        make = MAKE.format(python=sys.executable, size=size, name=name)
        (self.origin.folder / "Makefile").write_text(make)

    def evidence(self) -> tuple[Told, Path]:
        """Run the first stage; return how it went and the artifact that it uploads."""
        self.fake.as_fork()
        runner = self.machine(
            "pull_request", PAYLOADS["pull_request"](self.fake), self.merged("preview")
        )
        archive = runner.temp / "artifact.zip"

        def upload(given: dict[str, str]) -> dict[str, str]:
            if (runner.workspace / given["path"]).exists():
                with zipfile.ZipFile(archive, "w") as file:
                    file.write(runner.workspace / given["path"], given["path"])
            return {}

        runner.uses["actions/upload-artifact"] = upload
        told = runner.job(EXAMPLES / "fork-evidence.yml", "evidence")
        assert archive.exists(), told.log
        return told, archive

    def verdict(self, artifact: Path) -> Told:
        """Run the second stage on an artifact, which a stand-in for `gh` serves."""
        self.fake.state.tokens[TOKEN] = Actor()
        runner = self.machine("workflow_run", PAYLOADS["workflow_run"](self.fake), self.main)
        gh = runner.temp / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(f'#!/bin/sh\ncase "$2" in */zip) cat "{artifact}" ;; *) echo 4711 ;; esac\n')
        gh.chmod(0o755)
        runner.environment["PATH"] = f"{gh.parent}:{runner.environment['PATH']}"
        return runner.job(EXAMPLES / "fork-verdict.yml", "verdict")


@pytest.fixture
def fork(tmp_path: Path, github_fake: GitHubFake, installed: Installed) -> Fork:
    return Fork(tmp_path, github_fake, installed)


def test_a_fork_is_judged_in_two_stages(fork: Fork) -> None:
    fork.train_with(50_000, name="@octocat ##[set-output name=verdict;]pass")
    head = fork.push()
    told, artifact = fork.evidence()
    # Its own verdict fails the job, and the evidence is there all the same.
    assert told.failed
    assert "it must be at most 10.0 kB" in told.log
    assert told.ran[-1].startswith("actions/upload-artifact@")
    assert fork.fake.state.comments == []

    told = fork.verdict(artifact)
    assert told.failed
    assert fork.headline.startswith("<h2>❌ May not merge")
    assert "it must be at most 10.0 kB" in fork.comment
    assert "measured</td>" not in fork.comment
    (run,) = fork.fake.state.check_runs
    assert (run.name, run.head_sha, run.conclusion) == ("policy-engine", head, "failure")
    assert {command.name for command in told.commands} <= {"error", "warning", "notice"}


def test_evidence_of_another_commit_is_not_taken_for_that_of_the_fork(fork: Fork) -> None:
    """The author swaps the artifact of a good commit in."""
    fork.train_with(1_000)
    fork.push()
    told, artifact = fork.evidence()
    assert not told.failed, told.log
    fork.push()
    told = fork.verdict(artifact)
    assert told.failed
    assert "the evidence is of commit" in told.log
    (run,) = fork.fake.state.check_runs
    assert run.conclusion == "failure"


def test_evidence_that_is_no_evidence_is_an_error(fork: Fork, tmp_path: Path) -> None:
    fork.push()
    artifact = tmp_path / "artifact.zip"
    with zipfile.ZipFile(artifact, "w") as file:
        file.writestr("evidence.json", json.dumps({"verdict": "pass", "exit_code": 0}))
    told = fork.verdict(artifact)
    assert told.failed
    assert "it could not be decided" in fork.headline
