"""What GitHub answers, as far as it is read: checked, and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from policy_engine.github.failure import GitHubError

Sha = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
T = TypeVar("T")


class _Answer(BaseModel):
    # GitHub adds fields whenever it likes.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class User(_Answer):
    """Who wrote something."""

    login: str


class _Repository(_Answer):
    full_name: str


class _Label(_Answer):
    name: str


class _Side(_Answer):
    sha: Sha
    ref: str
    repo: _Repository | None = None


class PullRequest(_Answer):
    """A pull request."""

    number: int
    state: str
    user: User | None
    head: _Side
    base: _Side
    labels: list[_Label] = Field(default_factory=list)

    @property
    def head_sha(self) -> str:
        """The commit under judgement."""
        return self.head.sha

    @property
    def base_sha(self) -> str:
        """The commit that it was opened against; stale on an old pull request."""
        return self.base.sha

    @property
    def base_ref(self) -> str:
        """The branch that it goes to."""
        return self.base.ref

    @property
    def author(self) -> str | None:
        """Login of who opened it; None for a deleted account."""
        return self.user.login if self.user else None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of its labels, in GitHub's order."""
        return tuple(label.name for label in self.labels)

    @property
    def is_fork(self) -> bool:
        """Whether its head lies in another repository, or in one that is gone."""
        return (
            self.head.repo is None
            or self.base.repo is None
            or (self.head.repo.full_name != self.base.repo.full_name)
        )


class TreeEntry(_Answer):
    """One entry of a folder: `kind` is `file`, `dir` or `symlink`; a submodule is a `file`."""

    path: str
    kind: str = Field(alias="type")
    size: int
    sha: Sha


class FileContent(_Answer):
    """A file as the contents API gives it."""

    path: str
    kind: str = Field(alias="type")
    size: int
    encoding: str | None = None
    content: str | None = None


class ChangedFile(_Answer):
    """A file that a pull request changes; `previous_filename` if it was renamed."""

    filename: str
    previous_filename: str | None = None


class Reference(_Answer):
    """What a git reference points at."""

    sha: Sha


class Repository(_Answer):
    """The repository itself."""

    full_name: str
    default_branch: str


class Created(_Answer):
    """Something that GitHub made: a comment, a check run."""

    id: int
    user: User | None = None


def read(shape: type[T], answer: Any, what: str) -> T:
    """Return an answer in its shape.

    Args:
        shape: A class of this module, or a list of one.
        answer: The JSON value.
        what: What was asked for, in our own words.

    Raises:
        GitHubError: If it has another shape.
    """
    try:
        return TypeAdapter(shape).validate_python(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part_of) for part_of in first["loc"])
        raise GitHubError(
            f"GitHub answers something else than {what}: {where or 'the answer'}: {first['msg']}"
        ) from None


def part_of(answer: Any, name: str) -> Any:
    """Return one value of an object; None where there is no object or no such value."""
    return answer.get(name) if isinstance(answer, Mapping) else None
