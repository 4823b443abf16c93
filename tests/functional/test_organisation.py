"""An organisation's template: the gate, the caller, the ruleset and the upgrade fit together."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.history.past_runs import EXPERIMENT, Ran, blank_store, write_store
from tests.plugin_factory import Site
from tests.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
ACME = ROOT / "plugins" / "acme-policies"
TEMPLATE = ACME / ".github"
PACK = "version: 1\npolicies: {{metric-threshold: {{metric: val_f1, min: {}}}}}\n"


def _content(path: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((TEMPLATE / path).read_text("utf-8"))
    return loaded


def _step(workflow: Mapping[Any, Any], uses: str) -> dict[str, Any]:
    (found,) = (
        step
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if step.get("uses", "").startswith(uses)
    )
    assert isinstance(found, dict)
    return found


def test_the_gate_gives_the_action_inputs_that_it_has() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    gate = _content("workflows/model-gate.yml")
    assert _step(gate, "OWNER/")["with"].keys() <= action["inputs"].keys()
    inputs = gate[True]["workflow_call"]["inputs"]
    assert inputs["profile"]["default"] == action["inputs"]["profile"]["default"]


def test_a_team_calls_the_gate_with_inputs_and_secrets_that_it_takes() -> None:
    called = _content("workflows/model-gate.yml")[True]["workflow_call"]
    (job,) = _content("team/model-gate.yml")["jobs"].values()
    assert job["with"].keys() <= called["inputs"].keys()
    assert job["secrets"].keys() == called["secrets"].keys()


def test_the_ruleset_requires_the_check_that_the_gate_becomes() -> None:
    ruleset = json.loads((TEMPLATE / "ruleset.json").read_text("utf-8"))
    (rule,) = (r for r in ruleset["rules"] if r["type"] == "required_status_checks")
    (check,) = rule["parameters"]["required_status_checks"]
    (caller,) = _content("team/model-gate.yml")["jobs"]
    (gate,) = _content("workflows/model-gate.yml")["jobs"].values()
    assert check["context"] == f"{caller} / {gate['name']}"


def test_a_pull_request_on_the_pack_shows_the_runs_that_it_would_newly_block(
    tmp_path: Path,
) -> None:
    (run,) = (
        step["run"]
        for step in _content("workflows/pack-upgrade.yml")["jobs"]["backtest"]["steps"]
        if "backtest" in step.get("run", "")
    )
    site = Site(tmp_path / "site")
    shutil.copytree(ACME / "acme_policies", site.folder / "acme_policies")
    site.metadata("acme-policies", "1.0.0", "[policy_engine]\nacme = acme_policies\n")
    repository = Repository.new(tmp_path / "repository")
    folder = repository.folder / "acme_policies"
    shutil.copytree(ACME / "acme_policies", folder)
    (folder / "acme.yaml").write_text(PACK.format(0.5))
    repository.git("add", "--all")
    base = repository.commit("README.md")
    (folder / "acme.yaml").write_text(PACK.format(0.82))
    blank_store(tmp_path)
    address, ids = write_store(tmp_path, [Ran(0.80, at=0), Ran(0.85, at=1)])

    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", run.replace("90d", "9000d")],
        cwd=repository.folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(map(str, (site.folder, ROOT, ROOT / "plugins"))),
            "MLFLOW_TRACKING_URI": address,
            "EXPERIMENT": EXPERIMENT,
            "BASE": base,
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert ids[0] in summary or ids[0][:8] in summary
    assert "metric-threshold" in summary


@pytest.mark.parametrize("name", ["workflows/model-gate.yml", "workflows/pack-upgrade.yml"])
def test_the_templates_pin_their_actions_and_grant_nothing_at_the_top(name: str) -> None:
    workflow = _content(name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        for uses in (step["uses"] for step in job["steps"] if "uses" in step):
            assert len(uses.partition("@")[2]) == 40 or uses.startswith("OWNER/")
