"""A pull request of `acme/fraud` in a real clone, and the job of GitHub Actions that checks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HOME = "acme/fraud"
ADDRESS = f"https://github.com/{HOME}"


class PullRequest:
    """A clone that a job of GitHub Actions works in.

    `main` is what the default branch has; the branch `forest` is proposed. Until `check_out` is
    called, what is committed goes to `main`.
    """

    def __init__(self, folder: Path) -> None:
        self.clone = Repository.new(folder)
        self.clone.git("remote", "add", "origin", ADDRESS)

    def write(self, files: dict[str, str | None]) -> None:
        """Write or delete files, by path."""
        for path, text in files.items():
            file = self.clone.folder / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)

    def commit(self, files: dict[str, str | None] | None = None, *paths: str) -> str:
        """Write these files, a line to each path, and commit it all."""
        self.write(files or {})
        return self.clone.commit(*paths)

    def fetch(self) -> str:
        """Know what `main` has now as the default branch's tip, and return it."""
        self.clone.git("update-ref", "refs/remotes/origin/main", "refs/heads/main")
        return self.clone.git("rev-parse", "main")

    def propose(self, files: dict[str, str | None] | None = None, *paths: str) -> str:
        """Commit to the branch `forest`, and return its head."""
        if self.clone.git("rev-parse", "--abbrev-ref", "HEAD") == "main":
            self.fetch()
            self.clone.git("checkout", "--quiet", "-B", "forest")
        return self.commit(files, *paths)

    def enter(
        self, environment: pytest.MonkeyPatch, event: str = "pull_request", **facts: Any
    ) -> None:
        """Let this be a job of GitHub Actions on the pull request; its head is checked out.

        Args:
            environment: Where the variables are set.
            event: What starts the job.
            facts: What is otherwise: `base` and `merge` (commits), `payload`, `variables`.
        """
        head = self.clone.git("rev-parse", "HEAD")
        base = facts.get("base") or self.clone.git("merge-base", "main", "HEAD")
        file = self.clone.folder.parent / "event.json"
        file.write_text(json.dumps(facts.get("payload") or payload(event, head, base)))
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REPOSITORY": HOME,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": facts.get("merge") or head,
            "RUNNER_ENVIRONMENT": "github-hosted",
            **facts.get("variables", {}),
        }.items():
            environment.setenv(name, value)


def payload(event: str, head: str, base: str) -> dict[str, Any]:
    """Return the event file of an event on the pull request, as far as it is read."""
    repository = {"full_name": HOME, "default_branch": "main"}
    if event == "merge_group":
        group = {
            "head_sha": head,
            "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{base}",
            "base_sha": base,
            "base_ref": "refs/heads/main",
        }
        return {"repository": repository, "merge_group": group}
    if event == "workflow_run":
        run = {
            "event": "pull_request",
            "head_sha": head,
            "head_branch": "forest",
            "head_repository": {"full_name": "eve/fraud"},
            "pull_requests": [],
        }
        return {"repository": repository, "workflow_run": run}
    pull_request = {
        "number": 7,
        "user": {"login": "ana"},
        "labels": [],
        "head": {"sha": head, "ref": "forest", "repo": {"full_name": HOME}},
        "base": {"sha": base, "ref": "main", "repo": {"full_name": HOME}},
    }
    return {"repository": repository, "pull_request": pull_request}
