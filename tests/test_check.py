"""The story of a check as Python tells it, and how `collect` and `check` end on a real store."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from policy_engine.check import Options, check, collect, load, read_evidence, save_evidence
from policy_engine.errors import UsageError
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.report import ExitCode, Verdict
from tests.command import Project, candidate, command, evidence
from tests.pull_request import PullRequest
from tests.repository import Repository

MINIMUM = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
CHANGED = """\
version: 1
candidate: {paths: ["training/**"]}
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
"""
MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNKNOWN = "f" * 32


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(MINIMUM)
    return made


def refusal(options: Options) -> str:
    with pytest.raises(UsageError) as error:
        check(options)
    return str(error.value)


# ── the call ──────────────────────────────────────────────────────────────────────────────────────


def test_the_call_returns_the_report_that_the_command_prints(project: Project) -> None:
    file = project.saved(evidence(candidate()))
    report = check(Options(evidence=Path(file), at=MOMENT))
    told = command("check", "--evidence", file, "--at", "2026-11-22T12:00:00Z", "--format", "json")
    assert (report.verdict, report.exit_code) == (Verdict.PASS, ExitCode.MAY_MERGE)
    assert told.report == report.to_dict()


def test_policies_are_found_from_the_root_that_is_given(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.folder / project.saved(evidence(candidate()))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    report = check(Options(evidence=file, root=project.folder))
    assert [s.policy_file for s in report.subjects] == ["policies/fraud.yaml"]


def test_policies_that_were_loaded_are_not_read_again(project: Project) -> None:
    options = Options(evidence=Path(project.saved(evidence(candidate()))), at=MOMENT)
    loaded = load(options.policies)
    before = check(options, loaded)
    project.policy("broken: [")
    assert check(options, loaded) == before


def test_the_report_says_which_engine_and_which_plugins_judged(project: Project) -> None:
    report = check(Options(evidence=Path(project.saved(evidence(candidate())))))
    assert report.engine.version == "0.1.0"
    assert report.engine.plugins[0] == "policy-engine[accuracy_cost] 0.1.0"
    assert report.policies.digest == load(["policies"]).policies.digest
    assert report.evidence_digest == evidence(candidate()).digest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            Options(runs=("a",), commit="b"),
            "--run and --commit exclude one another: name candidates in one way",
        ),
        (
            Options(evidence=Path("e.json"), baseline="b", wait_s=1.0),
            "--evidence excludes --baseline, --wait: the evidence is read already",
        ),
        (
            Options(runs=("a",)),
            (
                "no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI, "
                "for example http://127.0.0.1:5000 or sqlite:///mlflow.db"
            ),
        ),
        (
            Options(runs=("a",), policies=("polices",)),
            "there is no policy file or folder 'polices'",
        ),
        (
            Options(runs=("a",), tracking_uri="sqlite:///nope.db"),
            (
                "there is no SQLite file nope.db: MLflow makes it when a first run is trained; "
                "train one, or check the tracking URI (it was looked for in {folder})"
            ),
        ),
        (
            Options(evidence=Path("nope.json")),
            "evidence file nope.json: No such file or directory",
        ),
    ],
)
def test_options_that_cannot_be_followed_are_usage_errors(
    project: Project, options: Options, message: str
) -> None:
    assert refusal(options) == message.format(folder=project.folder)


def test_collecting_refuses_the_same_contradictions(project: Project) -> None:
    with pytest.raises(UsageError, match="--run and --commit exclude one another"):
        collect(Options(runs=("a",), commit="b"))


def test_a_missing_sqlite_file_is_not_created(project: Project) -> None:
    refusal(Options(runs=("a",), tracking_uri="sqlite:///nope.db"))
    assert not Path("nope.db").exists()


def test_the_tracking_uri_of_the_environment_counts_where_no_flag_names_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///environment.db")
    assert "environment.db" in refusal(Options(runs=("a",)))
    assert "flag.db" in refusal(Options(runs=("a",), tracking_uri="sqlite:///flag.db"))


def test_evidence_that_cannot_be_saved_is_a_usage_error(project: Project) -> None:
    with pytest.raises(UsageError) as error:
        save_evidence(evidence(candidate()), Path("no/such/evidence.json"))
    assert str(error.value) == "evidence file no/such/evidence.json: No such file or directory"


def test_evidence_reads_as_it_was_saved(project: Project) -> None:
    record = evidence(candidate(), collected_at=MOMENT)
    save_evidence(record, Path("evidence.json"))
    assert read_evidence(Path("evidence.json")) == record


# ── on a real store ───────────────────────────────────────────────────────────────────────────────


class Store:
    """A SQLite store in a folder, with one run that is good; MLflow made both."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MLflow's own, and SQLAlchemy's about it
            from mlflow import MlflowClient

            self.uri = f"sqlite:///{folder / 'mlflow.db'}"
            self.client = MlflowClient(self.uri)
            self.experiment = self.client.create_experiment("fraud")
            self.good = self.run({"val_f1": 0.95}, "a" * 40)

    def run(self, metrics: dict[str, float], commit: str) -> str:
        """Log a run that is FINISHED."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = {"policy_engine.head_sha": commit}
            run_id: str = self.client.create_run(self.experiment, tags=tags).info.run_id
            for name, value in metrics.items():
                self.client.log_metric(run_id, name, value)
            self.client.set_terminated(run_id)
        return run_id


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def test_collecting_a_run_that_is_there_ends_with_0(project: Project, store: Store) -> None:
    told = command(
        "collect", "--run", store.good, "--tracking-uri", store.uri, "--output", "evidence.json"
    )
    assert (told.code, told.out) == (0, "")
    assert told.err == "1 candidate(s) in evidence.json\n"


def test_saved_evidence_gives_the_report_of_the_live_check(project: Project, store: Store) -> None:
    live = Options(runs=(store.good,), tracking_uri=store.uri, at=MOMENT)
    report = check(replace(live, save_evidence=Path("evidence.json")))
    saved = check(Options(evidence=Path("evidence.json"), at=MOMENT))
    assert report.verdict is Verdict.PASS
    assert saved.to_dict() == report.to_dict()


def test_collecting_an_unknown_run_ends_with_4(project: Project, store: Store) -> None:
    told = command(
        "collect", "--run", UNKNOWN, "--tracking-uri", store.uri, "--output", "evidence.json"
    )
    first, second = told.err.splitlines()
    assert (told.code, first) == (4, "0 candidate(s) in evidence.json")
    assert UNKNOWN in second
    judged = command("check", "--evidence", "evidence.json", "--format", "json")
    assert judged.code == 4
    assert judged.subject["reason"] == second


def test_an_unknown_run_beside_one_that_passes_is_no_pass(project: Project, store: Store) -> None:
    arguments = ("--run", store.good, "--run", UNKNOWN, "--tracking-uri", store.uri)
    told = command("check", *arguments, "--format", "json")
    assert [s["verdict"] for s in told.report["subjects"]] == ["pass", "not-evaluated"]
    assert told.code == 4


def test_a_server_that_is_not_there_ends_with_3(project: Project) -> None:
    unreachable = ("--tracking-uri", "http://127.0.0.1:1", "--timeout", "5s")
    collected = command("collect", "--run", UNKNOWN, *unreachable, "--output", "evidence.json")
    assert collected.code == 3
    assert collected.err.startswith("0 candidate(s) in evidence.json\n")
    live = command("check", "--run", UNKNOWN, *unreachable, "--format", "json")
    saved = command("check", "--evidence", "evidence.json", "--format", "json")
    assert (live.code, saved.code) == (3, 3)
    assert saved.subject["reason"] == live.subject["reason"]
    assert saved.subject["reason"] == collected.err.splitlines()[-1]


def test_a_run_that_is_not_there_yet_is_waited_for_as_long_as_asked(
    project: Project, store: Store
) -> None:
    arguments = ("--run", UNKNOWN, "--tracking-uri", store.uri, "--wait", "300ms")
    told = command("check", *arguments, "--format", "json")
    assert told.code == 4


@pytest.fixture
def repository(project: Project) -> Repository:
    made = Repository.new(project.folder)
    project.policy(CHANGED)
    made.commit("training/train.py")
    return made


def test_the_runs_of_head_are_judged_where_nothing_is_named(
    project: Project, repository: Repository, store: Store
) -> None:
    head = repository.git("rev-parse", "HEAD")
    uri = ("--tracking-uri", store.uri, "--format", "json")
    assert command("check", *uri).code == 4
    run_id = store.run({"val_f1": 0.93}, head)
    found = command("check", *uri)
    assert (found.code, found.subject["candidate"]["run_id"]) == (0, run_id)
    for name in ("HEAD", head[:8], head):
        assert (
            command("check", "--commit", name, *uri).report["subjects"]
            == (found.report["subjects"])
        )


@pytest.fixture
def pull_request(project: Project, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """The project as a clone whose default branch has a policy and training code."""
    made = PullRequest(project.folder / "clone")
    made.commit({"policies/fraud.yaml": CHANGED}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


def test_a_change_that_owes_no_run_is_collected_and_judged_with_0(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the two steps that keep secrets apart would fail what one step lets pass."""
    pull_request.propose({}, "docs/index.md")
    pull_request.enter(monkeypatch)
    uri = ("--tracking-uri", store.uri)
    collected = command("collect", *uri, "--output", "evidence.json")
    assert (collected.code, collected.err) == (0, "0 candidate(s) in evidence.json\n")
    for arguments in (uri, ("--evidence", "evidence.json")):
        told = command("check", *arguments, "--format", "json")
        assert (told.code, told.report["verdict"]) == (0, "not-applicable")
        assert told.subject["reason"] == ("the change does not touch training/**: it needs no run")


