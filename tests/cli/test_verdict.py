"""Green is what a report on disk says: a plugin that ends the process leaves none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command import Project, candidate, command, evidence, run_command
from tests.plugin_factory import HEAD, REGISTER, Site, policy_class

if TYPE_CHECKING:
    from pathlib import Path

POLICIES = """\
version: 1
plugins: [acme-policies]
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
  acme-rule: on
"""
EXITS = {
    "at import": "import os\nos._exit(0)\n",
    "in evaluate": HEAD
    + policy_class("import os\nos._exit(0)\nyield")
    + REGISTER.format(class_names="AcmeRule"),
    "in a thread": HEAD
    + "import os\nimport threading\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
    + policy_class("yield")
    + REGISTER.format(class_names="AcmeRule"),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.mark.parametrize("source", EXITS.values(), ids=EXITS)
def test_a_plugin_that_ends_the_process_leaves_nothing_to_be_green_by(
    source: str, project: Project, tmp_path: Path
) -> None:
    project.policy(POLICIES)
    saved = project.saved(evidence(candidate(metrics={"val_f1": 0.1})))
    site = Site(tmp_path / "site")
    site.install(source)
    where = {"PYTHONPATH": str(site.folder)}
    arguments = ("--evidence", saved, "--format", "json=report.json")
    done = run_command(tmp_path, "check", *arguments, **where)
    assert done.returncode == 0  # this is what a job sees
    said = run_command(tmp_path, "verdict", "report.json")
    assert said.returncode == 2
    assert "report file report.json is not there; " in said.stderr.decode()


@pytest.mark.parametrize(("value", "code", "word"), [(0.95, 0, "warn"), (0.1, 1, "fail")])
def test_a_report_that_was_written_ends_as_its_check_did(
    value: float, code: int, word: str, project: Project
) -> None:
    own = POLICIES.replace("plugins: [acme-policies]\n", "").replace("  acme-rule: on\n", "")
    project.policy(own)
    told = project.check(
        evidence(candidate(metrics={"val_f1": value})), "--format", "json=report.json"
    )
    assert told.code == code
    verdict = command("verdict", "report.json")
    assert (verdict.code, verdict.err) == (code, "")
    assert verdict.out in {f"{word} (exit code {code})\n", f"pass (exit code {code})\n"}
