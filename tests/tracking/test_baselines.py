"""Which run is to be beaten: every rule, what it passes over and why, on a real server."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.check import load
from policy_engine.errors import UsageError
from policy_engine.evidence import MissingEvidence
from policy_engine.evidence.record import (
    BaselineRecord,
    ModelRecord,
    PassedOver,
    RunRecord,
    Unreadable,
)
from policy_engine.http.deadline import Deadline
from policy_engine.source.problems import PolicyFileError
from policy_engine.tracking.baseline_rules import AliasRule, Hit
from policy_engine.tracking.baselines import BaselineSearch, earlier_runs
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.translate import moment_of, run_record
from tests.repository import Repository
from tests.tracking.hostile_server import as_json, error, serving
from tests.tracking.team import DAY_MS, HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer, Trained

ABSENT = "0" * 32
NOT_REGISTERED = (
    "the candidate's model is not registered; write `alias: name@champion` "
    "if it is registered only after the merge"
)
LOGGED = "policies: {baseline-logged: on}\n"


@pytest.fixture(scope="module")
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


class Found:
    """What one list of rules comes to for a candidate."""

    def __init__(self, record: BaselineRecord) -> None:
        self.record = record
        self.run_id = record.run.run_id if isinstance(record.run, RunRecord) else None
        self.by = record.found_by
        self.passed_over = [(p.rule, p.why) for p in record.passed_over]
        self.unreadable = record.run.unreadable if isinstance(record.run, Unreadable) else None


class Asking:
    """Asks for the baseline of a run, by the rules of a policy file."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder = folder
        self.uri = uri

    def gate(self, rules: str, metric: str = "{name: val_accuracy}") -> Gate:
        return Gate.of(self.folder, self.uri, p=f"metric: {metric}\nbaseline: {rules}\n{LOGGED}")

    def __call__(self, rules: str, run: str, **options: Any) -> Found:
        evidence = self.gate(rules).collect(runs=(run,), **options)
        assert evidence.unreadable is None
        return Found(evidence.candidates[0].baselines[0])


@pytest.fixture
def ask(tmp_path: Path, mlflow_server: MlflowServer) -> Asking:
    return Asking(tmp_path, mlflow_server.uri)


def label(run: str, name: str = "a-run") -> str:
    return f"run {name} ({run[:8]})"


# run


def test_a_run_is_the_baseline_by_its_id(ask: Asking, trained: Trained) -> None:
    found = ask(f"[{{run: {trained.champion}}}]", trained.candidate)
    assert (found.run_id, found.by) == (trained.champion, f"run: {trained.champion}")
    assert found.passed_over == []


def test_what_may_not_be_the_baseline_is_passed_over_by_name_and_reason(
    ask: Asking, team: Team, mlflow_server: MlflowServer
) -> None:
    experiment = team.experiment()
    candidate = team.run(experiment)
    running = team.run(experiment, status="RUNNING")
    killed = team.run(experiment, status="KILLED")
    deleted = team.run(experiment, name="gone")
    team.client.delete_run(deleted)
    without = team.run(experiment, metrics={"loss": 0.1})
    nan = team.run(experiment, metrics={"val_accuracy": float("nan")})
    infinite = team.run(experiment, metrics={"val_accuracy": float("-inf")})
    good = team.run(experiment)
    ids = (candidate, running, killed, deleted, without, nan, infinite, ABSENT, "x", good)
    found = ask("[" + ", ".join(f"{{run: '{run}'}}" for run in ids) + "]", candidate)
    assert found.passed_over == [
        (f"run: {candidate}", f"{label(candidate)} is the candidate itself"),
        (f"run: {running}", f"{label(running)} is RUNNING, not FINISHED"),
        (f"run: {killed}", f"{label(killed)} is KILLED, not FINISHED"),
        (f"run: {deleted}", f"{label(deleted, 'gone')} was deleted"),
        (f"run: {without}", f"{label(without)} has no metric val_accuracy"),
        (f"run: {nan}", f"{label(nan)} has val_accuracy = NaN"),
        (f"run: {infinite}", f"{label(infinite)} has val_accuracy = -Infinity"),
        (f"run: {ABSENT}", f"MLflow at {mlflow_server.uri} has no run {ABSENT}"),
        ("run: x", f"MLflow at {mlflow_server.uri} has no run x"),
    ]
    assert (found.run_id, found.by) == (good, f"run: {good}")


