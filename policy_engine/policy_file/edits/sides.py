"""The two sides of an edit: a policy file as it judges today, and as it is proposed."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from policy_engine.policy_file.load import PolicyFile
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.one_line import dumped, flow_of
from policy_engine.report import Where
from policy_engine.source.problems import Spot
from policy_engine.source.yaml_source import MappingNode, Node, SequenceNode

LONGEST = 400
"""How much of a value is shown (characters): the line tells the rest."""


class Side(NamedTuple):
    """A policy file, and how it was merged."""

    file: PolicyFile
    draft: Draft

    def where(self, at: Spot, instead: Where | None = None) -> Where:
        """Return a place; what a pack says stands in no file of the repository: `instead`, then."""
        is_in_pack = at.file in self.draft.packs
        return instead if is_in_pack and instead is not None else Where(at.file, at.line)


class Pair(NamedTuple):
    """One policy file before and after."""

    old: Side
    new: Side


def both(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    """Yield the keys of both, each once."""
    yield from dict.fromkeys((*old, *new))


def cut(text: str) -> str:
    """Return a value short enough to be shown."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def shown(node: Node) -> str:
    """Return a value in one line, short enough to be shown; an alias may make it of any length."""
    text = ""
    for piece in _pieces(node):
        text += piece
        if len(text) > LONGEST:
            break
    return cut(text)


def _pieces(node: Node) -> Iterator[str]:
    if isinstance(node, MappingNode):
        for index, (key, item) in enumerate(node.items.items()):
            yield f"{', ' if index else '{'}{dumped(key)}: "
            yield from _pieces(item.node)
        yield "}" if node.items else "{}"
    elif isinstance(node, SequenceNode):
        for index, inner in enumerate(node.nodes):
            yield ", " if index else "["
            yield from _pieces(inner)
        yield "]" if node.nodes else "[]"
    elif isinstance(node.value, str):
        yield dumped(node.value[: LONGEST + 1])
    else:
        yield flow_of(node)
