"""`python -m policy_engine` in a folder that is under judgement runs none of its modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import Project, candidate, evidence
from tests.plugin_factory import Site, policy_module

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
MINIMUM = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
ACME = "version: 1\nplugins: [acme-policies]\npolicies:\n  acme-rule: on\n"
PASSES = "yield Finding(outcome=Outcome.PASS, message='the model is fine')"
HOSTILE = "import posix\nposix.mkdir('ran-' + __name__)\nraise SystemExit(0)\n"
PACKAGES = (
    "click",
    "mlflow",
    "mlops_policies",
    "pluggy",
    "pydantic",
    "requests",
    "urllib3",
    "yaml",
)


def loaded_by_python(folder: Path) -> set[str]:
    """Return what `python -m` itself has loaded before any module of ours is looked for."""
    folder.mkdir()
    (folder / "probe.py").write_text("import sys\nprint(*sys.modules)\n")
    return set(run(folder, "-m", "probe").stdout.split())


def run(
    folder: Path, *arguments: str, path: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join(map(str, (*path, ROOT, ROOT / "plugins")))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize("score", [0.95, 0.1])
def test_no_module_of_the_folder_runs_whatever_it_is_called(tmp_path: Path, score: float) -> None:
    """But for those that Python loads itself before it finds us; `policy-engine` has none."""
    project = Project(tmp_path)
    project.policy(MINIMUM)
    saved = project.saved(evidence(candidate(metrics={"val_f1": score})))
    before = loaded_by_python(tmp_path / "elsewhere")
    hostile = {*sys.stdlib_module_names, *PACKAGES} - before
    assert {"yaml", "typing", "json", "os"} - hostile == {"os"}
    for name in hostile:
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    done = run(tmp_path, "-m", "policy_engine", "check", "--evidence", saved)
    assert (sorted(p.name for p in tmp_path.glob("ran-*")), done.stderr) == ([], "")
    assert done.returncode == (0 if score > 0.9 else 1)


@pytest.mark.parametrize("flags", [("-P",), ()], ids=["-P", "without -P"])
def test_where_python_puts_no_folder_first_no_other_place_is_lost(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    project, site = Project(tmp_path), Site(tmp_path / "site")
    site.install(policy_module(PASSES))
    project.policy(ACME)
    saved = project.saved(evidence(candidate()))
    done = run(
        tmp_path, *flags, "-m", "policy_engine", "check", "--evidence", saved, path=(site.folder,)
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_package_that_imports_us_keeps_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "__init__.py").write_text("import policy_engine\n")
    (tmp_path / "team" / "__main__.py").write_text("import beside\n")
    (tmp_path / "beside.py").write_text("print('imported')\n")
    done = run(tmp_path, "-m", "team", "policy_engine")
    assert (done.stdout, done.stderr) == ("imported\n", "")
