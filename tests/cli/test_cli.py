"""The command line: help, exit codes, contradictions, and what it does not import."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from policy_engine import cli
from policy_engine.cli.collecting import options_of
from policy_engine.quantities.syntax import DURATION
from tests.command import Project, candidate, command, evidence
from tests.repository import Repository
from tests.tracking.team import Team

if TYPE_CHECKING:
    from tests.conftest import MlflowServer

ROOT = Path(__file__).parents[2]
MINIMUM = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
COMMANDS = [
    *("audit", "backtest", "check", "collect", "demo", "doctor", "explain", "init", "list"),
    *(
        "new-plugin",
        "plan",
        "plugins",
        "publish",
        "record",
        "schema",
        "test",
        "validate",
        "verdict",
    ),
    *("waive", "waivers"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(MINIMUM)
    return made


def usage_error(*arguments: str) -> str:
    """Return the last line of a usage error."""
    told = command(*arguments)
    assert (told.code, told.out) == (2, "")
    return told.err.splitlines()[-1]


# ── help ──────────────────────────────────────────────────────────────────────────────────────────


def example_of(name: str) -> str:
    """Return the example with which the help of a command ends."""
    label, _, example = (cli.cli.commands[name].epilog or "").partition(": ")
    assert label == "Example"
    return example


def test_these_are_the_commands() -> None:
    assert sorted(cli.cli.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_in_the_file_of_its_name(name: str) -> None:
    callback = cli.cli.commands[name].callback
    assert callback is not None
    assert callback.__module__ == f"policy_engine.cli.commands.{name.replace('-', '_')}"


@pytest.mark.parametrize(
    "asked",
    [("backtest", "--experiment", "fraud"), ("audit",), ("test",)],
    ids=["backtest", "audit", "test"],
)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    project: Project, asked: tuple[str, ...]
) -> None:
    told = command(*asked, "--format", "text=no/such/answer.txt")
    assert (told.code, told.out, told.err) == (
        2,
        "",
        "policy-engine: --format text=no/such/answer.txt: no/such is not a folder to write to\n",
    )


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_of_each_command_shows_an_example(name: str, flag: str) -> None:
    told = command(name, flag)
    assert (told.code, told.err) == (0, "")
    assert f"Example: {example_of(name)}" in " ".join(told.out.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_example_is_one_that_the_command_takes(name: str) -> None:
    program, called, *arguments = shlex.split(example_of(name))
    assert (program, called) == ("policy-engine", name)
    with (
        cli.cli.make_context("policy-engine", ["list"]) as parent,
        cli.cli.commands[name].make_context(name, arguments, parent=parent) as context,
    ):
        assert isinstance(context, click.Context)


def test_the_help_of_the_whole_names_the_exit_codes_and_an_example() -> None:
    told = command("--help")
    text = " ".join(told.out.split())
    assert told.code == 0
    assert (
        "Exit codes: 0 may merge, 1 a policy blocks, 2 usage or policy file wrong, "
        "3 could not decide, 4 nothing was evaluated." in text
    )
    assert f"Example: {example_of('check')}" in text


def test_the_version_is_that_of_the_distribution() -> None:
    told = command("--version")
    assert (told.code, told.out) == (0, "policy-engine, version 0.1.0\n")


def test_no_command_at_all_is_a_usage_error_that_shows_the_help() -> None:
    told = command()
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("Usage: policy-engine [OPTIONS] COMMAND [ARGS]...")


# ── what is not imported ──────────────────────────────────────────────────────────────────────────

IMPORTS = """\
import json, sys
before = set(sys.modules)  # of a system's own `sitecustomize` we are innocent
from policy_engine import cli
try:
    cli.main(sys.argv[1:])
finally:
    print(json.dumps(sorted(sys.modules.keys() - before)), file=sys.stderr)
"""


def imported(project: Project, *arguments: str, codes: tuple[int, ...] = (0,)) -> set[str]:
    """Run a command in a process of its own and return the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *arguments],
        cwd=project.folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in codes, done.stderr
    names: list[str] = json.loads(done.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in names} | set(names)


def test_help_imports_no_more_than_click(project: Project) -> None:
    modules = imported(project, "--help")
    assert "click" in modules
    assert not modules & {"mlflow", "pydantic", "pluggy", "yaml", "requests", "tabulate"}
    assert not modules & {"dataclasses", "decimal"}  # each takes as long as all of our commands


