"""What MLflow itself refuses, before the gate has anything to read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.mlflow_server import How, served
from tests.servers.environments import NEWEST, python_of
from tests.servers.training import train

if TYPE_CHECKING:
    from pathlib import Path

TOLD = {"champion": "c" * 40, "candidate": "a" * 40}


@pytest.mark.servers
@pytest.mark.timeout(900)
@pytest.mark.parametrize("client", ["3.0", NEWEST])
def test_mlflow_3_logs_no_model_to_a_server_of_mlflow_2(client: str, tmp_path: Path) -> None:
    server = python_of("2.22", with_drivers=False)
    with served(tmp_path, How(server.path, environment=server.variables)) as mlflow:
        trained = train(
            python_of(client, with_drivers=False), TOLD, {"MLFLOW_TRACKING_URI": mlflow.uri}
        )
    assert trained.returncode == 1
    assert re.search(
        "MlflowException: API request to endpoint /api/2.0/mlflow/logged-models "
        "failed with error code 404",
        trained.stderr,
    )
