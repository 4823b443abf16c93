"""Which run is judged: by name, or by the commit, on a real server and in real git repositories."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from policy_engine.check import load
from policy_engine.evidence.record import ChangeRecord, ModelRecord, Unreadable
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.candidates import candidates_of
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.translate import model_record
from policy_engine.tracking.versions import model_of_version
from tests.repository import Repository
from tests.tracking.team import DAY_MS, FILES, HOUR_MS, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.report import Report
    from tests.conftest import MlflowServer, Trained

ABSENT = "0" * 32
ONLY_SIZE = "policies: {model-size-budget: {max_size: 25MB}}\n"
ONLY_METRIC = "policies: {metric-threshold: {metric: val_accuracy, min: 0.5}}\n"


@pytest.fixture(scope="module")
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


@pytest.fixture
def gate(tmp_path: Path, mlflow_server: MlflowServer) -> Gate:
    return Gate.of(tmp_path, mlflow_server.uri, p=ONLY_SIZE)


def judged(report: Report) -> list[tuple[str, str | None]]:
    """Return run and model name of every subject."""
    found = [s.candidate for s in report.subjects if s.candidate]
    return [(candidate.run_id, candidate.model) for candidate in found]


def new_sha() -> str:
    """Return a commit that no run of another test has."""
    return (uuid.uuid4().hex * 2)[:40]


def test_a_model_that_another_run_logged_is_said_to_be_anothers(team: Team, gate: Gate) -> None:
    """A run may name any model as its output: a small one, say, that somebody else trained."""
    from mlflow.entities import LoggedModelOutput

    experiment = team.experiment()
    other, mine = team.run(experiment), team.run(experiment)
    model = team.model(other)
    team.client.log_outputs(mine, [LoggedModelOutput(model, 0)])
    (subject,) = gate.check(runs=(mine,)).subjects
    said = f"run {mine[:8]} names a model as its own that run {other[:8]} logged ({model})"
    assert said in subject.notes
    (own,) = gate.check(runs=(other,)).subjects
    assert not any("as its own" in note for note in own.notes)


# Named by a flag.


@pytest.mark.parametrize(
    "uri", ["models:/{name}/1", "models:/{name}@challenger", "models:/{model}", "models:/{model}/"]
)
def test_a_model_uri_names_the_run_and_the_model_even_beside_a_second_one(
    uri: str, team: Team, gate: Gate
) -> None:
    run = team.run(team.experiment())
    team.model(run, "other", files={**FILES, "more.bin": bytes(5000)})
    model = team.model(run, "this")
    name = team.name("fraud")
    team.register(name, model, run, "challenger")
    report = gate.check(models=(uri.format(name=name, model=model),))
    assert report.exit_code == 0
    candidate = report.subjects[0].candidate
    assert candidate is not None
    assert (candidate.run_id, candidate.model_id) == (run, model)
    assert candidate.registered == f"{name}/1"


def test_a_run_named_twice_is_judged_once(trained: Trained, gate: Gate) -> None:
    report = gate.check(runs=(trained.champion, trained.champion))
    assert judged(report) == [(trained.champion, "fraud-model")]


def test_several_named_runs_are_judged_in_the_order_of_the_flags(
    trained: Trained, gate: Gate
) -> None:
    report = gate.check(runs=(trained.proxied, trained.champion))
    assert judged(report) == [(trained.proxied, "nested"), (trained.champion, "fraud-model")]
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (ABSENT, f"MLflow at {{uri}} has no run {ABSENT}"),
        ("8F0C", "MLflow at {uri} has no run 8F0C"),
        (
            "e86dc1e2",
            (
                "MLflow at {uri} has no run e86dc1e2; an id has 32 digits: the JSON report and "
                "MLflow's page have them all"
            ),
        ),
        ("' OR 1=1 --", "'' OR 1=1 --' is not a run id: letters, digits, - and _"),
    ],
)
def test_a_run_that_is_not_there_is_not_evaluated(
    run: str, reason: str, gate: Gate, mlflow_server: MlflowServer
) -> None:
    assert gate.reason(4, runs=(run,)) == reason.format(uri=mlflow_server.uri)


def test_a_deleted_run_is_not_evaluated(gate: Gate, trained: Trained) -> None:
    assert gate.reason(4, runs=(trained.deleted,)) == f"{trained.deleted}: the run was deleted"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("models:/fraud/9", "MLflow at {uri} has no version 9 of model 'fraud'"),
        ("models:/fraud@none", "the registered model 'fraud' has no alias 'none'"),
        ("models:/nobody@champion", "MLflow at {uri} has no registered model 'nobody'"),
        (f"models:/m-{ABSENT}", f"MLflow at {{uri}} has no logged model m-{ABSENT}"),
        (f"runs:/{ABSENT}/model", f"MLflow at {{uri}} has no run {ABSENT}"),
        (
            "models:/fraud/Production",
            (
                "the registered model 'fraud' has no version in the stage 'Production': "
                "name a version or an alias, such as models:/fraud@champion"
            ),
        ),
        ("models:/m-12", "'m-12' is not a logged model's id: m- and 32 digits 0-9 and a-f"),
        *(
            (
                uri,
                (
                    f"{uri} is not a model URI; write models:/name/3, models:/name@alias, "
                    "models:/name/latest, models:/m-… or runs:/RUN_ID/model"
                ),
            )
            for uri in ("models:/fraud", "models:/a/b/1", "fraud/1", "runs:/a", "runs:/a/", "x")
        ),
    ],
)
def test_a_model_that_is_not_there_is_not_evaluated(
    uri: str, reason: str, gate: Gate, trained: Trained, mlflow_server: MlflowServer
) -> None:
    assert gate.reason(4, models=(uri,)) == reason.format(uri=mlflow_server.uri)


def test_the_newest_version_is_named_as_mlflow_names_it(team: Team, gate: Gate) -> None:
    name, experiment = team.name("fraud"), team.experiment()
    runs = [team.run(experiment) for _ in range(2)]
    for run in runs:
        team.register(name, team.model(run), run)
    for latest in ("latest", "Latest"):
        assert judged(gate.check(models=(f"models:/{name}/{latest}",))) == [(runs[1], "model")]


def test_a_version_in_a_stage_is_named_as_mlflow_names_it(team: Team, gate: Gate) -> None:
    name, experiment = team.name("fraud"), team.experiment()
    runs = [team.run(experiment) for _ in range(2)]
    for run in runs:
        team.register(name, team.model(run), run)
    with pytest.warns(FutureWarning):
        team.client.transition_model_version_stage(name, "1", "Production")
    for stage in ("Production", "production"):
        assert judged(gate.check(models=(f"models:/{name}/{stage}",))) == [(runs[0], "model")]
    assert judged(gate.check(models=(f"models:/{name}/latest",))) == [(runs[1], "model")]


def test_a_registered_model_without_a_version_says_so(team: Team, gate: Gate) -> None:
    name = team.name("fraud")
    team.client.create_registered_model(name)
    assert gate.reason(4, models=(f"models:/{name}/latest",)) == (
        f"the registered model '{name}' has no version: name a version or an alias, such as "
        f"models:/{name}/3"
    )


def test_a_registered_name_with_an_at_sign_is_read(team: Team, gate: Gate) -> None:
    name, run = team.name("fraud@eu"), team.run(team.experiment())
    team.register(name, team.model(run), run, "champion")
    for uri in (f"models:/{name}@champion", f"models:/{name}/1"):
        assert judged(gate.check(models=(uri,))) == [(run, "model")]


def test_a_model_of_a_run_is_named_by_its_run_and_its_name(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    small, _ = team.model(run, "small"), team.model(run, "large")
    report = gate.check(models=(f"runs:/{run}/small",))
    assert judged(report) == [(run, "small")]
    assert report.subjects[0].candidate is not None
    assert report.subjects[0].candidate.model_id == small
    assert gate.reason(4, models=(f"runs:/{run}/tiny",)) == (
        f"run {run} has no READY model named 'tiny'; its models: large, small"
    )


def test_a_version_whose_run_was_deleted_is_not_evaluated(team: Team, gate: Gate) -> None:
    run = team.run(team.experiment())
    name = team.name("fraud")
    team.register(name, team.model(run), run)
    team.client.delete_run(run)
    uri = f"models:/{name}/1"
    assert gate.reason(4, models=(uri,)) == f"{uri}: the run was deleted"


def test_one_unknown_run_among_several_is_not_lost(
    trained: Trained, gate: Gate, mlflow_server: MlflowServer
) -> None:
    """Three runs are named and one is judged: that must not end in exit 0."""
    report = gate.check(runs=(ABSENT, trained.champion, trained.deleted))
    assert judged(report) == [(trained.champion, "fraud-model")]
    assert [s.reason for s in report.subjects if s.candidate is None] == [
        f"MLflow at {mlflow_server.uri} has no run {ABSENT}; {trained.deleted}: the run was deleted"
    ]
    assert report.exit_code == 4


def test_the_model_of_a_version_stands_in_its_source() -> None:
    model = f"m-{ABSENT}"
    assert model_of_version({"source": f"models:/{model}"}) == model
    assert model_of_version({"source": f"/a/models/{model}/artifacts"}) == model
    assert model_of_version({"model_id": model, "source": "runs:/x/model"}) == model
    assert model_of_version({"source": "runs:/x/model"}) == "runs:/x/model"
    assert model_of_version({}) is None


# Which model of the run.


def test_two_ready_models_and_no_name_are_an_error_that_lists_them(
    trained: Trained, gate: Gate
) -> None:
    report = gate.check(runs=(trained.two_models,))
    assert report.exit_code == 3
    ids = {m.name: m.model_id for m in _models(gate, trained)}
    assert [f.whole for f in report.subjects[0].findings] == [
        (
            "the model of the candidate run could not be read: the run has 2 READY models: "
            f"first ({ids['first']}), second ({ids['second']}); "
            "name one with `candidate: {model_name: …}` in the policy file"
        )
    ]


def _models(gate: Gate, trained: Trained) -> list[ModelRecord]:
    store = RestStore(gate.uri, Deadline(20))
    found = store.models_of_run(trained.experiment_id, trained.two_models)
    return [model_record(model) for model in found]


def test_the_policy_file_names_one_of_two_models(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(
        tmp_path,
        mlflow_server.uri,
        one=f"candidate: {{model_name: first}}\n{ONLY_SIZE}",
        two=f"candidate: {{model_name: second}}\n{ONLY_SIZE}",
    )
    report = gate.check(runs=(trained.two_models,))
    assert judged(report) == [(trained.two_models, "first"), (trained.two_models, "second")]
    assert report.exit_code == 0


def test_a_model_name_that_the_run_does_not_have_is_missing(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(tmp_path, mlflow_server.uri, p=f"candidate: {{model_name: third}}\n{ONLY_SIZE}")
    report = gate.check(runs=(trained.two_models,))
    assert [f.outcome for f in report.subjects[0].findings] == ["missing"]
    assert report.exit_code == 1


def test_a_model_that_a_flag_fixes_is_not_judged_by_a_file_for_another_name(
    trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(tmp_path, mlflow_server.uri, p=f"candidate: {{model_name: other}}\n{ONLY_SIZE}")
    assert gate.check(models=(f"models:/{trained.champion_model}",)).exit_code == 4


def test_a_failed_model_that_a_flag_names_does_not_pass_a_size_budget(
    team: Team, gate: Gate
) -> None:
    """Half an upload is smaller than the model: its size would pass any budget."""
    run = team.run(team.experiment())
    model = team.model(run, "half", files={"MLmodel": b"flavors: {a: {}}\n"}, status="FAILED")
    report = gate.check(models=(f"models:/{model}",))
    assert [f.whole for f in report.subjects[0].findings] == [
        "the size of model 'half' is invalid: the model is FAILED, not READY"
    ]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("rule", "exit_code"),
    [
        ("{model: 'fraud-m*'}", 0),
        ("{model: fraud}", 0),  # the registered name
        ("{model: 'credit-*'}", 4),
        ("{experiment: fr*}", 0),
        ("{experiment: credit}", 4),
        ("{tags: {policy_engine.head_sha: 'ccc*'}}", 0),
        ("{tags: {policy_engine.head_sha: 'ddd*'}}", 4),
        ("{tags: {team: risk}}", 4),
        ("{model: fraud, experiment: fraud, tags: {mlflow.source.git.commit: 'c*'}}", 0),
        ("{model: fraud, experiment: fraud, tags: {mlflow.source.git.commit: 'd*'}}", 4),
    ],
)
def test_a_policy_file_judges_only_what_it_applies_to(
    rule: str, exit_code: int, trained: Trained, tmp_path: Path, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(tmp_path, mlflow_server.uri, p=f"applies_to: {rule}\n{ONLY_METRIC}")
    assert gate.check(runs=(trained.champion,)).exit_code == exit_code


# By commit.


@pytest.mark.parametrize(
    "tags",
    [
        ("policy_engine.head_sha",),
        ("mlflow.source.git.commit",),
        ("policy_engine.head_sha", "mlflow.source.git.commit"),
    ],
)
def test_a_run_is_found_by_either_tag_of_its_commit(
    tags: tuple[str, ...], team: Team, gate: Gate
) -> None:
    sha = new_sha()
    run = team.run(team.experiment(), tags=dict.fromkeys(tags, sha))
    team.model(run)
    report = gate.check(commit=sha)
    assert judged(report) == [(run, "model")]
    assert report.subjects[0].candidate is not None
    assert report.subjects[0].candidate.commit == sha


def test_the_own_tag_of_a_run_goes_before_that_of_mlflow(team: Team, gate: Gate) -> None:
    """On a pull request MLflow's tag is the merge commit, or whatever was checked out."""
    own, mlflows = new_sha(), new_sha()
    run = team.run(
        team.experiment(),
        tags={"policy_engine.head_sha": own, "mlflow.source.git.commit": mlflows},
    )
    team.model(run)
    assert judged(gate.check(commit=own)) == [(run, "model")]
    assert gate.reason(4, commit=mlflows) == (
        f"no FINISHED run is tagged with the change's commit ({mlflows[:12]}); "
        "train it with policy-engine installed, or name a run with --run"
    )


