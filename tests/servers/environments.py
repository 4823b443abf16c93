"""The environments of the servers and clients: each made once, by the Makefile, from its lock."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-servers"
NEWEST = "newest"
"""The MLflow of this environment, which `requirements/dev.txt` pins."""
LATEST = "latest"
"""The MLflow that is the newest today: there only where `make .venv-servers/latest/.locked` was."""


@dataclass(frozen=True, slots=True)
class Python:
    """A Python with an MLflow, and the variables that it runs with."""

    path: str
    variables: Mapping[str, str]


def made(name: str) -> Path:
    """Return the folder of an environment, made if it is not there or its lock has changed."""
    HOME.mkdir(exist_ok=True)
    with (HOME / ".lock").open("w") as lock:  # two workers may ask at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        target = (HOME / name / ".locked").relative_to(ROOT)
        # Relative: a blank in the path of the checkout would be two words to make.
        python = os.path.relpath(sys.executable, ROOT)
        done = subprocess.run(
            ["make", "--silent", str(target), f"PYTHON={python}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, f"make {target}\n{done.stdout}\n{done.stderr}"
    return HOME / name


def python_of(version: str, *, with_drivers: bool) -> Python:
    """Return the Python that an MLflow runs on.

    Args:
        version: The folder in `.venv-servers`, or NEWEST.
        with_drivers: Whether it needs the drivers of a database or an artifact store. The newest is
            lent them: its own environment cannot hold them (requirements/servers/emulators.in).
    """
    if version != NEWEST:
        return Python(str(made(version) / "bin" / "python"), {})
    if not with_drivers:
        return Python(sys.executable, {})
    (packages,) = made("emulators").glob("lib/python3*/site-packages")
    return Python(sys.executable, {"PYTHONPATH": str(packages)})


def version_of(name: str) -> str:
    """Return the MLflow that an environment has."""
    if name == LATEST:
        (found,) = (HOME / name).glob("lib/python3*/site-packages/mlflow-[0-9]*.dist-info")
        return found.name.removeprefix("mlflow-").removesuffix(".dist-info")
    lock = "dev" if name == NEWEST else f"servers/{name}"
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    (version,) = re.findall(r"^mlflow==(\S+)", text, re.MULTILINE)
    return str(version)
