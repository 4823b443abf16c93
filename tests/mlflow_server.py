"""A real `mlflow server` on loopback, of any version, over any database and artifact store."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.service import Service, free_port, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path


WRITTEN_BY_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_ID")
"""Variables that MLflow sets where an address or an experiment is set, and never takes back."""


@contextmanager
def logging_to(uri: str) -> Iterator[None]:
    """Training code logs to this store and registers there, until the end of the block.

    Both addresses, and an experiment that is set, are out of the environment again afterwards.
    """
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri("")
        mlflow.set_registry_uri("")
        for name in WRITTEN_BY_MLFLOW:
            os.environ.pop(name, None)


@dataclass(frozen=True, slots=True)
class MlflowServer:
    """A running `mlflow server`: its address, its database, and the folder that holds both.

    `group` is the id of the process group that it and its workers are, and nobody else is.
    """

    uri: str
    database: str
    root: Path
    group: int


@dataclass(frozen=True, slots=True)
class How:
    """How a server is started, where it is not the one of this environment with local files.

    `artifacts` are the options that say where artifacts lie; None: the server serves a folder.
    """

    python: str = sys.executable
    database: str | None = None
    artifacts: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def served(
    root: Path, how: How | None = None, meanwhile: Callable[[], object] = lambda: None
) -> Iterator[MlflowServer]:
    """A real `mlflow server` on a free port; without more, over a new SQLite database."""
    how = how or How()
    database = how.database or f"sqlite:///{root / 'mlflow.db'}"
    artifacts = how.artifacts or ("--artifacts-destination", str(root / "proxied"))
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [
        *(how.python, "-m", "mlflow", "server", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", database),
        *artifacts,
    ]
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **how.environment}
    service = Service(command, root, port, environment)
    with running(service, lambda: _is_healthy(uri), meanwhile) as group:
        yield MlflowServer(uri, database, root, group)


def _is_healthy(uri: str) -> bool:
    try:
        # S310: the address is our own, on loopback.
        with urllib.request.urlopen(f"{uri}/health", timeout=5):  # noqa: S310
            return True
    except (urllib.error.URLError, OSError):
        return False
