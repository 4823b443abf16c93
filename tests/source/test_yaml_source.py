"""YAML that knows where everything stands, and refuses what could be misread."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_engine.source.problems import PolicyFileError
from policy_engine.source.yaml_source import (
    LARGEST_FILE,
    Item,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    load_yaml,
)


def read(text: str | bytes) -> Node:
    return load_yaml(text if isinstance(text, bytes) else text.encode(), "p.yaml")


def item_at(root: Node, *path: str | int) -> Item:
    item = Item(root.at, root)
    for part in path:
        if isinstance(part, str):
            assert isinstance(item.node, MappingNode)
            item = item.node.items[part]
        else:
            assert isinstance(item.node, SequenceNode)
            item = Item(item.node.nodes[part].at, item.node.nodes[part])
    return item


def key_at(root: Node, *path: str | int) -> tuple[int, int]:
    return item_at(root, *path).at[1:]


def value_at(root: Node, *path: str | int) -> tuple[int, int]:
    return item_at(root, *path).node.at[1:]


def said_of(text: str | bytes) -> str:
    with pytest.raises(PolicyFileError) as caught:
        read(text)
    return str(caught.value)


def test_plain_values_are_those_of_yaml_1_1() -> None:
    text = """\
text: words and words
quoted: "off"
switch: off
whole: 1_000
hex: 0x10
real: -1.5
exponent: 1e-3
day: 2027-01-01
moment: 2027-01-01T12:00:00Z
nothing:
list: [1, [2], {a: b}]
"""
    assert read(text).data == {
        "text": "words and words",
        "quoted": "off",
        "switch": False,
        "whole": 1000,
        "hex": 16,
        "real": -1.5,
        "exponent": "1e-3",
        "day": date(2027, 1, 1),
        "moment": datetime(2027, 1, 1, 12, tzinfo=UTC),
        "nothing": None,
        "list": [1, [2], {"a": "b"}],
    }


def test_keys_and_values_know_their_line_and_column() -> None:
    root = read("version: 1\npolicies:\n  size: {max: 5MB,\n    of: [a, b]}\n")
    assert key_at(root, "policies") == (2, 1)
    assert value_at(root, "policies") == (3, 3)
    assert key_at(root, "policies", "size", "max") == (3, 10)
    assert value_at(root, "policies", "size", "max") == (3, 15)
    assert value_at(root, "policies", "size", "of", 1) == (4, 13)
    assert value_at(root) == (1, 1)


def test_columns_count_characters_not_bytes() -> None:
    assert key_at(read("{ä€😀: 1, b: 2}"), "b") == (1, 10)


def test_values_remember_how_they_were_written() -> None:
    root = read("a: off\nb: 0.50\nc: 'x y'\n")
    nodes = [item_at(root, key).node for key in "abc"]
    assert [n.text for n in nodes if isinstance(n, ScalarNode)] == ["off", "0.50", "x y"]


def test_an_alias_stands_for_its_anchor() -> None:
    root = read("a: &x {k: 1}\nb: *x\nc: &x 2\nd: *x\n")
    assert root.data == {"a": {"k": 1}, "b": {"k": 1}, "c": 2, "d": 2}
    assert value_at(root, "b", "k") == (1, 11)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n").data == {"a": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is empty"),
        ("---\n", "1:1: the file is empty"),
        ("a: 1\na: 2\n", "2:1: a: duplicate key, first in line 1\n  keep one of the two"),
        (
            "a:\n- x: 1\n  'x': 2\n",
            "3:3: a[0].x: duplicate key, first in line 2\n  keep one of the two",
        ),
        ("no: 1\n", "1:1: YAML reads the key 'no' as a boolean\n  quote it: \"no\""),
        ("~: 1\n", "1:1: YAML reads the key '~' as nothing\n  quote it: \"~\""),
        ("1.5: 1\n", "1:1: YAML reads the key '1.5' as a number\n  quote it: \"1.5\""),
        ("? [a]\n: 1\n", "1:3: a key must be text, not a list or a mapping"),
        (
            "a: &a {k: 1}\nb: {<<: *a}\n",
            (
                "2:5: b: merge keys (<<) are not read\n"
                "  repeat the lines, or put them into a file to extend"
            ),
        ),
        ("a: &a [*a]\n", "1:8: the alias *a stands within itself"),
        ("a: *b\n", "1:4: the alias *b has no anchor\n  write &b before it"),
        (
            "a: 1\n---\nb: 1\n",
            "2:1: a second document begins here\n  put it into a file of its own",
        ),
        ("a: !!set {x, y}\n", "1:4: a: the tag '!!set' is not allowed\n  write the plain value"),
        ("a: !mine x\n", "1:4: a: the tag '!mine' is not allowed\n  write the plain value"),
        (
            "a: !!binary aGk=\n",
            "1:4: a: the tag '!!binary' is not allowed\n  write the plain value",
        ),
        ("a: !!int x\n", "1:4: a: 'x' is not a whole number that exists\n  quote it if it is text"),
        ("a: .nan\n", "1:4: a: '.nan' is not a finite number\n  quote it if it is text"),
        ("a: 1.0e+999\n", "1:4: a: '1.0e+999' is not a finite number\n  quote it if it is text"),
        (
            "a: 010\n",
            (
                "1:4: a: YAML reads '010' as 8\n"
                "  quote it if it is text; a number has no leading zero and no colon"
            ),
        ),
        (
            "a: 1:30\n",
            (
                "1:4: a: YAML reads '1:30' as 90\n"
                "  quote it if it is text; a number has no leading zero and no colon"
            ),
        ),
        (
            "a: 2027-02-30\n",
            "1:4: a: '2027-02-30' is not a date that exists\n  quote it if it is text",
        ),
        ("a: b: c\n", None),
        ("a:\n\tb: 1\n", None),
        (b"a: \xff\n", "1:1: not UTF-8 text\n  save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "1:1: not UTF-8 text\n  save the file as UTF-8"),
        ("a: 1\nb: \x07\n", "2:4: the character '\\x07' is not allowed in YAML\n  remove it"),
        (
            b"a: " + b"x" * LARGEST_FILE,
            "1:1: the file is larger than 1 MiB\n  split it into several",
        ),
    ],
)
def test_what_could_be_misread_is_refused(text: str | bytes, said: str | None) -> None:
    problem, _, count = said_of(text).rpartition("\n")
    assert count == "1 problem found; nothing was evaluated."
    assert said is None or problem == f"p.yaml:{said}"


def test_all_problems_are_said_at_once() -> None:
    assert said_of("a: 1\na: 010\nno: !x y\n") == (
        "p.yaml:2:1: a: duplicate key, first in line 1\n"
        "  keep one of the two\n"
        "p.yaml:2:4: a: YAML reads '010' as 8\n"
        "  quote it if it is text; a number has no leading zero and no colon\n"
        "p.yaml:3:1: YAML reads the key 'no' as a boolean\n"
        '  quote it: "no"\n'
        "p.yaml:3:5: no: the tag '!x' is not allowed\n"
        "  write the plain value\n"
        "4 problems found; nothing was evaluated."
    )


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{n}: &{n} [{', '.join([f'*{p}'] * 8)}]\n"
            for p, n in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "a: &a [x]\n"
        + "".join(f"a{i}: &a{i} [*a{i - 1 or ''}]\n" for i in range(1, 500)).replace("*a]", "*a]"),
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "[" + "x, " * 300_000 + "]",
        "&a " * 300_000,
        "'" + "''" * 500_000,
    ],
    ids=[
        "laughs",
        "chain",
        "lists",
        "maps",
        "dashes",
        "marks",
        "wide",
        "anchors",
        "quotes",
    ],
)
def test_a_hostile_file_is_refused(bomb: str) -> None:
    assert said_of(bomb).endswith("1 problem found; nothing was evaluated.")


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), PLAIN, min_size=1))
@settings(deadline=None)
def test_what_pyyaml_writes_comes_back_equal(content: dict[str, object]) -> None:
    assert read(yaml.safe_dump(content)).data == content


@pytest.mark.parametrize("text", ["{a: 0, 9: }", "{a: zero,9}", '{a: "0",9}', "{a: 0,9: 1}"])
def test_what_only_looks_like_a_decimal_comma_is_a_key_that_is_a_number(text: str) -> None:
    with pytest.raises(PolicyFileError) as caught:
        load_yaml(text.encode(), "f.yaml")
    assert "YAML reads the key '9' as a number" in str(caught.value)


def test_a_word_behind_a_number_and_a_comma_is_a_key() -> None:
    assert load_yaml(b"{a: 0,b}", "f.yaml").data == {"a": 0, "b": None}
