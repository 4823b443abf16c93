"""What is written beside the report: errors, notes, warnings, tracebacks, what a plugin prints.

How far long work is stands on one line of a terminal, and is gone when the work ends; a job's log
gets none of it.

All of it may quote what others wrote, and a GitHub runner takes lines of stdout and of stderr for
commands. The formats keep commands out by themselves; `github` is made of them.
"""

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

UNSEEN = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef"
)
"""Characters, as in a regular expression's set, that a runner does not see: it compares text as its
culture does."""
_UNCLEAN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069"
    "\ufeff" + UNSEEN
)
_BLANKS = " \t\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# `::error::` at the beginning of a line.
_FIRST_COLON = rf"(?:\A|(?<=[\r\n]))[{_BLANKS}{_UNCLEAN}]*:[{_UNCLEAN}]*(?=:)"
# `##[error]` anywhere; `##vso[` is an Azure runner's.
_HASHES = rf"#[{_UNCLEAN}]*#[\w{_UNCLEAN}]*(?=\[)"
_CLEAR = "\r\x1b[K"
_LEAST_WIDTH = 20  # columns
_REMEMBERED = 1000  # characters of an unfinished line


def without_commands(text: str) -> str:
    """Return text of any lines in which a runner finds no command; nothing else is changed."""
    for command in (_FIRST_COLON, _HASHES):  # compiled once, by the first line that is written
        text = re.sub(command, lambda match: f"{match[0]} ", text)
    return text


class Writable(Protocol):
    """What text can be written to."""

    def write(self, text: str, /) -> int:
        """Write text."""


class Log:
    """A text stream that passes everything on, but no command of a runner.

    A line may come in any number of pieces.

    Attributes:
        stream: What it writes to; commands that are meant go there.
    """

    def __init__(self, stream: Writable) -> None:
        self.stream = stream
        self._line = ""
        self._lock = Lock()

    def write(self, text: str) -> int:
        """Write text; where a command would begin, a space is put in."""
        if not isinstance(text, str):
            raise TypeError(f"expected text, got {type(text).__name__}")
        with self._lock:
            whole = without_commands(self._line + text)
            self.stream.write(whole[len(self._line) :])
            line = whole[max(whole.rfind("\n"), whole.rfind("\r")) + 1 :]
            # Its beginning is written already: what stands for it must be no blank and no colon.
            self._line = line if len(line) <= _REMEMBERED else f".{line[-_REMEMBERED:]}"
        return len(text)

    def writelines(self, lines: "list[str]") -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def to_runner(commands: str) -> None:
    """Write lines to stderr that a runner is to take for commands; they are escaped already."""
    stderr: Any = sys.stderr
    if stderr is not None:
        (stderr.stream if isinstance(stderr, Log) else stderr).write(commands)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give what says how far the work is, and clear the line at the end.

    What is said must be words of our own and counts: it is not made harmless.
    """
    stream: Any = sys.stderr
    if stream is None or not _is_terminal(stream):
        yield _say_nothing
        return
    width = max(shutil.get_terminal_size().columns - 1, _LEAST_WIDTH)

    def say(text: str) -> None:
        stream.write(_CLEAR + text[:width])
        stream.flush()

    try:
        yield say
    finally:
        stream.write(_CLEAR)
        stream.flush()


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (OSError, ValueError):  # closed
        return False


def _say_nothing(_text: str) -> None:
    """Say nothing: nobody watches."""
