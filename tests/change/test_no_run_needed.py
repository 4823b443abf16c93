"""What a check asks of MLflow where the change needs no run: nothing, not even its address."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.command import Told, command, run_command
from tests.pull_request import PullRequest

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """version: 1
candidate: {paths: ["training/**"]}
metric: {name: val_f1}
policies:
  run-finished: on
"""
FRAUD = "policies/fraud.yaml"
NEEDS_NONE = "the change does not touch training/**: it needs no run"
NO_SECRETS = (
    "GitHub gives the repository's secrets to no job of Dependabot or of a fork: for Dependabot, "
    "add the secret under Settings > Secrets and variables > Dependabot; for forks, use two "
    'workflows (docs/how-to/github-actions.md, "Forks"); for any other job, give --tracking-uri, '
    "or set MLFLOW_TRACKING_URI, for example http://127.0.0.1:5000 or sqlite:///mlflow.db"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A clone whose policy file wants a run for what is under `training/`."""
    made = PullRequest(tmp_path / "clone")
    made.commit({FRAUD: POLICY}, "training/train.py", "README.md")
    monkeypatch.chdir(made.clone.folder)
    return made


def check(*arguments: str) -> Told:
    return command("check", "--format", "json", "--no-publish", *arguments)


@pytest.mark.parametrize("uri", [None, "", "http://127.0.0.1:1", "sqlite:///gone.db"])
def test_a_change_that_needs_no_run_is_not_applicable_wherever_mlflow_is(
    uri: str | None, here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({".github/dependabot.yml": "version: 2\n"})
    here.enter(monkeypatch)
    if uri is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    told = check()
    assert (told.code, told.err) == (0, "")
    subject = told.subject
    assert (subject["verdict"], subject["reason"]) == ("not-applicable", NEEDS_NONE)


def test_a_change_that_needs_no_run_waits_for_none_and_asks_no_server(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"README.md": "new\n"})
    here.enter(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        told = check("--wait", "10min", "--tracking-uri", uri)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert told.code == 0


def test_the_evidence_of_a_change_that_needs_no_run_is_saved_and_judged_without_mlflow(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"README.md": "new\n"})
    here.enter(monkeypatch)
    saved = command("collect", "--output", "../evidence.json")
    assert (saved.code, saved.err) == (0, "0 candidate(s) in ../evidence.json\n")
    told = check("--evidence", "../evidence.json")
    assert (told.code, told.subject["reason"]) == (0, NEEDS_NONE)


def test_where_a_run_is_needed_an_empty_address_is_said_with_who_gets_no_secrets(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"training/train.py": "new\n"})
    here.enter(monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    told = check()
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "policy-engine: no tracking URI: MLFLOW_TRACKING_URI is empty, and this check needs a "
        f"run. {NO_SECRETS}\n"
    )


def test_where_nobody_knows_what_a_change_touches_the_empty_address_is_said_with_the_remedy(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"README.md": "new\n"})
    here.enter(monkeypatch)
    head = here.clone.git("rev-parse", "HEAD")
    (here.clone.folder / ".git" / "shallow").write_text(f"{head}\n")
    told = check()
    assert (told.code, told.out) == (2, "")
    assert told.err.splitlines()[-1] == (
        "policy-engine: no tracking URI: MLFLOW_TRACKING_URI is empty, and this check needs a run "
        "(which files the change touches is not known: check out with `fetch-depth: 0`). "
        f"{NO_SECRETS}"
    )


def test_a_proposed_policy_file_that_wants_a_run_takes_nothing_from_the_verdict(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: POLICY.replace('["training/**"]', '["policies/**"]')})
    here.enter(monkeypatch)
    told = check()
    assert (told.code, told.subject["verdict"]) == (0, "not-applicable")
    assert told.report["proposal"]["verdict"] == "error"


def test_a_change_that_needs_no_run_imports_no_client_of_mlflow(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"README.md": "new\n"})
    here.enter(monkeypatch)
    done = run_command(
        here.clone.folder,
        "check",
        "--no-publish",
        MLFLOW_TRACKING_URI="sqlite:///mlflow.db",
        PYTHONPROFILEIMPORTTIME="1",
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert done.returncode == 0
    assert "policy_engine.check" in imported
    assert not {"mlflow", "requests"} & imported
