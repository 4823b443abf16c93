"""A policy's own `best` rule chooses among runs of some tags, and on the candidate's data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence.record import DatasetRecord, RunRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.baselines import BaselineSearch
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.translate import run_record
from tests.tracking.team import HOUR_MS, NOON_MS, Team

if TYPE_CHECKING:
    from tests.conftest import MlflowServer

TREES = {"model.family": ["tree", "random?forest"], "estimator_class": ["*.DecisionTree*"]}


@pytest.fixture(scope="module")
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def test_a_policy_may_look_up_to_the_collection(team: Team) -> None:
    experiment = team.experiment()
    candidate = team.run(experiment, metrics={"val_accuracy": 0.99})
    after = team.run(experiment, metrics={"val_accuracy": 0.9}, begin=NOON_MS + 2 * HOUR_MS)
    why = "no FINISHED run began within it and ended before the candidate began"
    assert best(team, candidate, {}) == (None, None, [("best: within=9d", why)])
    at = datetime.fromtimestamp(NOON_MS / 1000, UTC) + timedelta(days=1)
    assert best(team, candidate, {"until": "collection"}, at=at) == (after, 1, [])
    early = at - timedelta(days=9)
    why = "no FINISHED run began within it and ended before the evidence was collected"
    found = best(team, candidate, {"until": "collection"}, at=early)
    assert found == (None, None, [("best: within=9d", why)])


@pytest.mark.parametrize(("late_ms", "is_found"), [(0, True), (999, True), (1000, False)])
def test_a_run_that_ended_in_the_second_of_judgement_counts(
    team: Team, late_ms: int, is_found: bool
) -> None:
    """A gate that runs right after the training sees it: moments of judgement are whole seconds."""
    experiment = team.experiment()
    candidate = team.run(experiment, metrics={"val_accuracy": 0.99})
    begin = NOON_MS + 2 * HOUR_MS
    after = team.run(
        experiment, metrics={"val_accuracy": 0.9}, begin=begin, end=begin + HOUR_MS + late_ms
    )
    at = datetime.fromtimestamp((begin + HOUR_MS) / 1000, UTC)
    found, _, _ = best(team, candidate, {"until": "collection"}, at=at)
    assert (found == after) is is_found


def best(
    team: Team, candidate: str, asked: dict[str, Any], at: Any = None, **facts: Any
) -> tuple[Any, ...]:
    """Return the run that the rule finds, among how many, and what was passed over."""
    deadline = Deadline(30)
    store = open_store(team.server.uri, deadline)
    record: RunRecord = run_record(store.run(candidate), None).model_copy(update=facts)
    search = BaselineSearch(
        reads=Reads(store, deadline),
        candidate=record,
        model=lambda: None,
        metric="val_accuracy",
        goal="maximize",
        ancestors=(),
        resolve=lambda *_: None,
        at=at,
    )
    found, hit = search.find([{"best": {"within": "9d"} | asked}])
    run = hit.run["info"]["run_id"] if hit else None
    return run, found.among, [(p.rule, p.why) for p in found.passed_over]


def test_only_runs_of_the_tags_are_chosen_from(team: Team) -> None:
    experiment = team.experiment()
    before = NOON_MS - 5 * HOUR_MS

    def run(value: float, **tags: str) -> str:
        return team.run(experiment, metrics={"val_accuracy": value}, begin=before, tags=tags)

    run(0.99)
    run(0.98, **{"model.family": "deep"})
    forest = run(0.9, **{"model.family": " Random Forest "})
    run(0.8, estimator_class="sklearn.tree._classes.DecisionTreeClassifier")
    candidate = team.run(experiment)
    assert best(team, candidate, {"tags": TREES}) == (forest, 2, [])
    why = "none of the 4 earlier FINISHED run(s) has tags and data as asked for"
    nothing = best(team, candidate, {"tags": {"model.family": ["linear"]}})
    assert nothing == (None, None, [("best: within=9d", why)])


def test_runs_on_other_data_are_left_out_and_those_that_do_not_say_stay(team: Team) -> None:
    from mlflow.entities import Dataset, DatasetInput

    experiment = team.experiment()
    before = NOON_MS - 5 * HOUR_MS
    runs = [
        team.run(experiment, metrics={"val_accuracy": value}, begin=before)
        for value in (0.99, 0.9, 0.8)
    ]
    for run, digest in zip(runs, ("other", "mine"), strict=False):
        data = Dataset(name="d", digest=digest, source_type="local", source="{}")
        team.client.log_inputs(run, [DatasetInput(data)])
    candidate = team.run(experiment)
    mine = (DatasetRecord(name="d", digest="mine"),)
    assert best(team, candidate, {"same_data": True}, datasets=mine)[:2] == (runs[1], 2)
    assert best(team, candidate, {}, datasets=mine)[:2] == (runs[0], 3)
    assert best(team, candidate, {"same_data": True})[:2] == (runs[0], 3)


def test_runs_that_cost_more_are_left_out_where_the_cost_is_comparable(team: Team) -> None:
    experiment = team.experiment()
    before = NOON_MS - 5 * HOUR_MS
    limited = {"no_more": {"cost.total": "cost.currency", "duration": "compute.instance"}}

    def run(value: float, cost: float | None, currency: str, hours: int = 1) -> str:
        metrics = {"val_accuracy": value} | ({} if cost is None else {"cost.total": cost})
        tags = {"cost.currency": currency}
        end = before + hours * HOUR_MS
        return team.run(experiment, metrics=metrics, tags=tags, begin=before, end=end)

    dearer = run(0.99, 11, "USD")
    longer = run(0.98, None, "USD", hours=4)
    elsewhere = run(0.97, 11, "EUR")
    run(0.96, 9, "USD", hours=4)
    mine = {"metrics": {"cost.total": 10.0}, "tags": {"cost.currency": "USD"}}
    candidate = team.run(experiment, begin=NOON_MS, end=NOON_MS + HOUR_MS)
    assert best(team, candidate, {}, **mine)[:2] == (dearer, 4)
    assert best(team, candidate, limited, **mine)[:2] == (elsewhere, 2)
    long = {**mine, "end_time": datetime.fromtimestamp(NOON_MS / 1000, UTC) + timedelta(hours=4)}
    assert best(team, candidate, limited, **long)[:2] == (longer, 3)
    assert best(team, candidate, {"no_more": {"cost.total": "cost.currency"}}, **mine)[0] == longer
