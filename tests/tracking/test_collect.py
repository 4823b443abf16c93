"""Evidence is what MLflow holds: from a server, from SQLite, from a file; no request too many."""

from __future__ import annotations

import copy
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.check import Options, check, load, read_evidence, save_evidence
from policy_engine.errors import UsageError
from policy_engine.evidence import Case, Needs
from policy_engine.evidence.record import (
    ChangeRecord,
    EvidenceRecord,
    FileRecord,
    Invalid,
    ModelRecord,
    RunRecord,
    Unreadable,
    VersionRecord,
)
from policy_engine.http.deadline import Deadline
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.policy_file import Offered, load_policies
from policy_engine.tracking.candidates import Named
from policy_engine.tracking.collect import HISTORY_S, Request, collect_evidence
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import NotFound
from policy_engine.tracking.store import ReadFailed as UnreadableRead
from tests.tracking.relay import relaying
from tests.tracking.team import AT, DAY_MS, HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policy_engine.tracking.store import Store
    from tests.conftest import MlflowServer, Trained

SIX = """
metric: {name: val_accuracy}
baseline:
  - alias: champion
prices: {default: 0.50 USD/h}
policies:
  run-finished: on
  baseline-logged: on
  metric-threshold: {metric: val_accuracy, min: 0.9}
  min-useful-gain: {min_abs: 0.5pt}
  model-size-budget: {max_size: 25MB, max_growth: 10%, growth_from: 1kB}
  cost-per-point: {max_cost_per_point: 1 USD}
"""
EVERYTHING = (
    Needs.MODEL
    | Needs.FILES
    | Needs.REGISTRY
    | Needs.DATASETS
    | Needs.CHILDREN
    | Needs.BASELINE
    | Needs.HISTORY
    | Needs.LATER
)


class ReadEverything(Policy, name="read-everything"):
    """Reads every kind of evidence."""

    needs = EVERYTHING

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield Finding(outcome=Outcome.PASS, message=f"{case.candidate.run_id} was read")


class ReadTries(ReadEverything, name="read-tries"):
    """Reads which try of the pull request this is."""

    needs = Needs.CHANGE


def evidence_of(
    store: Store, *runs: str, text: str = "baseline: [{alias: champion}]\n", needs: str = ""
) -> EvidenceRecord:
    """Return all evidence of these runs, by a policy file with one policy that reads everything."""
    content = f"version: 1\n{text}policies: {{read-everything: on}}\n".encode()
    offered = {"read-everything": Offered(ReadEverything, "test")}
    policies = load_policies({"p.yaml": content}, offered, {}, {})
    request = Request(named=Named(runs=runs), baseline=None, change=None, ancestors=(), at=AT)
    return collect_evidence(Reads(store, Deadline(20)), policies, request, lambda *_: None)


def run_of(store: Store, run: str) -> RunRecord:
    """Return the whole evidence of a run."""
    evidence = evidence_of(store, run)
    assert evidence.unreadable is None
    return evidence.candidates[0].run


@pytest.fixture(scope="module")
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


@pytest.fixture
def rest(mlflow_server: MlflowServer) -> Store:
    return RestStore(mlflow_server.uri, Deadline(20))


@pytest.fixture
def gate(tmp_path: Path, mlflow_server: MlflowServer) -> Gate:
    return Gate.of(tmp_path, mlflow_server.uri, six=SIX)


# Three ways to the same evidence.

KINDS = ("candidate", "champion", "without_model", "two_models", "parent", "not_numbers", "failed")