def test_the_name_of_a_run_cannot_forge_a_line_of_a_message(ask: Asking, team: Team) -> None:
    experiment = team.experiment()
    hostile = team.run(experiment, name="x\n::error::\x1b[31m", status="FAILED")
    found = ask(f"[{{run: {hostile}}}]", team.run(experiment))
    assert found.passed_over == [
        (f"run: {hostile}", f"run x ::error:: [31m ({hostile[:8]}) is FAILED, not FINISHED")
    ]


def test_a_baseline_without_a_metric_to_have_needs_none(
    ask: Asking, team: Team, tmp_path: Path
) -> None:
    experiment = team.experiment(primary=None)
    first, second = team.run(experiment, metrics={}), team.run(experiment)
    gate = Gate.of(tmp_path, ask.uri, p=f"baseline: [{{run: {first}}}]\n{LOGGED}")
    record = gate.collect(runs=(second,)).candidates[0].baselines[0]
    assert Found(record).run_id == first


# alias


def test_an_alias_is_of_the_candidates_registered_model(ask: Asking, trained: Trained) -> None:
    found = ask("[{alias: champion}]", trained.candidate)
    assert (found.run_id, found.by) == (trained.champion, "alias: champion")
    assert isinstance(found.record.run, RunRecord)
    assert isinstance(found.record.run.model, ModelRecord)
    assert found.record.run.model.model_id == trained.champion_model


def test_an_alias_can_name_its_model_for_a_candidate_that_is_registered_after_the_merge(
    ask: Asking, trained: Trained
) -> None:
    found = ask("[{alias: champion}, {alias: fraud@champion}]", trained.without_model)
    assert [rule for rule, _ in found.passed_over] == ["alias: champion"]
    assert (found.run_id, found.by) == (trained.champion, "alias: fraud@champion")


def test_where_one_model_is_registered_from_the_experiment_the_line_to_write_is_proposed(
    ask: Asking, team: Team
) -> None:
    experiment, name = team.experiment(), team.name("fraud")
    for number in range(2):
        old = team.run(experiment, begin=NOON_MS - (number + 1) * HOUR_MS)
        team.register(name, team.model(old), old, *(("champion",) if number else ()))
    run = team.run(experiment)
    team.model(run)
    found = ask("[{alias: champion}]", run)
    assert found.passed_over == [
        (
            "alias: champion",
            (
                f"the candidate's model is not registered; write `alias: {name}@champion`: "
                f"{name} is the only model that is registered from this experiment"
            ),
        )
    ]
    assert ask(f"[{{alias: {name}@champion}}]", run).run_id == old


@pytest.mark.parametrize("names", [0, 2])
def test_where_none_or_several_are_registered_from_the_experiment_none_is_proposed(
    names: int, ask: Asking, team: Team
) -> None:
    experiment = team.experiment()
    for _ in range(names):
        old = team.run(experiment)
        team.register(team.name("fraud"), team.model(old), old, "champion")
    run = team.run(experiment)
    team.model(run)
    assert ask("[{alias: champion}]", run).passed_over == [("alias: champion", NOT_REGISTERED)]


def test_a_registered_model_without_that_alias_is_not_proposed(ask: Asking, team: Team) -> None:
    experiment = team.experiment()
    old, run = team.run(experiment), team.run(experiment)
    team.register(team.name("fraud"), team.model(old), old, "challenger")
    team.model(run)
    assert ask("[{alias: champion}]", run).passed_over == [("alias: champion", NOT_REGISTERED)]