@pytest.mark.parametrize(
    "arguments", [["list"], ["validate"], ["plugins"], ["explain", "run-finished"]]
)
def test_what_reads_no_evidence_imports_no_mlflow(project: Project, arguments: list[str]) -> None:
    modules = imported(project, *arguments)
    assert "mlops_policies" in modules
    assert not modules & {"mlflow", "sqlalchemy", "requests", "github3"}


def test_saved_evidence_is_judged_with_no_mlflow_in_sight(project: Project) -> None:
    file = project.saved(evidence(candidate()))
    modules = imported(project, "check", "--evidence", file)
    assert "mlops_policies" in modules
    assert not modules & {"mlflow", "sqlalchemy", "requests", "github3"}


def test_a_check_imports_what_its_policy_files_bind_and_no_more(project: Project) -> None:
    file = project.saved(evidence(candidate()))
    modules = imported(project, "check", "--evidence", file)
    assert not modules & {"cel", "policy_engine.expressions", "policy_engine.github.client"}
    assert not modules & {"policy_engine.statistics", "mlops_policies.data_care.pii_columns"}
    assert not modules & {"policy_engine.history", "policy_engine.render.log_line"}


PAID_FOR = {
    *("annotated_types", "click", "pluggy", "pydantic", "pydantic_core", "typing_extensions"),
    *("typing_inspection", "yaml"),
    *("mlops_policies", "policy_engine"),
}
"""What every check loads; each of them costs its start some hundredths of a second."""
ASKING = {"certifi", "charset_normalizer", "idna", "requests", "urllib3"}
"""What it loads beside that to ask a server."""


def foreign(modules: set[str]) -> set[str]:
    """Return the packages among modules that are not Python's own."""
    names = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
    names -= {"cython_runtime"}  # a mark of compiled modules
    return {name for name in names if not name.startswith("_") and "__mypyc" not in name}


def test_the_budget_of_imports_of_a_check(project: Project) -> None:
    """Whatever is new here makes every check of everybody start later."""
    file = project.saved(evidence(candidate()))
    modules = imported(project, "check", "--evidence", file)
    assert foreign(modules) - PAID_FOR == set()
    assert not modules & {"configparser", "http.client", "sqlite3", "unittest", "xml.sax"}


def test_the_budget_of_imports_of_a_check_against_a_server(
    project: Project, mlflow_server: MlflowServer
) -> None:
    team = Team.of(mlflow_server)
    project.policy("version: 1\npolicies: {run-finished: {}}\n")
    run = team.run(team.experiment(), metrics={"val_accuracy": 0.9})
    asked = ("--run", run, "--tracking-uri", mlflow_server.uri)
    modules = imported(project, "check", *asked, codes=(0, 1))
    assert foreign(modules) - PAID_FOR - ASKING == set()
    assert not modules & {"configparser", "sqlite3", "unittest"}


# ── options ───────────────────────────────────────────────────────────────────────────────────────


def test_a_mistyped_command_or_option_is_a_usage_error() -> None:
    assert usage_error("chekc").startswith("Error: No such command 'chekc'.")
    assert usage_error("check", "--frmat").startswith("Error: No such option '--frmat'.")
    assert usage_error("demo", "more").startswith("Error: Got unexpected extra argument")
    assert usage_error("explain") == (
        "Error: name a policy, or say --effective for what policy files come to"
    )
    assert usage_error("collect") == "Error: Missing option '--output'."


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (["--run", "a", "--model", "models:/m/1"], "--run and --model"),
        (["--run", "a", "--commit", "abc"], "--run and --commit"),
        (["--model", "models:/m/1", "--evidence", "e.json"], "--model and --evidence"),
        (
            ["--commit", "c", "--evidence", "e.json", "--run", "a"],
            "--run and --commit and --evidence",
        ),
    ],
)
def test_candidates_are_named_in_one_way(
    project: Project, arguments: list[str], flags: str
) -> None:
    assert usage_error("check", *arguments) == (
        f"policy-engine: {flags} exclude one another: name candidates in one way"
    )