def test_the_newest_finished_run_is_judged_and_the_others_are_counted(
    team: Team, gate: Gate
) -> None:
    sha, experiment = new_sha(), team.experiment()
    runs = [team.run(experiment, commit=sha, begin=NOON_MS + i * HOUR_MS) for i in (2, 3, 1)]
    for run in runs:
        team.model(run)
    failed = team.run(
        experiment, name="crashed", commit=sha, begin=NOON_MS + DAY_MS, status="FAILED"
    )
    going = team.run(
        experiment, name="going", commit=sha, begin=NOON_MS + 2 * DAY_MS, status="RUNNING"
    )
    report = gate.check(commit=sha)
    assert judged(report) == [(runs[1], "model")]
    assert report.subjects[0].notes == (
        "2 other FINISHED run(s) of this change were not judged",
        f"not finished: going ({going[:8]}, RUNNING)",
        f"not finished: crashed ({failed[:8]}, FAILED)",
    )


def test_a_run_tagged_as_the_candidate_goes_before_a_newer_one(team: Team, gate: Gate) -> None:
    sha, experiment = new_sha(), team.experiment()
    tagged = team.run(experiment, commit=sha, tags={"policy_engine.candidate": "true"})
    newer = team.run(experiment, commit=sha, begin=NOON_MS + DAY_MS)
    other = team.run(
        experiment,
        commit=sha,
        begin=NOON_MS + 2 * DAY_MS,
        tags={"policy_engine.candidate": "false"},
    )
    for run in (tagged, newer, other):
        team.model(run)
    assert judged(gate.check(commit=sha)) == [(tagged, "model")]