def test_a_registered_name_may_hold_an_at_sign(ask: Asking, team: Team) -> None:
    experiment, name = team.experiment(), team.name("fraud@eu")
    old, run = team.run(experiment), team.run(experiment)
    team.register(name, team.model(old), old, "champion")
    team.model(run)
    assert ask(f"[{{alias: '{name}@champion'}}]", run).run_id == old
    assert ask(f"[{{alias: 'models:/{name}@champion'}}]", run).run_id == old


def test_an_alias_that_is_not_there_is_passed_over(
    ask: Asking, trained: Trained, mlflow_server: MlflowServer
) -> None:
    found = ask("[{alias: none}, {alias: none@champion}, {alias: '@'}]", trained.candidate)
    assert found.passed_over == [
        ("alias: none", "the registered model 'fraud' has no alias 'none'"),
        (
            "alias: none@champion",
            f"MLflow at {mlflow_server.uri} has no registered model 'none'",
        ),
        ("alias: @", "'' is not a name that MLflow gives"),
    ]
    assert (found.run_id, found.by) == (None, None)


def test_the_champion_does_not_beat_itself(ask: Asking, trained: Trained) -> None:
    found = ask("[{alias: champion}]", trained.champion)
    assert [why.partition(") ")[2] for _, why in found.passed_over] == ["is the candidate itself"]
    assert found.run_id is None


def test_a_model_with_two_registered_names_does_not_say_whose_alias(
    ask: Asking, team: Team
) -> None:
    run = team.run(team.experiment())
    model = team.model(run)
    names = sorted([team.name("credit"), team.name("fraud")])
    for name in names:
        team.register(name, model, run, "champion")
    found = ask("[{alias: champion}]", run)
    assert found.passed_over == [
        ("alias: champion", f"the model is registered under several names: {', '.join(names)}")
    ]


def test_the_alias_of_an_ambiguous_model_is_unreadable_and_no_other_rule_is_tried(
    ask: Asking, trained: Trained
) -> None:
    """Which of two models counts is not known: that is not the same as `not registered`."""
    found = ask(f"[{{alias: champion}}, {{run: {trained.champion}}}]", trained.two_models)
    assert found.unreadable is not None
    assert found.unreadable.startswith("the run has 2 READY models: first (")
    assert found.passed_over == []


def test_a_version_without_a_run_is_passed_over() -> None:
    version = {"model_version": {"name": "fraud", "version": "4", "source": "/a"}}
    with serving(as_json(version)) as server, pytest.raises(Exception) as caught:  # noqa: PT011
        AliasRule.find("fraud@champion", search(server.uri))
    assert str(caught.value) == "fraud version 4 has no run that logged it"


# commit


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.new(tmp_path)
    made.commit("fit.py", text=f"begin {uuid.uuid4()}")
    return made


def branch_of(repository: Repository) -> str:
    repository.git("switch", "--quiet", "--create", "change")
    return repository.commit("fit.py", text=f"change {uuid.uuid4()}")


COMMIT = "[{commit: merge-base}]"


def test_the_merge_base_is_the_commit_where_the_change_branched_off(
    ask: Asking, team: Team, repository: Repository
) -> None:
    experiment = team.experiment()
    before = team.run(experiment, commit=repository.git("rev-parse", "HEAD"))
    base = team.run(experiment, commit=repository.commit("fit.py"))
    head = branch_of(repository)
    repository.git("switch", "--quiet", "main")
    after = team.run(experiment, commit=repository.commit("other.py"))
    repository.git("switch", "--quiet", "change")
    found = ask(COMMIT, team.run(experiment, commit=head))
    assert (found.run_id, found.by) == (base, "commit: merge-base")
    assert before != base != after


def test_the_nearest_first_parent_ancestor_with_a_run_counts(
    ask: Asking, team: Team, repository: Repository
) -> None:
    experiment = team.experiment()
    trained = repository.commit("fit.py", text=f"trained {uuid.uuid4()}")
    baseline = team.run(experiment, commit=trained)
    repository.git("switch", "--quiet", "--create", "side")
    team.run(experiment, commit=repository.commit("side.py", text=f"side {uuid.uuid4()}"))
    repository.git("switch", "--quiet", "main")
    repository.merge("side")
    for _ in range(9):  # more than are asked for at once
        repository.commit("docs.md")
    found = ask(COMMIT, team.run(experiment, commit=branch_of(repository)))
    assert found.run_id == baseline


