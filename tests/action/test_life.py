"""The life of a pull request: from a clone, by the workflow to copy and the action's real steps.

A real MLflow server holds the runs, a GitHub on loopback the pull request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.action.story import EXAMPLES, Story
from tests.github.fake.job import PAYLOADS
from tests.tracking.team import Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.action.composite import Told
    from tests.action.conftest import Installed
    from tests.conftest import MlflowServer
    from tests.github.fake.server import GitHubFake

pytestmark = pytest.mark.timeout(600)  # it installs the action and starts a server


class Life(Story):
    """A pull request from a branch of the repository, whose runs are on a server."""

    def __init__(
        self, folder: Path, fake: GitHubFake, server: MlflowServer, installed: Installed
    ) -> None:
        super().__init__(folder, fake, installed)
        self.server = server
        self.team = Team.of(server)
        self.experiment = self.team.experiment()

    def train(self, head: str, size: int) -> str:
        """Log the run of a commit, with a model of so many bytes."""
        run = self.team.run(self.experiment, commit=head, metrics={"val_accuracy": 0.9})
        self.team.model(run, files={"MLmodel": b"flavors: {}\n", "model.bin": bytes(size)})
        return run

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
        """Run the workflow's job; return how it went and the outputs of the gate."""
        runner = self.machine(event, payload, commit)
        secrets = {"MLFLOW_TRACKING_URI": self.server.uri}
        told = runner.job(EXAMPLES / "pull-request.yml", "gate", secrets=secrets)
        return told, told.steps["gate"]


@pytest.fixture
def story(
    tmp_path: Path, github_fake: GitHubFake, mlflow_server: MlflowServer, installed: Installed
) -> Life:
    return Life(tmp_path, github_fake, mlflow_server, installed)


def test_the_life_of_a_pull_request(story: Life) -> None:
    # Opened, and nobody has trained.
    head = story.push()
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "4", "not-evaluated")
    assert "no FINISHED run is tagged with the change's commit" in story.comment

    # Trained: the same job, run again.
    story.train(head, 5_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.headline.startswith("<h2>✅ May merge")
    assert "no FINISHED run" not in story.comment

    # Too large.
    story.train(story.push(), 50_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "1", "fail")
    assert said["blocking"] == "1"
    assert story.headline.startswith("<h2>❌ May not merge")
    assert "it must be at most 10.0 kB" in story.comment
    assert "it must be at most 10.0 kB" in told.summary

    # The author raises the limit instead: the default branch's judges, and what the proposal would
    # change is said.
    story.budget("1MB")
    story.train(story.push(), 50_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (True, "1", "fail")
    assert "it must be at most 10.0 kB" in story.comment
    assert story.headline.startswith("<h2>❌ May not merge")
    assert "What the proposed policies would change: 1 of 4" in story.comment

    # Mended.
    story.budget("10kB")
    head = story.push()
    story.train(head, 4_000)
    told, said = story.check()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.headline.startswith("<h2>✅ May merge")
    assert "would change" not in story.comment

    # The merge queue judges the same run on its own commit, and writes no comment.
    before = story.comment
    story.fake.requests.clear()
    told, said = story.queue()
    assert (told.failed, said["exit-code"], said["verdict"]) == (False, "0", "pass")
    assert story.comment == before
    assert {each.method for each in story.fake.requests} <= {"GET"}
    assert story.fake.token not in told.log + told.summary
