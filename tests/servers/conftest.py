"""One stand of the wall: a server as it says, and a small team that has trained on it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mlflow_server import How, served
from tests.repository import Repository
from tests.servers.databases import database
from tests.servers.environments import python_of
from tests.servers.stands import ORDINARY, STANDS, Stand
from tests.servers.stores import artifacts
from tests.servers.training import train

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLICIES = """
version: 1
extends: [recommended]
applies_to: {model: fraud}
metric: {name: val_accuracy, goal: maximize}
candidate: {paths: ["training/**"]}
baseline:
  - BASELINE
policies:
  code-lineage: off # there is no pull request
  baseline-fresh: off # what it says is of today
  model-size-budget: {max_size: 1MB, max_growth: 10%, growth_from: 100B}
  metric-threshold: {metric: val_accuracy, min: 0.95, level: mandatory}
  cost-per-point: {max_cost_per_point: 1 USD}
  no-slice-regression: {slices: [region], max_drop: 1pt}
"""


@dataclass(frozen=True, slots=True)
class Clone:
    """A clone with training code: the champion is of `main`, the candidate of a branch."""

    folder: Path
    champion: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Site:
    """A stand with what was trained on it: the ids of the runs."""

    stand: Stand
    uri: str
    clone: Clone
    champion: str
    candidate: str

    def policies(self, baseline: str = "alias: champion") -> str:
        """Write the policy file with this baseline rule, and return its path."""
        path = self.clone.folder / "policies" / "fraud.yaml"
        path.write_text(_POLICIES.replace("BASELINE", baseline))
        return str(path)


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    origin = Repository.new(tmp_path_factory.mktemp("git") / "origin")
    champion = origin.commit("training/fit.py", "policies/fraud.yaml")
    clone = Repository.clone(origin, origin.folder.parent / "clone")
    clone.git("switch", "--quiet", "--create", "change")
    candidate = clone.commit("training/fit.py")
    return Clone(clone.folder, champion, candidate)


def _parameter(stand: Stand) -> object:
    marks = [] if stand in ORDINARY else [pytest.mark.servers]
    return pytest.param(stand, id=str(stand), marks=marks)


@pytest.fixture(scope="session", params=[_parameter(stand) for stand in STANDS])
def site(
    request: pytest.FixtureRequest, clone: Clone, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A stand of the wall, up and trained on."""
    stand: Stand = request.param
    root = tmp_path_factory.mktemp("stand")
    has_drivers = (stand.database, stand.artifacts) != ("sqlite", "local")
    server = python_of(stand.server, with_drivers=has_drivers)
    client = python_of(stand.trained_with, with_drivers=has_drivers)
    with ExitStack() as stack:
        address = stack.enter_context(database(stand.database, root))
        store = stack.enter_context(artifacts(stand.artifacts, root))
        how = How(server.path, address, store.options, {**server.variables, **store.secrets})
        mlflow = stack.enter_context(served(root, how))
        secrets = store.secrets if store.is_direct else {}
        told = {"champion": clone.champion, "candidate": clone.candidate}
        trained = train(client, told, {**secrets, "MLFLOW_TRACKING_URI": mlflow.uri})
        assert trained.returncode == 0, f"{trained.stdout}\n{trained.stderr}"
        yield Site(stand, mlflow.uri, clone, **json.loads(trained.stdout.splitlines()[-1]))