def test_a_run_of_the_merge_base_that_may_not_be_it_is_named_once(
    ask: Asking, team: Team, repository: Repository
) -> None:
    """A run has its commit in two tags, and is found by both."""
    experiment = team.experiment()
    earlier = team.run(experiment, commit=repository.git("rev-parse", "HEAD"))
    bare = team.run(experiment, metrics={}, commit=repository.commit("fit.py"))
    found = ask(COMMIT, team.run(experiment, commit=branch_of(repository)))
    assert found.passed_over == [
        ("commit: merge-base", f"{label(bare)} has no metric val_accuracy")
    ]
    assert found.run_id == earlier


def test_a_run_whose_own_tag_says_another_commit_is_none_of_the_merge_base(
    ask: Asking, team: Team, repository: Repository
) -> None:
    experiment, base = team.experiment(), repository.git("rev-parse", "HEAD")
    team.run(
        experiment, tags={"mlflow.source.git.commit": base, "policy_engine.head_sha": "d" * 40}
    )
    found = ask(COMMIT, team.run(experiment, commit=branch_of(repository)))
    assert found.passed_over == [
        (
            "commit: merge-base",
            f"no run of the merge base {base[:12]}",
        )
    ]


def test_on_the_default_branch_the_commits_before_count(
    ask: Asking, team: Team, repository: Repository
) -> None:
    experiment = team.experiment()
    before = team.run(experiment, commit=repository.git("rev-parse", "HEAD"))
    head = repository.commit("fit.py")
    assert ask(COMMIT, team.run(experiment, commit=head)).run_id == before


def test_outside_a_repository_there_is_no_merge_base(ask: Asking, trained: Trained) -> None:
    assert ask(COMMIT, trained.candidate).passed_over == [
        ("commit: merge-base", "git knows no merge base with the default branch here")
    ]


# tag


def test_the_newest_run_that_has_all_tags_counts(ask: Asking, team: Team) -> None:
    experiment = team.experiment()
    both = {"kind": "existing", "region": "eu"}
    old = team.run(experiment, tags=both)
    new = team.run(experiment, tags=both, begin=NOON_MS + HOUR_MS)
    team.run(experiment, tags={"kind": "existing"}, begin=NOON_MS + 2 * HOUR_MS)
    team.run(experiment, tags=both, begin=NOON_MS + 3 * HOUR_MS, status="FAILED")
    bare = team.run(experiment, name="bare", tags=both, begin=NOON_MS + 4 * HOUR_MS, metrics={})
    team.run(team.experiment(), tags=both, begin=NOON_MS + 5 * HOUR_MS)
    candidate = team.run(experiment, tags=both, begin=NOON_MS + 6 * HOUR_MS)
    found = ask("[{tag: {kind: existing, region: eu}}]", candidate)
    rule = "tag: kind=existing, region=eu"
    assert (found.run_id, found.by) == (new, rule)
    assert found.passed_over == [
        (rule, f"{label(candidate)} is the candidate itself"),
        (rule, f"{label(bare, 'bare')} has no metric val_accuracy"),
    ]
    assert old != new


def test_a_tag_that_no_run_has_is_passed_over(ask: Asking, team: Team) -> None:
    candidate = team.run(team.experiment(), tags={"kind": "existing"})
    found = ask("[{tag: {kind: none}}, {tag: {kind: existing}}]", candidate)
    assert found.passed_over == [
        ("tag: kind=none", "no FINISHED run of the experiment has it"),
        ("tag: kind=existing", f"{label(candidate)} is the candidate itself"),
        ("tag: kind=existing", "no other FINISHED run of the experiment has it"),
    ]


def test_a_tag_that_no_filter_can_hold_is_a_mistake_of_the_policy_file(
    ask: Asking, trained: Trained
) -> None:
    with pytest.raises(UsageError) as caught:
        ask("""[{tag: {kind: "it's"}}]""", trained.candidate)
    assert str(caught.value) == (
        "baseline rule 'tag: kind=it's': \"it's\" cannot be written in a filter of MLflow"
    )


