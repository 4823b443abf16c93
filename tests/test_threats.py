"""The table of threats is checked: each line names its tests, and the tests are there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING = "none"
_DEFINED = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
_NAMED = re.compile(r"`(test_\w+)`")


def rows() -> Iterator[list[str]]:
    """Yield the cells of each line of the table in SECURITY.md."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    for line in text[text.index("| threat |") :].splitlines()[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def unnamed(lines: list[list[str]]) -> list[str]:
    """Return the threats against which something stands, and no test shows it."""
    return [cells[0] for cells in lines if cells[1] != NOTHING and not _NAMED.search(cells[-1])]


@pytest.fixture(scope="module")
def defined() -> set[str]:
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("plugins/**/test_*.py")]
    return {name for file in files for name in _DEFINED.findall(file.read_text("utf-8"))}


def test_the_table_has_a_cell_for_each_column() -> None:
    assert {len(cells) for cells in rows()} == {4}
    assert len(list(rows())) >= 20


def test_every_threat_names_the_tests_of_what_stands_against_it() -> None:
    assert unnamed(list(rows())) == []


def test_a_threat_without_a_test_is_found() -> None:
    lines = [["a", "a wall", "", ""], ["b", NOTHING, "", ""], ["c", "x", "", "`test_it`"]]
    assert unnamed(lines) == ["a"]


def test_every_test_that_the_table_names_is_there(defined: set[str]) -> None:
    named = {name for cells in rows() for name in _NAMED.findall(cells[-1])}
    assert sorted(named - defined) == []


def test_no_page_says_that_nothing_is_recomputed() -> None:
    """It was untrue for long: `metric-recomputed` computes a metric again from its rows."""
    for page in (ROOT / "SECURITY.md", ROOT / "docs" / "explanation" / "trust.md"):
        text = " ".join(page.read_text("utf-8").split())
        assert "`metric-recomputed`" in text
        assert not re.search(r"nothing is recomputed|`recomputed` \|[^|]*\| not yet", text)
