"""`doctor`: what it says of a laptop, of a job, and of each thing that can be wrong."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import Project, Told, command
from tests.github.fake.job import job
from tests.github.fake.state import BASE, HEAD
from tests.tracking.hostile_server import as_json, body, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer, Trained
    from tests.github.fake.server import GitHubFake

POLICY = "version: 1\npolicies:\n  metric-threshold: {metric: val_accuracy, min: 0.5}\n"
COMPARES = """\
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline: [{alias: champion}]
policies:
  min-useful-gain: {min_abs: 0.5pt}
"""
NAMES = "event token fork policies owners plugins metric tracking clock candidate baseline".split()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(POLICY)
    return made


def lines(told: Told) -> dict[str, tuple[str, str]]:
    """Return state and words of each line by name, whatever the width."""
    found: dict[str, tuple[str, str]] = {}
    name = ""
    for line in told.out.partition("\nnext  ")[0].splitlines():
        state, word, said = line[:16].strip(), line[16:27].strip(), line[27:].strip()
        if state:
            name = word
            found[name] = (state, said)
        else:
            found[name] = (found[name][0], f"{found[name][1]} {said}")
    return found


def next_of(told: Told) -> str:
    """Return the last line, whatever the width."""
    return " ".join(told.out.partition("\nnext  ")[2].split())


def states(told: Told) -> dict[str, str]:
    return {name: state for name, (state, _) in lines(told).items()}


def enter(
    fake: GitHubFake, project: Project, environment: pytest.MonkeyPatch, event: str, **more: Any
) -> None:
    for name, value in job(fake, project.folder / "job", event, **more).items():
        environment.setenv(name, value)


# ── on a laptop ───────────────────────────────────────────────────────────────────────────────────


def test_a_laptop_with_nothing_set_up_is_told_what_to_do_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = command("doctor")
    assert (told.code, told.err) == (1, "")
    assert (
        told.out
        == """\
not applicable  event      this is not a job of GitHub Actions: the work tree and its policies are
                           judged
not applicable  token      only a job of GitHub Actions has one
not applicable  fork       there is no pull request
problem         policies   there is no policy file or folder 'policies'; `policy-engine init`
                           proposes a first one
not applicable  owners     fix what is said above first
not applicable  plugins    fix what is said above first
not applicable  metric     fix what is said above first
problem         tracking   no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI
not applicable  clock      there is no other clock to compare with
not applicable  candidate  fix what is said above first
not applicable  baseline   fix what is said above first
next            policies: there is no policy file or folder 'policies'; `policy-engine init`
                proposes a first one