# best


@pytest.fixture(scope="module")
def season(team: Team) -> dict[str, str]:
    """Runs of some weeks; `now` is the candidate."""
    experiment = team.experiment()

    def run(days_ago: float, value: float | None, **options: Any) -> str:
        metrics = {} if value is None else {"val_accuracy": value, "val_loss": 1 - value}
        begin = NOON_MS - round(days_ago * DAY_MS)
        return team.run(experiment, metrics=metrics, begin=begin, **options)

    return {
        "best": run(20, 0.9),
        "as good but older": run(21, 0.9),
        "worst": run(10, 0.5),
        "best of all, long ago": run(50, 0.99),
        "crashed": run(5, 0.999, status="FAILED"),
        "going": run(4, 0.9999, status="RUNNING"),
        "not a number": run(3, float("nan")),
        "infinite": run(3, float("inf")),
        "without": run(2, None),
        "still at it when the candidate began": run(1, 0.95, end=NOON_MS + 1),
        "now": run(0, 0.7),
        "later": run(-1, 0.98),
    }


@pytest.mark.parametrize(
    ("metric", "within", "best", "among"),
    [
        ("{name: val_accuracy}", "30d", "best", 3),
        ("{name: val_loss, goal: minimize}", "30d", "best", 3),
        ("{name: val_accuracy}", "15d", "worst", 1),
        ("{name: val_accuracy}", "90d", "best of all, long ago", 4),
        ("{name: val_accuracy}", "99999d", "best of all, long ago", 4),
    ],
)
def test_the_best_earlier_run_within_a_window_counts(
    metric: str, within: str, best: str, among: int, season: dict[str, str], ask: Asking
) -> None:
    gate = ask.gate(f"[{{best: {{within: {within}}}}}]", metric)
    record = gate.collect(runs=(season["now"],)).candidates[0].baselines[0]
    assert (Found(record).run_id, record.among) == (season[best], among)


def test_a_window_without_a_run_is_passed_over(season: dict[str, str], ask: Asking) -> None:
    found = ask("[{best: {within: 1h}}, {best: {within: 2d}}]", season["now"])
    assert found.passed_over == [
        ("best: within=1h", "no FINISHED run began within it and ended before the candidate began"),
        ("best: within=2d", "none of the 1 earlier FINISHED run(s) has a finite val_accuracy"),
    ]


def test_best_needs_a_metric(team: Team, ask: Asking, tmp_path: Path) -> None:
    run = team.run(team.experiment(primary=None))
    gate = Gate.of(tmp_path, ask.uri, p=f"baseline: [{{best: {{within: 9d}}}}]\n{LOGGED}")
    found = Found(gate.collect(runs=(run,)).candidates[0].baselines[0])
    assert found.passed_over == [("best: within=9d", "nothing says which metric counts")]


def test_best_is_chosen_here_and_never_ordered_by_a_metric_in_the_store() -> None:
    """SQLite takes 30 s to order 20,000 runs by a metric; the newest 200 are enough."""
    with serving(as_json({"runs": []})) as server:
        record, hit = search(server.uri).find([{"best": {"within": "90d"}}])
    assert (record.found_by, hit) == (None, None)
    (seen,) = server.seen
    assert json.loads(seen.body) == {
        "experiment_ids": ["1"],
        "filter": "attributes.status = 'FINISHED'"
        f" AND attributes.end_time <= {NOON_MS}"
        f" AND attributes.start_time >= {NOON_MS - 90 * DAY_MS}",
        "run_view_type": "ACTIVE_ONLY",
        "order_by": ["attributes.start_time DESC"],
        "max_results": 200,
    }


@pytest.mark.parametrize("odd", range(0, 1000, 37))
def test_a_moment_comes_back_to_the_same_millisecond(odd: int) -> None:
    began = moment_of(NOON_MS + odd)
    assert began is not None
    assert earlier_runs(began, 1.0).ended_until == NOON_MS + odd


