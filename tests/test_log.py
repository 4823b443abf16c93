"""What is written beside the report: any text, in any number of pieces, and no command."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.cli.streams import guard
from policy_engine.log import Log
from tests.command import Project, candidate, command, evidence
from tests.plugin_factory import Site, on_the_path, policy_module
from tests.render.hostile import HOSTILE, commands, runner_commands

RISKY_PIECES = st.lists(st.text(":#[]| \t\r\nav\x00\u200b\ufe0f\u3164\x1c", max_size=8), max_size=8)


def written(*pieces: str) -> str:
    stream = io.StringIO(newline="")
    log = Log(stream)
    for piece in pieces:
        log.write(piece)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("policies/a.yaml:1:1: x: unknown key\n  did you mean 'y'?\n", None),
        ("std::vector and tests/a.py::test_b\n", None),
        ("list[int], # [note] and ## heading\n", None),
        ("\tindented\n\n  more\x1b[31m\n", None),
        ("::error::x\n", ": :error::x\n"),
        ("a\n \t::error::x", "a\n \t: :error::x"),
        ("a\r::error::x", "a\r: :error::x"),
        ("a ##[add-mask]x", "a ## [add-mask]x"),
        ("a ##vso[task.complete]", "a ##vso [task.complete]"),
        ("#\x00#\u200b[error]x :", "#\x00#\u200b [error]x :"),
        ("\u200b:\x00:error::x", "\u200b:\x00 :error::x"),
    ],
)
def test_nothing_but_a_command_is_changed(text: str, shown: str | None) -> None:
    assert written(text) == (text if shown is None else shown)


def test_a_command_in_pieces_is_seen() -> None:
    assert written(":", ":error::x\n", "a #", "#", "[error]x") == ": :error::x\na ## [error]x"
    assert written("a ##vs", "o[x]") == "a ##vso [x]"
    assert written("x", "::error::y") == "x::error::y"


def test_a_long_line_in_pieces_stays_a_line() -> None:
    assert written("x" * 5000, "::error::y\n", "::error::z") == (
        "x" * 5000 + "::error::y\n: :error::z"
    )


@given(RISKY_PIECES)
def test_no_pieces_make_a_command(pieces: list[str]) -> None:
    log = written(*pieces)
    assert runner_commands(log) == []
    assert commands(log.translate({0: None})) == []
    assert log.replace(" ", "") == "".join(pieces).replace(" ", "")


@pytest.mark.parametrize("text", ["#" * 50_000, "##" + "\u3164" * 50_000, "\x1c" * 50_000 + ":"])
def test_no_text_takes_long(text: str) -> None:
    before = process_time()
    assert written(text) == text
    assert process_time() - before < 2


def test_only_text_is_written() -> None:
    with pytest.raises(TypeError, match="expected text, got bytes"):
        Log(io.StringIO()).write(b"x")  # type: ignore[arg-type]


def test_guarding_twice_guards_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    guard()
    first = (sys.stdout, sys.stderr)
    guard()
    assert (sys.stdout, sys.stderr) == first
    print("::error::x")  # noqa: T201 (what a plugin may do)
    print("::error::y", file=sys.stderr)  # noqa: T201 (what a plugin may do)
    assert (out.getvalue(), err.getvalue()) == (": :error::x\n", ": :error::y\n")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy("version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n")
    return made


@pytest.mark.parametrize(
    "text", [text for text in HOSTILE if "\x00" not in text and len(text) < 300]
)
def test_an_error_that_quotes_hostile_text_gives_no_command(project: Project, text: str) -> None:
    for arguments in (
        ("--format", text),
        ("--policies", f"{text}\n::error::x"),
        ("--at", text),
        (text,),
        (f"--{text}",),
    ):
        told = project.check(evidence(candidate()), *arguments)
        assert told.code == 2
        assert commands(told.err) == []
        assert told.out == ""


def test_a_policy_file_that_quotes_a_command_gives_none(project: Project) -> None:
    project.policy('version: 1\npolicies:\n  "x ##[set-output name=verdict;]pass": {}\n')
    told = command("validate")
    assert told.code == 2
    assert "x ## [set-output name=verdict;]pass" in told.err
    assert commands(told.err) == []


def test_debug_keeps_the_exit_code_and_gives_no_command(project: Project) -> None:
    told = command("--debug", "validate", "##[error]nope")
    assert told.code == 2
    assert "Traceback (most recent call last):" in told.err
    assert told.err.endswith("policy-engine: there is no policy file or folder '## [error]nope'\n")
    assert commands(told.err) == []


def test_a_file_whose_name_is_a_command_is_named_without_one(project: Project) -> None:
    name = "x ##[add-mask]fail.yaml"
    Path(name).write_text(Path("policies/fraud.yaml").read_text("utf-8"), "utf-8")
    told = command("validate", name)
    assert told.out == "x ## [add-mask]fail.yaml: valid, 1 policy\n"


def test_the_format_that_is_made_of_commands_keeps_them(project: Project) -> None:
    told = project.check(evidence(candidate(metrics={"val_f1": 0.5})), "--format", "github")
    assert [each.name for each in runner_commands(told.out)] == ["error"]


def test_what_a_plugin_prints_does_not_reach_stdout(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would make no JSON of the JSON report, and its text may be a command."""
    body = """
    print("::set-output name=verdict::pass")
    yield Finding(outcome=Outcome.PASS, message="as it should be")
    """
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        site.install(policy_module(body))
        project.policy("version: 1\nplugins: [acme-policies]\npolicies: {acme-rule: {}}\n")
        told = project.check(evidence(candidate()))
    assert told.code == 0
    assert told.report["verdict"] == "pass"
    assert told.err == ": :set-output name=verdict::pass\n"