@pytest.mark.parametrize(
    ("arguments", "flags"),
    [
        (["--baseline", "abc"], "--baseline"),
        (["--tracking-uri", "http://127.0.0.1:1"], "--tracking-uri"),
        (["--wait", "5s"], "--wait"),
        (["--save-evidence", "again.json"], "--save-evidence"),
        (
            ["--wait", "5s", "--baseline", "b", "--tracking-uri", "x"],
            "--baseline, --tracking-uri, --wait",
        ),
    ],
)
def test_what_concerns_the_reading_contradicts_saved_evidence(
    project: Project, arguments: list[str], flags: str
) -> None:
    assert usage_error("check", "--evidence", "e.json", *arguments) == (
        f"policy-engine: --evidence excludes {flags}: the evidence is read already"
    )


@pytest.mark.parametrize("option", ["--timeout", "--wait"])
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("30", f"'30' {DURATION.refusal}"),
        ("30 sec", f"'30 sec' {DURATION.refusal}"),
        ("-1s", "'-1s' is negative"),
        ("soon", "expected a duration such as 30s, got 'soon'"),
        ("", "expected a duration such as 30s, got ''"),
        ("nan", "expected a duration such as 30s, got 'nan'"),
    ],
)
def test_a_time_span_states_its_unit(project: Project, option: str, value: str, why: str) -> None:
    assert usage_error("check", option, value) == f"Error: Invalid value for {option}: {why}"


@pytest.mark.parametrize(
    ("value", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("2min", 120.0), ("1h", 3600.0)]
)
def test_a_time_span_is_read_in_seconds(value: str, seconds: float) -> None:
    given: dict[str, Any] = {"runs": (), "models": (), "commit": None, "baseline": None}
    given |= {
        "policies": ("policies",),
        "require": (),
        "profile": None,
        "tracking_uri": None,
        "registry_uri": None,
        "trusted_ref": None,
        "timeout": value,
        "wait": value,
    }
    options = options_of(given)
    assert (options.timeout_s, options.wait_s) == (seconds, seconds)


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"),
        ("2026-11-22T12:00:00", "2026-11-22T12:00:00Z"),
        ("2026-11-22T14:00:00+02:00", "2026-11-22T12:00:00Z"),
        ("2026-11-22", "2026-11-22T00:00:00Z"),
        ("2026-11-22T12:00:00.999999Z", "2026-11-22T12:00:00Z"),
    ],
)
def test_at_sets_the_moment_of_judgement(project: Project, at: str, moment: str) -> None:
    told = project.check(evidence(candidate()), "--at", at)
    assert told.report["evaluated_at"] == moment


def test_at_decides_whether_a_level_holds_already(project: Project) -> None:
    project.policy(MINIMUM.replace("0.9", "0.99, enforce_from: 2027-01-01"))
    codes = [
        project.check(evidence(candidate()), "--at", at).code
        for at in ("2026-12-31T23:59:59Z", "2027-01-01T00:59:59+01:00", "2027-01-01")
    ]
    assert codes == [0, 0, 1]


@pytest.mark.parametrize("at", ["tomorrow", "2026-13-01", "12:00", "1700000000"])
def test_at_is_a_moment_or_a_usage_error(project: Project, at: str) -> None:
    assert usage_error("check", "--at", at) == (
        f"Error: Invalid value for --at: '{at}' is not an ISO 8601 time"
    )


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59:59-12:00"])
def test_at_lies_in_a_year_that_can_be_reckoned_with(project: Project, at: str) -> None:
    assert usage_error("check", "--at", at) == (
        f"Error: Invalid value for --at: '{at}' lies outside the years 1970 to 8999"
    )


# ── validate, list, explain ───────────────────────────────────────────────────────────────────────


def test_validate_names_each_valid_file(project: Project) -> None:
    project.policy(MINIMUM.replace("0.9", "0.8") + "  run-finished: on\n", "policies/churn.yaml")
    told = command("validate")
    assert (told.code, told.out) == (
        0,
        "policies/churn.yaml: valid, 2 policies\npolicies/fraud.yaml: valid, 1 policy\n",
    )


def test_validate_notes_a_glob_that_matches_no_tracked_file(project: Project) -> None:
    project.policy(f'{MINIMUM}candidate: {{paths: ["training/**", "trainig/**"]}}\n')
    repository = Repository.new(project.folder)
    repository.commit("training/train.py")
    told = command("validate")
    assert (told.code, told.out) == (0, "policies/fraud.yaml: valid, 1 policy\n")
    assert told.err == (
        "note: policies/fraud.yaml: candidate.paths: 'trainig/**' matches no file that git tracks "
        "here: while that is so, no change needs a run for its sake\n"
    )


