"""Who names a run without a model means the one that made it: a search's best, the evaluated."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.tracking.team import HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.report import Report, Subject
    from tests.conftest import MlflowServer

POLICIES = """
metric: {name: val_accuracy}
prices: {default: 1 USD/h}
policies:
  run-finished: on
  model-size-budget: {max_size: 2kB}
  train-cost-budget: {max_cost: 10 USD}
"""


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


@pytest.fixture
def gate(tmp_path: Path, mlflow_server: MlflowServer) -> Gate:
    return Gate.of(tmp_path, mlflow_server.uri, p=POLICIES)


def search(team: Team, commit: str, models: int, *, tagged: int | None = None) -> tuple[str, ...]:
    """A parent and three trials of an hour each, the first of which have models."""
    experiment = team.experiment()
    parent = team.run(experiment, name="study", commit=commit)
    trials = []
    for number in range(3):
        tags = {"mlflow.parentRunId": parent}
        if number == tagged:
            tags["policy_engine.candidate"] = "true"
        begin = NOON_MS + number * HOUR_MS
        trials.append(
            team.run(experiment, name=f"trial {number}", commit=commit, tags=tags, begin=begin)
        )
        if number < models:
            team.model(trials[-1])
    return parent, *trials


def only(report: Report) -> Subject:
    (subject,) = report.subjects
    return subject


def run_of(report: Report) -> str:
    candidate = only(report).candidate
    assert candidate is not None
    return candidate.run_id


@pytest.mark.parametrize("by", ["run", "commit"])
def test_the_only_child_with_a_model_stands_for_its_parent(by: str, team: Team, gate: Gate) -> None:
    commit = uuid.uuid4().hex + "0" * 8
    parent, best, *_ = search(team, commit, models=1)
    report = gate.check(runs=(parent,)) if by == "run" else gate.check(commit=commit)
    assert run_of(report) == best
    (note,) = only(report).notes
    child = f"run trial 0 ({best[:8]})"
    assert note == f"run study ({parent[:8]}) has no model; its child {child} has the only one"
    assert report.exit_code == 0


def test_a_run_of_a_search_costs_what_the_whole_search_does(team: Team, gate: Gate) -> None:
    parent, _, best, _ = search(team, "0" * 40, models=2, tagged=1)
    report = gate.check(runs=(parent,))
    assert run_of(report) == best
    messages = {f.id: f.whole for f in only(report).findings}
    assert messages["train-cost-budget"] == (
        "training cost is 3.00 USD; it must be at most 10.00 USD (duration x price); all 3 runs "
        f"of its sweep ({parent[:8]})"
    )


@pytest.mark.parametrize("by", ["run", "commit"])
def test_several_children_with_models_need_a_name(by: str, team: Team, gate: Gate) -> None:
    commit = uuid.uuid4().hex + "1" * 8
    parent, *trials = search(team, commit, models=2)
    report = gate.check(runs=(parent,)) if by == "run" else gate.check(commit=commit)
    assert (report.exit_code, run_of(report)) == (3, parent)
    named = ", ".join(f"run trial {n} ({trials[n][:8]})" for n in (1, 0))
    (note,) = only(report).notes
    assert note == (
        f"the candidate's model could not be read: run study ({parent[:8]}) has no model, and 2 of "
        f"its child runs have one ({named}): tag the best of them "
        '`policy_engine.candidate: "true"`, or name it with --run'
    )


def test_a_parent_with_a_model_stands_for_itself(team: Team, gate: Gate) -> None:
    parent, *_ = search(team, "0" * 40, models=2)
    team.model(parent)
    assert run_of(gate.check(runs=(parent,))) == parent


def test_a_run_without_models_anywhere_is_judged_as_it_is(team: Team, gate: Gate) -> None:
    parent, *_ = search(team, "0" * 40, models=0)
    report = gate.check(runs=(parent,))
    assert (report.exit_code, run_of(report)) == (1, parent)


def evaluation(team: Team, commit: str, *models: str) -> str:
    """A run that evaluated models, as `mlflow.models.evaluate` leaves it."""
    from mlflow.entities import LoggedModelInput

    run = team.run(team.experiment(), name="validate", commit=commit)
    team.client.log_inputs(run, models=[LoggedModelInput(model) for model in models])
    return run


@pytest.mark.parametrize("by", ["run", "commit"])
def test_the_evaluating_run_stands_for_the_model_that_it_evaluated(
    by: str, team: Team, gate: Gate
) -> None:
    commit = uuid.uuid4().hex + "2" * 8
    trained = team.run(team.experiment(), name="train", commit=commit)
    evaluated = evaluation(team, commit, team.model(trained))
    report = gate.check(runs=(evaluated,)) if by == "run" else gate.check(commit=commit)
    assert (report.exit_code, run_of(report)) == (0, trained)
    (note,) = only(report).notes
    assert note == (
        f"run validate ({evaluated[:8]}) evaluated the model of run train ({trained[:8]}), "
        "which is judged"
    )


def test_a_run_that_evaluated_several_models_stands_for_none(team: Team, gate: Gate) -> None:
    trained = [team.run(team.experiment()) for _ in range(2)]
    evaluated = evaluation(team, "0" * 40, *map(team.model, trained))
    assert run_of(gate.check(runs=(evaluated,))) == evaluated


def test_an_evaluation_at_the_head_of_a_model_of_an_older_commit_does_not_count(
    team: Team, gate: Gate
) -> None:
    """What is merged was not trained: the model is another commit's."""
    trained = team.run(team.experiment(), commit="d" * 40)
    commit = uuid.uuid4().hex + "3" * 8
    evaluation(team, commit, team.model(trained))
    assert gate.check(commit=commit).exit_code == 4


def test_of_several_models_of_one_name_the_last_is_judged(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    models = {step: team.model(run, "classifier", step=step) for step in (2, 0, 1)}
    report = gate.check(runs=(run,))
    candidate = only(report).candidate
    assert candidate is not None
    assert candidate.model_id == models[2]
    (note,) = only(report).notes
    assert note == (
        f"run {run[:8]} logged 3 models as 'classifier': the last is judged ({models[2]}, step 2)"
    )
