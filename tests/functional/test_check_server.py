"""The whole command on a real MLflow server, as a job of a pull request runs it."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import run_command
from tests.repository import Repository
from tests.tracking.team import DAY_MS, FILES, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, Trained

EVENT = Path(__file__).parents[1] / "github" / "events" / "pull_request.json"
AT = "2026-11-22T12:00:00Z"
POLICIES = """
metric: {name: val_accuracy}
candidate: {paths: ["training/**"]}
baseline: [{commit: merge-base}]
policies:
  run-finished: on
  baseline-logged: on
  min-useful-gain: {min_abs: 0.5pt}
  model-size-budget: {max_size: 1MB, max_growth: 10%, growth_from: 100B}
"""


# One run, three ways: the bytes are the same.


@pytest.mark.parametrize("kind", ["candidate", "two_models"])
def test_collect_and_check_later_print_what_check_prints(
    kind: str, trained: Trained, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    Gate.of(tmp_path, "", p=POLICIES)
    run = getattr(trained, kind)
    at_once = run_command(
        *(tmp_path, "check", "--run", run, "--at", AT, "--format", "json"),
        MLFLOW_TRACKING_URI=mlflow_server.uri,
    )
    collected = run_command(
        *(tmp_path, "collect", "--run", run, "--output", "evidence.json"),
        MLFLOW_TRACKING_URI=mlflow_server.uri,
    )
    assert (collected.returncode, collected.stdout) == (0, b"")
    assert collected.stderr == b"1 candidate(s) in evidence.json\n"
    later = run_command(
        *(tmp_path, "check", "--evidence", "evidence.json", "--at", AT, "--format", "json"),
        MLFLOW_TRACKING_URI="http://127.0.0.1:1",
    )
    assert later.stdout == at_once.stdout
    assert later.returncode == at_once.returncode
    assert (later.stderr, at_once.stderr) == (b"", b"")


VERSION = (b'"mlflow": "3"', b'"mlflow": null')
"""What JSON says of a server whose version nobody had to ask for, and where there is none."""


def test_a_database_prints_what_its_server_prints_in_every_format(
    trained: Trained, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    Gate.of(tmp_path, "", p=POLICIES)
    printed = []
    for uri in (mlflow_server.uri, mlflow_server.database):
        done = run_command(
            *(tmp_path, "check", "--run", trained.candidate, "--at", AT, "--tracking-uri", uri),
            *("--format", "text", "--format", "json=out.json", "--format", "markdown=out.md"),
        )
        files = [(tmp_path / f"out.{name}").read_bytes() for name in ("json", "md")]
        told = b"\0".join((done.stdout, done.stderr, *files))
        # A database has no server whose version could be told.
        said, unsaid = VERSION
        assert (said in told) == (uri == mlflow_server.uri)
        told = told.replace(said, unsaid)
        printed.append((done.returncode, told, done.stderr))
    assert printed[0] == printed[1]
    assert printed[0][2] == b""


def test_collect_says_what_it_could_not_collect(
    trained: Trained, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    Gate.of(tmp_path, "", p=POLICIES)
    collect = (tmp_path, "collect", "--output", "e.json", "--run")
    deleted = run_command(*collect, trained.deleted, MLFLOW_TRACKING_URI=mlflow_server.uri)
    assert (deleted.returncode, deleted.stderr.decode()) == (
        4,
        f"0 candidate(s) in e.json\n{trained.deleted}: the run was deleted\n",
    )
    nobody = run_command(*collect, trained.candidate, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (nobody.returncode, nobody.stderr.decode()) == (
        3,
        (
            "0 candidate(s) in e.json\nMLflow at http://127.0.0.1:1 cannot be reached; "
            "check the tracking URI and that the server runs\n"
        ),
    )


# A job of a pull request: a checkout of the merge commit, with all history.


@dataclass(frozen=True)
class PullRequest:
    """The shas of a pull request, and the folder and environment of its job."""

    base: str
    first: str
    head: str
    merge: str
    job: Path
    environment: dict[str, str]

    def check(self, uri: str, stderr: str = "") -> tuple[int, dict[str, Any]]:
        """Return exit code and report of the job's `check`, which says this beside it."""
        done = run_command(
            *(self.job, "check", "--format", "json", "--at", AT, "--tracking-uri", uri),
            "--no-publish",
            **self.environment,
        )
        assert done.stderr.decode() == stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    """A repository whose main has policies and training code."""
    made = Repository.new(tmp_path / "origin")
    Gate.of(made.folder, "", p=POLICIES)
    made.commit("training/fit.py", text=f"begin {uuid.uuid4()}")
    return made


def pull_request(origin: Repository, *later: str) -> PullRequest:
    """Open one that trains anew and then changes the `later` files; GitHub merges it for a look."""
    base = origin.git("rev-parse", "HEAD")
    origin.git("switch", "--quiet", "--create", "change")
    first = origin.commit("training/fit.py" if "README.md" not in later[:1] else "docs.md")
    head = origin.commit(*later)
    origin.git("switch", "--quiet", "--create", "preview", "main")
    merge = origin.merge("change")
    folder = origin.folder.parent / "job"
    job = Repository.clone(origin, folder)
    job.git("checkout", "--quiet", "--detach", merge)
    job.git("remote", "set-head", "origin", "main")
    job.git("remote", "set-url", "origin", "https://github.com/acme/fraud")
    event = json.loads(EVENT.read_text("utf-8"))
    event["pull_request"]["head"]["sha"] = head
    event["pull_request"]["base"]["sha"] = base
    event_file = origin.folder.parent / "event.json"
    event_file.write_text(json.dumps(event), "utf-8")
    environment = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event_file),
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": merge,
    }
    return PullRequest(base, first, head, merge, folder, environment)


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def logged(team: Team, experiment: str, commit: str, accuracy: float, **options: Any) -> str:
    run = team.run(experiment, commit=commit, metrics={"val_accuracy": accuracy}, **options)
    team.model(run)
    return run


