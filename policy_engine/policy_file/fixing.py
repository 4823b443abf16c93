"""Old names in a policy file, written anew: nothing else changes, and no comment is lost."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import yaml

from policy_engine.policy_file.outdated import Outdated

_ON = "on"  # what a binding without settings is


class _Edit(NamedTuple):
    """A piece of the text, and what stands there afterwards."""

    start: int
    end: int
    new: str


class _Entry(NamedTuple):
    """A key of a mapping, with what stands around it."""

    mapping: yaml.MappingNode
    at: int


class Fixed(NamedTuple):
    """A text with the names of today.

    Attributes:
        text: It.
        done: The old names that it was written with.
    """

    text: str
    done: tuple[Outdated, ...]


def fixed(text: str, outdated: Iterable[Outdated]) -> Fixed:
    """Return a file's text with today's names: renamed ones replaced, retired settings left out.

    A policy that is retired stays: what is bound instead is for people to say.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    edits, done = [], []
    for each in outdated:
        edit = _edit(text, root, each)
        if edit is not None:
            edits.append(edit)
            done.append(each)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return Fixed(text, tuple(done))


def _edit(text: str, root: yaml.Node | None, old: Outdated) -> _Edit | None:
    place = (old.at.line - 1, old.at.column - 1)
    for node, entry in _scalars(root, None):
        if (node.start_mark.line, node.start_mark.column) != place:
            continue
        start, end = node.start_mark.index, node.end_mark.index
        if text[start:end].strip("\"'") != old.old:
            return None  # it carries an anchor, or is written in a way of its own
        if old.new is not None:
            return _Edit(start, end, old.new)
        return _left_out(text, entry) if entry and old.what == "setting" else None
    return None


def _scalars(
    node: yaml.Node | None, entry: _Entry | None
) -> Iterator[tuple[yaml.ScalarNode, _Entry | None]]:
    """Yield each scalar of a tree; a key with its place in its mapping."""
    if isinstance(node, yaml.ScalarNode):
        yield node, entry
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            yield from _scalars(inner, None)
    elif isinstance(node, yaml.MappingNode):
        for index, (key, value) in enumerate(node.value):
            yield from _scalars(key, _Entry(node, index))
            yield from _scalars(value, None)


def _left_out(text: str, entry: _Entry) -> _Edit:
    """Return the edit that takes a key with its value out of its mapping."""
    mapping, index = entry
    entries = mapping.value
    key, value = entries[index]
    start, end = key.start_mark.index, _end(value)
    if len(entries) == 1:
        whole = mapping.end_mark.index if mapping.flow_style else end
        return _Edit(mapping.start_mark.index, whole, _ON)
    if not mapping.flow_style:
        return _Edit(_line_start(text, start), _next_line(text, end), "")
    if index + 1 < len(entries):
        return _Edit(start, entries[index + 1][0].start_mark.index, "")
    return _Edit(_end(entries[index - 1][1]), end, "")


def _end(node: yaml.Node) -> int:
    """Return where a value ends; a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _next_line(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1
