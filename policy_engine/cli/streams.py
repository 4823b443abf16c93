"""stdout and stderr, made so that they cannot change how a command ends.

closed             nothing is written, and no file that is opened later gets its number
reader went away   nothing more is written; the verdict is what it is
full, or broken    stdout: a usage error, since nobody got the report; stderr: what it says is lost
"""

import io
import os
import sys
from typing import Any, TextIO

from policy_engine.errors import UsageError
from policy_engine.log import Log


class Stdout:
    """A text stream whose failure is a usage error, but for a reader that went away.

    A failure is raised by each later call too, until `settle`: whoever swallows it hides nothing.

    Attributes:
        stream: What it writes to.
        is_eager: Whether each text is written at once.
    """

    def __init__(self, stream: TextIO, *, is_eager: bool = False) -> None:
        self.stream, self.is_eager = stream, is_eager
        self._failure: str | None = None

    def write(self, text: str) -> int:
        """Write text; letters that the encoding lacks become `?`.

        Raises:
            UsageError: If it cannot be written, as on a full disk.
        """
        encoding = self.stream.encoding or "utf-8"
        try:
            self.stream.write(text.encode(encoding, "replace").decode(encoding))
        except OSError as e:
            self._fail(e)
        if self.is_eager:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Write what is still held back.

        Raises:
            UsageError: If it cannot be written.
        """
        try:
            self.stream.flush()
        except OSError as e:
            self._fail(e)
        if self._failure is not None:
            raise UsageError(self._failure)

    def settle(self) -> None:
        """Raise the failure a last time; after it, nothing fails any more.

        Raises:
            UsageError: If something could not be written.
        """
        try:
            self.flush()
        finally:
            self._failure = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _fail(self, error: OSError) -> None:
        _discard(self.stream)
        if not isinstance(error, BrokenPipeError):
            self._failure = f"stdout: {error.strerror}"
            raise UsageError(self._failure) from error


class Stderr:
    """A text stream that never fails: what cannot be written is lost.

    Attributes:
        stream: What it writes to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text, if that can be done."""
        try:
            self.stream.write(text)
        except (OSError, ValueError):  # ValueError: a plugin closed it
            _discard(self.stream)
        return len(text)

    def flush(self) -> None:
        """Write what is still held back, if that can be done."""
        try:
            self.stream.flush()
        except (OSError, ValueError):
            _discard(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def guard() -> None:
    """Have stdout and stderr fail as this module says, and carry no command of a runner."""
    _fill()
    streams: Any = sys  # mypy knows them as TextIO alone
    if not isinstance(sys.stdout, Log):
        streams.stdout = Log(_whole(sys.stdout))
    if not isinstance(sys.stderr, Log):
        streams.stderr = Log(Stderr(sys.stderr))


def settle() -> None:
    """Write what stdout still holds back: the last moment to say that it cannot be written.

    Raises:
        UsageError: If something of it was not written.
    """
    stdout: Any = sys.stdout
    while isinstance(stdout, Log):
        stdout = stdout.stream
    if isinstance(stdout, Stdout):
        stdout.settle()


def _fill() -> None:
    """Open what was closed before we began, on nothing."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest free number: this one
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 (stays open)
            setattr(sys, name, nothing)


def _whole(stream: TextIO) -> Stdout:
    """Return stdout, made so that a text is written to its end or fails.

    Without Python's buffer (`-u`) a text is cut off unnoticed where a disk takes only part of it.
    """
    raw = getattr(stream, "buffer", None)
    if not isinstance(raw, io.RawIOBase):
        return Stdout(stream)
    buffered = io.BufferedWriter(raw)
    return Stdout(io.TextIOWrapper(buffered, stream.encoding, stream.errors), is_eager=True)


def _discard(stream: TextIO) -> None:
    """Let what is written go nowhere: Python writes what it holds back once more as it ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # no file of the system's, or closed
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
