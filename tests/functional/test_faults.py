"""Everything that can go wrong between the command and MLflow, through the real command.

Each fault ends in time, in its exit code, in one plain sentence, and never in a traceback.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import running_mlflow
from tests.repository import Repository, of_another_user
from tests.tracking.hostile_server import (
    as_json,
    body,
    broken_off,
    error,
    hang_up,
    html,
    redirect,
    serving,
    trickled_body,
    trickled_headers,
)
from tests.tracking.relay import relaying
from tests.tracking.team import Gate, Team

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MlflowServer, Trained

RUN = "0123456789abcdef" * 2
SECRET = "s3cret-pass-word"
POLICIES = """
metric: {name: val_accuracy}
baseline: [{alias: champion}]
prices: {default: 0.50 USD/h}
policies:
  run-finished: on
  baseline-logged: on
  metric-threshold: {metric: val_accuracy, min: 0.9}
  min-useful-gain: {min_abs: 0.5pt}
  model-size-budget: {max_size: 25MB, max_growth: 10%, growth_from: 1kB}
  cost-per-point: {max_cost_per_point: 1 USD}
"""
START_S = 8.0
"""What the command may take beyond its `--timeout`: Python's start, and MLflow's import."""


@dataclass(frozen=True)
class Done:
    """How the command ended."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def why(self) -> str:
        """The one sentence of a report that judged nothing, or of stderr."""
        if self.out:
            (subject,) = self.report["subjects"]
            assert subject["findings"] == []
            reason: str = subject["reason"]
            return reason
        (line,) = self.err.splitlines()
        return line

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by policy and part."""
        (subject,) = self.report["subjects"]
        return {f"{f['id']} {f['part'] or ''}".strip(): f["outcome"] for f in subject["findings"]}


class Command:
    """The real command, in a folder with policies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        Gate.of(folder, "", p=POLICIES)

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "policy_engine", *arguments],
            cwd=self.folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, **environment: str) -> Done:
        """Run `check --format json` to its end."""
        began = time.monotonic()
        process = self.begin("check", "--format", "json", *arguments, **environment)
        out, err = process.communicate(timeout=60)
        done = Done(process.returncode, out, err, time.monotonic() - began)
        for text in (done.out, done.err):
            assert "Traceback" not in text
            assert SECRET not in text
        return done


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


# A server that is not there, or not well.


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def test_a_closed_port_is_exit_3(command: Command) -> None:
    address = closed_port()
    done = command("--run", RUN, "--tracking-uri", f"http://{address}", "--timeout", "5s")
    assert (done.code, done.err) == (3, "")
    assert done.why == (
        f"MLflow at http://{address} cannot be reached; "
        "check the tracking URI and that the server runs"
    )
    assert done.seconds < 5 + START_S