# The order, and what stops it.


def test_the_rules_are_tried_in_order(ask: Asking, trained: Trained) -> None:
    found = ask(
        f"[{{alias: none}}, {{alias: champion}}, {{run: {trained.without_model}}}]",
        trained.candidate,
    )
    assert (found.run_id, found.by) == (trained.champion, "alias: champion")
    assert [rule for rule, _ in found.passed_over] == ["alias: none"]


def test_the_baseline_flag_stands_for_every_rule(ask: Asking, trained: Trained) -> None:
    found = ask("[{alias: champion}]", trained.candidate, baseline=trained.without_model)
    assert (found.run_id, found.by) == (trained.without_model, "--baseline")


def test_a_baseline_flag_that_hits_nothing_falls_back_on_no_rule(
    ask: Asking, trained: Trained
) -> None:
    found = ask("[{alias: champion}]", trained.candidate, baseline=trained.running)
    assert (found.run_id, found.by) == (None, None)
    assert found.passed_over == [
        (
            f"run: {trained.running}",
            f"{label(trained.running, 'running')} is RUNNING, not FINISHED",
        )
    ]


@pytest.mark.parametrize("rules", ["[{alais: champion}]", "[{alias: champion}, {alais: champion}]"])
def test_a_rule_that_nobody_knows_is_a_mistake_even_behind_one_that_hits(
    rules: str, ask: Asking, trained: Trained
) -> None:
    with pytest.raises(PolicyFileError) as caught:
        ask(rules, trained.candidate)
    (problem,) = caught.value.problems
    assert problem.message == "no loaded plugin knows the rule 'alais'"
    assert problem.remedy == "did you mean 'alias'?"
    assert (problem.line, problem.column) == (3, rules.index("alais") + len("baseline: ") + 1)
    with pytest.raises(PolicyFileError) as caught:
        load(("policies",), ask.folder)
    assert caught.value.problems == (problem,)


def search(uri: str, resolve: Any = None) -> BaselineSearch:
    """Return a search for a candidate of experiment 1 that began at noon."""
    deadline = Deadline(20)
    info = {"run_id": "a" * 32, "experiment_id": "1", "status": "FINISHED", "start_time": NOON_MS}
    return BaselineSearch(
        reads=Reads(RestStore(uri, deadline), deadline),
        candidate=run_record({"info": info}, None),
        model=lambda: None,
        metric="val_accuracy",
        goal="maximize",
        ancestors=(),
        resolve=resolve or (lambda *_: None),
    )


def test_a_rule_that_cannot_be_read_is_not_skipped_for_the_next_one() -> None:
    """The champion may well be there; to compare with another run would be to guess."""
    with serving(error(500, "INTERNAL_ERROR")) as server:
        record, hit = search(server.uri).find([{"alias": "fraud@champion"}, {"run": "b" * 32}])
    assert hit is None
    assert record.run == Unreadable(
        unreadable=f"MLflow at {server.uri} failed (HTTP 500: it says why); "
        "try again, or look into the server's log"
    )
    asked = {seen.path.partition("?")[0] for seen in server.seen}
    assert asked == {"/api/2.0/mlflow/registered-models/alias"}


# Rules of plugins.


def by_plugin(uri: str, resolve: Any) -> tuple[BaselineRecord, Hit | None]:
    return search(uri, resolve).find([{"acme": {"team": "risk"}}])


