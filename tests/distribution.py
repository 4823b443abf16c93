"""The built distribution, and an environment that has it and nothing else: for any test."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path, exit_code: int = 0, **environment: str) -> str:
    """Run a command outside this checkout, and give what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=env | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == exit_code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """Return a folder that whichever worker asks first makes, and the others wait for."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder = root / f"once-{name}"
    with (root / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / f"once-{name}.made").exists():
            shutil.rmtree(folder, ignore_errors=True)  # half made
            folder.mkdir()
            make(folder)
            (root / f"once-{name}.made").touch()
    return folder


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel out of the sdist: what the sdist lacks, the wheel lacks."""

    def build(folder: Path) -> None:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)

    return made_once(tmp_path_factory, "dist", build)


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    return dist / "policy_engine-0.1.0-py3-none-any.whl"


@pytest.fixture(scope="session")
def wheel_names(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the `bin` of an environment that has the wheel and what the lock pins, nothing else."""

    def install(home: Path) -> None:
        run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
        python = home / "venv" / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-compile")
        run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "run.txt", cwd=home)
        run(*pip, "--no-deps", wheel, cwd=home)

    return made_once(tmp_path_factory, "installed", install) / "venv" / "bin"