CREDENTIALS = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
NO_JSON = (
    "MLflow at {uri} sent no JSON object as the answer to runs/get: check that the tracking URI "
    f"leads to MLflow and not to a login page, and {CREDENTIALS}"
)
SHAPE = (
    "MLflow at {uri} sent an answer of the wrong shape to runs/get ({why}): "
    "check that the tracking URI leads to MLflow"
)
FAULTS: dict[str, tuple[tuple[Any, ...], str]] = {
    "401": (
        (error(401, "UNAUTHENTICATED"),),
        f"MLflow at {{uri}} does not know who asks (HTTP 401): {CREDENTIALS}",
    ),
    "403": (
        (error(403, "PERMISSION_DENIED", "not yours"),),
        (
            "MLflow at {uri} does not allow this read (HTTP 403: not yours): "
            f"give the user READ permission, or {CREDENTIALS}"
        ),
    ),
    "500 for ever": (
        (error(500, "INTERNAL_ERROR", "out of memory"),),
        (
            "MLflow at {uri} failed (HTTP 500: out of memory); "
            "try again, or look into the server's log"
        ),
    ),
    "503 for ever": (
        (html(503),),
        "MLflow at {uri} failed (HTTP 503); try again, or look into the server's log",
    ),
    "429 that asks to wait too long": (
        (as_json({}, 429, retry_after="60"),),
        (
            "MLflow at {uri} is busy (HTTP 429) and asks to wait 60 s, more than is left of 2 s; "
            "try again, or allow more with --timeout"
        ),
    ),
    "a login page": ((html(),), NO_JSON),
    "a redirect to one": (
        (redirect("http://127.0.0.1:9/login?next=x"),),
        (
            "a login page stands before MLflow at {uri} (HTTP 302, a redirect to "
            "http://127.0.0.1:9/login): install the plugin for MLflow that sends what it asks for "
            "(entry point `mlflow.request_header_provider`) beside policy-engine, or "
            f"{CREDENTIALS}"
        ),
    ),
    "no MLflow": (
        (html(404),),
        "{uri} does not look like an MLflow server; check the tracking URI",
    ),
    "MLflow 2.8": (
        (error(404, "ENDPOINT_NOT_FOUND"), body(b"2.8.1")),
        (
            "the server at {uri} runs MLflow 2.8.1; policy-engine reads MLflow 2.9 and newer: "
            "upgrade the server"
        ),
    ),
    "MLflow 2": (
        (error(404, "ENDPOINT_NOT_FOUND"), body(b"2.22.1")),
        "MLflow 2.22.1 at {uri} does not know runs/get",
    ),
    "garbage": ((body(b"\x00\xff{{{"),), NO_JSON),
    "deeply nested garbage": ((body(b"[" * 200_000),), NO_JSON),
    "an empty run": ((as_json({"run": {}}),), SHAPE.replace("{why}", "no 'info'")),
    "another run": (
        (as_json({"run": {"info": {"run_id": "f" * 32}}}),),
        SHAPE.replace("{why}", "its 'run_id' is not the one asked for"),
    ),
    "half a run": (
        (as_json({"run": {"info": {"run_id": RUN}}}),),
        (
            "MLflow sent an answer of an unexpected shape (KeyError); "
            "check that the tracking URI leads to MLflow"
        ),
    ),
    "half an answer": (
        (broken_off,),
        "MLflow at {uri} broke off in the middle of an answer; try again",
    ),
    "no answer": (
        (hang_up,),
        "MLflow at {uri} hung up without an answer; try again, or look into its log",
    ),
}


@pytest.mark.parametrize(("replies", "sentence"), FAULTS.values(), ids=FAULTS.keys())
def test_a_server_that_answers_wrongly_is_exit_3_and_one_sentence(
    replies: tuple[Callable[..., None], ...], sentence: str, command: Command
) -> None:
    with serving(*replies) as server:
        uri = server.uri.replace("//", f"//ana:{SECRET}@")
        done = command("--run", RUN, "--tracking-uri", uri, "--timeout", "2s")
    assert (done.code, done.err) == (3, "")
    assert done.why == sentence.replace("{uri}", server.uri)
    assert done.seconds < 2 + START_S


def _never(handler: Any) -> None:
    handler.server.stopping.wait(30)


@pytest.mark.parametrize("slow", [_never, trickled_body, trickled_headers])
def test_a_server_that_does_not_come_to_an_end_costs_the_timeout_and_no_more(
    slow: Callable[..., None], command: Command
) -> None:
    with serving(slow) as server:
        done = command("--run", RUN, "--tracking-uri", server.uri, "--timeout", "2s")
    assert (done.code, done.err) == (3, "")
    assert re.fullmatch(
        rf"MLflow( at {server.uri})? did not answer within 2 s; .*--timeout", done.why
    )
    assert 2 <= done.seconds < 2 + START_S


def test_a_server_that_is_busy_for_a_moment_is_waited_for(command: Command) -> None:
    run = {"run": {"info": {"run_id": RUN, "lifecycle_stage": "deleted"}}}
    with serving(as_json({}, 429, retry_after="1"), as_json(run)) as server:
        done = command("--run", RUN, "--tracking-uri", server.uri)
    assert (done.code, done.why) == (4, f"{RUN}: the run was deleted")
    assert done.seconds > 1


