"""The benchmarks' large store is one that MLflow itself reads, and that a check judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.scale_store import make_store
from policy_engine.check import Options, check
from tests.mlflow_server import How, served

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scale")
    make_store(root, runs=600, registered=10)
    return root


def test_mlflow_reads_every_run_with_its_data_and_model(root: Path) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiments = [e.experiment_id for e in client.search_experiments() if e.name != "Default"]
    runs: list[Any] = list(client.search_runs(experiments, max_results=5_000))
    assert len(experiments) == 12
    assert 590 <= len(runs) < 600  # some are deleted
    assert {run.info.status for run in runs} == {"FINISHED", "FAILED", "RUNNING"}
    assert any("mlflow.parentRunId" in run.data.tags for run in runs)
    well = next(run for run in runs if run.info.status == "FINISHED" and run.inputs.dataset_inputs)
    names = {each.dataset.name for each in well.inputs.dataset_inputs}
    assert names == {"payments-training", "payments-evaluation"}
    whole: Any = client.get_run(well.info.run_id)
    (output,) = whole.outputs.model_outputs
    assert client.get_logged_model(output.model_id).source_run_id == well.info.run_id


def test_a_check_judges_a_champion_of_it_by_what_the_server_stores(
    root: Path, tmp_path: Path
) -> None:
    policies = tmp_path / "policies.yaml"
    policies.write_text(
        "version: 1\nmetric: {name: val_f1}\n"
        "policies:\n  model-size-budget: {max_size: 1MB}\n  run-finished: on\n",
        "utf-8",
    )
    how = How(artifacts=("--artifacts-destination", str(root / "artifacts")))
    with served(root, how) as server:
        import mlflow

        client = mlflow.MlflowClient(server.uri)
        name = client.search_registered_models()[0].name
        options = Options(
            models=(f"models:/{name}@champion",),
            policies=("policies.yaml",),
            tracking_uri=server.uri,
            root=tmp_path,
        )
        (subject,) = check(options).subjects
    sizes = [f.measured for f in subject.findings if f.id == "model-size-budget" and f.measured]
    assert 4_096 < int(sizes[0].value) < 10_000
    assert {finding.outcome.value for finding in subject.findings} == {"pass"}
