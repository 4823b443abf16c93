"""Python may drop assertions and docstrings; what is decided stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command import Project, candidate, evidence, run_command
from tests.plugin_factory import Site, policy_module

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """\
version: 1
plugins: [acme-policies]
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
  acme-rule: on
"""
PASSES = "yield Finding(outcome=Outcome.PASS, message='the model is fine')"


@pytest.mark.parametrize("level", ["1", "2"])
@pytest.mark.parametrize(("score", "code"), [(0.95, 0), (0.1, 1)])
def test_a_check_decides_the_same_without_docstrings(
    tmp_path: Path, level: str, score: float, code: int
) -> None:
    project, site = Project(tmp_path), Site(tmp_path / "site")
    site.install(policy_module(PASSES))
    project.policy(POLICY)
    file = project.saved(evidence(candidate(metrics={"val_f1": score})))
    done = run_command(
        tmp_path,
        *("check", "--evidence", file),
        PYTHONOPTIMIZE=level,
        PYTHONPATH=str(site.folder),
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert (done.returncode, done.stderr) == (code, b"")


@pytest.mark.parametrize(
    "command", [["validate"], ["list"], ["explain", "run-finished"], ["schema"]]
)
def test_what_reads_docstrings_ends_well_without_them(tmp_path: Path, command: list[str]) -> None:
    Project(tmp_path).policy("version: 1\npolicies:\n  run-finished: on\n")
    done = run_command(tmp_path, *command, PYTHONOPTIMIZE="2", PYTHONDONTWRITEBYTECODE="1")
    assert (done.returncode, done.stderr) == (0, b"")