def test_validate_notes_a_metric_of_the_rows_that_training_saw(project: Project) -> None:
    project.policy(MINIMUM.replace("policies:", "metric: {name: training_accuracy}\npolicies:"))
    told = command("validate")
    assert (told.code, told.out) == (0, "policies/fraud.yaml: valid, 1 policy\n")
    assert told.err == (
        "note: policies/fraud.yaml: training_accuracy is by its name a metric of the rows that "
        "training saw, not of new ones; name one of evaluation data\n"
    )


def test_validate_notes_what_cannot_judge_without_a_point(project: Project) -> None:
    metric = "metric: {name: profit, goal: maximize}\n"
    project.policy(f"{MINIMUM}  pareto-dominated: on\n  no-regression: on\n{metric}")
    told = command("validate")
    assert told.code == 0
    assert told.err == (
        "note: policies/fraud.yaml: nothing says what a point of profit is, so pareto-dominated "
        "cannot judge by points; say `metric: {name: profit, goal: maximize, point: …}`, in the "
        "metric's own units\n"
    )
    project.policy(f"{MINIMUM}  pareto-dominated: on\n{metric.replace('}', ', point: 250}')}")
    assert command("validate").err == ""


def test_validate_tells_the_problems_of_all_files_at_once(project: Project) -> None:
    project.policy(MINIMUM.replace("min", "mim"), "policies/churn.yaml")
    project.policy(MINIMUM.replace("metric-threshold", "metric-treshold"))
    told = command("validate", "policies")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "policies/churn.yaml:3:38: policies.metric-threshold.mim: unknown setting\n"
        "  did you mean 'min'?\n"
        "policies/fraud.yaml:3:3: policies.metric-treshold: "
        "no policy is called 'metric-treshold'\n"
        "  did you mean 'metric-threshold'?\n"
        "2 problems found; nothing was evaluated.\n"
    )


def test_explaining_an_unknown_policy_is_a_usage_error() -> None:
    assert usage_error("explain", "model-size-budge") == (
        "policy-engine: there is no policy 'model-size-budge'; did you mean 'model-size-budget'?"
    )


# ── how it ends ───────────────────────────────────────────────────────────────────────────────────


def test_debug_shows_the_traceback_of_an_error(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "policy_engine", "--debug", "validate", "nope"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback (most recent call last):" in done.stderr
    assert "there is no policy file or folder 'nope'" in done.stderr


def test_an_error_without_debug_is_one_sentence(project: Project) -> None:
    told = command("validate", "nope")
    assert told.err == "policy-engine: there is no policy file or folder 'nope'\n"


def test_a_repository_without_policies_is_told_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = command("check")
    assert (told.code, told.err) == (
        2,
        (
            "policy-engine: there is no policy file or folder 'policies'; `policy-engine init` "
            "proposes a first one\n"
        ),
    )


@pytest.mark.parametrize("arguments", [("check",), ("validate",), ("doctor",)])
def test_in_a_folder_below_the_root_it_says_where_to_run(
    project: Project, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    project.policy(MINIMUM)
    Repository.new(project.folder)
    below = project.folder / "training/deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    told = command(*arguments)
    assert told.code != 0
    assert (
        "there is no policy file or folder 'policies' in this folder; the repository's root has "
        "it: cd ../.., and run it there"
    ) in " ".join((told.out + told.err).split())


def test_a_path_as_windows_writes_it_is_refused_with_the_one_to_write(project: Project) -> None:
    told = command("validate", "policies\\fraud.yaml")
    assert told.err == (
        "policy-engine: there is no policy file or folder 'policies\\fraud.yaml'; "
        "write it policies/fraud.yaml\n"
    )


def test_a_breakdown_of_ours_says_so_and_decides_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr("policy_engine.check.evaluate", broken)  # nothing that we know of does it
    told = project.check(evidence(candidate()))
    assert told.code == 3
    first, second, block, *_ = told.err.splitlines()
    assert first == "policy-engine broke down: OverflowError; nothing was decided."
    assert second == "Please report it with this block:"
    assert block.startswith("policy-engine 0.1.0, Python 3.")
    assert "OverflowError: date value out of range" in told.err
