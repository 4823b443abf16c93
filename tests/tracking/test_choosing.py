"""No run of a change is lost: it is judged, or it is an older try of a model that is judged."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_engine.check import load
from policy_engine.evidence.record import ChangeRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.choosing import choose
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import NotFound
from tests.tracking.team import HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.policy_file import PolicyFile
    from policy_engine.report import Report
    from policy_engine.tracking.query import Query
    from tests.conftest import MlflowServer

HEAD = "a" * 40
CHANGE = ChangeRecord(head_sha=HEAD)


def policy(name: str, more: str = "") -> str:
    setting = "metric: val_accuracy, min: 0.8"
    return f"{more}\npolicies: {{{name}: {{policy: metric-threshold, {setting}}}}}\n"


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def judged(report: Report) -> dict[str, list[str | None]]:
    """Return the runs that each policy file judged, by their names."""
    found: dict[str, list[str | None]] = {}
    for subject in report.subjects:
        name = subject.candidate.run_name if subject.candidate else None
        found.setdefault(subject.policy_file.rpartition("/")[2], []).append(name)
    return {file: sorted(names, key=str) for file, names in found.items()}


def two_countries(team: Team, commit: str, *, registered: bool) -> None:
    """A bad German model, then a good French one; both are logged as `model`."""
    experiment, word = team.experiment(), uuid.uuid4().hex[:6]
    for hour, (country, value) in enumerate((("de", 0.4), ("fr", 0.95))):
        begin = NOON_MS + hour * HOUR_MS
        tags, metrics = {"country": country}, {"val_accuracy": value}
        run = team.run(
            experiment, name=country, commit=commit, tags=tags, metrics=metrics, begin=begin
        )
        model = team.model(run)
        if registered:
            team.register(f"churn-{country}-{word}", model, run)


def test_models_that_are_registered_under_different_names_are_all_judged(
    team: Team, tmp_path: Path
) -> None:
    commit = uuid.uuid4().hex + "0" * 8
    two_countries(team, commit, registered=True)
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["de", "fr"]}
    assert report.exit_code == 1
    assert all("were not judged" not in note for s in report.subjects for note in s.notes)


@pytest.mark.parametrize("by", ["tags: {country: XX}", "model: churn-XX-*"])
def test_each_file_judges_the_newest_run_that_it_applies_to(
    by: str, team: Team, tmp_path: Path
) -> None:
    commit = uuid.uuid4().hex + "1" * 8
    two_countries(team, commit, registered="model" in by)
    files = {
        country: policy(country, f"applies_to: {{{by.replace('XX', country)}}}")
        for country in ("de", "fr")
    }
    report = Gate.of(tmp_path, team.server.uri, **files).check(commit=commit)
    assert judged(report) == {"de.yaml": ["de"], "fr.yaml": ["fr"]}
    assert report.exit_code == 1


def test_unregistered_runs_of_one_logged_name_are_tries_of_one_model(
    team: Team, tmp_path: Path
) -> None:
    commit = uuid.uuid4().hex + "2" * 8
    two_countries(team, commit, registered=False)
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["fr"]}
    assert report.subjects[0].notes == ("1 other FINISHED run(s) of this change were not judged",)


def test_a_child_run_that_is_tagged_as_candidate_is_one(team: Team, tmp_path: Path) -> None:
    commit, experiment = uuid.uuid4().hex + "3" * 8, team.experiment()
    parent = team.run(experiment, name="study", commit=commit, metrics={})
    for trial, tag in ((1, {}), (2, {"policy_engine.candidate": "true"})):
        tags = {"mlflow.parentRunId": parent} | tag
        team.model(team.run(experiment, name=f"trial {trial}", commit=commit, tags=tags))
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["trial 2"]}
    assert report.exit_code == 0


TAG_IT = 'tag a run `policy_engine.candidate: "true"` to have it judged'


def beside(team: Team, commit: str, *others: tuple[str, dict[str, str]]) -> dict[str, str]:
    """A run with a model, and newer ones of the same experiment that logged metrics alone."""
    experiment = team.experiment()
    runs = {"fr": team.run(experiment, name="fr", commit=commit)}
    team.model(runs["fr"])
    for hour, (name, tags) in enumerate(others, start=1):
        runs[name] = team.run(
            experiment,
            name=name,
            commit=commit,
            tags=tags,
            metrics={"val_accuracy": 0.4},
            begin=NOON_MS + hour * HOUR_MS,
        )
    return runs


def test_runs_without_a_model_are_named_where_another_is_judged(team: Team, tmp_path: Path) -> None:
    """One may be a second model that was saved elsewhere: nobody but its author can see that."""
    commit = uuid.uuid4().hex + "4" * 8
    runs = beside(team, commit, *((name, {}) for name in ("de", "at", "ch", "it")))
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["fr"]}
    named = ", ".join(f"run {name} ({runs[name][:8]})" for name in ("it", "ch", "at"))
    (note,) = report.subjects[0].notes
    assert note == (
        "4 FINISHED runs without a READY model were not judged, as others have one: "
        f"{named} and 1 more; {TAG_IT}"
    )


def test_a_model_that_was_not_logged_whole_is_none(team: Team, tmp_path: Path) -> None:
    commit = uuid.uuid4().hex + "5" * 8
    runs = beside(team, commit, ("de", {}))
    team.model(runs["de"], status="FAILED")
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    (note,) = report.subjects[0].notes
    assert note == (
        "1 FINISHED run without a READY model was not judged, as others have one: "
        f"run de ({runs['de'][:8]}); {TAG_IT}"
    )


def test_a_run_without_a_model_is_judged_if_it_is_tagged(team: Team, tmp_path: Path) -> None:
    commit = uuid.uuid4().hex + "6" * 8
    beside(team, commit, ("de", {"policy_engine.candidate": "true"}))
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["de", "fr"]}
    assert report.exit_code == 1
    assert [s.notes for s in report.subjects] == [(), ()]


def test_a_run_that_another_file_judges_is_named_with_the_file_that_does_not(
    team: Team, tmp_path: Path
) -> None:
    commit = uuid.uuid4().hex + "7" * 8
    runs = beside(team, commit, ("de", {"country": "de"}))
    files = {"all": policy("all"), "de": policy("de", "applies_to: {tags: {country: de}}")}
    report = Gate.of(tmp_path, team.server.uri, **files).check(commit=commit)
    assert judged(report) == {"all.yaml": ["fr"], "de.yaml": ["de"]}
    (note,) = {note for s in report.subjects for note in s.notes}
    assert note == (
        "1 FINISHED run without a READY model was not judged by policies/all.yaml, as others "
        f"have one: run de ({runs['de'][:8]}); {TAG_IT}"
    )


def test_a_search_beside_a_run_with_a_model_is_judged_by_its_child(
    team: Team, tmp_path: Path
) -> None:
    """Its parent has no model, and is not passed over for that."""
    commit = uuid.uuid4().hex + "8" * 8
    runs = beside(team, commit, ("study", {}))
    experiment = team.client.get_run(runs["fr"]).info.experiment_id
    tags = {"mlflow.parentRunId": runs["study"]}
    metrics = {"val_accuracy": 0.3}
    trial = team.run(experiment, name="trial", commit=commit, tags=tags, metrics=metrics)
    team.model(trial, "forest")
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["fr", "trial"]}
    assert report.exit_code == 1


def test_the_evaluation_of_a_model_that_is_judged_is_not_named(team: Team, tmp_path: Path) -> None:
    from mlflow.entities import LoggedModelInput

    commit, experiment = uuid.uuid4().hex + "9" * 8, team.experiment()
    trained = team.run(experiment, name="train", commit=commit)
    inputs = [LoggedModelInput(team.model(trained))]
    evaluated = team.run(experiment, name="evaluate", commit=commit, begin=NOON_MS + HOUR_MS)
    team.client.log_inputs(evaluated, models=inputs)
    report = Gate.of(tmp_path, team.server.uri, p=policy("p")).check(commit=commit)
    assert judged(report) == {"p.yaml": ["train"]}
    assert report.subjects[0].notes == ()


# The law, over random sets of runs.


@dataclass(frozen=True)
class Drawn:
    """A run of a change: where, of which model, for whom; `leads` counts where it has no model."""

    experiment: str
    logged: str | None
    registered: str | None
    country: str
    tagged: bool
    leads: str | None

    @property
    def model(self) -> str | None:
        """What it is a try of: its model's name, its only child's, `?` where nobody can tell."""
        if self.logged:
            return self.logged
        return {"one child": "model", "two children": "?"}.get(self.leads or "")

    @property
    def names(self) -> str | None:
        return self.registered if self.logged else None


@dataclass(frozen=True)
class World:
    """Runs of one change as a store answers them, newest first, each with at most one model."""

    all: tuple[dict[str, Any], ...]

    notes = ()

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        return {"experiment_id": experiment_id, "name": f"experiment {experiment_id}"}

    def run(self, run_id: str) -> dict[str, Any]:
        return next(run for run in self.all if run["info"]["run_id"] == run_id)

    def runs(
        self, _experiments: tuple[str, ...], query: Query, *, limit: int
    ) -> list[dict[str, Any]]:
        wanted = {"key": query.tags[0][0], "value": query.tags[0][1]}
        return [run for run in self.all if wanted in run["data"]["tags"]][:limit]

    def model(self, model_id: str) -> dict[str, Any]:
        known = {r["model"]["info"]["model_id"]: r["model"] for r in self.all if r["drawn"].logged}
        if model_id not in known:
            raise NotFound(model_id)
        found: dict[str, Any] = known[model_id]
        return found

    def models_of_run(self, _experiment_id: str, _run_id: str) -> list[dict[str, Any]]:
        return []

    def list_run(self, _run_id: str, _folder: str = "") -> list[Any]:
        return []


def a_run(number: int, drawn: Drawn, tags: dict[str, str] | None = None) -> dict[str, Any]:
    run_id = f"{number:032x}"
    tags = {"mlflow.source.git.commit": HEAD, "country": drawn.country} | (tags or {})
    if drawn.tagged:
        tags["policy_engine.candidate"] = "true"
    versions = f'[{{"name": "{drawn.names}", "version": "1"}}]' if drawn.names else "[]"
    model = {
        "info": {
            "model_id": f"m-{run_id}",
            "name": drawn.logged,
            "status": "LOGGED_MODEL_READY",
            "source_run_id": run_id,
            "tags": [{"key": "mlflow.modelVersions", "value": versions}],
        }
    }
    evaluated = {"the first": f"m-{0:032x}", "another change's": f"m-{99:032x}"}
    inputs = [{"model_id": evaluated[drawn.leads or ""]}] if drawn.leads in evaluated else []
    return {
        "info": {"run_id": run_id, "experiment_id": drawn.experiment, "status": "FINISHED"},
        "data": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        "inputs": {"model_inputs": inputs},
        "outputs": {"model_outputs": [{"model_id": f"m-{run_id}"}] if drawn.logged else []},
        "model": model,
        "drawn": drawn,
    }


def children_of(number: int, drawn: Drawn) -> list[dict[str, Any]]:
    child = replace(drawn, logged="model", registered=None, tagged=False, leads=None)
    many = {"one child": 1, "two children": 2}.get(drawn.leads or "", 0)
    parent = {"mlflow.parentRunId": f"{number:032x}"}
    return [a_run(100 + 10 * number + each, child, parent) for each in range(many)]


DRAWN = st.builds(
    Drawn,
    experiment=st.sampled_from(["1", "2"]),
    logged=st.sampled_from(["model", "other", None]),
    registered=st.sampled_from(["churn-de", "churn-fr", None]),
    country=st.sampled_from(["de", "fr"]),
    tagged=st.booleans(),
    leads=st.sampled_from(
        [None, "the first", "another change's", "one child", "two children"],
    ),
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[PolicyFile, ...]:
    root = tmp_path_factory.mktemp("files")
    scopes = {
        "all": "",
        "tag": "applies_to: {tags: {country: de}}",
        "name": "applies_to: {model: churn-de}",
        "logged": "applies_to: {model: model}",
        "experiment": "applies_to: {experiment: '* 2'}",
    }
    Gate.of(root, "", **{name: policy(name, scope) for name, scope in scopes.items()})
    return load((str(root / "policies"),)).policies.files


def applies(file: str, drawn: Drawn) -> bool:
    """Say whether a policy file is for a run: the oracle, by the words of each file's scope."""
    names = {drawn.model, drawn.names} - {None}
    return {
        "all": True,
        "tag": drawn.country == "de",
        "name": not names.isdisjoint({"churn-de", "?"}),
        "logged": not names.isdisjoint({"model", "?"}),
        "experiment": drawn.experiment == "2",
    }[file]


