"""The example plugin, as its users have it: built, installed where nothing else is, on a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.distribution import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import MlflowServer

ROOT = Path(__file__).resolve().parents[2]
ACME = ROOT / "plugins" / "acme-policies"

POLICY_FILE = """\
version: 1
plugins: [acme-policies]
extends: [acme]
metric: {name: val_accuracy, goal: maximize}
baseline:
  - acme-golden: fraud
policies:
  baseline-logged: on
  acme-approved-datasets: {approved: ["payments-*"]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, built and installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--no-build-isolation")
    run(*pip, "--target", folder, ACME, cwd=folder)
    return folder


@pytest.fixture
def command(installed: Path, site: Path, tmp_path: Path) -> Callable[..., str]:
    """Run the command where policy-engine, what the lock pins, and acme-policies are installed."""

    def command(*words: str, exit_code: int = 0, **environment: str) -> str:
        program = installed / "policy-engine"
        environment["PYTHONPATH"] = str(site)
        return run(program, *words, cwd=tmp_path, exit_code=exit_code, **environment)

    return command


@pytest.fixture(scope="module")
def runs(mlflow_server: MlflowServer) -> dict[str, str]:
    """Log a golden run and two candidates, as a team's training does."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

    client = MlflowClient(mlflow_server.uri)
    experiment = client.create_experiment("acme-fraud")

    def logged(tags: dict[str, str], dataset: str, accuracy: float) -> str:
        run_id: str = client.create_run(experiment, tags=tags).info.run_id
        client.log_batch(run_id, metrics=[Metric("val_accuracy", accuracy, 0, 0)])
        data = Dataset(name=dataset, digest="0" * 8, source_type="local", source="{}")
        tag = InputTag("mlflow.data.context", "training")
        client.log_inputs(run_id, [DatasetInput(data, [tag])])
        client.set_terminated(run_id)
        return run_id

    return {
        "golden": logged({"acme.golden": "fraud"}, "payments-2025", 0.93),
        "good": logged({"risk": "high", "reviewed_by": "ben"}, "payments-2026", 0.95),
        "bad": logged({"risk": "high"}, "scraped", 0.99),
    }


@pytest.fixture
def judged(
    command: Callable[..., str], mlflow_server: MlflowServer, runs: dict[str, str], tmp_path: Path
) -> Callable[[str, int], Any]:
    """Check a run against the server and give the report's only subject."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "fraud.yaml").write_text(POLICY_FILE)

    def judged(run_name: str, exit_code: int) -> Any:
        words = ("check", "--run", runs[run_name], "--format", "json")
        told = command(*words, exit_code=exit_code, MLFLOW_TRACKING_URI=mlflow_server.uri)
        (subject,) = json.loads(told)["subjects"]
        return subject

    return judged


def effects(subject: Any) -> dict[str, str]:
    return {finding["id"]: finding["effect"] for finding in subject["findings"]}


def test_a_run_that_breaks_the_rules_of_the_organisation_is_blocked(
    judged: Callable[[str, int], Any],
) -> None:
    assert effects(judged("bad", 1)) == {
        "acme-high-risk-review": "block",
        "acme-model-naming": "warn",
        "baseline-logged": "none",
        "acme-approved-datasets": "block",
    }


def test_the_plugins_rule_finds_the_baseline_and_a_run_that_keeps_the_rules_may_merge(
    judged: Callable[[str, int], Any], runs: dict[str, str]
) -> None:
    subject = judged("good", 0)
    assert subject["baseline"]["run_id"] == runs["golden"]
    assert subject["baseline"]["found_by"] == "acme-golden: fraud"
    assert "block" not in effects(subject).values()


def test_its_own_tests_pass_where_it_is_installed(site: Path, tmp_path: Path) -> None:
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    told = run(*pytest_, "--rootdir", ACME, ACME, cwd=tmp_path, PYTHONPATH=str(site))
    assert " passed" in told


def test_its_readme_shows_a_policy_file_that_is_valid(
    command: Callable[..., str], tmp_path: Path
) -> None:
    text = (ACME / "README.md").read_text("utf-8")
    block = text.split("```yaml\n")[1].split("```")[0]
    (tmp_path / "fraud.yaml").write_text(block)
    assert command("validate", "fraud.yaml").startswith("fraud.yaml: valid, ")
