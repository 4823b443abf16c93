"""The traps of MLflow that open a gate in silence, each walked into with the whole check."""

from __future__ import annotations

import json
import shutil
import socket
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy_engine.check import Options, check
from policy_engine.evidence.record import ModelRecord
from tests.tracking.hostile_server import as_json, body, error, serving
from tests.tracking.relay import relaying
from tests.tracking.team import AT, DAY_MS, FILES, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, Trained

RUN = "0123456789abcdef" * 2
BUDGET = "policies: {model-size-budget: {max_size: 10kB}}\n"


@pytest.fixture(scope="module")
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


@pytest.fixture(params=["server", "SQLite"])
def uri(request: pytest.FixtureRequest, mlflow_server: MlflowServer) -> str:
    """Both readers walk into each trap."""
    return mlflow_server.uri if request.param == "server" else mlflow_server.database


def messages(gate: Gate, run: str, exit_code: int) -> list[str]:
    """Return what the findings on a run say; the check ends with this exit code."""
    report = gate.check(runs=(run,))
    assert report.exit_code == exit_code
    return [finding.whole for subject in report.subjects for finding in subject.findings]


# Which model: `run.outputs.model_outputs[0]` is in no order, and lists what failed.


def test_a_failed_model_is_not_taken_for_one_of_zero_bytes(
    trained: Trained, tmp_path: Path, uri: str
) -> None:
    gate = Gate.of(tmp_path, uri, p=BUDGET)
    run = gate.collect(runs=(trained.failed_log,)).candidates[0].run
    assert isinstance(run.model, ModelRecord)
    assert run.model.model_id == trained.failed_log_ready
    assert gate.check(runs=(trained.failed_log,)).exit_code == 0


def test_a_run_of_failed_models_alone_has_no_model(team: Team, tmp_path: Path, uri: str) -> None:
    run = team.run(team.experiment())
    team.model(run, files={}, status="FAILED")
    team.model(run, "pending", status="PENDING")
    assert messages(Gate.of(tmp_path, uri, p=BUDGET), run, 1) == [
        "the candidate run has no logged model that is READY"
    ]


@pytest.mark.parametrize("names", [("model", "explainer"), ("explainer", "model")])
def test_an_explainer_is_not_judged_in_place_of_the_model(
    names: tuple[str, str], team: Team, tmp_path: Path, uri: str
) -> None:
    """SHAP's explainer is a logged model too; the order of logging decides nothing."""
    run = team.run(team.experiment())
    large = {**FILES, "model.bin": bytes(20_000)}
    ids = {
        name: team.model(run, name, files=FILES if name == "explainer" else large) for name in names
    }
    why = (
        f"the run has 2 READY models: explainer ({ids['explainer']}), model ({ids['model']}); "
        "name one with `candidate: {model_name: …}` in the policy file"
    )
    assert messages(Gate.of(tmp_path, uri, p=BUDGET), run, 3) == [
        f"the model of the candidate run could not be read: {why}"
    ]
    named = Gate.of(tmp_path, uri, p=f"candidate: {{model_name: model}}\n{BUDGET}")
    (message,) = messages(named, run, 1)
    assert message.startswith("model size is 20.")


# Silently empty answers.


def test_a_model_whose_files_were_deleted_does_not_fit_the_budget(
    team: Team, tmp_path: Path, uri: str
) -> None:
    """MLflow lists a folder that is not there as an empty one: zero bytes would pass."""
    run = team.run(team.experiment())
    model = team.model(run)
    shutil.rmtree(
        Path(team.client.get_logged_model(model).artifact_location.removeprefix("file://"))
    )
    assert messages(Gate.of(tmp_path, uri, p=BUDGET), run, 1) == [
        "model 'model' has no stored files"
    ]


def test_an_artifact_root_of_another_machine_does_not_fit_the_budget(
    team: Team, tmp_path: Path, uri: str
) -> None:
    location = f"/nowhere/{team.name('root')}"
    experiment = team.client.create_experiment(team.name("far"), artifact_location=location)
    run = team.run(experiment)
    team.model(run, files={})
    gate = Gate.of(tmp_path, uri, p=BUDGET)
    assert gate.check(runs=(run,)).exit_code != 0


@pytest.mark.parametrize(
    "answer",
    [{"run": {"info": "x"}}, {"run": {}}, {}, {"run": {"info": {"run_id": "f" * 32}}}, []],
    ids=json.dumps,
)
def test_an_empty_object_is_not_taken_for_a_run_without_metrics(
    answer: object, tmp_path: Path
) -> None:
    """MLflow's own client makes an empty, RUNNING run of it, without an error."""
    optional = "policies: {metric-threshold: {metric: auc, min: 0.9, on_missing: warn}}\n"
    with serving(as_json(answer)) as server:
        assert Gate.of(tmp_path, server.uri, p=optional).check(runs=(RUN,)).exit_code == 3


def test_forty_blanks_are_not_taken_for_a_run(tmp_path: Path) -> None:
    with serving(body(b" " * 40)) as server:
        assert Gate.of(tmp_path, server.uri, p=BUDGET).check(runs=(RUN,)).exit_code == 3


@pytest.mark.parametrize(("text", "exit_code"), [("", 0), ("baseline: [{tag: {kind: none}}]\n", 1)])
def test_an_unknown_tag_is_a_missing_baseline_and_not_an_empty_comparison(
    text: str, exit_code: int, trained: Trained, tmp_path: Path, uri: str
) -> None:
    policy = "min_relative_change: 0.0, goal: maximize" if text else "min: 0.9"
    gate = Gate.of(
        tmp_path,
        uri,
        p=f"{text}policies: {{metric-threshold: {{metric: val_accuracy, {policy}}}}}\n",
    )
    assert gate.check(runs=(trained.candidate,)).exit_code == exit_code