"""
    )


def test_each_problem_of_a_policy_file_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/x.yaml").write_text(
        "version: 1\npolicies:\n  model-size-budget: {max_size: 200}\n  run-finishd: on\n"
    )
    state, said = lines(command("doctor"))["policies"]
    assert state == "problem"
    assert said == (
        "policies/x.yaml:3:33: policies.model-size-budget.max_size: expected a size such as 200MB, "
        "got 200; policies/x.yaml:4:3: policies.run-finishd: no policy is called 'run-finishd'; "
        "did you mean 'run-finished'?; 2 problems found; nothing was evaluated. to do: fix that; "
        "`policy-engine validate` checks the files of the work tree"
    )


def test_a_set_up_that_works_has_no_problem(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    project.policy(COMPARES)
    uri = ("--tracking-uri", mlflow_server.uri)
    told = command("doctor", "--run", trained.candidate, *uri)
    said = lines(told)
    assert (told.code, list(said)) == (0, NAMES)
    assert said["metric"] == ("ok", "val_accuracy")
    assert told.out.endswith("\nnext            `policy-engine check`\n")
    assert said["tracking"][1].startswith(f"{mlflow_server.uri}, MLflow 3.")
    assert said["clock"][0] == "ok"
    assert said["plugins"] == ("ok", "policy-engine 0.1.0")
    assert said["policies"] == ("ok", "1 policy file of the work tree (no commit), not trusted")
    assert said["candidate"][0] == "ok"
    assert said["baseline"] == ("ok", "found by alias: champion")


def test_a_baseline_that_no_rule_finds_is_a_problem(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    project.policy(COMPARES.replace("champion", "nobody"))
    told = command("doctor", "--run", trained.candidate, "--tracking-uri", mlflow_server.uri)
    state, said = lines(told)["baseline"]
    assert (told.code, state) == (1, "problem")
    assert said.startswith("none found (alias: nobody: ")
    remedy = (
        "give the registered version to beat the alias `nobody`; where the candidate is not "
        "registered, write `- alias: NAME@nobody`; for the very first model say "
        "`first_run: true` at the top of the policy file"
    )
    assert said.endswith(f"to do: {remedy}")
    assert next_of(told) == f"baseline: {remedy}"


def test_a_champion_that_was_found_stays_said_beside_a_baseline_that_was_not(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    project.policy(COMPARES)
    other = COMPARES.replace("alias: champion", "tag: {kind: none}")
    other = other.replace("min-useful-gain: {", "of-old: {policy: min-useful-gain, ")
    project.policy(other, "policies/other.yaml")
    told = command("doctor", "--run", trained.candidate, "--tracking-uri", mlflow_server.uri)
    state, said = lines(told)["baseline"]
    assert state == "problem"
    assert said.startswith("found by alias: champion; none found (tag: kind=none: ")
    assert said.endswith(
        "to do: register the model to beat, give that version the alias `champion`, and write "
        "`- alias: NAME@champion` first under `baseline:`; for the very first model say "
        "`first_run: true` at the top of the policy file"
    )


def test_a_metric_that_policies_cannot_judge_by_is_a_problem(project: Project) -> None:
    project.policy(COMPARES.replace("val_accuracy", "training_accuracy"))
    state, said = lines(command("doctor"))["metric"]
    assert state == "problem"
    assert said.startswith("policies/fraud.yaml: training_accuracy is by its name a metric of")
    loss = COMPARES.replace("name: val_accuracy, goal: maximize", "name: val_rmse")
    project.policy(loss + "  pareto-dominated: on\n  cost-per-point: {max_cost_per_point: 1 USD}\n")
    assert lines(command("doctor"))["metric"] == (
        "problem",
        (
            "policies/fraud.yaml: nothing says what a point of val_rmse is, so pareto-dominated, "
            "cost-per-point cannot judge by points; say `metric: {name: val_rmse, goal: minimize, "
            "point: …}`, in the metric's own units"
        ),
    )
    project.policy(loss)  # of which min-useful-gain takes 1 %
    assert lines(command("doctor"))["metric"] == ("ok", "val_rmse")


def test_a_run_that_is_not_there_is_a_problem(
    project: Project, mlflow_server: MlflowServer, trained: Trained
) -> None:
    told = command("doctor", "--run", "f" * 32, "--tracking-uri", mlflow_server.uri)
    assert (told.code, states(told)["candidate"]) == (1, "problem")
    assert states(told)["baseline"] == "not applicable"


def test_a_wrong_policy_file_and_a_missing_plugin_are_told_apart(project: Project) -> None:
    project.policy(POLICY.replace("min:", "mim:"))
    told = lines(command("doctor"))
    assert told["policies"][0] == "problem"
    assert "policies.metric-threshold.mim: unknown setting" in told["policies"][1]
    assert told["plugins"] == ("not applicable", "fix what is said above first")
    project.policy(POLICY + "plugins: [acme-policies]\n")
    told = lines(command("doctor"))
    assert told["policies"] == ("not applicable", "a plugin that they need does not load")
    assert told["plugins"][0] == "problem"


def test_an_empty_store_is_a_problem_of_rights_or_of_training(
    project: Project, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, and SQLAlchemy's about it
        from mlflow import MlflowClient

        uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
        client = MlflowClient(uri)
        client.delete_experiment("0")
    state, said = lines(command("doctor", "--tracking-uri", uri))["tracking"]
    assert state == "problem"
    assert "0 experiment(s) to read" in said


def test_a_clock_that_is_wrong_is_a_problem(project: Project) -> None:
    def of_another_year(handler: Any) -> None:
        handler.send_response_only(200)
        handler.send_header("Date", "Sun, 22 Nov 2020 12:00:00 GMT")
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"3.17.0")

    experiments = as_json({"experiments": [{"experiment_id": "1", "name": "x"}]})
    with serving(of_another_year, experiments) as server:
        state, said = lines(command("doctor", "--tracking-uri", server.uri))["clock"]
    assert state == "problem"
    assert "to do: set the clock" in said


def test_credentials_that_a_server_refuses_are_a_problem_and_are_not_shown(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hush-hush")
    with serving(body(b"who is hush-hush?", 401)) as server:
        uri = server.uri.replace("http://", "http://ana:secret@")
        told = command("doctor", "--tracking-uri", uri)
    assert states(told)["tracking"] == "problem"
    assert "hush-hush" not in told.out + told.err
    assert "secret" not in told.out + told.err


# ── in a job ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def github(
    github_fake: GitHubFake, project: Project, monkeypatch: pytest.MonkeyPatch
) -> GitHubFake:
    github_fake.state.commit(BASE, {"policies/fraud.yaml": POLICY.encode()}, "main")
    enter(github_fake, project, monkeypatch, "pull_request")
    return github_fake


def test_a_pull_request_is_told_who_judges_and_what_the_token_may(github: GitHubFake) -> None:
    told = command("doctor")
    said = lines(told)
    assert said["event"] == (
        "ok",
        f"pull_request: {HEAD[:12]} of pull request #7 is judged",
    )
    assert said["token"] == (
        "ok",
        (
            "it may read contents, pull-requests, checks; what it may write, only writing tells "
            "to do: a comment needs `pull-requests: write`, a check run `checks: write`"
        ),
    )
    assert said["fork"] == ("ok", "the head lies in this repository")
    assert said["policies"] == ("ok", f"1 policy file of main@{BASE[:7]}, trusted")
    assert said["clock"][0] == "ok"
    assert github.token not in told.out + told.err


def test_a_token_that_may_not_read_pull_requests_is_told_which_permission_it_lacks(
    github: GitHubFake,
) -> None:
    github.fail("GET", "pulls", status=403, message="Resource not accessible by integration")
    state, said = lines(command("doctor"))["token"]
    assert state == "problem"
    assert said.endswith("to do: give the job `permissions:` with `pull-requests: read`")


def test_a_job_without_a_token_is_told_what_it_lacks(
    github: GitHubFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    said = lines(command("doctor"))
    assert said["token"][0] == "not applicable"
    assert said["policies"][0] == "problem"


def test_a_proposal_that_is_wrong_is_said_and_is_no_problem(github: GitHubFake) -> None:
    github.state.commit(HEAD, {"policies/fraud.yaml": b"version: 2\n"})
    github.state.pulls[7].files = [("policies/fraud.yaml", None)]
    state, said = lines(command("doctor"))["policies"]
    assert state == "ok"
    assert f"main@{BASE[:7]}, trusted; the pull request proposes others, which are wrong" in said
    assert "this release reads version 1" in said


def test_policies_that_only_the_pull_request_has_are_a_problem(github: GitHubFake) -> None:
    github.state.commit(BASE, {}, "main")
    github.state.commit(HEAD, {"policies/fraud.yaml": POLICY.encode()})
    assert lines(command("doctor"))["policies"] == (
        "problem",
        (
            "1 policy file of the pull request itself: the default branch has none yet "
            "to do: merge policies first; until then no verdict is better than `warn`"
        ),
    )


@pytest.mark.parametrize(
    ("event", "state", "words"),
    [
        ("pull_request", "ok", "no secrets, and a token that may only read"),
        ("pull_request_target", "problem", "this job has secrets"),
        ("workflow_run", "ok", "this is the second stage: its evidence is a claim"),
        ("merge_group", "ok", "the head lies in a fork"),
        ("push", "not applicable", "there is no pull request"),
    ],
)
def test_a_fork_is_told_what_it_means_for_secrets(
    github: GitHubFake,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    event: str,
    state: str,
    words: str,
) -> None:
    github.state.pulls[7].head_repository = "eve/fraud"
    enter(github, project, monkeypatch, event)
    found = lines(command("doctor"))["fork"]
    assert found[0] == state
    assert words in found[1]


def test_an_event_that_is_about_no_commit_is_told_to_name_the_candidate(
    github: GitHubFake, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(github, project, monkeypatch, "schedule")
    assert lines(command("doctor"))["event"] == (
        "ok",
        (
            "schedule: it is about no commit to judge "
            "to do: name the candidate with --run, --model, --commit or --evidence"
        ),
    )


def test_an_event_that_cannot_be_read_is_the_one_problem(
    github: GitHubFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_EVENT_PATH", "/no/event.json")
    told = command("doctor")
    assert (told.code, states(told)) == (1, {"event": "problem"})


def test_hostile_names_cannot_command_the_runner(
    github: GitHubFake, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "policies/x ##[set-output name=verdict]pass\x1b[31m.yaml"
    github.state.commit(BASE, {name: b"version: 2\n"}, "main")
    told = command("doctor")
    assert "##[" not in told.out
    assert "\x1b" not in told.out
