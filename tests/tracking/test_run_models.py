"""Models among the artifacts of a run are judged as any other, whoever wrote them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from policy_engine.evidence.record import ModelRecord, RunRecord
from policy_engine.tracking.store import InRun
from policy_engine.tracking.versions import model_of_version
from tests.tracking.team import FILES, Gate, Team

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policy_engine.report import Report
    from tests.conftest import MlflowServer

POLICIES = """
metric: {name: val_accuracy}
baseline:
  - alias: champion
policies:
  run-finished: on
  model-size-budget: {max_size: 2kB, max_growth: 10%, growth_from: 0B}
"""
RUN = "0123456789abcdef" * 2


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


@pytest.fixture
def gate(tmp_path: Path, mlflow_server: MlflowServer) -> Gate:
    return Gate.of(tmp_path, mlflow_server.uri, p=POLICIES)


def put(team: Team, run_id: str, folder: str, files: Mapping[str, bytes] = FILES) -> None:
    """Store files in a run, as `log_artifacts` does after `save_model`."""
    root = team.server.root / "artifacts"
    uri = team.client.get_run(run_id).info.artifact_uri.removeprefix("file://")
    for path, content in files.items():
        file = root.joinpath(uri, folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def logged_by_mlflow_2(team: Team, run_id: str, *folders: str) -> None:
    """Leave the tag that clients of MLflow 2 leave, oldest first."""
    history = [
        {"artifact_path": folder, "utc_time_created": "2026-09-21 10:00:00.5", "flavors": {}}
        for folder in folders
    ]
    team.client.set_tag(run_id, "mlflow.log-model.history", json.dumps(history))


def model_of(gate: Gate, run_id: str, **options: object) -> object:
    evidence = gate.collect(runs=(run_id,), **options)
    (candidate,) = evidence.candidates
    return candidate.run.model


def outcomes(report: Report) -> dict[str, tuple[str, str]]:
    (subject,) = report.subjects
    return {
        f"{f.id}.{f.part}" if f.part else f.id: (f.outcome.value, f.whole) for f in subject.findings
    }


@pytest.mark.parametrize("folder", ["model", "models/final", "a/b/c", ""])
def test_a_model_that_no_tag_tells_of_is_found_by_its_mlmodel_file(
    folder: str, team: Team, gate: Gate
) -> None:
    run = team.run(team.experiment())
    put(team, run, folder)
    put(team, run, "plots", {"roc.png": b"png"})
    model = model_of(gate, run)
    assert isinstance(model, ModelRecord)
    assert (model.model_id, model.name) == (f"runs:/{run}/{folder}", folder or ".")
    # The plot lies beside the model, unless the model is the whole of the run's artifacts.
    assert model.size == sum(map(len, FILES.values())) + (0 if folder else 3)
    assert (model.flavors, model.logged_size) == (("python_function", "sklearn"), 900)


def test_what_mlflow_2_logged_last_in_each_folder_is_a_model(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    put(team, run, "model")
    logged_by_mlflow_2(team, run, "model", "model")
    model = model_of(gate, run)
    assert isinstance(model, ModelRecord)
    assert (model.model_id, str(model.created)) == (
        f"runs:/{run}/model",
        "2026-09-21 10:00:00.500000+00:00",
    )


@pytest.mark.parametrize(
    "tag",
    ["{", "[1]", '[{"artifact_path": 1}]', '[{"artifact_path": "../../etc"}]', "[" * 5000, "{}"],
)
def test_a_tag_that_says_nothing_leaves_the_listing_to_tell(
    tag: str, team: Team, gate: Gate
) -> None:
    run = team.run(team.experiment(), tags={"mlflow.log-model.history": tag})
    put(team, run, "model")
    model = model_of(gate, run)
    assert isinstance(model, ModelRecord)
    assert model.model_id == f"runs:/{run}/model"


def test_two_models_of_one_run_need_a_name(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    put(team, run, "first")
    put(team, run, "second", {**FILES, "more.bin": bytes(5000)})
    report = gate.check(runs=(run,))
    assert report.exit_code == 3
    why = outcomes(report)["model-size-budget"][1]
    assert f"first (runs:/{run}/first), second (runs:/{run}/second)" in why
    named = Gate.of(gate.root, gate.uri, p=POLICIES + "candidate: {model_name: second}\n")
    assert outcomes(named.check(runs=(run,)))["model-size-budget.size"] == (
        "fail",
        "model size is 6.0 kB; it must be at most 2.0 kB",
    )


def test_a_champion_of_that_kind_is_found_by_its_version_and_grown_from(
    team: Team, gate: Gate
) -> None:
    experiment, name = team.experiment(), team.name("fraud")
    champion, candidate = team.run(experiment), team.run(experiment, metrics={"val_accuracy": 0.95})
    put(team, champion, "model")
    put(team, candidate, "model", {**FILES, "more.bin": bytes(900)})
    team.client.create_registered_model(name)
    for run, source in (
        (champion, team.client.get_run(champion).info.artifact_uri + "/model"),
        (candidate, f"runs:/{candidate}/model"),
    ):
        team.client.create_model_version(name, source, run, await_creation_for=0)
    team.client.set_registered_model_alias(name, "champion", "1")
    report = gate.check(models=(f"models:/{name}/2",))
    (subject,) = report.subjects
    assert subject.candidate is not None
    assert subject.baseline is not None
    assert (subject.candidate.run_id, subject.candidate.registered) == (candidate, f"{name}/2")
    assert (subject.baseline.run_id, subject.baseline.found_by) == (champion, "alias: champion")
    assert outcomes(report)["model-size-budget.growth"][0] == "fail"
    assert outcomes(report)["model-size-budget.size"][0] == "pass"


def test_a_model_whose_files_are_gone_is_not_small(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    logged_by_mlflow_2(team, run, "model")
    report = gate.check(runs=(run,))
    assert report.exit_code == 1
    assert outcomes(report)["model-size-budget"] == (
        "missing",
        "model 'model' has no stored files",
    )


def test_a_run_with_files_and_no_model_has_none(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    put(team, run, "plots", {"roc.png": b"png"})
    put(team, run, "a/b/c/d", FILES)  # deeper than anybody logs a model
    evidence = gate.collect(runs=(run,))
    assert [c.run.model for c in evidence.candidates] == [None]
    assert isinstance(evidence.candidates[0].run, RunRecord)


def test_the_model_of_a_version_lies_where_its_source_says() -> None:
    for source, expected in (
        (f"runs:/{RUN}/model", f"runs:/{RUN}/model"),
        (f"mlflow-artifacts:/1/{RUN}/artifacts/models/final", f"runs:/{RUN}/models/final"),
        (f"s3://bucket/1/{RUN}/artifacts/model/", f"runs:/{RUN}/model"),
        (f"dbfs:/databricks/mlflow-tracking/1/{RUN}/artifacts/model", f"runs:/{RUN}/model"),
        (f"models:/m-{RUN}", f"m-{RUN}"),
        (f"mlflow-artifacts:/1/models/m-{RUN}/artifacts", f"m-{RUN}"),
        ("s3://elsewhere/model", None),
    ):
        assert model_of_version({"source": source, "run_id": RUN}) == expected, source


def test_a_place_is_its_own_address() -> None:
    place = InRun(RUN, "models/final")
    assert InRun.of(place.model_id) == place
    assert InRun.of(f"m-{RUN}") is None
    assert (place.path(""), place.path("data/x")) == ("models/final", "models/final/data/x")