@pytest.mark.parametrize("which", ["head", "merge", "first"])
def test_a_pull_request_is_judged_by_the_run_of_its_head_against_that_of_the_merge_base(
    which: str, origin: Repository, team: Team, mlflow_server: MlflowServer
) -> None:
    """Of its head, of the merge commit that the job checked out, or of a commit as good as it."""
    request = pull_request(origin, "notes.md")
    experiment = team.experiment()
    baseline = logged(team, experiment, request.base, 0.90, begin=NOON_MS - DAY_MS)
    candidate = logged(team, experiment, getattr(request, which), 0.95)
    code, report = request.check(mlflow_server.uri)
    (subject,) = report["subjects"]
    assert subject["candidate"]["run_id"] == candidate
    assert subject["candidate"]["commit"] == getattr(request, which)
    assert subject["baseline"]["run_id"] == baseline
    assert subject["baseline"]["found_by"] == "commit: merge-base"
    assert {f["outcome"] for f in subject["findings"]} == {"pass"}
    assert (code, report["verdict"]) == (0, "pass")
    ref = f"main@{request.base[:7]}"
    assert (report["policies"]["ref"], report["policies"]["trusted"]) == (ref, True)


def test_a_worse_model_is_exit_1(
    origin: Repository, team: Team, mlflow_server: MlflowServer
) -> None:
    request = pull_request(origin, "notes.md")
    experiment = team.experiment()
    logged(team, experiment, request.base, 0.90, begin=NOON_MS - DAY_MS)
    run = team.run(experiment, commit=request.head, metrics={"val_accuracy": 0.90})
    team.model(run, files={**FILES, "more.bin": bytes(500)})
    code, report = request.check(mlflow_server.uri)
    (subject,) = report["subjects"]
    assert [(f["id"], f["part"]) for f in subject["findings"] if f["outcome"] == "fail"] == [
        ("min-useful-gain", "absolute"),
        ("model-size-budget", "growth"),
    ]
    assert (code, report["verdict"]) == (1, "fail")


def test_a_pull_request_without_a_run_is_exit_4_and_names_the_one_that_still_trains(
    origin: Repository, team: Team, mlflow_server: MlflowServer
) -> None:
    request = pull_request(origin, "training/more.py")
    experiment = team.experiment()
    logged(team, experiment, request.base, 0.90)
    logged(team, experiment, request.first, 0.99)  # before training/more.py
    running = team.run(experiment, name="slow", commit=request.head, status="RUNNING")
    code, report = request.check(mlflow_server.uri)
    (subject,) = report["subjects"]
    assert (code, subject["verdict"], subject["candidate"]) == (4, "not-evaluated", None)
    assert subject["reason"] == (
        f"no FINISHED run is tagged with the change's commit ({request.head[:12]}, "
        f"{request.merge[:12]}); not finished: slow ({running[:8]}, RUNNING); "
        "train it with policy-engine installed, or name a run with --run"
    )


def test_a_pull_request_that_owes_no_run_asks_no_server(origin: Repository) -> None:
    request = pull_request(origin, "README.md", "docs.md")
    code, report = request.check("http://127.0.0.1:1")
    (subject,) = report["subjects"]
    assert (code, subject["verdict"], subject["reason"]) == (
        0,
        "not-applicable",
        "the change does not touch training/**: it needs no run",
    )


def test_a_shallow_checkout_does_not_take_an_old_run_for_the_change(
    origin: Repository, team: Team, mlflow_server: MlflowServer
) -> None:
    """`actions/checkout` fetches one commit: git cannot tell what changed since the first one."""
    request = pull_request(origin, "notes.md")
    shutil.rmtree(request.job)
    job = Repository.clone(origin, request.job, "--depth", "1", "--branch", "preview")
    job.git("checkout", "--quiet", "--detach")
    job.git("fetch", "--quiet", "--depth", "1", "origin", "main:refs/remotes/origin/main")
    job.git("remote", "set-url", "origin", "https://github.com/acme/fraud")
    experiment = team.experiment()
    logged(team, experiment, request.first, 0.99)
    note = (
        "note: which earlier runs of the change still count and which baselines its commits name, "
        "is not known, since this clone is shallow: run `git fetch --unshallow`, or clone all of "
        "it (`fetch-depth: 0` of actions/checkout, `GIT_DEPTH: 0` of GitLab)\n"
    )
    code, report = request.check(mlflow_server.uri, note)
    assert (code, report["verdict"]) == (4, "not-evaluated")
    candidate = logged(team, experiment, request.head, 0.95)
    code, report = request.check(mlflow_server.uri, note)
    (subject,) = report["subjects"]
    assert subject["candidate"]["run_id"] == candidate
    assert subject["baseline"] is None
    assert subject["passed_over"] == [
        {
            "rule": "commit: merge-base",
            "why": "git knows no merge base with the default branch here",
        }
    ]
    assert code == 1