def test_a_plugin_finds_the_baseline_with_the_read_only_finder(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    asked = []

    def resolve(rule: Any, candidate: Any, tracking: Any) -> Any:
        asked.append((dict(rule), candidate.run_id))
        return tracking.by_alias("fraud", "champion")

    record, hit = by_plugin(mlflow_server.uri, resolve)
    assert hit is not None
    assert hit.run["info"]["run_id"] == trained.champion
    assert record.found_by == "acme: team=risk"
    assert asked == [({"acme": {"team": "risk"}}, "a" * 32)]


def test_what_a_plugin_finds_is_held_to_the_same_conditions(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    record, hit = by_plugin(mlflow_server.uri, lambda *a: a[2].run(trained.running))
    assert hit is None
    assert record.passed_over == (
        PassedOver(
            rule="acme: team=risk",
            why=f"{label(trained.running, 'running')} is RUNNING, not FINISHED",
        ),
    )


def raising(raised: BaseException) -> Any:
    def resolve(*_: Any) -> Any:
        raise raised

    return resolve


def noted(note: str) -> Exception:
    error = KeyError("risk")
    error.add_note(note)
    return error


def test_a_plugin_that_finds_none_says_why(mlflow_server: MlflowServer) -> None:
    record, _ = by_plugin(mlflow_server.uri, raising(MissingEvidence("risk has no champion")))
    assert record.passed_over == (PassedOver(rule="acme: team=risk", why="risk has no champion"),)


@pytest.mark.parametrize(
    ("resolve", "why"),
    [
        (raising(KeyError("risk")), "raised KeyError: 'risk'"),
        (raising(noted(" (acme.py:7, in rule)")), "raised KeyError: 'risk' (acme.py:7, in rule)"),
        (raising(SystemExit(0)), "raised SystemExit: 0"),
        (
            lambda *_: type("Stranger", (), {"run_id": "c" * 32})(),
            "returned a run that `tracking` did not give it",
        ),
    ],
    ids=["raises", "raises at a known place", "exits", "makes a run up"],
)
def test_a_plugin_that_misbehaves_leaves_the_baseline_unreadable(
    resolve: Any, why: str, mlflow_server: MlflowServer
) -> None:
    record, hit = by_plugin(mlflow_server.uri, resolve)
    assert hit is None
    assert record.run == Unreadable(
        unreadable=f"baseline rule 'acme: team=risk': a plugin's resolve_baseline {why}"
    )


def test_a_plugin_that_names_the_candidate_is_passed_over(mlflow_server: MlflowServer) -> None:
    record, hit = by_plugin(mlflow_server.uri, lambda *a: a[1])
    assert hit is None
    assert record.passed_over == (
        PassedOver(rule="acme: team=risk", why="the plugin names the candidate itself"),
    )


def test_a_store_that_fails_a_plugin_leaves_the_baseline_unreadable() -> None:
    with serving(error(500, "INTERNAL_ERROR")) as server:
        record, _ = by_plugin(server.uri, lambda *a: a[2].by_tag("kind", "existing"))
    assert isinstance(record.run, Unreadable)


def test_a_plugin_that_knows_no_such_rule_leaves_it_a_mistake(mlflow_server: MlflowServer) -> None:
    with pytest.raises(UsageError, match="baseline rule 'acme: team=risk': no built-in rule"):
        by_plugin(mlflow_server.uri, lambda *_: None)


# The model of the baseline.


def test_the_model_of_the_candidates_name_counts_where_the_baseline_has_several(
    team: Team, ask: Asking, tmp_path: Path
) -> None:
    experiment = team.experiment()
    baseline, candidate = team.run(experiment), team.run(experiment)
    ids = {name: team.model(baseline, name) for name in ("first", "second")}
    team.model(candidate, "second")
    assert _baseline_model(tmp_path, ask.uri, baseline, candidate) == ids["second"]


def test_a_baseline_with_one_model_needs_no_name(team: Team, ask: Asking, tmp_path: Path) -> None:
    """A model may be logged under the name of its algorithm, which a change changes."""
    experiment = team.experiment()
    baseline, candidate = team.run(experiment), team.run(experiment)
    model = team.model(baseline, "logistic")
    team.model(candidate, "forest")
    assert _baseline_model(tmp_path, ask.uri, baseline, candidate) == model


def _baseline_model(folder: Path, uri: str, baseline: str, candidate: str) -> str | None:
    rules = f"baseline: [{{run: {baseline}}}]\n"
    gate = Gate.of(folder, uri, p=f"{rules}policies: {{model-size-budget: {{max_growth: 10%}}}}\n")
    report = gate.check(runs=(candidate,))
    assert report.subjects[0].baseline is not None
    return report.subjects[0].baseline.model_id
