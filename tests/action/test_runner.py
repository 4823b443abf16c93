"""The runner of these tests does what GitHub's does, and refuses what it does not know."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.commands import SUMMARY_LIMIT, Command, FileError, read_file, read_log
from tests.action.composite import Runner, Told
from tests.action.conftest import machine
from tests.action.expressions import UnknownSyntaxError, evaluate, holds, render

CONTEXTS: dict[str, Any] = {
    "inputs": {"word": "Yes", "empty": "", "zero": "0"},
    "steps": {"one": {"outputs": {"is-it": "true"}}},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.word", "Yes"),
        ("inputs.word == 'yes'", True),
        ("inputs.word != 'no'", True),
        ("inputs.nothing", None),
        ("inputs.nothing.more", None),
        ("inputs.nothing == ''", True),
        ("inputs.nothing == 'true'", False),
        ("inputs.empty || 'error'", "error"),
        ("inputs.zero || 'error'", "0"),
        ("inputs.word && 'then'", "then"),
        ("!inputs.empty && (false || true)", True),
        ("steps.one.outputs.is-it == 'true'", True),
        ("'it''s'", "it's"),
        ("success() || failure()", True),
    ],
)
def test_an_expression_is_what_github_makes_of_it(expression: str, value: object) -> None:
    assert evaluate(expression, CONTEXTS) == value


@pytest.mark.parametrize(
    "expression",
    [
        "hashFiles('x')",
        "secrets.word",
        "inputs['word']",
        "inputs.word == true",
        "inputs.word < 'x'",
        "(inputs.word",
        "inputs.word 'x'",
        "",
        "inputs.*",
        "steps.one == ''",
    ],
)
def test_an_expression_that_is_not_known_is_an_error(expression: str) -> None:
    with pytest.raises(UnknownSyntaxError):
        render("${{ " + expression + " }}", CONTEXTS)


def test_a_step_runs_after_a_failure_only_if_its_condition_asks_for_the_status() -> None:
    assert holds("inputs.word", CONTEXTS, failed=False)
    assert not holds("inputs.word", CONTEXTS, failed=True)
    assert not holds("success()", CONTEXTS, failed=True)
    assert holds("${{ failure() && inputs.word == 'yes' }}", CONTEXTS, failed=True)
    assert holds("always()", CONTEXTS, failed=True)


def test_a_file_of_outputs_holds_lines_and_texts_up_to_a_delimiter() -> None:
    text = "a=1\nb<<END\nx=2\n\ny\nEND\nc==<<\n"
    assert read_file(text) == {"a": "1", "b": "x=2\n\ny", "c": "=<<"}
    for wrong in ("a\n", "=1\n", "a<<\nx\n", "a<<END\nx\n"):
        with pytest.raises(FileError):
            read_file(wrong)


def test_commands_are_heard_where_the_runner_hears_them() -> None:
    log = (
        "  ::error file=a%2Cb.yml,line=3::one%0Atwo %2525\n"
        "x ::warning::in the middle of a line\n"
        "a run named x ##[set-output name=verdict;]pass\n"
        "::stop-commands::t0ken\n"
        "::error::muted\n"
        "::t0ken::\n"
        "::unknown::x\n"
        "::Notice::last\n"
    )
    assert read_log(log) == [
        Command("error", "one\ntwo %25", {"file": "a,b.yml", "line": "3"}),
        Command("set-output", "pass", {"name": "verdict"}),
        Command("stop-commands", "t0ken", {}),
        Command("notice", "last", {}),
    ]


def action(folder: Path, *steps: dict[str, Any], inputs: dict[str, Any] | None = None) -> Path:
    """Write a composite action with the output `said`, of its step `one`."""
    content = {
        "inputs": inputs or {},
        "outputs": {"said": {"value": "${{ steps.one.outputs.said }}"}},
        "runs": {"using": "composite", "steps": list(steps)},
    }
    folder.mkdir(exist_ok=True)
    (folder / "action.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def step(run: str, **more: Any) -> dict[str, Any]:
    return {"id": "one", "shell": "bash", "run": run} | more


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return machine(tmp_path)


def run(runner: Runner, *steps: dict[str, Any], **inputs: str) -> Told:
    declared = {"word": {"default": "its default"}}
    return runner.action(action(runner.temp / "a", *steps, inputs=declared), inputs)


def test_a_default_counts_only_where_the_input_is_not_given_at_all(runner: Runner) -> None:
    said = step('echo "said=$WORD" >> "$GITHUB_OUTPUT"', env={"WORD": "${{ inputs.word }}"})
    assert run(runner, said).outputs == {"said": "its default"}
    assert run(runner, said, word="").outputs == {"said": ""}
    assert run(runner, said, word="mine").outputs == {"said": "mine"}


def test_a_step_fails_at_the_first_command_that_fails_even_in_a_pipe(runner: Runner) -> None:
    said = 'echo said=early >> "$GITHUB_OUTPUT"\n'
    for wrong in ("false", "false | true", "exit 3"):
        told = run(runner, step(f"{said}{wrong}\necho late"), step("echo next", id="two"))
        assert (told.failed, told.log, told.outputs) == (True, "", {"said": "early"})


def test_what_a_step_writes_to_the_environment_is_there_for_later_steps(runner: Runner) -> None:
    first = step('echo A=1 >> "$GITHUB_ENV"; echo "$RUNNER_TEMP" >> "$GITHUB_PATH"')
    told = run(runner, first, step('echo "$A"; echo "$PATH" | cut -d: -f1', id="two"))
    assert told.log == f"1\n{runner.temp}\n"


def test_a_summary_over_its_limit_is_dropped_as_a_whole(runner: Runner) -> None:
    fill = 'head -c %d /dev/zero | tr "\\0" x >> "$GITHUB_STEP_SUMMARY"'
    assert len(run(runner, step(fill % SUMMARY_LIMIT)).summary) == SUMMARY_LIMIT
    told = run(runner, step(fill % (SUMMARY_LIMIT + 1)))
    assert (told.summary, [c.name for c in told.commands]) == ("", ["error"])


@pytest.mark.parametrize(
    "wrong",
    [
        step("true") | {"shell": "pwsh"},
        {"id": "one", "run": "true"},
        step("true", **{"continue-on-error": True}),
        step("true", **{"timeout-minutes": 3}),
        {"uses": "actions/checkout@v6"},
    ],
)
def test_a_step_that_is_not_known_is_an_error(wrong: dict[str, Any], runner: Runner) -> None:
    with pytest.raises(UnknownSyntaxError):
        run(runner, wrong)


def test_an_input_that_the_action_does_not_have_is_an_error(runner: Runner) -> None:
    with pytest.raises(UnknownSyntaxError, match="no such input: wrod"):
        run(runner, step("true"), wrod="x")


def test_a_malformed_file_of_outputs_fails_the_step(runner: Runner) -> None:
    told = run(runner, step('echo "no format" >> "$GITHUB_OUTPUT"'))
    assert (told.failed, told.log) == (True, "##[error]invalid format 'no format'\n")


def test_a_job_uses_the_action_and_hears_its_outputs(runner: Runner, tmp_path: Path) -> None:
    inner = action(
        tmp_path / "inner",
        step('echo "said=$WORD by $WHO" >> "$GITHUB_OUTPUT"', env={"WORD": "${{ inputs.word }}"}),
        inputs={"word": {"default": "x"}},
    )
    steps = [
        {"id": "a", "uses": "o/inner@v1", "with": {"word": "hello"}, "env": {"WHO": "ana"}},
        {"run": "echo $SAID", "env": {"SAID": "${{ steps.a.outputs.said }}"}},
    ]
    workflow = tmp_path / "w.yml"
    workflow.write_text(yaml.safe_dump({"jobs": {"j": {"steps": steps}}}))
    runner.uses["o/inner"] = inner
    told = runner.job(workflow, "j")
    assert (told.log, "WHO" in runner.environment) == ("hello by ana\n", False)
