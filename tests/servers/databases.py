"""The databases behind a server: real ones, as processes of the test, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.service import Service, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator

# PostgreSQL and MariaDB refuse to run as root.
_USER = "nobody" if os.geteuid() == 0 else None


@contextmanager
def database(kind: str, root: Path) -> Iterator[str]:
    """The address of a new, empty database of a kind, as `mlflow server` takes it."""
    if kind == "sqlite":
        yield f"sqlite:///{root / 'mlflow.db'}"
    elif kind == "postgresql":
        with _postgresql() as uri:
            yield uri
    else:
        assert kind == "mariadb"
        with _mariadb() as uri:
            yield uri


@contextmanager
def _postgresql() -> Iterator[str]:
    initdb, postgres = _program("initdb"), _program("postgres")
    with _folder() as folder:
        data = str(folder / "data")
        _run(folder, initdb, "-D", data, "-U", "mlflow", "--auth=trust", "-E", "UTF8", "-N")
        port = free_port()
        command = [postgres, "-D", data, "-p", str(port), "-k", str(folder), "-F"]
        command += ["-c", "listen_addresses=127.0.0.1"]
        with running(Service(command, folder, port, user=_USER), lambda: _answers(port)):
            yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"


def _answers(port: int) -> bool:
    asked = [_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow"]
    return subprocess.run(asked, check=False).returncode == 0


@contextmanager
def _mariadb() -> Iterator[str]:
    install, mariadbd = _program("mariadb-install-db"), _program("mariadbd")
    with _folder() as folder:
        where = ["--no-defaults", f"--datadir={folder / 'data'}"]
        _run(folder, install, *where, "--skip-test-db", "--auth-root-authentication-method=normal")
        (folder / "begin.sql").write_text("CREATE DATABASE mlflow;\n")
        port = free_port()
        command = [mariadbd, *where, "--bind-address=127.0.0.1", f"--port={port}"]
        command += [f"--socket={folder / 'socket'}", f"--init-file={folder / 'begin.sql'}"]
        with running(Service(command, folder, port, user=_USER)):
            yield f"mysql+pymysql://root@127.0.0.1:{port}/mlflow"


def _program(name: str) -> str:
    """Return where a program is; Debian keeps PostgreSQL's beside the path."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None and not beside:
        pytest.skip(f"{name} is not installed (Debian: apt install postgresql mariadb-server)")
    return path or str(beside[-1])


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the database's user may write to; pytest's own are closed to all but one."""
    with tempfile.TemporaryDirectory(prefix="database-") as name:
        if _USER is not None:
            shutil.chown(name, _USER, "nogroup")
        yield Path(name)


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        user=_USER,
        group="nogroup" if _USER else None,
        extra_groups=[] if _USER else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
