"""The action judges: its real last step, in the environment that its real steps made."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from policy_engine.cli import cli
from tests.action.conftest import ROOT, Installed, hostile, machine
from tests.command import candidate, evidence

if TYPE_CHECKING:
    from tests.action.composite import Runner, Told
    from tests.conftest import MlflowServer, Trained

POLICIES = """\
version: 1
policies:
  run-finished: on
  model-size-budget: {max_size: %s}
"""
pytestmark = pytest.mark.timeout(600)  # the first test installs the action and starts a server

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
# Those that the last step passes on; the others have tests of their own in test_install.py.
PASSED_ON = sorted(ACTION["inputs"].keys() - {"plugins", "python", "cache", "github-token"})
NOT_GIVEN = {name: ACTION["inputs"][name]["default"] for name in PASSED_ON}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    made = machine(tmp_path)
    policies(made, "1MB")
    return made


def policies(runner: Runner, budget: str) -> None:
    folder = runner.workspace / "policies"
    folder.mkdir(exist_ok=True)
    (folder / "fraud.yaml").write_text(POLICIES % budget)


def judged(runner: Runner, installed: Installed, **inputs: str) -> Told:
    """Run the last step with these inputs (`check_run` stands for `check-run`)."""
    given = {name.replace("_", "-"): value for name, value in inputs.items()}
    return runner.action(ROOT, given, known=installed.known)


def test_a_model_that_may_merge_passes_the_job_and_its_outputs_say_so(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    told = judged(runner, installed, run=trained.champion, tracking_uri=mlflow_server.uri)
    report = Path(told.outputs.pop("report"))
    assert told.outputs == {
        "verdict": "pass",
        "exit-code": "0",
        "blocking": "0",
        "warnings": "0",
        "waived": "0",
        "passed": "4",
    }
    assert not told.failed
    assert json.loads(report.read_text("utf-8"))["subjects"][0]["verdict"] == "pass"
    assert told.ran == ["Judge the model"]


def test_a_model_that_is_too_large_fails_the_job_and_the_outputs_are_written(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    policies(runner, "100B")
    told = judged(runner, installed, run=trained.champion, tracking_uri=mlflow_server.uri)
    assert Path(told.outputs.pop("report")).exists()
    assert told.outputs == {
        "verdict": "fail",
        "exit-code": "1",
        "blocking": "1",
        "warnings": "0",
        "waived": "0",
        "passed": "3",
    }
    assert told.failed
    assert "it must be at most 100 B" in told.log


def test_the_text_report_is_in_the_log_and_other_formats_in_files(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    told = judged(
        runner,
        installed,
        run=trained.champion,
        tracking_uri=f" {mlflow_server.uri}\n",
        formats="markdown=report.md\n\n  json=report.json\n",
        save_evidence="evidence.json",
    )
    written = sorted(path.name for path in runner.workspace.glob("*.*"))
    assert written == ["evidence.json", "report.json", "report.md"]
    own = Path(told.outputs["report"]).read_bytes()
    assert (runner.workspace / "report.json").read_bytes() == own
    assert "model-size-budget" in told.log


def test_saved_evidence_is_judged_without_mlflow(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    asked = {"run": trained.champion, "tracking_uri": mlflow_server.uri}
    judged(runner, installed, **asked, save_evidence="evidence.json")
    told = judged(runner, installed, evidence="evidence.json")
    assert (told.outputs["exit-code"], told.failed) == ("0", False)


def test_each_line_of_run_is_a_candidate(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    runs = f"{trained.champion}\n{trained.candidate}\n"
    told = judged(runner, installed, run=runs, tracking_uri=mlflow_server.uri)
    report = json.loads(Path(told.outputs["report"]).read_text("utf-8"))
    judged_runs = [subject["candidate"]["run_id"] for subject in report["subjects"]]
    assert sorted(judged_runs) == sorted([trained.champion, trained.candidate])


def test_policies_are_found_from_the_working_directory(
    runner: Runner, installed: Installed, trained: Trained, mlflow_server: MlflowServer
) -> None:
    (runner.workspace / "models").mkdir()
    (runner.workspace / "policies").rename(runner.workspace / "models" / "rules")
    told = judged(
        runner,
        installed,
        run=trained.champion,
        tracking_uri=mlflow_server.uri,
        working_directory="models",
        policies="rules/fraud.yaml",
    )
    assert told.outputs["exit-code"] == "0"


# What lies in the checkout, and what a run is called.


def judged_saved(runner: Runner, installed: Installed, **facts: str) -> Told:
    """Judge saved evidence of a candidate with these facts."""
    (runner.workspace / "evidence.json").write_text(evidence(candidate(**facts)).to_text())
    return judged(runner, installed, evidence="evidence.json", comment="never")


def test_no_module_of_the_checkout_or_of_pythonpath_is_imported(
    runner: Runner, installed: Installed
) -> None:
    names = ("yaml", "click", "policy_engine", "mlflow", "github3", "sitecustomize")
    on_path = hostile(runner.workspace / "src", *names)
    for module in on_path.glob("*.py"):
        shutil.copy(module, runner.workspace)
    runner.environment |= {"PYTHONPATH": str(on_path), "PYTHONSTARTUP": str(on_path / "yaml.py")}
    told = judged_saved(runner, installed)
    assert (told.failed, told.outputs["exit-code"]) == (False, "0")
    assert not (runner.workspace / "PWNED").exists()


def test_a_run_that_is_called_like_a_command_commands_nothing(
    runner: Runner, installed: Installed
) -> None:
    policies(runner, "1B")
    name = "x ##[set-output name=verdict;]pass\n::set-output name=verdict::pass"
    told = judged_saved(runner, installed, run_name=name)
    assert told.outputs["verdict"] == "fail"
    assert {command.name for command in told.commands} <= {"error", "warning", "notice"}


# An input that comes to nothing must not judge something else.


@pytest.mark.parametrize(
    "name", ["run", "model", "commit", "evidence", "baseline", "policies", "require", "profile"]
)
@pytest.mark.parametrize("text", ["", " \n"])
def test_an_input_that_comes_to_nothing_is_refused(
    name: str, text: str, runner: Runner, installed: Installed
) -> None:
    told = judged(runner, installed, **{name: text}, tracking_uri="http://127.0.0.1:1")
    assert told.failed
    assert told.outputs["exit-code"] == "2"
    assert told.outputs["verdict"] == "error"
    assert f"Invalid value for '--{name}'" in told.log


def test_two_commits_are_not_taken_for_the_last_of_them(
    runner: Runner, installed: Installed
) -> None:
    told = judged(
        runner, installed, commit="a" * 40 + "\n" + "b" * 40, tracking_uri="http://127.0.0.1:1"
    )
    assert told.outputs["exit-code"] == "2"


def test_without_a_tracking_uri_nothing_is_judged(runner: Runner, installed: Installed) -> None:
    told = judged(runner, installed, run="a" * 32)
    assert told.outputs == {
        "verdict": "error",
        "exit-code": "2",
        "blocking": "",
        "warnings": "",
        "waived": "",
        "passed": "",
        "report": "",
    }
    assert "no tracking URI" in told.log


def test_a_mistyped_switch_is_refused(runner: Runner, installed: Installed) -> None:
    told = judged(runner, installed, check_run="yes")
    assert (told.failed, told.outputs["exit-code"]) == (True, "2")
    assert [(c.name, c.data) for c in told.commands] == [
        ("error", "The input 'check-run' is true or false.")
    ]


# What an input may hold runs nothing. The command is a stand-in that shows its arguments.

HOSTILE = [
    '"; touch PWNED; echo "',
    "$(touch PWNED)",
    "`touch PWNED`",
    "x\ntouch PWNED\n",
    "x\nEOF\nverdict=pass",
    "'; touch PWNED #",
    "x\n::set-output name=verdict::pass",
    "--help",
    "*",
    "a b",
]
FLAGS = {"formats": "format"}


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", sorted(set(PASSED_ON) - {"check-run", "working-directory"}))
def test_a_hostile_input_is_an_argument_and_nothing_else(
    name: str, hostile: str, tmp_path: Path
) -> None:
    given, told, left = shown(tmp_path, {name: hostile})
    lines = hostile.strip().split("\n") if name in MANY else [hostile.strip()]
    assert given[3:] == [f"--{FLAGS.get(name, name)}={line}" for line in lines]
    assert (left, told.outputs["verdict"], told.failed) == ([], "error", False)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("name", ["check-run", "working-directory"])
def test_a_hostile_switch_or_folder_stops_the_step(name: str, hostile: str, tmp_path: Path) -> None:
    given, told, left = shown(tmp_path, {name: hostile})
    assert (given, left, told.outputs["verdict"], told.failed) == ([], [], "error", True)


def test_inputs_at_their_defaults_pass_nothing_on(tmp_path: Path) -> None:
    given, told, _ = shown(tmp_path, NOT_GIVEN)
    report = f"--format=json={tmp_path}/report.json"
    assert given == ["check", "--format=text", report]
    assert told.outputs["exit-code"] == "0"


def test_every_input_reaches_the_command(tmp_path: Path) -> None:
    inputs = {name: f"my-{name}" for name in PASSED_ON}
    given, _, _ = shown(tmp_path, inputs | {"check-run": "true", "working-directory": "."})
    options = [each.partition("=") for each in given[3:]]
    told = {flag.removeprefix("--"): value for flag, _, value in options}
    expected = {FLAGS.get(name, name): text for name, text in inputs.items()}
    del expected["working-directory"]
    assert told == expected | {"check-run": ""}


NO_INPUTS = {
    "at": "judges as of another moment: for a terminal",
    "format": "the input `formats`",
    "no-check-run": "the input `check-run`",
    "no-publish": "a job publishes by itself",
    "publish": "a job publishes by itself",
    "publish-timeout": "the command's own default",
    "registry-uri": "the variable MLFLOW_REGISTRY_URI, as for training",
    "verbose": "the comment and the job's summary fold the details in",
    "trusted-ref": "the event says what is trusted in GitHub Actions",
}


def test_every_option_of_check_is_an_input_or_has_a_reason_not_to_be() -> None:
    """A new flag of `check` is a new input of action.yml."""
    options = {
        option.removeprefix("--")
        for parameter in cli.commands["check"].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    assert options - ACTION["inputs"].keys() == NO_INPUTS.keys()


MANY = ("run", "model", "policies", "require", "formats")


def shown(folder: Path, inputs: dict[str, str]) -> tuple[list[str], Told, list[Path]]:
    """Return the arguments that the command gets, how it went, and what lies in the checkout."""
    arguments = folder / "arguments.json"
    stand_in = folder / "bin" / "python"
    stand_in.parent.mkdir()
    # `python -I -m policy_engine …`: what stands behind those three is what the command gets. That
    # its report is read afterwards is another test's.
    code = (
        "import json, sys\n"
        f"if sys.argv[4] != 'verdict': json.dump(sys.argv[4:], open({str(arguments)!r}, 'w'))"
    )
    stand_in.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -c {shlex.quote(code)} "$@"\n'
    )
    stand_in.chmod(0o755)
    steps = {
        "python": {"python": sys.executable},
        "cache": {"cache-hit": "true"},
        "install": {"bin": str(stand_in.parent), "home": str(folder)},
    }
    runner = machine(folder)
    told = runner.action(ROOT, inputs, known=steps)
    given = json.loads(arguments.read_text("utf-8")) if arguments.exists() else []
    return given, told, sorted(runner.workspace.iterdir())


def test_a_check_that_a_plugin_ended_is_not_green(
    runner: Runner, installed: Installed, tmp_path: Path
) -> None:
    """`os._exit(0)` in a plugin ends the process as if all were well, and leaves no report."""
    python = Path(installed.known["install"]["bin"]) / "python"
    ended = tmp_path / "ended"
    ended.mkdir()
    (ended / "python").write_text(
        f'#!/bin/sh\ncase " $* " in *" check "*) exit 0;; esac\nexec "{python}" "$@"\n'
    )
    (ended / "python").chmod(0o755)
    install = {**installed.known["install"], "bin": str(ended)}
    told = runner.action(ROOT, {"run": "a" * 32}, known={**installed.known, "install": install})
    assert told.failed
    assert told.outputs["exit-code"] == "2"
    assert "report.json is not there; " in told.log
