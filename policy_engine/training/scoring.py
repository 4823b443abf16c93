"""MLflow's scoring server on one model, in a process that is always ended."""

import http.client
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from policy_engine.errors import UsageError
from policy_engine.http.deadline import Deadline
from policy_engine.http.reading import held_response

HOST = "127.0.0.1"

_POLL_S = 0.05
_END_S = 10.0
_LOG_LINES = 15


@dataclass(frozen=True, slots=True)
class Server:
    """A scoring server that was started: its process, its port, its log, and when (monotonic s).

    Attributes:
        is_one_process: Whether the process itself loads the model, and no worker of it.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started: float
    is_one_process: bool = True

    def wait_until_healthy(self, timeout_s: float) -> float:
        """Return how long it took to answer for the first time (s).

        Raises:
            UsageError: If it ended before, or took too long.
        """
        until = self.started + timeout_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise UsageError(f"the model cannot be served: the server ended{self._said()}")
            if _is_healthy(self.port, until - time.monotonic()):
                return time.monotonic() - self.started
            time.sleep(_POLL_S)
        raise UsageError(f"the model was not served within {timeout_s:g} s{self._said()}")

    def _said(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "; its last words:\n" + "\n".join(lines[-_LOG_LINES:]) if lines else ""


@contextmanager
def served(model: Path, root: Path, timeout_s: float) -> Iterator[Server]:
    """Start the scoring server on a model; end it whatever happens."""
    from mlflow.pyfunc import scoring_server  # noqa: PLC0415 (loads all of MLflow's model code)

    port = free_port()
    words, environment = scoring_server.get_cmd(
        str(model),
        port,
        HOST,  # type: ignore[arg-type]  # MLflow says int and means a name
        max(1, round(timeout_s)),
        nworkers=1,
    )
    # With `-m` it is this environment's server, and not the first one that is found on the path.
    # MLflow 2.16 leaves `${GUNICORN_CMD_ARGS}` to a shell; gunicorn reads that variable itself.
    command = [sys.executable, "-m", *(w for w in shlex.split(words) if not w.startswith("${"))]
    started = time.monotonic()
    with running(command, root, environment) as (process, log):
        yield Server(process, port, log, started, is_one_process="gunicorn" not in command)


@contextmanager
def running(
    command: list[str], root: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a command in an empty folder below `root`; end it, by its own process id, at the end."""
    folder, log = root / "empty", root / "server.log"
    folder.mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 (MLflow's own command, for a file of our own)
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _is_healthy(port: int, timeout_s: float) -> bool:
    deadline = Deadline(max(_POLL_S, timeout_s))
    connection = http.client.HTTPConnection(HOST, port, timeout=deadline.seconds)
    connection.response_class = held_response(deadline, deadline.seconds)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