@pytest.mark.parametrize("answered", [0, 1, 6, 11])
def test_a_server_that_dies_in_the_middle_never_makes_evidence_absent(
    answered: int, command: Command, mlflow_server: MlflowServer, trained: Trained
) -> None:
    """A whole check takes twelve requests. What is not read is an error: not missing, not zero.

    Which request is lost is chance: the last one may be of a file that no policy judges here.
    """
    with relaying(mlflow_server.uri, answered) as relay:
        done = command("--run", trained.candidate, "--tracking-uri", relay.uri, "--timeout", "6s")
    assert done.err == ""
    assert done.seconds < 6 + START_S
    (subject,) = done.report["subjects"]
    whole = {"fail"} if done.code == 1 else {"fail", "error"}
    assert {f["outcome"] for f in subject["findings"]} <= {"pass", *whole}
    lost = [f["detail"] or f["message"] for f in subject["findings"] if f["outcome"] == "error"]
    reasons = lost or [subject["reason"]]
    if answered <= 10 or done.code != 1:
        assert done.code == 3
        assert all(f"MLflow at {relay.uri}" in reason for reason in reasons)


def test_killing_the_server_while_it_is_read_is_exit_3_and_one_sentence(
    command: Command, tmp_path: Path
) -> None:
    """A real server, really killed, while it has a request that it has not answered.

    Which request that is, is chance: reads go out at once.
    """
    with running_mlflow(tmp_path) as server:
        team = Team.of(server)
        run = team.run(team.experiment())
        team.register("fraud", team.model(run), run, "champion")
        with relaying(server.uri, 2, kills=server.group) as relay:
            done = command("--run", run, "--tracking-uri", relay.uri, "--timeout", "6s")
    assert (done.code, done.err) == (3, "")
    assert done.seconds < 6 + START_S
    (subject,) = done.report["subjects"]
    lost = [f["detail"] or f["message"] for f in subject["findings"] if f["outcome"] == "error"]
    sentence = f"MLflow at {relay.uri} hung up without an answer; try again, or look into its log"
    assert all(each.endswith(sentence) for each in lost or [subject["reason"]])
    assert {f["outcome"] for f in subject["findings"]} <= {"pass", "error"}


# What is not there.


def test_an_unknown_run_is_exit_4(command: Command, mlflow_server: MlflowServer) -> None:
    done = command("--run", RUN, "--tracking-uri", mlflow_server.uri)
    assert (done.code, done.err) == (4, "")
    assert done.why == f"MLflow at {mlflow_server.uri} has no run {RUN}"


def test_a_deleted_run_is_exit_4(
    command: Command, mlflow_server: MlflowServer, trained: Trained
) -> None:
    done = command("--run", trained.deleted, "--tracking-uri", mlflow_server.uri)
    assert (done.code, done.err) == (4, "")
    assert done.why == f"{trained.deleted}: the run was deleted"


def test_a_run_without_a_model_is_exit_1_with_what_is_missing(
    command: Command, mlflow_server: MlflowServer, trained: Trained
) -> None:
    done = command("--run", trained.without_model, "--tracking-uri", mlflow_server.uri)
    assert (done.code, done.err) == (1, "")
    assert done.outcomes == {
        "run-finished run": "pass",
        "run-finished model": "missing",
        "run-finished metric": "pass",
        "baseline-logged": "missing",
        "metric-threshold min": "pass",
        "min-useful-gain": "missing",
        "model-size-budget": "missing",
        "cost-per-point": "missing",
    }


def test_wait_takes_up_a_run_that_ends_meanwhile(
    command: Command, mlflow_server: MlflowServer
) -> None:
    team = Team.of(mlflow_server)
    sha = team.name("x").encode().hex().ljust(40, "0")[:40]
    run = team.run(team.experiment(), commit=sha, status="RUNNING")
    process = command.begin(
        *("check", "--format", "json", "--commit", sha, "--wait", "30s"),
        *("--tracking-uri", mlflow_server.uri),
    )
    end = threading.Timer(2.5, team.client.set_terminated, (run,))
    end.start()
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    end.join()
    assert json.loads(out)["subjects"][0]["candidate"]["run_id"] == run
    assert (process.returncode, err) == (
        1,
        (
            "note: which earlier runs of the change still count, is not known: there is no git "
            f"work tree at {command.folder}: run this in a clone\n"
        ),
    )
    assert time.monotonic() - began < 15


