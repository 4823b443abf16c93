"""A real server that a test starts on loopback, waits for, and ends with all its processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

START_SECONDS = 120.0
_END_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Service:
    """How to start a server.

    `port` is where it listens on 127.0.0.1; `user` runs it, where root may not.
    """

    command: Sequence[str]
    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    @property
    def log(self) -> Path:
        """Where what it says is kept."""
        return self.folder / "server.log"

    def fail(self, what: str) -> None:
        """Fail the test, with the server's log."""
        pytest.fail(f"{self.command[0]} {what}; its log:\n{self.log.read_text(errors='replace')}")


@contextmanager
def running(
    service: Service,
    is_up: Callable[[], bool] | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Iterator[int]:
    """A running server; gives the id of its process group, which holds nobody else.

    `is_up` says whether it serves (left out: it accepts connections); `meanwhile` is done while it
    starts.
    """
    with service.log.open("wb") as output:
        process = subprocess.Popen(
            service.command,
            cwd=service.folder,
            env=os.environ | service.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=service.user,
            group=service.user and _group_of(service.user),
            extra_groups=service.user and [],
        )
        try:
            meanwhile()
            _wait(service, process, is_up or (lambda: accepts(service.port)))
            yield process.pid
        finally:
            _end(process)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Say whether somebody listens on a port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
        return True
    return False


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def _wait(service: Service, process: subprocess.Popen[bytes], is_up: Callable[[], bool]) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        if is_up():
            return
        time.sleep(0.1)
    service.fail("did not start")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers: they are one group, since they began a session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
