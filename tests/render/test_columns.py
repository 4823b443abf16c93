from __future__ import annotations

import subprocess
import sys

from policy_engine.render import columns


def test_wide_characters_take_two_columns() -> None:
    assert columns.width_of("ab") == 2
    assert columns.width_of("日本") == 4
    assert columns.width_of("\U0001f600") == 2
    assert columns.width_of("é") == 1


def test_text_breaks_at_spaces_then_behind_joints_then_anywhere() -> None:
    assert columns.wrap("no deep learning", 8) == ["no deep", "learning"]
    assert columns.wrap("model-size-budget", 12) == ["model-size-", "budget"]
    assert columns.wrap("x" * 7, 3) == ["xxx", "xxx", "x"]
    assert columns.wrap("日本語", 3) == ["日", "本", "語"]


def test_a_paragraph_is_indented_to_where_its_text_began() -> None:
    assert columns.paragraph("why: ", "one two three", 13) == ["why: one two", "     three"]


def test_a_table_is_aligned_whatever_its_characters() -> None:
    rows = [("slice (日本)", "1 B"), ("slice (é)", "2 B"), ("slice", "")]
    assert columns.table_lines(("policy", "measured"), rows, 80) == [
        ["policy        measured", "------------  --------"],
        ["slice (日本)  1 B"],
        ["slice (é)     2 B"],
        ["slice"],
    ]


def test_a_column_without_anything_is_left_out() -> None:
    assert columns.table_lines(("a", "b", "c"), [("1", "", "3")], 80) == [
        ["a  c", "-  -"],
        ["1  3"],
    ]


def test_numbers_are_shown_as_they_are_written() -> None:
    assert columns.table_lines(("a",), [("1.10",), ("007",)], 80) == [
        ["a", "----"],
        ["1.10"],
        ["007"],
    ]


def test_a_number_stays_with_its_unit_while_words_can_give_way() -> None:
    rows = [("latency of requests", columns.together("49.6 ms") + " logged")]
    assert columns.table_lines(("policy", "measured"), rows, 23) == [
        ["policy      measured", "----------  --------"],
        ["latency of  49.6 ms", "requests    logged"],
    ]


def test_the_layout_does_not_depend_on_whether_wcwidth_is_installed() -> None:
    rows = [("slice (日本)", "1 B"), ("slice", "2 B"), ("\U0001f600", "3 B")]
    code = (
        "import sys; sys.modules['wcwidth'] = None;"
        "from policy_engine.render import columns;"
        f"print(ascii(columns.table_lines(('policy', 'measured'), {rows!a}, 80)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8"
    )
    assert done.stdout == ascii(columns.table_lines(("policy", "measured"), rows, 80)) + "\n"