def test_wait_gives_up_in_time(command: Command, mlflow_server: MlflowServer) -> None:
    done = command("--run", RUN, "--wait", "1s", "--tracking-uri", mlflow_server.uri)
    assert done.code == 4
    assert 1 <= done.seconds < 1 + START_S


# What is named wrongly: exit 2, and no report.

FILE_STORE = (
    "policy-engine: mlruns is a file store, which MLflow no longer reads: move it with "
    "`mlflow migrate-filestore --source mlruns --target sqlite:///mlflow.db` "
    "and give that address"
)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (
            "sqlite:///absent.db",
            (
                "policy-engine: there is no SQLite file absent.db: MLflow makes it when a first "
                "run is trained; train one, or check the tracking URI (it was looked for in "
                "{folder})"
            ),
        ),
        (
            "sqlite://",
            "policy-engine: the tracking URI names no file: write sqlite:///path/to/mlflow.db",
        ),
        ("mlruns", FILE_STORE),
        (f"http://ana:{SECRET}@", "policy-engine: http: is not an address of a server"),
    ],
)
def test_a_tracking_uri_that_names_no_store_is_exit_2(
    uri: str, sentence: str, command: Command
) -> None:
    done = command("--run", RUN, "--tracking-uri", uri)
    assert (done.code, done.out) == (2, "")
    assert done.why == sentence.format(folder=command.folder)
    assert not (command.folder / "absent.db").exists()


def test_no_tracking_uri_at_all_is_exit_2(command: Command) -> None:
    done = command("--run", RUN)
    assert (done.code, done.out) == (2, "")
    assert done.why == (
        "policy-engine: no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI, "
        "for example http://127.0.0.1:5000 or sqlite:///mlflow.db"
    )


