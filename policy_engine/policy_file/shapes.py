"""What a value in a policy file must look like: text, a choice, a switch, a list, a mapping.

Each function returns the value, or notes what is wrong with it and returns None.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from policy_engine.source.habits import other_way
from policy_engine.source.problems import Problems, Spot, cut_off, excerpt, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode

Choice = TypeVar("Choice", bound=str)

_EXPONENT = re.compile(r"([-+]?)(\d*)(\.?)(\d*)[eE]([-+]?)(\d+)\Z")


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A value to read: its node, the path of keys to it, and where problems go."""

    node: Node
    key: str
    problems: Problems

    def wrong(self, message: str, remedy: str | None = None) -> None:
        """Note that the value is wrong."""
        text = self.node.text if isinstance(self.node, ScalarNode) else None
        if remedy is None and text is not None and isinstance(self.node.data, str):
            remedy = other_way(text)
        self.problems.add(self.node.at, self.key, message, remedy, text)

    def of(self, name: str, item: Item) -> "NodePlace":
        """Return the place of a key of this mapping."""
        return NodePlace(item.node, f"{self.key}.{name}", self.problems)


def leaves(key: str, item: Item) -> Iterator[tuple[str, Item]]:
    """Yield the values of a section that are not a mapping, each by its whole key."""
    if not isinstance(item.node, MappingNode):
        yield key, item
        return
    for name, inner in item.node.items.items():
        yield from leaves(f"{key}.{name}", inner)


def text(place: NodePlace, what: str = "text") -> str | None:
    """Return a text that is not empty; `what` says in messages which kind is needed."""
    node = place.node
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and node.value.strip():
        return node.value
    place.wrong(*not_text(node, what))
    return None


def not_text(node: Node, what: str = "text") -> tuple[str, str | None]:
    """Return the sentence and the remedy for a value that should be text."""
    if not isinstance(node, ScalarNode):
        return f"expected {what}, got {wrote(node)}", None
    if isinstance(node.value, str):
        return f"expected {what}, got an empty text", None
    if isinstance(node.value, bool):
        message = f"YAML reads {excerpt(node.text)} as a boolean; {what} is needed"
    else:
        message = f"expected {what}, got {wrote(node)}"
    return message, f'quote it: "{node.text}"'


def choice(place: NodePlace, words: Sequence[Choice]) -> Choice | None:
    """Return one of the given words."""
    node = place.node
    for word in words:
        if isinstance(node, ScalarNode) and node.value == word:
            return word
    written = node.text if isinstance(node, ScalarNode) else ""
    remedy = near_or_all(written, words, "write one of")
    place.wrong(f"{wrote(node)} is none of {', '.join(words)}", remedy)
    return None


def switch(place: NodePlace) -> bool | None:
    """Return `true` or `false`."""
    node = place.node
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return node.value
    place.wrong(f"expected true or false, got {wrote(node)}", f"write it like {place.key}: true")
    return None


def mapping(place: NodePlace, example: str, known: Iterable[str] = ()) -> dict[str, Item] | None:
    """Return the items of a mapping; keys outside `known` (if given) are noted and left out."""
    node = place.node
    if not isinstance(node, MappingNode):
        place.wrong(f"expected a mapping, got {wrote(node)}", f"write it like {example}")
        return None
    names = tuple(known)
    if not names:
        return node.items
    for name, item in node.items.items():
        if name not in names:
            unknown_key(place.problems, item, f"{place.key}.{name}", name, names)
    return {name: item for name, item in node.items.items() if name in names}


def is_version_1(at: Spot, items: Mapping[str, Item], problems: Problems) -> bool:
    """Say whether a file says `version: 1`, or note what it says instead.

    Args:
        at: Where its content begins.
        items: Its keys.
        problems: Where problems go.
    """
    item = items.get("version")
    if item is None:
        problems.add(at, "version", "missing setting", "begin the file with `version: 1`")
        return False
    node = item.node
    if isinstance(node, ScalarNode) and node.value == 1 and type(node.value) is int:
        return True
    place = NodePlace(node, "version", problems)
    if isinstance(node, ScalarNode) and node.text == "1":
        place.wrong("expected the number 1, got the text '1'", "remove the quotes")
    else:
        remedy = "write `version: 1`, or use a release that knows this version"
        place.wrong(f"this release reads version 1, not {wrote(node)}", remedy)
    return False


def unknown_key(problems: Problems, item: Item, key: str, name: str, known: Iterable[str]) -> None:
    """Note a key that does not exist, with the one that was perhaps meant."""
    remedy = near_or_all(name, known, "known here")
    problems.add(item.at, key, "unknown setting", remedy, name)


def sequence(place: NodePlace, example: str) -> list[NodePlace] | None:
    """Return the places of a list's values."""
    node = place.node
    if not isinstance(node, SequenceNode):
        place.wrong(f"expected a list, got {wrote(node)}", f"write it like {example}")
        return None
    return [
        NodePlace(inner, f"{place.key}[{index}]", place.problems)
        for index, inner in enumerate(node.nodes)
    ]


def texts(place: NodePlace, example: str) -> tuple[tuple[str, NodePlace], ...]:
    """Return the texts of a list, each with its place."""
    places = sequence(place, example) or []
    found = ((text(inner), inner) for inner in places)
    return tuple((word, inner) for word, inner in found if word is not None)


_KINDS: dict[type, str] = {
    int: "the number",
    float: "the number",
    date: "the date",
    datetime: "the moment",
}


def wrote(node: Node) -> str:
    """Return what the user wrote, for the middle of a sentence."""
    if isinstance(node, SequenceNode):
        return "a list"
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node.value, (str, bool)):
        return ("the boolean " if isinstance(node.value, bool) else "") + excerpt(node.text)
    return f"{_KINDS.get(type(node.value), 'the value')} {cut_off(node.text)}"


def as_number(node: Node) -> str | None:
    """Return how to write a number that YAML 1.1 reads as text (`1e-3`), or None."""
    if not (isinstance(node, ScalarNode) and node.plain and isinstance(node.value, str)):
        return None
    found = _EXPONENT.match(node.text)
    if found is None or not (found[2] or found[4]):
        return None
    sign, whole, _, rest, direction, exponent = found.groups()
    return f"{sign}{whole or '0'}.{rest or '0'}e{direction or '+'}{exponent}"


def note_empty(node: Node, key: str, problems: Problems, remedy: str) -> bool:
    """Note every empty value at or below this node; return whether there is one."""
    if isinstance(node, ScalarNode):
        if node.value is None:
            problems.add_last(node.at, key, "an empty value", remedy)
        return node.value is None
    if isinstance(node, SequenceNode):
        inner = [(f"{key}[{i}]", child) for i, child in enumerate(node.nodes)]
    else:
        inner = [(f"{key}.{name}", item.node) for name, item in node.items.items()]
    # A list, since all of them are to be noted, not only the first.
    found = [note_empty(child, at, problems, remedy) for at, child in inner]
    return any(found)
