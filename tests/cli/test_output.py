"""Where a report goes: one format to stdout, any number to files."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy_engine.cli import output
from policy_engine.errors import UsageError
from policy_engine.render import FORMATS
from policy_engine.report import Verdict
from tests.command import Project, candidate, evidence
from tests.render.reports import SIZE, mixed, report, subject

if TYPE_CHECKING:
    from collections.abc import Sequence

MINIMUM = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def parsed(*texts: str) -> list[tuple[str, str | None]]:
    outputs = output.parse_formats(texts, {"acme": lambda _: "acme\n"})
    return [(each.format, each.file.as_posix() if each.file else None) for each in outputs]


def refusal(texts: Sequence[str]) -> str:
    with pytest.raises(UsageError) as error:
        output.parse_formats(texts, {"acme": lambda _: "acme\n"})
    return str(error.value)


@pytest.mark.parametrize(
    ("texts", "outputs"),
    [
        ((), [("text", None)]),
        (("text",), [("text", None)]),
        (("json",), [("json", None)]),
        (("acme",), [("acme", None)]),
        (("json=report.json",), [("json", "report.json"), ("text", None)]),
        (
            ("json=a.json", "markdown=b.md", "json"),
            [("json", "a.json"), ("markdown", "b.md"), ("json", None)],
        ),
        (("text=a=b.txt",), [("text", "a=b.txt"), ("text", None)]),
    ],
)
def test_what_names_no_file_goes_to_stdout_else_the_text_does(
    texts: tuple[str, ...], outputs: list[tuple[str, str | None]]
) -> None:
    assert parsed(*texts) == outputs


def test_an_unknown_format_is_told_all_that_there_are() -> None:
    assert refusal(["jsn"]) == (
        "--format jsn: unknown; choose from acme, azure, codequality, github, html, json, junit, "
        "markdown, sarif, text"
    )


def test_two_formats_cannot_share_stdout() -> None:
    assert refusal(["json", "json=a.json", "markdown"]) == (
        "--format: json and markdown both go to stdout; write one as NAME=FILE"
    )


def test_a_folder_that_is_not_there_is_said_before_anything_is_read() -> None:
    assert refusal(["json=no/such/report.json"]) == (
        "--format json=no/such/report.json: no/such is not a folder to write to"
    )


def test_each_output_shows_the_same_report(capsys: pytest.CaptureFixture[str]) -> None:
    output.write_report(mixed(), output.parse_formats(["json=a.json", "markdown=b.md", "json"], {}))
    on_stdout = capsys.readouterr().out
    assert Path("a.json").read_text(encoding="utf-8") == on_stdout
    assert json.loads(on_stdout) == mixed().to_dict()
    assert Path("b.md").read_text(encoding="utf-8") == FORMATS["markdown"](mixed())


def test_a_file_that_cannot_be_written_is_said_and_nothing_goes_to_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("taken").mkdir()
    with pytest.raises(UsageError) as error:
        output.write_report(mixed(), output.parse_formats(["json=taken"], {}))
    assert str(error.value) == "--format json=taken: Is a directory"
    assert capsys.readouterr().out == ""


def test_stdout_that_is_no_terminal_gets_no_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output.write_report(mixed(), output.parse_formats([], {}))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "FAIL" in shown


class Terminal(io.StringIO):
    """A stdout that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colour_unless_its_user_wants_none(
    monkeypatch: pytest.MonkeyPatch, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    terminal = Terminal()
    with redirect_stdout(terminal):
        output.write_report(mixed(), output.parse_formats([], {}))
    assert ("\x1b[" in terminal.getvalue()) is coloured


@pytest.mark.parametrize("columns", [20, 40, 80, 132])
def test_the_text_is_as_wide_as_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    output.write_report(report(subject(SIZE, verdict=Verdict.FAIL)), output.parse_formats([], {}))
    longest = max(map(len, capsys.readouterr().out.splitlines()))
    assert longest <= max(columns, output.NARROWEST)


def test_a_text_file_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for columns in ("40", "132"):
        monkeypatch.setenv("COLUMNS", columns)
        with redirect_stdout(Terminal()):
            output.write_report(mixed(), output.parse_formats(["text=report.txt"], {}))
        texts.append(Path("report.txt").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]
    assert "\x1b" not in texts[0]


def test_a_narrow_encoding_loses_letters_and_no_verdict() -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with redirect_stdout(narrow):
        output.print_text("größer → 5\n")
    narrow.seek(0)
    assert narrow.read() == "gr??er ? 5\n"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("score", "code"), [(0.95, 0), (0.5, 1)])
def test_the_exit_code_is_the_same_for_every_format(
    tmp_path: Path, name: str, score: float, code: int
) -> None:
    project = Project(tmp_path)
    project.policy(MINIMUM)
    told = project.check(evidence(candidate(metrics={"val_f1": score})), "--format", name)
    assert (told.code, told.err) == (code, "")
    assert told.out.endswith("\n")
