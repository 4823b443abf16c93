"""Text in columns of a terminal: how wide it is, where it breaks, a table that fits."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest

_GAP = 2
_NARROWEST = 2  # a column holds at least one wide character
_TOGETHER = "\xa0"  # a space that does not break; `escape.clean` lets none pass either
_JOINTS = "-_/.,=:"

Row = Sequence[str]


def width_of(text: str) -> int:
    """Return the columns that text takes; East Asian wide characters and emoji take two.

    A combining mark counts as one: a line may turn out shorter than this, never longer.
    """
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def together(text: str) -> str:
    """Return a table's cell that is not broken at its spaces, such as a number with its unit."""
    return text.replace(" ", _TOGETHER)


def wrap(text: str, width: int) -> list[str]:
    """Return text in lines of at most `width` columns (2 or more), broken at spaces.

    A word that is too long breaks behind a joint such as `-`, or where it must.
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if width_of(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        *full, line = _pieces(word, width)
        lines += full
    return [*lines, line]


def paragraph(label: str, text: str, width: int) -> list[str]:
    """Return a label and its text, wrapped; later lines are indented to where the text began."""
    first, *rest = wrap(text, width - len(label))
    return [label + first, *(" " * len(label) + line for line in rest)]


def table_lines(head: Row, rows: Sequence[Row], width: int) -> list[list[str]]:
    """Return the lines of the head with its rule, then those of each row.

    Args:
        head: The columns' titles. A column in which no row has anything is left out.
        rows: Cells of one line each.
        width: No line is wider (columns).
    """
    kept = [i for i in range(len(head)) if any(row[i] for row in rows)]
    cells = [[row[i] for i in kept] for row in (head, *rows)]
    widths = _fitting(cells, width - _GAP * (len(kept) - 1))
    blocks = [_wrapped(row, widths) for row in cells]
    used = [max(width_of(line[i]) for b in blocks for line in b) for i in range(len(kept))]
    blocks[0].append(["-" * w for w in used])
    return [[_line(cells, used) for cells in block] for block in blocks]


def _pieces(word: str, width: int) -> Iterator[str]:
    while width_of(word) > width:
        end = 1
        while width_of(word[: end + 1]) <= width:
            end += 1
        joint = word.rfind(_TOGETHER, 0, end) + 1
        joint = joint or max(word.rfind(char, 0, end) for char in _JOINTS) + 1
        end = joint if joint > end // 3 else end
        yield word[:end]
        word = word[end:]
    yield word


def _fitting(rows: Sequence[Row], room: int) -> list[int]:
    """Return the columns' widths; too wide a table gives way where words need not be broken."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(width_of, column)) for column in columns]
    words = [max(width_of(word) for cell in c for word in cell.split(" ")) for c in columns]
    while sum(widths) > room:
        # The first two columns name the row and its verdict: they give way after the others.
        loose = [i for i, width in enumerate(widths) if width > max(words[i], _NARROWEST)]
        loose = [i for i in loose if i > 1] or loose
        widest = max(loose or range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _wrapped(row: Row, widths: Sequence[int]) -> list[list[str]]:
    cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [list(line) for line in zip_longest(*cells, fillvalue="")]


def _line(cells: Row, widths: Sequence[int]) -> str:
    """Return one line of a table: its cells, each filled up to the width of its column."""
    filled = (
        cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return (" " * _GAP).join(filled).replace(_TOGETHER, " ").rstrip()
