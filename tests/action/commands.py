"""What steps tell GitHub's runner: files of outputs, and commands in the log.

As its sources have it: a command `::name key=value::data` counts after leading blanks, the older
form `##[name key=value]data` anywhere in a line; both on stdout and on stderr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SUMMARY_LIMIT = 1024 * 1024
"""The longest job summary of a step (bytes); a longer one is dropped as a whole."""

_KNOWN = frozenset(
    "add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher "
    "save-state set-env set-output stop-commands warning".split()
)
_NEW = re.compile(r"\s*::(?P<name>[^\s:]+)(?: (?P<properties>.*?))?::(?P<data>.*)")
_OLD = re.compile(r"##\[(?P<name>[^\s\]]+)(?: (?P<properties>[^\]]*))?\](?P<data>.*)")


class FileError(Exception):
    """A file that a step wrote is malformed: the step fails."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a log, unescaped."""

    name: str
    data: str
    properties: Mapping[str, str]


def read_file(text: str) -> dict[str, str]:
    """Return what GITHUB_OUTPUT or GITHUB_ENV holds: `name=value`, or `name<<END` to a line `END`.

    Raises:
        FileError: If a line is neither, or a delimiter does not come again.
    """
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        plain, heredoc = line.find("="), line.find("<<")
        if plain > 0 and (heredoc < 0 or plain < heredoc):
            values[line[:plain]] = line[plain + 1 :]
        elif heredoc > 0 and line[heredoc + 2 :]:
            values[line[:heredoc]] = _until(lines, line[heredoc + 2 :])
        else:
            raise FileError(f"invalid format {line!r}")
    return values


def _until(lines: object, delimiter: str) -> str:
    value: list[str] = []
    for line in lines:  # type: ignore[attr-defined] # the iterator of the caller, to be used up
        if line == delimiter:
            return "\n".join(value)
        value.append(line)
    raise FileError(f"matching delimiter not found {delimiter!r}")


def read_log(log: str) -> list[Command]:
    """Return the commands that the runner would obey, in their order."""
    commands: list[Command] = []
    resume: str | None = None
    for line in log.splitlines():
        if resume is not None:
            resume = None if line.strip() == f"::{resume}::" else resume
            continue
        command = _command(line)
        if command is None:
            continue
        commands.append(command)
        if command.name == "stop-commands":
            resume = command.data
    return commands


def _command(line: str) -> Command | None:
    new, old = _NEW.match(line), _OLD.search(line)
    for found, separator in ((new, ","), (old, ";")):
        if found is not None and found["name"].casefold() in _KNOWN:
            pairs = (part.partition("=") for part in (found["properties"] or "").split(separator))
            properties = {key.strip(): _plain(value) for key, _, value in pairs if key.strip()}
            return Command(found["name"].casefold(), _plain(found["data"]), properties)
    return None


def _plain(text: str) -> str:
    for escaped, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, plain)
    return text
