"""The life of a pull request: from a clone, by the workflow to copy and the action's real steps.

A real MLflow server holds the runs, a GitHub on loopback the pull request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.action.conftest import ROOT, Installed, machine
from tests.github.fake.job import PAYLOADS
from tests.repository import Repository
from tests.tracking.team import Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.action.composite import Told
    from tests.conftest import MlflowServer
    from tests.github.fake.server import GitHubFake

pytestmark = pytest.mark.timeout(600)  # it installs the action and starts a server

WORKFLOW = ROOT / ".github" / "examples" / "pull-request.yml"
POLICIES = """\
version: 1
metric: {name: val_accuracy, goal: maximize}
candidate: {paths: ["training/**"]}
policies:
  run-finished: on
  model-size-budget: {max_size: %s}
"""


class Story:
    """A repository, its pull request 7, its MLflow, and the job that each push starts."""

    def __init__(
        self, folder: Path, fake: GitHubFake, server: MlflowServer, installed: Installed
    ) -> None:
        self.folder, self.fake, self.server, self.installed = folder, fake, server, installed
        self.team = Team.of(server)
        self.experiment = self.team.experiment()
        self.origin = Repository.new(folder / "origin")
        self.jobs = 0
        self.budget("10kB")
        self.main = self.origin.commit("training/fit.py")
        fake.state.branches["main"] = fake.state.pulls[7].base_sha = self.main
        self.origin.git("switch", "--quiet", "--create", "change")

    def budget(self, size: str) -> None:
        """Write the policy file of the branch that is checked out."""
        (self.origin.folder / "policies").mkdir(exist_ok=True)
        (self.origin.folder / "policies" / "fraud.yaml").write_text(POLICIES % size)

    def push(self, path: str = "training/fit.py") -> str:
        """Push a commit to the pull request; GitHub knows its new head."""
        head = self.origin.commit(path)
        self.fake.state.pulls[7].head_sha = head
        return head

    def train(self, head: str, size: int) -> str:
        """Log the run of a commit, with a model of so many bytes."""
        run = self.team.run(self.experiment, commit=head, metrics={"val_accuracy": 0.9})
        self.team.model(run, files={"MLmodel": b"flavors: {}\n", "model.bin": bytes(size)})
        return run

    def merged(self, name: str) -> str:
        """Merge the pull request into main on a branch of its own, as GitHub does."""
        self.origin.git("switch", "--quiet", "--force-create", name, "main")
        merge = self.origin.merge("change")
        self.origin.git("switch", "--quiet", "change")
        return merge

    def check(self) -> tuple[Told, dict[str, str]]:
        """Run the job of a push to the pull request."""
        payload = PAYLOADS["pull_request"](self.fake)
        return self.job("pull_request", payload, self.merged("preview"))

    def queue(self) -> tuple[Told, dict[str, str]]:
        """Run the job of the merge queue."""
        merge = self.merged("queue")
        payload: dict[str, Any] = PAYLOADS["merge_group"](self.fake)
        payload["merge_group"]["head_sha"] = merge
        return self.job("merge_group", payload, merge)

    def job(self, event: str, payload: dict[str, Any], commit: str) -> tuple[Told, dict[str, str]]:
        """Run the workflow's job on a machine of its own; return how it went and its outputs."""
        self.jobs += 1
        folder = self.folder / f"job-{self.jobs}"
        folder.mkdir()
        (folder / "event.json").write_text(json.dumps(payload))
        runner = machine(
            folder,
            GITHUB_API_URL=self.fake.api_url,
            GITHUB_EVENT_NAME=event,
            GITHUB_EVENT_PATH=str(folder / "event.json"),
            GITHUB_RUN_ATTEMPT="1",
            GITHUB_RUN_ID=str(4710 + self.jobs),
            GITHUB_SERVER_URL="https://github.com",
            GITHUB_SHA=commit,
            RUNNER_ENVIRONMENT="github-hosted",
        )

        def checkout(given: dict[str, str]) -> dict[str, str]:
            assert given == {"fetch-depth": "0", "persist-credentials": "false"}
            clone = Repository.clone(self.origin, runner.workspace)
            clone.git("checkout", "--quiet", "--detach", commit)
            clone.git("remote", "set-url", "origin", "https://github.com/acme/fraud")
            return {}

        runner.uses |= {
            "actions/checkout": checkout,
            "actions/setup-python": lambda _: {"python-path": "python3"},
            "OWNER/policy-engine": ROOT,
        }
        runner.known = self.installed.known
        runner.github = {"token": self.fake.token}
        secrets = {"MLFLOW_TRACKING_URI": self.server.uri}
        told = runner.job(WORKFLOW, "gate", secrets=secrets)
        return told, told.steps["gate"]

    @property
    def comment(self) -> str:
        """The comment: there is one, and it was always this one."""
        (only,) = self.fake.state.comments
        assert only.id == self.first_comment
        return only.body

    @property
    def headline(self) -> str:
        """The comment's second line; the first is its marker."""
        return self.comment.split("\n")[1]

    @property
    def first_comment(self) -> int:
        """The id of the comment that the first job wrote."""
        return 1001


@pytest.fixture
def story(
    tmp_path: Path, github_fake: GitHubFake, mlflow_server: MlflowServer, installed: Installed
) -> Story:
    return Story(tmp_path, github_fake, mlflow_server, installed)


def test_the_life_of_a_pull_request(story: Story) -> None:
    # Opened, and nobody has trained.
    head = story.push()
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "4", "not-evaluated")
    assert "no FINISHED run is tagged with the change's commit" in story.comment

    # Trained: the same job, run again.
    story.train(head, 5_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.headline.startswith("## ✅ Pass")
    assert "no FINISHED run" not in story.comment

    # Too large.
    story.train(story.push(), 50_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "1", "fail")
    assert said["blocking"] == "1"
    assert story.headline.startswith("## ❌ Fail")
    assert "it must be at most 10.0 kB" in story.comment
    assert "it must be at most 10.0 kB" in told.summary

    # The author raises the limit instead: the default branch's judges, and what the proposal would
    # change is said.
    story.budget("1MB")
    story.train(story.push(), 50_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "1", "fail")
    assert "it must be at most 10.0 kB" in story.comment
    assert story.headline.startswith("## ❌ Fail")
    assert "What the proposed policies would change: 1 of 4" in story.comment

    # Mended.
    story.budget("10kB")
    head = story.push()
    story.train(head, 4_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.headline.startswith("## ✅ Pass")
    assert "would change" not in story.comment

    # The merge queue judges the same run on its own commit, and writes no comment.
    before = story.comment
    story.fake.requests.clear()
    told, said = story.queue()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.comment == before
    assert {each.method for each in story.fake.requests} <= {"GET"}
    assert story.fake.token not in told.log + told.summary
