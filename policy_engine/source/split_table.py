"""A large table as pandas writes it (`{"columns": […], "data": [[…], …]}`), row by row.

Read as one JSON value, a million rows are a million lists before they are columns. Here a few
thousand rows are lists at a time, and go into the columns that are kept.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from policy_engine.source.foreign import once

_BLOCK = 4096
"""Rows that are lists at the same time."""
_HEAD = re.compile(r'\s*\{\s*"columns"\s*:\s*(?=\[)')
_DATA = re.compile(r'\s*,\s*"data"\s*:\s*\[\s*')
_NEXT = re.compile(r"\s*,\s*")
_END = re.compile(r"\s*\]\s*\}\s*\Z")


def split_table(text: str) -> dict[str, list[Any]] | None:
    """Return the columns by name; None where the text is not plainly such a table.

    What gives None is for `json_table` to read, and to say what is wrong with it. What gives
    columns gives the same by either.
    """
    head = _HEAD.match(text)
    if head is None or "\\u" in text:
        return None
    decoder: Any = json.JSONDecoder(object_pairs_hook=once)
    scan = decoder.scan_once
    try:
        names, at = scan(text, head.end())
        data = _DATA.match(text, at)
        if data is None or len({name for name in names if type(name) is str}) != len(names):
            return None
        columns: dict[str, list[Any]] = {name: [] for name in names}
        for block in _blocks(scan, text, data.end()):
            for column, cells in zip(columns.values(), zip(*block, strict=True), strict=True):
                column.extend(cells)
    except (StopIteration, RuntimeError, ValueError, TypeError):
        return None
    return columns


def _blocks(scan: Any, text: str, at: int) -> Iterator[list[Any]]:
    """Yield the rows from a place on, some at a time.

    Raises:
        ValueError: If something else than rows is there.
        RuntimeError: If no JSON is.
    """
    block: list[Any] = []
    while True:
        row, at = scan(text, at)
        if type(row) is not list:
            raise ValueError(row)
        block.append(row)
        if len(block) == _BLOCK:
            yield block
            block = []
        if text.startswith(",[", at):  # as pandas writes it: nothing to search for
            at += 1
            continue
        comma = _NEXT.match(text, at)
        if comma is None:
            break
        at = comma.end()
    if not _END.match(text, at):
        raise ValueError(at)
    if block:
        yield block
