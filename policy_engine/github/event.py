"""The change under judgement, as GitHub Actions describes it: its environment and its event file.

The event file is data from outside: a pull request chooses its author, labels and branch names.
What is read here has the right type and shape, or reading stops with `EventError`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from policy_engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EVENT_BYTES = 25 * 1024 * 1024
"""GitHub's own limit for an event payload: 25 MiB (its documentation says 25 MB)."""

_PULL_REQUEST_EVENTS = frozenset(
    {
        "pull_request",
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
    }
)
# For this one GITHUB_SHA is the tip of the base branch; for the others, the merge commit.
_RUNS_ON_BASE = "pull_request_target"

_SHOWN = 60  # characters of a wrong value that a message repeats

_SHA = re.compile(r"[0-9a-f]{40}")
_EVENT_NAME = re.compile(r"[a-z_]{1,100}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_RUN_ID = re.compile(r"[0-9]{1,20}")
_SERVER = re.compile(r"https?://[A-Za-z0-9.:-]{1,100}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,255}")
# refs/heads/gh-readonly-queue/<base>/pr-<number>-<sha of the base>; <base> may hold slashes.
_QUEUE = re.compile(r"refs/heads/gh-readonly-queue/.+/pr-([1-9][0-9]{0,17})-[0-9a-f]{40}")


class EventError(UsageError):
    """What GitHub Actions says of the change cannot be read; one plain sentence says why."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What started this job of GitHub Actions.

    Attributes:
        name: The event, `pull_request` for example (GITHUB_EVENT_NAME).
        repository: The repository that the job runs in, `owner/name`.
        head_sha: The commit under judgement: the pull request's head, the merge group's head,
            else the commit that the job was started on (GITHUB_SHA).
        merge_sha: The merge of the pull request into its base, made by GitHub; it is what a
            checkout on `pull_request` has as HEAD. None for every other event.
        base_sha: The commit that the pull request or merge group was compared with. On an old
            pull request it is stale: ask git for the merge base.
        base_ref: The branch that it goes to, `main` for example.
        default_branch: The repository's default branch.
        pull_request: Its number, from 1; a merge group names it in its ref.
        author: Login of who opened the pull request; None for a deleted account.
        labels: Names of its labels, in GitHub's order.
        is_fork: Whether its head lies in another repository; None where there is no pull request.
        run_url: Where people see this workflow run.
    """

    name: str
    repository: str | None
    head_sha: str | None
    merge_sha: str | None
    base_sha: str | None
    base_ref: str | None
    default_branch: str | None
    pull_request: int | None
    author: str | None
    labels: tuple[str, ...]
    is_fork: bool | None
    run_url: str | None

    @property
    def is_pull_request(self) -> bool:
        """Whether a pull request, or a review of one, started the job."""
        return self.name in _PULL_REQUEST_EVENTS


def read_event(environ: Mapping[str, str]) -> Event | None:
    """Return what started this job; None outside GitHub Actions.

    Args:
        environ: The environment variables.

    Raises:
        EventError: If the event file is missing, larger than 25 MiB or malformed, or a variable is.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    variables = _Variables(environ)
    payload = _event_file(environ)
    event = _any_event(variables, payload)
    if event.is_pull_request:
        return _pull_request(event, payload)
    if event.name == "merge_group":
        return _merge_group(event, payload)
    return event


def _any_event(variables: _Variables, payload: _Payload) -> Event:
    return Event(
        name=variables.event_name,
        repository=variables.repository,
        head_sha=variables.sha,
        merge_sha=None,
        base_sha=None,
        base_ref=None,
        default_branch=payload.line("repository.default_branch"),
        pull_request=None,
        author=None,
        labels=(),
        is_fork=None,
        run_url=variables.run_url,
    )


def _pull_request(event: Event, payload: _Payload) -> Event:
    # GitHub forgets the head's repository when a fork is deleted: still not this repository.
    home = payload.line("pull_request.base.repo.full_name")
    return replace(
        event,
        head_sha=payload.required_sha("pull_request.head.sha"),
        merge_sha=None if event.name == _RUNS_ON_BASE else event.head_sha,
        base_sha=payload.required_sha("pull_request.base.sha"),
        base_ref=payload.line("pull_request.base.ref"),
        pull_request=payload.number("pull_request.number"),
        author=payload.line("pull_request.user.login"),
        labels=payload.names("pull_request.labels"),
        is_fork=home is None or payload.line("pull_request.head.repo.full_name") != home,
    )


def _merge_group(event: Event, payload: _Payload) -> Event:
    queued = _QUEUE.fullmatch(payload.line("merge_group.head_ref") or "")
    base_ref = payload.line("merge_group.base_ref")
    return replace(
        event,
        head_sha=payload.required_sha("merge_group.head_sha"),
        base_sha=payload.sha("merge_group.base_sha"),
        base_ref=base_ref.removeprefix("refs/heads/") if base_ref else None,
        pull_request=int(queued[1]) if queued else None,
    )


@dataclass(frozen=True, slots=True)
class _Variables:
    """What the environment variables say, each in its right shape or not at all."""

    environ: Mapping[str, str]

    @property
    def event_name(self) -> str:
        name = self._shaped("GITHUB_EVENT_NAME", _EVENT_NAME, "the name of an event")
        if name is None:
            raise EventError("GITHUB_EVENT_NAME is not set: what started this job is unknown")
        return name

    @property
    def sha(self) -> str | None:
        return self._shaped("GITHUB_SHA", _SHA, "40 hexadecimal digits")

    @property
    def repository(self) -> str | None:
        return self._shaped("GITHUB_REPOSITORY", _REPOSITORY, "of the form owner/name")

    @property
    def run_url(self) -> str | None:
        server = self._shaped("GITHUB_SERVER_URL", _SERVER, "the address of a server")
        run_id = self._shaped("GITHUB_RUN_ID", _RUN_ID, "a number")
        if server is None or run_id is None or self.repository is None:
            return None
        return f"{server}/{self.repository}/actions/runs/{run_id}"

    def _shaped(self, name: str, shape: re.Pattern[str], words: str) -> str | None:
        value = self.environ.get(name)
        if not value:
            return None
        if not shape.fullmatch(value):
            raise EventError(f"{name} must be {words}, not {_shown(value)}")
        return value


@dataclass(frozen=True, slots=True)
class _Payload:
    """The event file; a path such as `pull_request.head.sha` names a value in it."""

    file: str
    content: Mapping[str, object]

    def sha(self, path: str) -> str | None:
        value = self._at(path)
        if value is None or (isinstance(value, str) and _SHA.fullmatch(value)):
            return value
        raise self._wrong(path, "40 hexadecimal digits", value)

    def required_sha(self, path: str) -> str:
        value = self.sha(path)
        if value is None:
            raise self._wrong(path, "40 hexadecimal digits", value)
        return value

    def number(self, path: str) -> int:
        value = self._at(path)
        # In Python `true` is an int.
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise self._wrong(path, "a whole number from 1", value)

    def line(self, path: str) -> str | None:
        """Return one line of text; None where it is absent or null."""
        value = self._at(path)
        if value is None or (isinstance(value, str) and _LINE.fullmatch(value)):
            return value
        raise self._wrong(path, "one line of text", value)

    def names(self, path: str) -> tuple[str, ...]:
        """Return the `name` of each object in a list."""
        value = self._at(path)
        if value is None:
            return ()
        names = [_name(item) for item in value] if isinstance(value, list) else [None]
        if any(name is None for name in names):
            raise self._wrong(path, "a list of objects, each with a name", value)
        return tuple(name for name in names if name is not None)

    def _at(self, path: str) -> object:
        value: object = self.content
        walked: list[str] = []
        for key in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self._wrong(".".join(walked), "an object", value)
            value = value.get(key)
            walked.append(key)
        return value

    def _wrong(self, path: str, words: str, value: object) -> EventError:
        return EventError(f"{self.file}: {path} must be {words}, not {_shown(value)}")


def _name(item: object) -> str | None:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) and _LINE.fullmatch(name) else None


def _event_file(environ: Mapping[str, str]) -> _Payload:
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        raise EventError("GITHUB_EVENT_PATH is not set: what started this job is unknown")
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_EVENT_BYTES + 1)
    except OSError as error:
        raise EventError(f"cannot read the event file {path}: {error.strerror}") from None
    if len(text) > MAX_EVENT_BYTES:
        raise EventError(f"the event file {path} is larger than 25 MiB")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EventError(f"the event file {path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise EventError(f"the event file {path} must hold an object, not {_shown(content)}")
    return _Payload(path, content)


def _shown(value: object) -> str:
    """Return a value as it may stand in a message: short, in one line, plain ASCII."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
