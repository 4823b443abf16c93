"""What GitHub Actions tells a job, each value in its right type and shape or not at all.

Its environment and its event file are data from outside: a pull request chooses its author, labels
and branch names.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from policy_engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_EVENT_BYTES = 25 * 1024 * 1024
"""GitHub's own limit for an event payload: 25 MiB (its documentation says 25 MB)."""

_SHOWN = 60  # characters of a wrong value that a message repeats

_SHA = re.compile(r"[0-9a-f]{40}")
_EVENT_NAME = re.compile(r"[a-z_]{1,100}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_RUN_ID = re.compile(r"[0-9]{1,20}")
_SERVER = re.compile(r"https?://[A-Za-z0-9.:-]{1,100}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{1,255}")


class EventError(UsageError):
    """What GitHub Actions says of the change cannot be read; one plain sentence says why."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What the environment variables say, each in its right shape or not at all."""

    environ: Mapping[str, str]

    @property
    def event_name(self) -> str:
        """What started the job; nothing can be judged where nobody says."""
        name = self._shaped("GITHUB_EVENT_NAME", _EVENT_NAME, "the name of an event")
        if name is None:
            raise EventError("GITHUB_EVENT_NAME is not set: what started this job is unknown")
        return name

    @property
    def sha(self) -> str | None:
        """The commit that the job was started on."""
        return self._shaped("GITHUB_SHA", _SHA, "40 hexadecimal digits")

    @property
    def repository(self) -> str | None:
        """The repository that the job runs in, `owner/name`."""
        return self._shaped("GITHUB_REPOSITORY", _REPOSITORY, "of the form owner/name")

    @property
    def server_url(self) -> str | None:
        """The address of GitHub itself."""
        return self._shaped("GITHUB_SERVER_URL", _SERVER, "the address of a server")

    @property
    def run_url(self) -> str | None:
        """Where people see this workflow run."""
        server = self.server_url
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
class Payload:
    """The event file; a path such as `pull_request.head.sha` names a value in it."""

    file: str
    content: Mapping[str, object]

    def sha(self, path: str) -> str | None:
        """Return a commit; None where it is absent or null."""
        value = self._at(path)
        if value is None or (isinstance(value, str) and _SHA.fullmatch(value)):
            return value
        raise self.wrong(path, "40 hexadecimal digits", value)

    def required_sha(self, path: str) -> str:
        """Return a commit that must be there."""
        value = self.sha(path)
        if value is None:
            raise self.wrong(path, "40 hexadecimal digits", value)
        return value

    def number(self, path: str) -> int:
        """Return a whole number from 1 that must be there."""
        value = self._at(path)
        # In Python `true` is an int.
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        raise self.wrong(path, "a whole number from 1", value)

    def line(self, path: str) -> str | None:
        """Return one line of text; None where it is absent or null."""
        value = self._at(path)
        if value is None or (isinstance(value, str) and _LINE.fullmatch(value)):
            return value
        raise self.wrong(path, "one line of text", value)

    def names(self, path: str) -> tuple[str, ...]:
        """Return the `name` of each object in a list."""
        value = self._at(path)
        if value is None:
            return ()
        names = [_name(item) for item in value] if isinstance(value, list) else [None]
        if any(name is None for name in names):
            raise self.wrong(path, "a list of objects, each with a name", value)
        return tuple(name for name in names if name is not None)

    def has(self, path: str) -> bool:
        """Say whether there is a value."""
        return self._at(path) is not None

    def _at(self, path: str) -> object:
        value: object = self.content
        walked: list[str] = []
        for key in path.split("."):
            if value is None:
                return None
            if not isinstance(value, dict):
                raise self.wrong(".".join(walked), "an object", value)
            value = value.get(key)
            walked.append(key)
        return value

    def wrong(self, path: str, words: str, value: object) -> EventError:
        """Return the error for a value that is not as these words say."""
        return EventError(f"{self.file}: {path} must be {words}, not {_shown(value)}")


def _name(item: object) -> str | None:
    name = item.get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) and _LINE.fullmatch(name) else None


def event_file(environ: Mapping[str, str]) -> Payload:
    """Return the event file that the environment names.

    Raises:
        EventError: If it is missing, larger than 25 MiB, or no JSON object.
    """
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
    return Payload(path, content)


def _shown(value: object) -> str:
    """Return a value as it may stand in a message: short, in one line, plain ASCII."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
