"""What a repository on the fake GitHub holds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

HEAD = "a" * 40
BASE = "b" * 40
MERGE = "e" * 40
BOT = "github-actions[bot]"
TOKEN = "ghs_" + "Fq7" * 12
"""The token of a job: GitHub makes it look like this."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a token stands for.

    Attributes:
        login: Who is shown as the author.
        is_app: Whether it is a job's token (of an installation); else a person's.
        may_write: False: a job that a fork's pull request started.
    """

    login: str = BOT
    is_app: bool = True
    may_write: bool = True


@dataclass(frozen=True, slots=True)
class Symlink:
    """A link in a tree."""

    target: str


@dataclass(frozen=True, slots=True)
class Submodule:
    """Another repository's commit in a tree."""

    sha: str = "5" * 40


@dataclass(slots=True)
class Pull:
    """A pull request; `head_repository` is None once its fork is deleted."""

    number: int
    head_sha: str = HEAD
    head_ref: str = "bigger-model"
    head_repository: str | None = "acme/fraud"
    base_sha: str = BASE
    base_ref: str = "main"
    author: str | None = "ana"
    labels: tuple[str, ...] = ()
    state: str = "open"
    files: list[tuple[str, str | None]] = field(default_factory=list)  # path, and the one before


@dataclass(slots=True)
class Comment:
    """A comment; `author` is None for a deleted account."""

    id: int
    number: int
    author: str | None
    body: str


@dataclass(slots=True)
class CheckRun:
    """A check run; annotations add up, as GitHub's do."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    external_id: str
    details_url: str | None
    title: str | None
    summary: str | None
    text: str | None
    annotations: list[dict[str, Any]] = field(default_factory=list)


File = bytes | Symlink | Submodule


class State:
    """One repository, `acme/fraud`, with one open pull request: number 7 by `ana`."""

    def __init__(self) -> None:
        self.owner, self.name, self.id = "acme", "fraud", 4242
        self.default_branch = "main"
        self.branches = {"main": BASE}
        self.trees: dict[str, dict[str, File]] = {BASE: {}, HEAD: {}, MERGE: {}}
        self.pulls = {7: Pull(7)}
        self.comments: list[Comment] = []
        self.check_runs: list[CheckRun] = []
        self.tokens = {TOKEN: Actor()}
        self.ids = itertools.count(1001)

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    def comment(self, body: str, author: str | None = "ben", number: int = 7) -> Comment:
        """Add a comment."""
        comment = Comment(next(self.ids), number, author, body)
        self.comments.append(comment)
        return comment

    def commit(self, sha: str, files: dict[str, File], branch: str | None = None) -> None:
        """Make a commit known, maybe as the tip of a branch."""
        self.trees[sha] = files
        if branch is not None:
            self.branches[branch] = sha

    def resolve(self, ref: str) -> str | None:
        """Return the sha that a branch or a known sha names."""
        return self.branches.get(ref) or (ref if self.knows(ref) else None)

    def knows(self, sha: str) -> bool:
        """Say whether a commit is in this repository."""
        return sha in self.trees or any(sha == pull.head_sha for pull in self.pulls.values())
