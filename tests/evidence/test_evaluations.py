"""A model's metrics of another run count where its own run has none of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policy_engine.evidence.evaluations import (
    any_evaluation,
    evaluation_notes,
    several_datasets,
    with_evaluations,
)
from policy_engine.evidence.record import (
    DatasetRecord,
    Invalid,
    ModelMetricRecord,
    ModelRecord,
    RunRecord,
)
from tests.tracking.team import Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer

EVALUATION = "e" * 32


def measured(
    value: float | Invalid, dataset: str | None = "holdout", key: str = "f1"
) -> ModelMetricRecord:
    digest = f"digest-of-{dataset}" if dataset else None
    return ModelMetricRecord(
        key=key, value=value, dataset=dataset, digest=digest, run_id=EVALUATION
    )


def a_run(*metrics: ModelMetricRecord, own: dict[str, float] | None = None) -> RunRecord:
    trained_on = DatasetRecord(name="fit", digest="digest-of-fit", context="train")
    model = ModelRecord(model_id="m-" + "1" * 32, name="model", metrics=metrics)
    metrics_: dict[str, float | Invalid] = dict(own or {})
    return RunRecord(run_id="a" * 32, metrics=metrics_, model=model, datasets=(trained_on,))


def test_a_metric_of_the_model_is_the_runs_where_the_run_has_none() -> None:
    run = a_run(measured(0.9))
    assert with_evaluations(run).metrics == {"f1": 0.9}
    assert evaluation_notes(run, "f1") == (
        (
            "f1 of run aaaaaaaa is that of its logged model, evaluated on dataset 'holdout' by run "
            "eeeeeeee"
        ),
    )


def test_the_runs_own_metric_is_never_replaced() -> None:
    run = a_run(measured(0.99), own={"f1": 0.5})
    assert with_evaluations(run) is run
    assert evaluation_notes(run, "f1") == ()


def test_a_value_on_training_data_is_no_evaluation() -> None:
    assert with_evaluations(a_run(measured(1.0, "fit"))).metrics == {}
    assert with_evaluations(a_run(measured(1.0, "fit"), measured(0.9))).metrics == {"f1": 0.9}


def test_two_datasets_are_no_choice() -> None:
    run = a_run(measured(0.9), measured(0.99, "easy"))
    assert with_evaluations(run).metrics == {}
    assert several_datasets(run, "f1") == ("easy", "holdout")


def test_the_last_value_on_one_dataset_counts() -> None:
    assert with_evaluations(a_run(measured(0.9), measured(0.8))).metrics == {"f1": 0.8}


def test_a_value_that_is_no_number_stays_none() -> None:
    nan = Invalid(invalid="NaN")
    assert with_evaluations(a_run(measured(nan))).metrics == {"f1": nan}


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


POLICIES = """
metric: {name: f1, goal: maximize}
baseline: [{alias: champion}]
policies:
  metric-threshold: {metric: f1, min: 0.8}
  min-useful-gain: {min_abs: 1pt}
  same-eval-data: on
"""


def evaluated(team: Team, name: str, value: float, *datasets: str) -> str:
    """Train in one run, evaluate in another, register; return the training run."""
    from mlflow.entities import Dataset, DatasetInput

    experiment = team.experiment()
    run = team.run(experiment, metrics={})
    model = team.model(run)
    by = team.run(experiment, name="validate", metrics={})
    for dataset in datasets:
        data = Dataset(name=dataset, digest=f"d-{dataset}", source_type="code", source="{}")
        team.client.log_inputs(by, [DatasetInput(data)])
        team.client.log_metric(
            by, "f1", value, dataset_name=dataset, dataset_digest=f"d-{dataset}", model_id=model
        )
    team.register(name, model, run)
    return run


def test_candidate_and_champion_evaluated_in_runs_of_their_own_are_compared(
    team: Team, tmp_path: Path
) -> None:
    name = team.name("stacks")
    champion = evaluated(team, name, 0.85, "holdout")
    team.client.set_registered_model_alias(name, "champion", "1")
    candidate = evaluated(team, name, 0.9, "holdout")
    report = Gate.of(tmp_path, team.server.uri, p=POLICIES).check(runs=(candidate,))
    (subject,) = report.subjects
    assert subject.baseline is not None
    assert subject.baseline.run_id == champion
    assert {f.id: f.outcome.value for f in subject.findings} == {
        "metric-threshold": "pass",
        "min-useful-gain": "pass",
        "same-eval-data": "pass",
    }
    assert report.exit_code == 0


def test_other_test_data_are_noticed(team: Team, tmp_path: Path) -> None:
    name = team.name("stacks")
    evaluated(team, name, 0.85, "hard")
    team.client.set_registered_model_alias(name, "champion", "1")
    candidate = evaluated(team, name, 0.99, "easy")
    report = Gate.of(tmp_path, team.server.uri, p=POLICIES).check(runs=(candidate,))
    outcomes = {f.id: f.outcome.value for f in report.subjects[0].findings}
    assert (outcomes["same-eval-data"], report.exit_code) == ("fail", 1)


def test_the_policy_file_says_which_dataset_counts(team: Team, tmp_path: Path) -> None:
    name = team.name("stacks")
    evaluated(team, name, 0.85, "easy", "hard")
    team.client.set_registered_model_alias(name, "champion", "1")
    candidate = evaluated(team, name, 0.9, "easy", "hard")
    policies = POLICIES.replace("goal: maximize", "goal: maximize, dataset: hard")
    report = Gate.of(tmp_path, team.server.uri, p=policies).check(runs=(candidate,))
    (subject,) = report.subjects
    outcomes = {f.id: f.outcome.value for f in subject.findings}
    assert outcomes["metric-threshold"] == outcomes["min-useful-gain"] == "pass"
    assert any("evaluated on dataset 'hard' by run" in note for note in subject.notes)


def test_a_dataset_that_is_named_counts_although_the_model_was_trained_on_it() -> None:
    run = a_run(measured(1.0, "fit"), measured(0.9))
    assert with_evaluations(run, "fit").metrics == {"f1": 1.0}
    assert with_evaluations(run, "nowhere").metrics == {}


def test_a_metric_of_zero_is_a_metric() -> None:
    assert any_evaluation(a_run(measured(0.0)), "f1") == 0.0
    assert any_evaluation(a_run(), "f1") is None


def test_several_datasets_are_missing_with_the_list(team: Team, tmp_path: Path) -> None:
    candidate = evaluated(team, team.name("stacks"), 0.9, "hard", "easy")
    report = Gate.of(tmp_path, team.server.uri, p=POLICIES).check(runs=(candidate,))
    found = {f.id: (f.outcome.value, f.message) for f in report.subjects[0].findings}
    assert found["metric-threshold"] == (
        "missing",
        "the candidate run has no metric f1; its model has it on 2 datasets (easy, hard)",
    )