def test_an_empty_tracking_uri_is_exit_2(command: Command) -> None:
    """As from a variable of the workflow that is not set: no other store is asked instead."""
    done = command("--run", RUN, "--tracking-uri", "", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (done.code, done.out) == (2, "")
    assert "it is empty; is a variable not set?" in done.err


def test_a_tracking_uri_of_a_wrong_scheme_is_exit_3_and_shows_no_password(
    command: Command,
) -> None:
    done = command("--run", RUN, "--tracking-uri", f"htp://ana:{SECRET}@127.0.0.1:1")
    assert (done.code, done.err) == (3, "")
    assert done.why == (
        "MLflow reads htp://127.0.0.1:1 with a plugin, and none for 'htp' is installed: "
        "install its plugin for MLflow, or check the tracking URI"
    )


def test_a_database_of_another_schema_is_exit_3(command: Command) -> None:
    import sqlite3

    with closing(sqlite3.connect(command.folder / "old.db")) as database:
        database.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('0584bdc529eb')")
        database.commit()
    done = command("--run", RUN, "--tracking-uri", "sqlite:///old.db")
    assert (done.code, done.err) == (3, "")
    installed = version("mlflow-skinny")
    assert done.why == (
        f"the database sqlite:///old.db has the schema of an MLflow older than the {installed} "
        "that is installed here (revision 0584bdc529eb): start `mlflow server "
        "--backend-store-uri sqlite:///old.db` with the MLflow that trains into it, and give that "
        "server's address; or back it up and run `mlflow db upgrade sqlite:///old.db`, after which "
        f"training needs MLflow {installed} or newer too"
    )


def test_a_token_that_cannot_be_sent_is_exit_3_and_not_shown(command: Command) -> None:
    done = command(
        *("--run", RUN, "--tracking-uri", "http://127.0.0.1:1"),
        MLFLOW_TRACKING_TOKEN=f"{SECRET}\n",
    )
    assert (done.code, done.err) == (3, "")
    assert done.why == "MLFLOW_TRACKING_TOKEN holds a line break: set it without"


@pytest.mark.parametrize("commit", ["it's", "no-such-branch", "--upload-pack=x"])
def test_a_commit_that_git_does_not_know_is_exit_2(commit: str, command: Command) -> None:
    Repository(command.folder).git("init", "--quiet")
    Repository(command.folder).commit("train.py")
    done = command(f"--commit={commit}", "--tracking-uri", "http://127.0.0.1:1")
    assert (done.code, done.out) == (2, "")
    assert done.why == (
        f"policy-engine: --commit {commit}: git knows no such commit here; "
        "give all digits of its sha"
    )


# Git that cannot be asked.


def test_a_commit_s_name_outside_a_repository_is_exit_2(command: Command) -> None:
    done = command("--commit=HEAD", "--tracking-uri", "http://127.0.0.1:1")
    assert (done.code, done.out) == (2, "")
    assert done.why == (
        f"policy-engine: --commit HEAD: there is no git work tree at {command.folder}: "
        "run this in a clone; give all digits of its sha"
    )


def test_without_git_the_commit_is_missed_by_name_until_a_ci_system_names_it(
    command: Command, mlflow_server: MlflowServer, trained: Trained
) -> None:
    """As in a slim image: the repository is there, and no `git` to read it."""
    repository = Repository(command.folder)
    repository.git("init", "--quiet")
    repository.commit("train.py")
    asked = ("--tracking-uri", mlflow_server.uri)
    done = command(*asked, PATH=str(command.folder))
    missed = "there is no git command on the PATH: install git"
    whose = f"note: whose policies judge, is not known: {missed}\n"
    assert (done.code, done.err) == (4, whose)
    assert done.why == (
        f"there is no commit to look for: {missed}, or name a run with --run, --model or --commit"
    )
    done = command(*asked, PATH=str(command.folder), CI_COMMIT_SHA=trained.candidate_sha)
    (subject,) = done.report["subjects"]
    assert subject["candidate"]["run_id"] == trained.candidate
    assert done.err == (
        f"note: the commit is aaaaaaaaaaaa, as CI_COMMIT_SHA of GitLab says: {missed}\n"
        f"note: which earlier runs of the change still count, is not known: {missed}\n{whose}"
    )
    named = command(*asked, "--run", trained.candidate, PATH=str(command.folder))
    assert named.err == whose


def test_a_folder_of_another_user_is_said_with_the_command_that_helps(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container job, whose volume is the host's."""
    repository = Repository(command.folder)
    repository.git("init", "--quiet")
    repository.commit("train.py")
    of_another_user(repository, monkeypatch)
    done = command("--tracking-uri", "http://127.0.0.1:1")
    refused = (
        f"git does not read {command.folder}, which belongs to another user: run "
        f"`git config --global --add safe.directory {command.folder}`"
    )
    assert (done.code, done.err) == (4, f"note: whose policies judge, is not known: {refused}\n")
    assert done.why == (
        f"there is no commit to look for: {refused}, or name a run with --run, --model or --commit"
    )


def test_no_output_shows_the_password_of_the_tracking_uri(
    command: Command, mlflow_server: MlflowServer, trained: Trained
) -> None:
    """A server that needs none takes one; every format, the evidence and stderr are looked at."""
    uri = mlflow_server.uri.replace("//", f"//ana:{SECRET}@")
    formats = [f"--format={name}=out.{name}" for name in ("text", "markdown", "json")]
    for run in (trained.candidate, trained.two_models, RUN):
        command("--run", run, *formats, "--save-evidence", "e.json", "--tracking-uri", uri)
        for file in command.folder.iterdir():
            if file.is_file():
                assert SECRET not in file.read_text()


def test_a_failure_leaves_evidence_that_says_so(command: Command) -> None:
    """The second step, `check --evidence`, must not take the failure of the first for nothing."""
    address = closed_port()
    first = command(
        "--run", RUN, "--tracking-uri", f"http://{address}", "--save-evidence", "e.json"
    )
    second = command("--evidence", "e.json")
    assert (first.code, second.code) == (3, 3)
    assert second.why == first.why
