"""How far long work is: told on a terminal, gone at its end, and never in a job's log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import Project
from tests.terminal import ROOT, on_a_terminal

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, Trained

POLICY = "version: 1\npolicies:\n  metric-threshold: {metric: val_accuracy, min: 0.5}\n"
TEST = """\
version: 1
policy_file: ../fraud.yaml
cases:
  - name: good
    evidence: {candidate: {metrics: {val_accuracy: 0.9}}}
    expect: {metric-threshold: pass}
  - name: bad
    evidence: {candidate: {metrics: {val_accuracy: 0.1}}}
    expect: {metric-threshold: fail}
"""


def in_a_job(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a job does: stderr is a file."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    return subprocess.run(
        [sys.executable, "-m", "policy_engine", *arguments],
        cwd=project.folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.policy(POLICY)
    made.policy(TEST, "policies/tests/fraud.yaml")
    return made


def test_tests_count_their_cases_and_leave_an_empty_line(project: Project) -> None:
    seen = on_a_terminal(project.folder, "test")
    assert (seen.code, seen.said) == (0, ["judged 1 of 2 cases", "judged 2 of 2 cases"])
    assert seen.terminal.endswith("\r\x1b[K")
    assert seen.out.endswith("2 cases: all as expected\n")


def test_who_waits_for_a_run_is_told_how_long_still(
    project: Project, mlflow_server: MlflowServer
) -> None:
    uri = ("--tracking-uri", mlflow_server.uri)
    waits = ("check", "--commit", "e" * 40, "--wait", "60min", *uri)
    seen = on_a_terminal(project.folder, *waits, until="more")
    assert seen.code == 130
    told = "no run yet: it is looked for every 5 s, for 60 min more"
    assert f"\r\x1b[K{told}\r\x1b[K" in seen.terminal


def test_collect_and_record_say_what_they_do(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    uri = ("--tracking-uri", mlflow_server.uri)
    runs = ("--run", trained.candidate, "--run", trained.champion)
    seen = on_a_terminal(project.folder, "collect", *runs, "--output", "e.json", *uri)
    assert "reading MLflow: 1 of 2 candidates read" in seen.said
    seen = on_a_terminal(project.folder, "record", "--run", trained.candidate, *uri)
    assert seen.said[0] == "reading the run"
    assert "judging the run, and what is kept of it" in seen.said


def test_a_job_s_log_gets_none_of_it(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    uri = ("--tracking-uri", mlflow_server.uri)
    for arguments in (
        ("test",),
        ("collect", "--run", trained.candidate, "--output", "e.json", *uri),
        ("record", "--run", trained.candidate, *uri),
    ):
        done = in_a_job(project, *arguments)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr
        assert not re.search("judg|reading", done.stderr)


def test_a_line_is_no_longer_than_the_terminal(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "21")
    assert on_a_terminal(project.folder, "test").said[0] == "judged 1 of 2 cases"
    monkeypatch.setenv("COLUMNS", "1")
    assert all(len(text) <= 20 for text in on_a_terminal(project.folder, "test").said)