def is_try_of(other: Drawn, run: Drawn, runs: list[Drawn]) -> bool:
    """Say whether two runs are tries of one model."""
    if (run.experiment, run.model) != (other.experiment, other.model):
        return False
    alike = [r for r in runs if (r.experiment, r.model) == (run.experiment, run.model)]
    names = {r.names for r in alike} - {None}
    return len(names) < 2 or run.names == other.names


@settings(max_examples=500)
@given(st.lists(DRAWN, min_size=1, max_size=7))
def test_a_run_that_a_file_applies_to_is_judged_or_a_try_of_a_model_that_is_or_told_of(
    files: tuple[PolicyFile, ...], drawn: list[Drawn]
) -> None:
    runs = [a_run(number, each) for number, each in enumerate(drawn)]
    children = [
        child for n, each in enumerate(drawn) if not each.logged for child in children_of(n, each)
    ]
    elsewhere = a_run(99, Drawn("3", "model", None, "de", tagged=False, leads=None))
    store: Any = World((*runs, *children, elsewhere))
    choice = choose(Reads(store, Deadline(20)), runs, CHANGE, files)

    def is_of_another(run: Drawn) -> bool:
        """Say whether all that a run did is evaluate the model of the first."""
        alone = [r.experiment for r in drawn].count(run.experiment) == 1
        evaluated = run.leads == "the first" and run is not drawn[0] and drawn[0].logged
        return not alone and not run.logged and bool(evaluated) and not run.tagged

    for file in files:
        name = file.path.rpartition("/")[2].removesuffix(".yaml")
        mine = {id(c.run["drawn"]) for c in choice.chosen.values() if file.path in c.policy_files}
        told = {
            id(p.run["drawn"]) for p in choice.passed_over.values() if file.path in p.policy_files
        }
        fitting = [run for run in drawn if applies(name, run) and not is_of_another(run)]
        for run in fitting:
            tries = [
                other
                for other in fitting
                if is_try_of(other, run, [r for r in drawn if not is_of_another(r)])
            ]
            modelled = any(r.model for r in fitting if r.experiment == run.experiment)
            if run.model is None and modelled and not run.tagged:
                assert id(run) in told  # it prepared data, or it is a model that was not logged
                assert id(run) not in mine
                continue
            first = next((t for t in tries if t.tagged), tries[0])
            assert (id(run) in mine) == (run is first)
            assert id(run) not in told
    # A file for which one run of an experiment stands alone is asked when that is judged.
    assert all(c.others < len(runs) for c in choice.chosen.values())
