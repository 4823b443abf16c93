"""Stores that MLflow's client reads with a plugin, and a registry that is elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command import run_command
from tests.tracking.relay import relaying
from tests.tracking.team import Gate, Team

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import MlflowServer, Trained

POLICIES = """
metric: {name: val_accuracy}
baseline:
  - alias: champion
policies:
  run-finished: on
  baseline-logged: on
  model-size-budget: {max_size: 25MB}
"""
ARN = "arn:aws:sagemaker:eu-west-1:000000000000:mlflow-tracking-server/team"
PLUGIN = '''
"""Stands for SageMaker's plugin, whose server no test can reach, without its signature."""

import os

from mlflow.store.model_registry.rest_store import RestStore as Registry
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.rest_utils import MlflowHostCreds


def tracking(store_uri, artifact_uri=None):
    return RestStore(lambda: MlflowHostCreds(os.environ["STANDS_FOR_SAGEMAKER"]))


def registry(store_uri, tracking_uri=None):
    return Registry(lambda: MlflowHostCreds(os.environ["STANDS_FOR_SAGEMAKER"]))
'''
ENTRY_POINTS = """
[mlflow.tracking_store]
arn = stand_in:tracking
[mlflow.model_registry_store]
arn = stand_in:registry
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Gate.of(tmp_path, "", p=POLICIES)
    return tmp_path


def check(
    folder: Path, trained: Trained, *more: str, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    candidate = ("--run", trained.candidate, "--timeout", "60s")
    return run_command(folder, "check", *candidate, *more, **variables)


def test_a_store_of_a_plugin_is_read_through_mlflows_client(
    folder: Path, trained: Trained, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    installed = tmp_path / "installed"
    metadata = installed / "stand_in-1.0.dist-info"
    metadata.mkdir(parents=True)
    (installed / "stand_in.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    variables = {"PYTHONPATH": str(installed), "STANDS_FOR_SAGEMAKER": mlflow_server.uri}
    by_plugin = check(folder, trained, "--tracking-uri", ARN, **variables)
    by_rest = check(folder, trained, "--tracking-uri", mlflow_server.uri)
    assert (by_plugin.returncode, by_plugin.stdout) == (by_rest.returncode, by_rest.stdout)
    assert b"found by alias: champion" in b" ".join(by_rest.stdout.split())


@pytest.mark.parametrize(
    ("uri", "package"),
    [
        (ARN, "sagemaker-mlflow"),
        ("azureml://eastus.api.azureml.ms/mlflow/v1.0/workspaces/w", "azureml-mlflow"),
    ],
)
def test_a_plugin_that_is_missing_is_named_with_its_package(
    uri: str, package: str, folder: Path, trained: Trained
) -> None:
    done = check(folder, trained, "--tracking-uri", uri, "--format", "json")
    scheme = uri.partition(":")[0]
    assert done.returncode == 3
    assert (
        f"MLflow reads {uri} with a plugin, and none for '{scheme}' is installed: "
        f"pip install {package}, beside policy-engine"
    ) in done.stdout.decode()


def databricks(host: str) -> dict[str, str]:
    return {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "t0ken-of-nobody"}


def test_databricks_is_read_and_its_registry_is_unity_catalog(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    """Its API is MLflow's own; Unity Catalog's is not, and a plain server does not know it."""
    with relaying(mlflow_server.uri) as relay:
        done = check(folder, trained, "--tracking-uri", "databricks", **databricks(relay.uri))
        asked = set(relay.asked)
    assert "GET /api/2.0/mlflow/unity-catalog/registered-models/alias" in asked
    assert "GET /api/2.0/mlflow/registered-models/alias" not in asked
    assert done.returncode == 3
    assert b"t0ken-of-nobody" not in done.stdout + done.stderr
    assert b"WARNING" not in done.stderr
    said = " ".join(done.stdout.decode().split())
    assert "the baseline could not be read: MLflow at databricks could not be read: " in said
    assert "passed: run-finished, model-size-budget" in said


def test_the_runs_of_databricks_may_have_a_registry_on_another_server(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    with relaying(mlflow_server.uri) as tracking, relaying(mlflow_server.uri) as registry:
        where = ("--tracking-uri", "databricks", "--registry-uri", registry.uri)
        done = check(folder, trained, *where, **databricks(tracking.uri))
        assert registry.asked == ["GET /api/2.0/mlflow/registered-models/alias"]
    assert b"found by alias: champion" in b" ".join(done.stdout.split())


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_registered_models_are_read_where_mlflow_reads_them(
    by: str, folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    with relaying(mlflow_server.uri) as tracking, relaying(mlflow_server.uri) as registry:
        flag = ("--registry-uri", registry.uri) if by == "flag" else ()
        variables = {} if by == "flag" else {"MLFLOW_REGISTRY_URI": registry.uri}
        done = check(folder, trained, "--tracking-uri", tracking.uri, *flag, **variables)
        assert b"found by alias: champion" in b" ".join(done.stdout.split())
        assert registry.asked == ["GET /api/2.0/mlflow/registered-models/alias"]
        assert not any("registered-models" in asked for asked in tracking.asked)


def test_a_name_of_three_parts_is_a_registered_model(
    folder: Path, mlflow_server: MlflowServer
) -> None:
    team = Team.of(mlflow_server)
    name, run = team.name("main.ml.fraud"), team.run(team.experiment())
    team.register(name, team.model(run), run, "champion")
    for version in ("/1", "@champion"):
        uri = ("--tracking-uri", mlflow_server.uri, "--policies", "policies")
        done = run_command(folder, "check", "--model", f"models:/{name}{version}", *uri)
        assert f"{name}/1".encode() in b" ".join(done.stdout.split())


def test_a_version_whose_run_is_in_another_tracking_store_says_so(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    team = Team.of(mlflow_server)
    name, elsewhere = team.name("fraud"), "e" * 32
    team.client.create_registered_model(name)
    team.client.create_model_version(name, "s3://b/model", elsewhere, await_creation_for=0)
    team.client.set_registered_model_alias(name, "champion", "1")
    why = (
        f"{name} version 1 was logged by run {elsewhere}, which the tracking store does not have: "
        "it was logged in another one"
    )
    Gate.of(folder, "", p=POLICIES.replace("alias: champion", f"alias: {name}@champion"))
    for candidate in (("--run", trained.candidate), ("--model", f"models:/{name}/1")):
        uri = ("--tracking-uri", mlflow_server.uri, "--format", "json")
        done = run_command(folder, "check", *candidate, *uri)
        assert why in done.stdout.decode()
        assert done.returncode == (1 if candidate[0] == "--run" else 4)
