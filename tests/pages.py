"""The pages of the documentation and their blocks of code, for the tests that execute them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_FILE = re.compile(r"# (?P<path>[\w./-]+\.\w+)\n")
_INCLUDED = "file="


class Block(NamedTuple):
    """A fenced block of code: its page, line, language, the words behind it, and its text."""

    page: str
    line: int
    language: str
    marks: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that its first line says it is."""
        named = _FILE.match(self.text)
        return named["path"] if named else None

    @property
    def included(self) -> str | None:
        """The file of this repository that it repeats, by its mark `file=PATH`."""
        paths = [mark.removeprefix(_INCLUDED) for mark in self.marks if mark.startswith(_INCLUDED)]
        return paths[0] if paths else None


def blocks_of(page: Path) -> Iterator[Block]:
    """Give the fenced blocks of a page, in order."""
    content = page.read_text("utf-8")
    for found in FENCE.finditer(content):
        language, *marks = found["info"].split() or [""]
        indent = len(found["indent"])
        text = "".join(line[indent:] for line in found["text"].splitlines(keepends=True))
        line = content.count("\n", 0, found.start()) + 1
        yield Block(page.relative_to(ROOT).as_posix(), line, language, tuple(marks), text)