# Numbers that are none.


@pytest.mark.parametrize(
    ("metric", "bound", "shown"),
    [
        ("nan", "min: 0", "NaN"),
        ("nan", "max: 1", "NaN"),
        ("inf", "min: 0", "Infinity"),  # stored as 1.797e308, which is more than 0
        ("minus_inf", "max: 1", "-Infinity"),
    ],
)
def test_what_is_no_number_keeps_no_bound(
    metric: str, bound: str, shown: str, trained: Trained, tmp_path: Path, uri: str
) -> None:
    gate = Gate.of(
        tmp_path, uri, p=f"policies: {{metric-threshold: {{metric: {metric}, {bound}}}}}\n"
    )
    assert messages(gate, trained.not_numbers, 1) == [
        f"metric {metric} of the candidate run is {shown}"
    ]


def test_a_run_that_is_not_finished_does_not_win_best_by_metric(
    team: Team, tmp_path: Path, uri: str
) -> None:
    experiment = team.experiment()
    good = team.run(experiment, metrics={"val_accuracy": 0.8}, begin=NOON_MS - DAY_MS)
    for status in ("RUNNING", "FAILED", "KILLED"):
        team.run(experiment, metrics={"val_accuracy": 0.99}, begin=NOON_MS - DAY_MS, status=status)
    candidate = team.run(experiment)
    gate = Gate.of(
        tmp_path, uri, p="baseline: [{best: {within: 90d}}]\npolicies: {baseline-logged: on}\n"
    )
    baseline = gate.check(runs=(candidate,)).subjects[0].baseline
    assert baseline is not None
    assert baseline.run_id == good


# Who says which commit.


def test_a_forged_commit_tag_of_mlflow_does_not_make_a_run_the_candidate(
    team: Team, tmp_path: Path, uri: str
) -> None:
    """`MLFLOW_RUN_CONTEXT` sets MLflow's own tag at will; the run's head_sha tag goes first."""
    real, forged = (uuid.uuid4().hex + "00000000" for _ in range(2))
    experiment = team.experiment()
    tags = {"policy_engine.head_sha": real, "mlflow.source.git.commit": forged}
    run = team.run(experiment, tags=tags)
    gate = Gate.of(tmp_path, uri, p="policies: {run-finished: on}\n")
    assert gate.check(commit=forged).exit_code == 4
    (found,) = gate.collect(commit=real).candidates
    assert found.run.run_id == run


# What takes minutes.


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("client", ["ours", "MLflow's"])
def test_a_closed_port_costs_seconds_and_not_four_minutes(
    client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if client == "MLflow's":
        monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "a-plugin-that-is-not-there")
    Gate.of(tmp_path, "", p=BUDGET)
    began = time.monotonic()
    report = check(
        Options(runs=(RUN,), root=tmp_path, tracking_uri=closed_port(), timeout_s=2.0, at=AT)
    )
    assert time.monotonic() - began < 4
    assert report.exit_code == 3


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_server_that_only_fails_is_left_at_once(status: int, tmp_path: Path) -> None:
    with serving(error(status, "INTERNAL_ERROR")) as server:
        Gate.of(tmp_path, "", p=BUDGET)
        options = Options(runs=(RUN,), root=tmp_path, tracking_uri=server.uri, at=AT)
        began = time.monotonic()
        assert check(options).exit_code == 3
    assert time.monotonic() - began < 3
    assert len(server.seen) <= 3


def test_no_search_is_ordered_by_a_metric(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    """SQLite takes 30 s for it over 20,000 runs."""
    text = (
        "metric: {name: val_accuracy}\nprices: {default: 1 USD/h}\n"
        "baseline: [{tag: {a: b}}, {best: {within: 90d}}]\n"
        "policies: {baseline-logged: on, cost-per-point: {max_cost_per_point: 1 USD}}\n"
    )
    with relaying(mlflow_server.uri) as relay:
        Gate.of(tmp_path, relay.uri, p=text).check(commit=trained.candidate_sha)
    searches = [
        json.loads(sent)
        for asked, sent in zip(relay.asked, relay.sent, strict=True)
        if asked.endswith("runs/search")
    ]
    assert len(searches) >= 5
    assert {tuple(search["order_by"]) for search in searches} == {("attributes.start_time DESC",)}
    assert all("metrics" not in search["filter"] for search in searches)


# What the lists leave out.


def test_a_model_does_not_stand_among_the_files_of_its_run(
    team: Team, tmp_path: Path, uri: str
) -> None:
    """The listing of a run shows no model: a size summed from it would be zero."""
    run = team.run(team.experiment())
    team.model(run, files={**FILES, "model.bin": bytes(20_000)})
    (message,) = messages(Gate.of(tmp_path, uri, p=BUDGET), run, 1)
    assert message == "model size is 20.1 kB; it must be at most 10.0 kB"


def test_an_alias_is_read_where_it_is_kept(trained: Trained, tmp_path: Path, uri: str) -> None:
    """A search of versions answers `aliases=[]` even for the champion."""
    gate = Gate.of(
        tmp_path, uri, p="baseline: [{alias: champion}]\npolicies: {baseline-logged: on}\n"
    )
    baseline = gate.check(runs=(trained.candidate,)).subjects[0].baseline
    assert baseline is not None
    assert (baseline.run_id, baseline.registered) == (trained.champion, "fraud/1")