@pytest.mark.parametrize("kind", [*KINDS, "running", "failed_log"])
def test_a_server_and_its_database_give_the_same_evidence_and_the_same_report(
    kind: str, trained: Trained, gate: Gate, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    run = getattr(trained, kind)
    by_server = gate.check(runs=(run,), save_evidence=tmp_path / "server.json")
    by_sqlite = Gate(gate.root, mlflow_server.database).check(
        runs=(run,), save_evidence=tmp_path / "sqlite.json"
    )
    # A database has no server whose version could be told.
    assert by_sqlite.to_dict() == replace(by_server, mlflow=None).to_dict()
    told = (tmp_path / "server.json").read_text("utf-8")
    assert (tmp_path / "sqlite.json").read_text("utf-8") == told.replace('  "mlflow": "3",\n', "")


@pytest.mark.parametrize("kind", [*KINDS, "proxied", "deleted"])
def test_saved_evidence_gives_the_same_report_without_mlflow(
    kind: str, trained: Trained, gate: Gate, tmp_path: Path
) -> None:
    file = tmp_path / "evidence.json"
    report = gate.check(runs=(getattr(trained, kind),), save_evidence=file)
    again = check(Options(evidence=file, root=gate.root, at=AT))
    assert again.to_dict() == report.to_dict()


@pytest.mark.parametrize("kind", [*KINDS, "proxied", "running"])
def test_all_evidence_survives_being_saved(
    kind: str, trained: Trained, rest: Store, tmp_path: Path
) -> None:
    evidence = evidence_of(rest, getattr(trained, kind))
    file = tmp_path / "evidence.json"
    save_evidence(evidence, file)
    again = read_evidence(file)
    assert again == evidence
    assert again.digest == evidence.digest
    assert again.to_text() == file.read_text()


def test_all_evidence_is_the_same_from_a_server_and_from_sqlite(
    trained: Trained, rest: Store, mlflow_server: MlflowServer
) -> None:
    sqlite = open_store(mlflow_server.database, Deadline(20))
    runs = tuple(getattr(trained, kind) for kind in KINDS)
    theirs = evidence_of(rest, *runs)
    assert theirs.mlflow == "3"
    # A database has no server whose version could be told.
    assert (
        evidence_of(sqlite, *runs).to_text() == theirs.model_copy(update={"mlflow": None}).to_text()
    )


def test_collecting_twice_gives_the_same_bytes(trained: Trained, rest: Store) -> None:
    first = evidence_of(rest, trained.candidate, trained.parent).to_text()
    assert evidence_of(rest, trained.candidate, trained.parent).to_text() == first


def test_the_moment_of_collection_does_not_change_the_digest(trained: Trained, rest: Store) -> None:
    evidence = evidence_of(rest, trained.candidate)
    later = evidence.model_copy(update={"collected_at": AT.replace(year=2027)})
    assert later.digest == evidence.digest


def test_files_that_a_server_serves_are_unreadable_through_its_database(
    trained: Trained, gate: Gate, mlflow_server: MlflowServer
) -> None:
    """Not zero bytes: a model of no known size does not fit a budget."""
    assert gate.check(runs=(trained.proxied,)).exit_code == 1
    report = Gate(gate.root, mlflow_server.database).check(runs=(trained.proxied,))
    assert report.exit_code == 3
    size = next(f for f in report.subjects[0].findings if f.id == "model-size-budget")
    assert size.whole == (
        "the size of model 'nested' could not be read: the files at mlflow-artifacts:/"
        f"{trained.proxied_experiment_id}/models/{trained.proxied_model}/artifacts are kept by an "
        f"MLflow server, and {mlflow_server.database} does not know which: "
        "give that server's address as the tracking URI"
    )


# The parts of it.


def bytes_on_disk(folder: Path) -> dict[str, int]:
    """Return path and size of all files, asked of the operating system."""
    return {
        (Path(at) / name).relative_to(folder).as_posix(): (Path(at) / name).stat().st_size
        for at, _, names in os.walk(folder)
        for name in names
    }


@pytest.mark.parametrize("kind", ["candidate", "champion", "proxied"])
def test_the_size_of_a_model_is_what_its_files_take_on_disk(
    kind: str, trained: Trained, rest: Store, mlflow_server: MlflowServer
) -> None:
    model_id = getattr(trained, "proxied_model" if kind == "proxied" else f"{kind}_model")
    uri = rest.model(model_id)["info"]["artifact_uri"]
    served = f"{mlflow_server.root}/proxied/"
    folder = Path(uri.replace("mlflow-artifacts:/", served).removeprefix("file://"))
    files = bytes_on_disk(folder)
    assert len(files) >= 5
    model = run_of(rest, getattr(trained, kind)).model
    assert isinstance(model, ModelRecord)
    assert model.size == sum(files.values())
    assert isinstance(model.files, tuple)
    assert {file.path: file.size for file in model.files} == files
    assert model.flavors == ("python_function", "sklearn")
    # MLflow writes this one before it adds the environment files.
    assert model.logged_size is not None
    assert 0 < model.logged_size < sum(files.values())


def test_a_model_of_deep_folders_and_empty_files_is_measured_whole(team: Team, rest: Store) -> None:
    run = team.run(team.experiment())
    files = {"MLmodel": b"flavors: {a: {}}\n", "a/b/c/d.bin": bytes(7), "a/b/e.bin": b"", "f": b"1"}
    team.model(run, files=files)
    model = run_of(rest, run).model
    assert isinstance(model, ModelRecord)
    assert model.files == tuple(
        FileRecord(path=path, size=len(content)) for path, content in sorted(files.items())
    )
    assert model.size == 17 + 7 + 1


def test_a_model_without_files_is_listed_as_nothing(team: Team, rest: Store) -> None:
    run = team.run(team.experiment())
    team.model(run, files={})
    model = run_of(rest, run).model
    assert isinstance(model, ModelRecord)
    assert (model.size, model.files, model.flavors) == (0, (), None)


def test_an_mlmodel_file_that_is_none_leaves_the_size_known(team: Team, rest: Store) -> None:
    run = team.run(team.experiment())
    team.model(run, files={"MLmodel": b"{", "model.bin": bytes(9)})
    model = run_of(rest, run).model
    assert isinstance(model, ModelRecord)
    assert model.size == 10
    assert model.flavors == Unreadable(
        unreadable="the MLmodel file cannot be read (it is not YAML, or nested too deeply); log "
        "the model again"
    )


def test_the_own_files_of_a_run_are_not_those_of_its_model(trained: Trained, rest: Store) -> None:
    assert run_of(rest, trained.champion).files == (
        FileRecord(path="notes/for reviewers.txt", size=28),
    )


def test_the_children_of_a_run_are_found(trained: Trained, rest: Store) -> None:
    children = run_of(rest, trained.parent).children
    assert isinstance(children, tuple)
    assert {child.run_id for child in children} == set(trained.children)
    assert run_of(rest, trained.candidate).children == ()


def test_the_dataset_of_a_run_is_told(trained: Trained, rest: Store) -> None:
    (dataset,) = run_of(rest, trained.candidate).datasets
    assert (dataset.name, dataset.context, dataset.source_type) == (
        "breast-cancer-validation",
        "validation",
        "code",
    )
    assert dataset.digest is not None
    (other,) = run_of(rest, trained.champion).datasets
    assert other.digest == dataset.digest


def test_no_metric_that_is_no_number_is_taken_for_one(trained: Trained, rest: Store) -> None:
    assert run_of(rest, trained.not_numbers).metrics == {
        "val_accuracy": 0.9,
        "nan": Invalid(invalid="NaN"),
        "inf": Invalid(invalid="Infinity"),
        "minus_inf": Invalid(invalid="-Infinity"),
    }


def test_texts_that_mlflow_cut_off_are_invalid(team: Team, rest: Store) -> None:
    run = team.run(
        team.experiment(),
        params={"whole": "p" * 5999, "cut": "p" * 6001},
        tags={"whole": "t" * 7999, "cut": "t" * 8001},
    )
    record = run_of(rest, run)
    assert record.params == {
        "whole": "p" * 5999,
        "cut": Invalid(invalid="cut off by MLflow at 6000 characters"),
    }
    assert record.tags["whole"] == "t" * 7999
    assert record.tags["cut"] == Invalid(invalid="cut off by MLflow at 8000 characters")


def test_the_registered_versions_and_aliases_of_the_model_are_told(
    trained: Trained, rest: Store
) -> None:
    run = run_of(rest, trained.champion)
    assert isinstance(run.model, ModelRecord)
    assert run.model.versions == (VersionRecord(name="fraud", version="1"),)
    assert run.aliases == {"champion": "1"}
    assert run_of(rest, trained.without_model).aliases is None


def test_the_history_is_the_finished_runs_that_ended_before(team: Team, rest: Store) -> None:
    experiment = team.experiment()
    week, day = NOON_MS - 7 * DAY_MS, NOON_MS - DAY_MS
    old, new = team.run(experiment, begin=week), team.run(experiment, begin=day)
    team.run(experiment, begin=NOON_MS - round(HISTORY_S * 1000) - DAY_MS)
    team.run(experiment, begin=day, status="FAILED")
    team.run(experiment, begin=NOON_MS - HOUR_MS, end=NOON_MS + 1)
    candidate = team.run(experiment)
    (found,) = evidence_of(rest, candidate).candidates
    assert isinstance(found.history, tuple)
    assert [run.run_id for run in found.history] == [new, old]


def test_later_are_the_finished_runs_that_ended_after_it_began_up_to_the_collection(
    team: Team, rest: Store
) -> None:
    experiment = team.experiment()
    team.run(experiment, begin=NOON_MS - DAY_MS)
    candidate = team.run(experiment)
    beside = team.run(experiment, begin=NOON_MS - HOUR_MS, end=NOON_MS + 1)
    after = team.run(experiment, begin=NOON_MS + HOUR_MS)
    team.run(experiment, begin=NOON_MS + HOUR_MS, status="FAILED")
    team.run(experiment, begin=NOON_MS + 10_000 * DAY_MS)
    (found,) = evidence_of(rest, candidate).candidates
    assert isinstance(found.later, tuple)
    assert [run.run_id for run in found.later] == [after, beside]


def test_the_users_own_name_of_the_metric_counts_for_the_baseline_too(
    team: Team, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    experiment = team.experiment(primary=None)
    baseline = team.run(experiment, metrics={"our_accuracy": 0.0})
    candidate = team.run(experiment, metrics={"our_accuracy": 0.5})
    gate = Gate.of(
        tmp_path,
        mlflow_server.uri,
        p="evidence: {names: {val_accuracy: our_accuracy}}\nmetric: {name: val_accuracy}\n"
        f"baseline: [{{run: {baseline}}}]\npolicies: {{baseline-logged: on}}\n",
    )
    report = gate.check(runs=(candidate,))
    assert report.subjects[0].passed_over == ()
    assert report.exit_code == 0


# No request too many.

API = "/api/2.0/mlflow"


def requests_of(policies: str, tmp_path: Path, server: MlflowServer, **options: Any) -> list[str]:
    """Return the requests of one check, sorted."""
    with relaying(server.uri) as relay:
        Gate.of(tmp_path, relay.uri, p=policies).check(**options)
    return sorted(relay.asked)


def test_six_policies_on_a_run_take_twelve_requests(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    files = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"
    assert requests_of(SIX, tmp_path, mlflow_server, runs=(trained.candidate,)) == sorted(
        [
            # The candidate: metrics, times, tags, and which models it put out.
            f"GET {API}/runs/get",
            # The name of its experiment; the baseline's is the same and is not asked for again.
            f"GET {API}/experiments/get",
            # Is its model READY, and under which name is it registered: the run does not say.
            f"GET {API}/logged-models/{trained.candidate_model}",
            # Its size is the sum of this listing; no answer holds it.
            f"GET {API}/logged-models/{trained.candidate_model}/artifacts/directories",
            # Its flavors, and the size that MLflow's client wrote, to cross-check.
            f"GET {files.format(trained.candidate_model)}",
            # Which version is the champion; a search of versions returns no aliases.
            f"GET {API}/registered-models/alias",
            # The baseline, and the same three of its model, which `max_growth` compares with.
            f"GET {API}/runs/get",
            f"GET {API}/logged-models/{trained.champion_model}",
            f"GET {API}/logged-models/{trained.champion_model}/artifacts/directories",
            f"GET {files.format(trained.champion_model)}",
            # What a run cost includes its children: `cost-per-point` asks for both runs' ones.
            f"POST {API}/runs/search",
            f"POST {API}/runs/search",
        ]
    )


def test_a_policy_of_metrics_alone_reads_no_model_file_and_no_baseline(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    only = "baseline: [{alias: champion}]\npolicies: {metric-threshold: {metric: auc, min: 0.5}}\n"
    assert requests_of(only, tmp_path, mlflow_server, runs=(trained.candidate,)) == sorted(
        [
            f"GET {API}/runs/get",
            f"GET {API}/experiments/get",
            # `applies_to` and the report name the model.
            f"GET {API}/logged-models/{trained.candidate_model}",
        ]
    )


def test_a_size_budget_without_growth_reads_no_baseline(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    budget = "baseline: [{alias: champion}]\npolicies: {model-size-budget: {max_size: 1MB}}\n"
    asked = requests_of(budget, tmp_path, mlflow_server, runs=(trained.candidate,))
    assert len(asked) == 5
    assert not any("registered-models" in each for each in asked)


def test_a_commit_is_looked_up_in_two_searches_whatever_the_number_of_experiments(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    only = "policies: {metric-threshold: {metric: val_accuracy, min: 0.5}}\n"
    asked = requests_of(only, tmp_path, mlflow_server, commit=trained.candidate_sha)
    assert asked == sorted(
        [
            # Where to look; it also tells the name of the candidate's experiment.
            f"POST {API}/experiments/search",
            # By our own tag, and by MLflow's.
            f"POST {API}/runs/search",
            f"POST {API}/runs/search",
            # `applies_to` and the report name the model; a search says which a run put out.
            f"GET {API}/logged-models/{trained.candidate_model}",
        ]
    )


def test_two_policy_files_read_the_candidate_once(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    other = "policies: {another-size: {policy: model-size-budget, max_size: 1MB}}\n"
    Gate.of(tmp_path, "", other=other)
    assert len(requests_of(SIX, tmp_path, mlflow_server, runs=(trained.candidate,))) == 12


def test_saved_evidence_is_judged_without_a_request(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "evidence.json"
    with relaying(mlflow_server.uri) as relay:
        Gate.of(tmp_path, relay.uri, p=SIX).check(runs=(trained.candidate,), save_evidence=file)
        asked = len(relay.asked)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", relay.uri)
        check(Options(evidence=file, root=tmp_path, at=AT))
        assert len(relay.asked) == asked


@pytest.mark.parametrize("searched", [False, True])
def test_the_runs_of_one_search_are_one_try_of_the_pull_request(
    team: Team, rest: Store, *, searched: bool
) -> None:
    experiment = team.experiment()
    mine = {"policy_engine.pull_request": "7"}
    parent = team.run(experiment, tags=mine)
    below = {**mine, "mlflow.parentRunId": parent} if searched else mine
    children = [team.run(experiment, tags=below, metrics={"f1": 0.5}) for _ in range(3)]
    team.run(experiment, tags={"policy_engine.pull_request": "8"})
    offered = {"read-tries": Offered(ReadTries, "test")}
    content = b"version: 1\npolicies: {read-tries: on}\n"
    policies = load_policies({"p.yaml": content}, offered, {}, {})
    request = Request(
        named=Named(runs=(children[0],)),
        baseline=None,
        change=ChangeRecord(pull_request=7),
        ancestors=(),
        at=AT,
    )
    evidence = collect_evidence(Reads(rest, Deadline(20)), policies, request, lambda *_: None)
    assert evidence.candidates[0].run.tries == (1 if searched else 4)


# Answers that no MLflow gives.


class Mutating:
    """A store whose answers differ from a real one's in one place, chosen by a seed."""

    request_count = 0

    def __init__(self, store: Store, seed: int) -> None:
        self._store = store
        self._random = random.Random(seed)  # noqa: S311 -- to choose, not to hide
        self.changed = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._store, name)

        def changed(*args: Any, **kwargs: Any) -> Any:
            answer = call(*args, **kwargs)
            if self.changed or self._random.random() < 0.6 or not isinstance(answer, (dict, list)):
                return answer
            answer = copy.deepcopy(answer)
            self.changed = f"{name}: {self._mutate(answer)}"
            return answer

        changed.__name__ = name
        return changed

    def _mutate(self, value: Any) -> str:
        """Change one place below a value; return what was done."""
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return "nothing"
        key = self._random.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and self._random.random() < 0.8:
            return f"{key}.{self._mutate(value[key])}"
        odd = self._random.choice(
            [None, 7, -1, 10**400, "x", "it's", "", True, [], [None], {}, {"a": 1}, 0.5]
        )
        value[key] = odd
        return f"{key} = {odd!r:.20}"


@pytest.mark.parametrize("seed", range(120))
def test_an_answer_that_no_mlflow_gives_never_breaks_the_check_and_never_hides_a_gap(
    seed: int, recorded: Store, trained: Trained
) -> None:
    """One wrong value anywhere: evidence, or a sentence; never a crash, never NaN in the file."""
    store: Any = Mutating(recorded, seed)
    try:
        evidence = evidence_of(store, trained.candidate, trained.parent)
    except UsageError:
        pytest.fail(f"the user is blamed for {store.changed}")
    try:
        assert EvidenceRecord.from_json(evidence.to_text()) == evidence, store.changed
    except ValueError:
        pytest.fail(f"evidence with {store.changed} cannot be read again")
    if evidence.unreadable is None and evidence.absent is None:
        assert len(evidence.candidates) == 2


class Recording:
    """A store that asks the server for each thing once, ever."""

    request_count = 0

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(*args: Any, **kwargs: Any) -> Any:
            key = repr((name, args, kwargs))
            if key not in self._known:
                try:
                    self._known[key] = getattr(self._store, name)(*args, **kwargs)
                except (NotFound, UnreadableRead) as e:
                    self._known[key] = e
            answer = self._known[key]
            if isinstance(answer, Exception):
                raise answer
            return answer

        ask.__name__ = name
        return ask


@pytest.fixture(scope="module")
def recorded(mlflow_server: MlflowServer) -> Any:
    return Recording(RestStore(mlflow_server.uri, Deadline(60)))


def test_an_experiment_that_is_not_there_leaves_its_run_unreadable(
    trained: Trained, recorded: Any
) -> None:
    class Lost(Recording):
        def experiment(self, experiment_id: str) -> Any:
            raise NotFound(f"no experiment {experiment_id}")

    store: Any = Lost(recorded)
    assert evidence_of(store, trained.candidate).unreadable == (
        f"no experiment {trained.experiment_id}, which run {trained.candidate} belongs to"
    )


def test_a_loaded_policy_set_can_be_used_for_several_checks(trained: Trained, gate: Gate) -> None:
    loaded = load(("policies",), gate.root)
    options = Options(runs=(trained.champion,), root=gate.root, tracking_uri=gate.uri, at=AT)
    assert check(options, loaded).to_dict() == check(options).to_dict()
