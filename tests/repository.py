"""A real git repository for a test, whatever the configuration of the user who runs it."""

from __future__ import annotations

import os
import subprocess
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65534
"""A user id that owns nothing, and is not ours."""

_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ana",
    "GIT_AUTHOR_EMAIL": "ana@example.org",
    "GIT_COMMITTER_NAME": "Ana",
    "GIT_COMMITTER_EMAIL": "ana@example.org",
}


class Repository:
    """A work tree to commit in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def new(cls, folder: Path) -> Repository:
        """Make an empty repository whose branch is `main`."""
        repository = cls(folder)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    @classmethod
    def clone(cls, source: Repository, folder: Path, *options: str) -> Repository:
        """Clone another one, over `file://` so that `--depth` is obeyed."""
        repository = cls(folder)
        repository.git("clone", "--quiet", *options, source.folder.as_uri(), ".")
        return repository

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run git here and return what it prints."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=outside | _ENVIRONMENT,
            input=stdin,
            check=True,
            capture_output=True,
            encoding="utf-8",
        ).stdout.strip()

    def commit(self, *paths: str, text: str = "") -> str:
        """Write a line to each path, commit them, and return the full sha.

        No commit is also another test's, however alike and however soon after it: a server that
        both use has the runs of both, and a check finds them by their commit.
        """
        for path in paths:
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a") as content:
                content.write(f"{text or 'a line'}\n")
        self.git("add", "--all")
        self.git(
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            f"{text or 'a change'}\n\n{uuid.uuid4().hex}",
        )
        return self.git("rev-parse", "HEAD")

    def merge(self, other: str) -> str:
        """Merge another branch without fast-forward, and return the full sha."""
        self.git("merge", "--quiet", "--no-ff", "--no-edit", other)
        return self.git("rev-parse", "HEAD")


def of_another_user(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the work tree to somebody else, as the volume of a container job is; needs root.

    Git's configuration of this machine may trust every folder, so there is none.
    """
    if os.getuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    for path in (repository.folder, *repository.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