def test_a_child_run_is_no_candidate(team: Team, gate: Gate) -> None:
    sha, experiment = new_sha(), team.experiment()
    parent = team.run(experiment, commit=sha)
    child = team.run(
        experiment, commit=sha, tags={"mlflow.parentRunId": parent}, begin=NOON_MS + DAY_MS
    )
    for run in (parent, child):
        team.model(run)
    report = gate.check(commit=sha)
    assert judged(report) == [(parent, "model")]
    assert report.subjects[0].notes == ()


def test_experiments_and_model_names_are_subjects_of_their_own(team: Team, gate: Gate) -> None:
    sha, one, two = new_sha(), team.experiment(), team.experiment()
    runs = {}
    for number, (experiment, model) in enumerate(
        [(one, "small"), (one, "large"), (one, "small"), (two, "small")]
    ):
        runs[number] = team.run(experiment, commit=sha, begin=NOON_MS + number * HOUR_MS)
        team.model(runs[number], model)
    assert sorted(judged(gate.check(commit=sha))) == sorted(
        [(runs[1], "large"), (runs[2], "small"), (runs[3], "small")]
    )


def test_runs_that_are_not_finished_are_named_where_there_is_none_else(
    team: Team, gate: Gate
) -> None:
    sha = new_sha()
    going = team.run(
        team.experiment(), name="so\x1b[31mon\n::error::", commit=sha, status="RUNNING"
    )
    assert gate.reason(4, commit=sha) == (
        f"no FINISHED run is tagged with the change's commit ({sha[:12]}); "
        f"not finished: so [31mon ::error:: ({going[:8]}, RUNNING); "
        "train it with policy-engine installed, or name a run with --run"
    )


