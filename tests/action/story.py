"""A repository with a pull request, its GitHub, and the jobs that the workflows to copy start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.action.conftest import ROOT, Installed, machine
from tests.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.action.composite import Runner
    from tests.github.fake.server import GitHubFake

EXAMPLES = ROOT / ".github" / "examples"
POLICIES = """\
version: 1
metric: {name: val_accuracy, goal: maximize}
candidate: {paths: ["training/**"]}
policies:
  run-finished: on
  model-size-budget: {max_size: %s}
"""


class Story:
    """A repository and its pull request 7, in which a commit is not pushed yet."""

    def __init__(self, folder: Path, fake: GitHubFake, installed: Installed) -> None:
        self.folder, self.fake, self.installed = folder, fake, installed
        self.origin = Repository.new(folder / "origin")
        self.jobs = self.first_comment = 0
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

    def merged(self, name: str) -> str:
        """Merge the pull request into main on a branch of its own, as GitHub does."""
        self.origin.git("switch", "--quiet", "--force-create", name, "main")
        merge = self.origin.merge("change")
        self.origin.git("switch", "--quiet", "change")
        return merge

    def machine(self, event: str, payload: dict[str, Any], commit: str) -> Runner:
        """Return a machine of GitHub's for one job, which can check the commit out."""
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
            ref = given.pop("ref", commit)
            assert given == {"fetch-depth": "0", "persist-credentials": "false"}
            clone = Repository.clone(self.origin, runner.workspace)
            clone.git("checkout", "--quiet", "--detach", ref)
            clone.git("remote", "set-url", "origin", "https://github.com/acme/fraud")
            return {}

        runner.uses |= {
            "actions/checkout": checkout,
            "actions/setup-python": lambda _: {"python-path": "python3"},
            "OWNER/policy-engine": ROOT,
        }
        runner.known = self.installed.known
        runner.github = {"token": self.fake.token, "event": payload}
        return runner

    @property
    def comment(self) -> str:
        """The comment: there is one, and it is the one that was there before."""
        (only,) = self.fake.state.comments
        self.first_comment = self.first_comment or only.id
        assert only.id == self.first_comment
        return only.body

    @property
    def headline(self) -> str:
        """The comment's second line; the first is its marker."""
        return self.comment.split("\n")[1]
