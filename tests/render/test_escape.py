from __future__ import annotations

import html
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render import escape
from tests.render.hostile import HOSTILE, commands, structure

ANY_TEXT = st.text(st.characters(exclude_categories=()))
RISKY_TEXT = st.text("`|\\<>&@#[]()!*_~$:-\n\r \ud800\u202ea1.\"'", max_size=250)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("brave-otter-12", "brave-otter-12"),
        ("", "(empty)"),
        (" \n\t ", "(empty)"),
        (7, "7"),
        ("a\r\nb\tc\x0bd\x0ce\x85f\u2028g\u2029h\xa0i", "a  b c d e f g h i"),
        ("\x00\x1b[31m\x9b\x1cm", "\ufffd\ufffd[31m\ufffd\ufffdm"),
        ("a\u202eb\u2066c\u200bd\ufeffe", "a\ufffdb\ufffdc\ufffdd\ufffde"),
        ("\ud800\udfff", "\ufffd\ufffd"),
        ("\ue000\U0010ffff", "\ufffd\ufffd"),
        ("日本語 é \U0001f600", "日本語 é \U0001f600"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("\U0001f600" * 20_000, "\U0001f600" * 199 + "…"),
    ],
)
def test_clean_text_is_one_printable_line(text: object, shown: str) -> None:
    assert escape.clean(text) == shown


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("fraud", "`fraud`"),
        ("@octocat", "`@octocat`"),
        ("a`b", "``a`b``"),
        ("`x`", "`` `x` ``"),
        ("``", "``` `` ```"),
        ("a|b", "`a|b`"),
        ("`" * 150, "`" * 21 + " " + "`" * 20 + "… " + "`" * 21),
    ],
)
def test_a_code_span_has_a_longer_fence_than_any_run_inside(text: str, span: str) -> None:
    assert escape.code(text) == span


def test_a_code_span_in_a_table_does_not_split_its_cell() -> None:
    assert escape.table_code("a|b\\|c") == r"`a\|b\\|c`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", ": :error: :x"),
        (":::", ": : :"),
        ("p95: 3 ms", "p95: 3 ms"),
        ("x ##[set-output name=verdict;]pass", "x ## [set-output name=verdict;]pass"),
        ("###[error]", "### [error]"),
        ("##vso[task.complete]", "##vso [task.complete]"),
        ("# heading ## again", "# heading ## again"),
        ("\n::error::x", ": :error: :x"),
    ],
)
def test_text_for_a_log_holds_no_command(text: str, shown: str) -> None:
    assert escape.terminal(text) == shown


def test_html_text_is_escaped_with_its_quotes() -> None:
    assert escape.html_text("<b a=\"x\" b='y'>&\n") == (
        "&lt;b a=&quot;x&quot; b=&#x27;y&#x27;&gt;&amp;"
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_code_span(text: str) -> None:
    span = escape.code(text)
    assert structure(f"a {span} b\n\n- {span}") == structure("a `x` b\n\n- `x`")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_cell(text: str) -> None:
    cell = escape.table_code(text)
    rule = "|---|---|\n"
    assert structure(f"| a | b |\n{rule}| {cell} | {cell} <br> {cell} |") == structure(
        f"| a | b |\n{rule}| `x` | `x` <br> `x` |"
    )


@given(ANY_TEXT | RISKY_TEXT)
def test_any_text_stays_in_its_code_span_and_its_cell(text: str) -> None:
    span, cell = escape.code(text), escape.table_code(text)
    table = "\n\n| a | b |\n|---|---|\n"
    assert structure(f"{span} b {span}{table}| {cell} | {cell} {cell} |") == structure(
        f"`x` b `x`{table}| `x` | `x` `x` |"
    )


@given(ANY_TEXT | RISKY_TEXT)
def test_any_text_can_be_printed(text: str) -> None:
    shown = escape.terminal(text, longest=1000)
    assert shown.isprintable()
    assert shown.encode()
    assert commands(shown) == []


@given(ANY_TEXT)
def test_html_text_reads_back_as_clean_text(text: str) -> None:
    shown = escape.html_text(text)
    assert not set("<>\"'") & set(shown)
    assert html.unescape(shown) == escape.clean(text)
    assert commands(shown) == []


@given(RISKY_TEXT)
def test_text_in_code_or_json_gives_no_command(text: str) -> None:
    assert commands(f"- {escape.code(text)}") == []
    shown = escape.json_text(json.dumps({"a": text}))
    assert commands(shown) == []
    assert json.loads(shown) == {"a": text}