def test_a_deleted_run_is_not_found_by_its_commit(team: Team, gate: Gate) -> None:
    sha = new_sha()
    team.client.delete_run(team.run(team.experiment(), commit=sha))
    assert gate.check(commit=sha).exit_code == 4


def test_a_run_of_the_merge_commit_stands_for_the_head(team: Team, gate: Gate) -> None:
    head, merge = new_sha(), new_sha()
    run = team.run(team.experiment(), tags={"mlflow.source.git.commit": merge})
    files = load(("policies",), gate.root).policies.files
    change = ChangeRecord(pull_request=7, head_sha=head, merge_sha=merge)
    deadline = Deadline(20)
    search = candidates_of(Reads(RestStore(gate.uri, deadline), deadline), change, files)
    assert [found.run["info"]["run_id"] for found in search.found] == [run]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A work tree on a branch: one commit on main, then one that trains and one that does not."""
    made = Repository.new(tmp_path)
    made.commit("training/fit.py", text=f"begin {uuid.uuid4()}")
    made.git("switch", "--quiet", "--create", "change")
    return made


TRAINED = f"candidate: {{paths: ['training/**']}}\n{ONLY_SIZE}"


def test_a_run_of_an_earlier_commit_counts_while_nothing_of_the_training_changed(
    team: Team, repository: Repository, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(repository.folder, mlflow_server.uri, p=TRAINED)
    first = repository.commit("training/fit.py", text=f"train {uuid.uuid4()}")
    run = team.run(team.experiment(), commit=first)
    team.model(run)
    repository.commit("README.md")
    assert judged(gate.check()) == [(run, "model")]
    head = repository.commit("training/fit.py")
    assert gate.reason(4) == (
        f"no FINISHED run is tagged with the change's commit ({head[:12]}); "
        "train it with policy-engine installed, or name a run with --run"
    )


def test_a_run_of_the_default_branch_does_not_count_for_a_change(
    team: Team, repository: Repository, mlflow_server: MlflowServer
) -> None:
    """Nothing of the training changed since, but the run proves what main does, not the change."""
    gate = Gate.of(repository.folder, mlflow_server.uri, p=TRAINED)
    base = repository.git("rev-parse", "main")
    team.model(team.run(team.experiment(), commit=base))
    repository.commit("README.md")
    assert gate.check().exit_code == 4


def test_without_paths_only_the_head_itself_counts(
    team: Team, repository: Repository, mlflow_server: MlflowServer
) -> None:
    gate = Gate.of(repository.folder, mlflow_server.uri, p=ONLY_SIZE)
    first = repository.commit("training/fit.py", text=f"train {uuid.uuid4()}")
    team.model(team.run(team.experiment(), commit=first))
    repository.commit("README.md")
    assert gate.check().exit_code == 4


def test_a_branch_or_a_short_sha_is_taken_for_its_commit(
    team: Team, repository: Repository, mlflow_server: MlflowServer
) -> None:
    """Runs are tagged with whole shas: `--commit HEAD` would find nothing, silently."""
    gate = Gate.of(repository.folder, mlflow_server.uri, p=ONLY_SIZE)
    sha = repository.commit("training/fit.py", text=f"train {uuid.uuid4()}")
    run = team.run(team.experiment(), commit=sha)
    team.model(run)
    for name in ("HEAD", "change", sha[:10], sha):
        assert judged(gate.check(commit=name)) == [(run, "model")]


def test_outside_a_repository_there_is_no_commit_to_look_for(gate: Gate) -> None:
    assert gate.reason(4) == (
        f"there is no commit to look for: there is no git work tree at {gate.root}: run this in "
        "a clone, or name a run with --run, --model or --commit"
    )


def test_two_ready_models_of_a_run_found_by_commit_are_an_error_too(team: Team, gate: Gate) -> None:
    sha = new_sha()
    run = team.run(team.experiment(), commit=sha)
    team.model(run, "first")
    team.model(run, "second")
    evidence = gate.collect(commit=sha)
    assert isinstance(evidence.candidates[0].run.model, Unreadable)
    assert gate.check(commit=sha).exit_code == 3