def test_a_glob_that_matches_nothing_excuses_no_change_in_silence(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`trainig/**` needs no run for any change, and the verdict alone would not tell."""
    mistyped = CHANGED.replace("training/**", "trainig/**")
    pull_request.commit({"policies/fraud.yaml": mistyped})
    pull_request.propose({}, "training/train.py")
    pull_request.enter(monkeypatch)
    told = command("check", "--tracking-uri", store.uri, "--format", "json", "--no-publish")
    assert (told.code, told.report["verdict"]) == (0, "not-applicable")
    assert told.err == (
        "note: policies/fraud.yaml: candidate.paths: 'trainig/**' matches no file that git tracks "
        "here: while that is so, no change needs a run for its sake\n"
    )


def test_a_change_of_training_code_without_a_run_is_no_pass(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = pull_request.propose({}, "training/forest.py")
    pull_request.enter(monkeypatch)
    uri = ("--tracking-uri", store.uri)
    assert command("collect", *uri, "--output", "evidence.json").code == 4
    for arguments in (uri, ("--evidence", "evidence.json")):
        told = command("check", *arguments, "--format", "json")
        assert (told.code, told.report["verdict"]) == (4, "not-evaluated")
        assert told.subject["reason"].startswith(
            f"no FINISHED run is tagged with the change's commit ({head[:12]}"
        )


@pytest.mark.parametrize("branch", ["main", "forest"])
def test_a_push_to_the_default_branch_whose_commit_was_never_trained_says_what_to_do(
    branch: str, pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A squash merge makes a new commit: what was trained is the head of the pull request."""
    trained = pull_request.propose({}, "training/forest.py")
    store.run({"val_f1": 0.95}, trained)
    pull_request.clone.git("checkout", "--quiet", "main")
    pull_request.clone.git("merge", "--quiet", "--squash", "forest")
    pull_request.clone.git("commit", "--quiet", "--message", "Forest (#7)")
    merged = pull_request.fetch()
    pull_request.enter(
        monkeypatch,
        "push",
        base=trained,
        payload={"repository": {"full_name": "acme/fraud", "default_branch": "main"}},
        variables={"GITHUB_REF": f"refs/heads/{branch}"},
    )
    uri = ("--tracking-uri", store.uri, "--format", "json", "--no-publish")
    told = command("check", *uri)
    absent = (
        f"no FINISHED run is tagged with the change's commit ({merged[:12]}); "
        "train it with policy-engine installed, or name a run with --run"
    )
    what_to_do = (
        "; this is a push to the default branch, and a squash or rebase merge makes a commit on "
        "which nothing was trained: run the gate on `pull_request` and `merge_group`, train again "
        "after the merge, or name the commit that was trained with --commit"
    )
    assert (told.code, told.subject["reason"]) == (
        4,
        absent + (what_to_do if branch == "main" else ""),
    )
    assert command("check", *uri, "--commit", trained).code == 0


MORE = """\
version: 1
candidate: {paths: ["training/**"]}
metric: {name: val_f1, goal: maximize}
baseline: [{tag: {kind: champion}}]
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
  run-finished: on
  min-useful-gain: {min_abs: 1pt}
"""


def reported(*arguments: str) -> tuple[int, dict[str, Any]]:
    told = command("check", *arguments, "--at", "2026-11-22T12:00:00Z", "--format", "json")
    return told.code, told.report


def test_what_only_a_proposal_reads_is_read_beside_what_judges(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live or saved, the trusted policies decide what they decide without the proposal."""
    uri = ("--tracking-uri", store.uri)
    head = pull_request.propose({}, "training/forest.py")
    pull_request.enter(monkeypatch)
    store.run({"val_f1": 0.93}, head)
    _, alone = reported(*uri)
    assert alone["proposal"] is None
    later = pull_request.propose({"policies/fraud.yaml": MORE})
    store.run({"val_f1": 0.93}, later)
    pull_request.enter(monkeypatch)
    live = reported(*uri, "--save-evidence", "../saved.json")
    saved = read_evidence(Path("../saved.json"))
    assert reported("--evidence", "../saved.json") == live
    assert saved.needs == ()
    assert saved.for_proposal is not None
    assert "baseline" in saved.for_proposal.needs
    assert saved.digest == saved.model_copy(update={"for_proposal": None}).digest
    assert live[1]["evidence"]["digest"] == saved.digest
    assert [f["id"] for f in live[1]["subjects"][0]["findings"]] == ["metric-threshold"]
    assert {c["id"]: c["proposed_outcome"] for c in live[1]["proposal"]["changed"]} == {
        "run-finished": "pass",
        "min-useful-gain": "missing",
    }


def test_a_limit_that_a_proposal_moves_needs_no_other_evidence(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = pull_request.propose(
        {"policies/fraud.yaml": CHANGED.replace("0.9", "0.99")}, "training/forest.py"
    )
    store.run({"val_f1": 0.93}, head)
    pull_request.enter(monkeypatch)
    uri = ("--tracking-uri", store.uri)
    code, report = reported(*uri, "--save-evidence", "../saved.json")
    assert (code, report["proposal"]["verdict"]) == (0, "fail")
    assert read_evidence(Path("../saved.json")).for_proposal is None


def test_a_cap_that_a_proposal_widens_is_not_the_cap_of_what_judges(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wider = CHANGED + "evidence: {max_text: 100MB}\n"
    head = pull_request.propose({"policies/fraud.yaml": wider}, "training/forest.py")
    store.run({"val_f1": 0.93}, head)
    pull_request.enter(monkeypatch)
    reported("--tracking-uri", store.uri, "--save-evidence", "../saved.json")
    saved = read_evidence(Path("../saved.json"))
    assert saved.for_proposal is not None
    assert (saved.candidates, saved.needs) == (
        saved.for_proposal.candidates,
        saved.for_proposal.needs,
    )


@pytest.mark.parametrize("event", ["schedule", "repository_dispatch", "release"])
def test_an_event_that_is_about_no_commit_judges_only_what_a_flag_names(
    pull_request: PullRequest, store: Store, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    pull_request.enter(monkeypatch, event, payload={"repository": {"default_branch": "main"}})
    uri = ("--tracking-uri", store.uri, "--format", "json", "--no-publish")
    told = command("check", *uri)
    assert (told.code, told.out, told.err) == (
        2,
        "",
        (
            f"policy-engine: the event '{event}' is about no commit to judge: "
            "name the candidate with --run, --model, --commit or --evidence\n"
        ),
    )
    assert command("check", "--run", store.good, *uri).code == 0
    assert command("check", "--commit", "a" * 40, *uri).code == 0


def test_a_report_of_evidence_without_candidates_names_every_policy_file(project: Project) -> None:
    project.policy(
        MINIMUM.replace("metric-threshold:", "run-finished: on\n  metric-threshold:"),
        "policies/churn.yaml",
    )
    file = project.saved(EvidenceRecord(absent="no run"))
    told = command("check", "--evidence", file, "--format", "json")
    assert [(s["policy_file"], s["reason"]) for s in told.report["subjects"]] == [
        ("policies/churn.yaml", "no run"),
        ("policies/fraud.yaml", "no run"),
    ]
    assert told.code == 4
