"""A real `mlflow server` on loopback, with a champion and a candidate; ended by its pid."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMIT_TAGS = ("policy_engine.head_sha", "mlflow.source.git.commit")
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Trained:
    """What the server holds: two registered models, each of a run of the experiment `fraud`.

    Attributes:
        candidate: Id of the run under judgement.
        candidate_model: Id of its logged model.
        champion: Id of the run behind the alias `champion` of the registered model `fraud`.
        champion_model: Id of its logged model.
    """

    candidate: str
    candidate_model: str
    champion: str
    champion_model: str


def quiet_environment() -> dict[str, str]:
    """Return this process's environment without what could change how MLflow or git behave."""
    foreign = ("MLFLOW_", "GITHUB_", "POLICY_ENGINE_", "GIT_", "PYTHON")
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(foreign) and name.lower() not in proxies
    }
    return kept | {"NO_PROXY": "*", "MLFLOW_DISABLE_TELEMETRY": "true", "COLUMNS": "100"}


@contextlib.contextmanager
def mlflow_server(root: Path) -> Iterator[str]:
    """Run a server over a new SQLite database in `root`, and yield its address."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}"),
        *("--artifacts-destination", str(root / "artifacts")),
    ]
    # Off: seven more processes that no read needs.
    environment = quiet_environment() | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = root / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_healthy(address, process, log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def train(address: str, commit: str) -> Trained:
    """Train two models and log them through the server, as a team would.

    Args:
        address: The server's.
        commit: The commit that the candidate says it was trained on.
    """
    # In a process of its own: MLflow, pandas and scikit-learn shall not weigh on this one.
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.scripts.train", address, commit],
        env=quiet_environment(),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return Trained(*told.split()[-4:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(urllib.error.URLError, OSError):
            # S310: the address is our own, on loopback.
            urllib.request.urlopen(f"{address}/health", timeout=5).close()  # noqa: S310
            return
        time.sleep(0.1)
    raise RuntimeError(
        f"the MLflow server did not start: {log.read_text(errors='replace')[-2000:]}"
    )
