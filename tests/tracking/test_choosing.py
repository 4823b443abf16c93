"""No run of a change is lost: it is judged, or it is an older try of a model that is judged."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_engine.check import load
from policy_engine.evidence.record import ChangeRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.choosing import choose
from policy_engine.tracking.reads import Reads
from tests.tracking.team import HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.policy_file import PolicyFile
    from policy_engine.report import Report
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


# The law, over random sets of runs.


@dataclass(frozen=True)
class World:
    """Runs of one change as a store answers them, newest first, each with at most one model."""

    runs: tuple[dict[str, Any], ...]

    notes = ()

    def experiment(self, experiment_id: str) -> dict[str, Any]:
        return {"experiment_id": experiment_id, "name": f"experiment {experiment_id}"}

    def model(self, model_id: str) -> dict[str, Any]:
        return next(r["model"] for r in self.runs if r["model"]["info"]["model_id"] == model_id)

    def models_of_run(self, _experiment_id: str, _run_id: str) -> list[dict[str, Any]]:
        return []

    def list_run(self, _run_id: str, _folder: str = "") -> list[Any]:
        return []


def a_run(number: int, drawn: tuple[str, str | None, str | None, str, bool]) -> dict[str, Any]:
    experiment, logged, registered, country, tagged = drawn
    run_id = f"{number:032x}"
    tags = {"mlflow.source.git.commit": HEAD, "country": country}
    if tagged:
        tags["policy_engine.candidate"] = "true"
    versions = f'[{{"name": "{registered}", "version": "1"}}]' if registered else "[]"
    model = {
        "info": {
            "model_id": f"m-{run_id}",
            "name": logged,
            "status": "LOGGED_MODEL_READY",
            "tags": [{"key": "mlflow.modelVersions", "value": versions}],
        }
    }
    return {
        "info": {"run_id": run_id, "experiment_id": experiment, "status": "FINISHED"},
        "data": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        "outputs": {"model_outputs": [{"model_id": f"m-{run_id}"}] if logged else []},
        "model": model,
        "drawn": drawn,
    }


DRAWN = st.tuples(
    st.sampled_from(["1", "2"]),
    st.sampled_from(["model", "other", None]),
    st.sampled_from(["churn-de", "churn-fr", None]),
    st.sampled_from(["de", "fr"]),
    st.booleans(),
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


def applies(file: str, drawn: tuple[str, str | None, str | None, str, bool]) -> bool:
    """Say whether a policy file is for a run: the oracle, by the words of each file's scope."""
    experiment, logged, registered, country, _ = drawn
    names = {logged, registered} if logged else set()
    return {
        "all": True,
        "tag": country == "de",
        "name": "churn-de" in names,
        "logged": "model" in names,
        "experiment": experiment == "2",
    }[file]


def is_try_of(other: dict[str, Any], run: dict[str, Any], runs: list[dict[str, Any]]) -> bool:
    """Say whether two runs are tries of one model."""
    (experiment, logged, registered, *_) = run["drawn"]
    (its_experiment, its_logged, its_registered, *_) = other["drawn"]
    if (experiment, logged) != (its_experiment, its_logged):
        return False
    if logged is None:
        return True
    names = {r["drawn"][2] for r in runs if r["drawn"][:2] == (experiment, logged)} - {None}
    return len(names) < 2 or registered == its_registered


@settings(max_examples=300)
@given(st.lists(DRAWN, min_size=1, max_size=7))
def test_a_run_that_a_file_applies_to_is_judged_or_an_older_try_of_a_model_that_is(
    files: tuple[PolicyFile, ...],
    drawn: list[tuple[str, str | None, str | None, str, bool]],
) -> None:
    runs = [a_run(number, each) for number, each in enumerate(drawn)]
    store: Any = World(tuple(runs))
    chosen = choose(Reads(store, Deadline(20)), runs, CHANGE, files)
    for file in files:
        name = file.path.rpartition("/")[2].removesuffix(".yaml")
        mine = [c.run for c in chosen if file.path in c.policy_files]
        fitting = [run for run in runs if applies(name, run["drawn"])]
        for run in fitting:
            tries = [other for other in fitting if is_try_of(other, run, runs)]
            first = next((t for t in tries if t["drawn"][4]), tries[0])
            modelled = [r for r in fitting if r["drawn"][:1] == run["drawn"][:1] and r["drawn"][1]]
            if run["drawn"][1] is None and modelled:
                assert run not in mine  # it evaluated that model, or prepared its data
            else:
                assert (run in mine) == (run is first)
    # A file for which one run of an experiment stands alone is asked when that is judged.
    assert all(c.others < len(runs) for c in chosen)
