"""What each framework's script trained and logged, in a repository of its team."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.functional.frameworks.frameworks import FRAMEWORKS, Framework
from tests.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = Path(__file__).parent
_LARGE = Path(__file__).parents[3] / ".venv-frameworks" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Trained:
    """A run that a framework's script logged, and the database that has it."""

    framework: Framework
    run: str
    database: str


def _parameter(framework: Framework) -> object:
    marks = [] if framework.is_small else [pytest.mark.frameworks]
    return pytest.param(framework, id=str(framework), marks=marks)


@pytest.fixture(scope="session", params=[_parameter(each) for each in FRAMEWORKS])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The honest first run of a team: committed code, autologging, and a metric of its own."""
    framework: Framework = request.param
    python = _python_of(framework)
    team = Repository.new(tmp_path_factory.mktemp("team") / "code")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_HERE / "training", team.folder / "training", ignore=ignored)
    team.commit(text="the first model")
    job = team.folder.parent / "job"
    job.mkdir()
    database = f"sqlite:///{job / 'mlflow.db'}"
    done = subprocess.run(
        [python, str(team.folder / "training" / f"train_{framework.script}.py")],
        cwd=job,
        env=_without_mlflow(os.environ) | {"MLFLOW_TRACKING_URI": database, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Trained(framework, done.stdout.split()[-1], database)


def _without_mlflow(environ: Mapping[str, str]) -> dict[str, str]:
    """Leave out what MLflow wrote there for another test: an experiment of another store."""
    kept = ("MLFLOW_DISABLE_TELEMETRY",)
    return {k: v for k, v in environ.items() if not k.startswith("MLFLOW_") or k in kept}


def _python_of(framework: Framework) -> str:
    if framework.is_small:
        return sys.executable
    assert _LARGE.exists(), "make test-frameworks makes the environment of these frameworks"
    if framework.needs_torch and not _has_torch():
        pytest.skip(f"{framework.name}: there is no CPU build of PyTorch in .venv-frameworks")
    return str(_LARGE)


def _has_torch() -> bool:
    found = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
    return subprocess.run([str(_LARGE), "-c", found], check=False).returncode == 0
