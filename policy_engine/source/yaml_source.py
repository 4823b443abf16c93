"""YAML as data that remembers where it stands and how it was written.

Stricter than YAML, so that an edit cannot mean something else than it seems to: one document of
plain values, each key text and written once, no merge keys, no number in disguise (`010` is 8 and
`1:30` is 90 in YAML 1.1), no NaN or infinity, and bounds on size, depth and aliases.
"""

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from policy_engine.source.habits import other_way
from policy_engine.source.problems import PolicyFileError, Problems, Spot, excerpt
from policy_engine.source.yaml_nodes import (
    Item,
    MappingNode,
    Node,
    Scalar,
    ScalarNode,
    SequenceNode,
)

__all__ = ["Item", "MappingNode", "Node", "ScalarNode", "SequenceNode", "load_yaml"]

LARGEST_FILE = 2**20
"""Bytes of one file (1 MiB)."""
MOST_VALUES = 20_000
"""Values of one file, aliases followed. Thirty bindings have about two hundred."""
DEEPEST = 40
"""Levels of nesting, aliases followed."""

# Both speak YAML 1.1; the one over libyaml is ten times as fast and not built everywhere.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_TEXTS = frozenset(_TAG + name for name in ("str", "merge", "value"))
_KINDS = {
    "null": "empty value",
    "bool": "boolean",
    "int": "whole number",
    "float": "number",
    "timestamp": "date",
}
_SCALARS = frozenset(_TAG + name for name in _KINDS)
_CONTAINERS = frozenset({None, "!", _TAG + "map", _TAG + "seq"})
_DISGUISED = re.compile(r"[-+]?0[0-7_]+\Z|.*:")
_WHOLE = re.compile(r"[-+]?[0-9]+\Z")
_UNPRINTABLE: re.Pattern[str] = yaml.reader.Reader.NON_PRINTABLE


def load_yaml(text: bytes, path: str) -> Node:
    """Return the content of a YAML text.

    Args:
        text: The bytes of the file, UTF-8.
        path: The file as messages shall name it.

    Raises:
        PolicyFileError: If it is not YAML, or YAML that could be misread.
    """
    problems = Problems()
    start = Spot(path, 1, 1)
    characters = _characters(text, start, problems)
    problems.raise_any()
    try:
        root = _Composer(yaml.parse(characters, Loader=_LOADER), path, problems).document()
    except yaml.MarkedYAMLError as error:
        at = _spot(path, error.problem_mark or error.context_mark)
        problems.add(at, "", f"not valid YAML: {error.problem}", _syntax_remedy(characters, error))
    except yaml.YAMLError as error:
        problems.add(start, "", f"not valid YAML: {' '.join(str(error).split())}")
    except _Refused:
        pass
    else:
        problems.raise_any()
        return root
    raise PolicyFileError(problems.found)


def _characters(text: bytes, start: Spot, problems: Problems) -> str:
    if len(text) > LARGEST_FILE:
        problems.add(start, "", "the file is larger than 1 MiB", "split it into several")
        return ""
    try:
        characters = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        problems.add(Spot(start.file, line, 1), "", "not UTF-8 text", "save the file as UTF-8")
        return ""
    odd = _UNPRINTABLE.search(characters)
    if odd:
        before = characters[: odd.start()]
        at = Spot(start.file, before.count("\n") + 1, odd.start() - before.rfind("\n"))
        message = f"the character {odd.group()!a} is not allowed in YAML"
        problems.add(at, "", message, "remove it")
    return characters


def _syntax_remedy(characters: str, error: yaml.MarkedYAMLError) -> str | None:
    mark = error.problem_mark
    lines = characters.splitlines()
    if mark is None or mark.line >= len(lines):
        return None
    line = lines[mark.line]
    if "\t" in line[: mark.column + 1] and not line[: mark.column + 1].strip():
        return "indent with spaces, not with tabs"
    if any("\u00a0" in each for each in lines[max(mark.line - 1, 0) : mark.line + 1]):
        return "replace the no-break space (U+00A0) by a plain one"
    if "escape character" in (error.problem or ""):
        return "write paths with /, or put a text that holds \\ into single quotes"
    if "mapping values" in (error.problem or ""):
        return "quote a text that holds ': ', and put a space behind the colon of a key"
    return None


def _spot(path: str, mark: Any) -> Spot:
    return Spot(path, mark.line + 1, mark.column + 1) if mark else Spot(path, 1, 1)


class _Refused(Exception):  # noqa: N818 (a jump out of the composer, the problem is noted)
    """Reading on would be endless or useless."""


class _Scalars(SafeConstructor, Resolver):
    """PyYAML's own reading of one scalar, without a loader around it."""

    def __init__(self) -> None:
        SafeConstructor.__init__(self)
        Resolver.__init__(self)

    def tag(self, event: Any) -> str:
        if event.tag is None or event.tag == "!":
            kind = self.resolve(  # type: ignore[no-untyped-call]  # absent from the stubs
                yaml.ScalarNode, event.value, event.implicit
            )
            return str(kind)
        return str(event.tag)


class _Composer:
    """Builds nodes out of parse events; knows where it is and how much it has built."""

    def __init__(self, events: Iterator[Any], path: str, problems: Problems) -> None:
        self._events = events
        self._path = path
        self._problems = problems
        self._scalars = _Scalars()
        self._anchors: dict[str, Node | None] = {}
        self._keys: list[str] = []
        self._count = 0

    def document(self) -> Node:
        next(self._events)  # the stream begins
        event = next(self._events)
        at = _spot(self._path, event.start_mark)
        if isinstance(event, yaml.StreamEndEvent):
            raise self._refused(Spot(self._path, 1, 1), "the file is empty", None)
        root = self._node(next(self._events))
        next(self._events)  # the document ends
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            at = _spot(self._path, event.start_mark)
            remedy = "put it into a file of its own"
            raise self._refused(at, "a second document begins here", remedy)
        if isinstance(root, ScalarNode) and root.value is None:
            raise self._refused(Spot(self._path, 1, 1), "the file is empty", None)
        return root

    def _node(self, event: Any) -> Node:
        at = _spot(self._path, event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(at, str(event.anchor))
        if event.anchor:
            self._anchors[event.anchor] = None
        self._grow(at, 1)
        if len(self._keys) > DEEPEST:
            raise self._too_deep(at)
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(at, event)
        else:
            if event.tag not in _CONTAINERS:
                self._unknown_tag(at, event.tag)
            sequence = isinstance(event, yaml.SequenceStartEvent)
            node = self._sequence(at) if sequence else self._mapping(at)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, at: Spot, name: str) -> Node:
        node = self._anchors.get(name)
        if node is None:
            itself = name in self._anchors
            why = f"the alias *{name} " + ("stands within itself" if itself else "has no anchor")
            raise self._refused(at, why, None if itself else f"write &{name} before it")
        self._grow(at, node.size)
        if len(self._keys) + node.height > DEEPEST:
            raise self._too_deep(at)
        return node

    def _sequence(self, at: Spot) -> SequenceNode:
        nodes: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._keys.append(f"[{len(nodes)}]")
            nodes.append(self._node(event))
            self._keys.pop()
        return SequenceNode(at, tuple(nodes), *_extent(nodes))

    def _mapping(self, at: Spot) -> MappingNode:
        items: dict[str, Item] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            place = _spot(self._path, event.start_mark)
            value = next(self._events)
            if self._is_fraction(items, event, value):
                continue
            key = self._key(place, event)
            self._keys.append("." + key)
            first = items.get(key)
            if first is not None:
                self._problem(
                    place, f"duplicate key, first in line {first.at.line}", "keep one of the two"
                )
            items[key] = Item(place, self._node(value))
            self._keys.pop()
        return MappingNode(at, items, *_extent([item.node for item in items.values()]))

    def _is_fraction(self, items: dict[str, Item], key: Any, value: Any) -> bool:
        """Say whether a key is what follows a decimal comma: in `{min: 0,9}` YAML reads a key 9."""
        if not (items and _is_plain(key) and _is_plain(value) and not value.value):
            return False
        name, (_, node) = next(reversed(items.items()))
        at = _spot(self._path, key.start_mark)
        if not isinstance(node, ScalarNode) or not node.plain or not key.value[:1].isdecimal():
            return False
        comma = (node.at.line, node.at.column + len(node.text))
        if comma != (at.line, at.column - 1) or not _WHOLE.match(node.text):
            return False
        self._keys.append(f".{name}")
        written = f"{node.text},{key.value}"
        message = f"YAML reads {excerpt(written)} as {node.text} and a key {excerpt(key.value)}"
        self._problem(node.at, message, other_way(written))
        self._keys.pop()
        return True

    def _key(self, at: Spot, event: Any) -> str:
        collection = isinstance(event, yaml.CollectionStartEvent)
        node = None if collection else self._node(event)
        if not isinstance(node, ScalarNode):
            raise self._refused(at, "a key must be text, not a list or a mapping", None)
        if node.plain and node.text == "<<":
            self._problem(
                at,
                "merge keys (<<) are not read",
                "repeat the lines, or put them into a file to extend",
            )
        elif not isinstance(node.value, str):
            kind = _kind(node.value)
            self._problem(
                at, f"YAML reads the key {excerpt(node.text)} as {kind}", f'quote it: "{node.text}"'
            )
        return node.text

    def _scalar(self, at: Spot, event: Any) -> ScalarNode:
        text = str(event.value)
        plain = not event.style
        tag = self._scalars.tag(event)
        if tag in _TEXTS:
            return ScalarNode(at, text, text, plain)
        if tag not in _SCALARS:
            self._unknown_tag(at, tag)
            return ScalarNode(at, text, text, plain)
        return ScalarNode(at, self._value(at, tag, text), text, plain)

    def _value(self, at: Spot, tag: str, text: str) -> Scalar:
        kind = tag.removeprefix(_TAG)
        try:
            value: Scalar = self._scalars.construct_object(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, OverflowError, AttributeError, yaml.YAMLError):
            what = _KINDS[kind]
            message = f"{excerpt(text)} is not a {what} that exists"
            self._problem(at, message, "quote it if it is text")
            return text
        if kind in {"int", "float"} and _DISGUISED.match(text):
            self._problem(
                at,
                f"YAML reads {excerpt(text)} as {value}",
                "quote it if it is text; a number has no leading zero and no colon",
            )
        elif isinstance(value, float) and not math.isfinite(value):
            self._problem(at, f"{excerpt(text)} is not a finite number", "quote it if it is text")
        return value

    def _grow(self, at: Spot, by: int) -> None:
        self._count += by
        if self._count > MOST_VALUES:
            why = f"the file holds more than {MOST_VALUES} values, aliases followed"
            raise self._refused(at, why, "split it into several, and write less by alias")

    def _too_deep(self, at: Spot) -> _Refused:
        return self._refused(at, f"nested deeper than {DEEPEST} levels", None)

    def _unknown_tag(self, at: Spot, tag: str) -> None:
        name = tag.replace(_TAG, "!!", 1)
        self._problem(at, f"the tag {excerpt(name)} is not allowed", "write the plain value")

    def _problem(self, at: Spot, message: str, remedy: str | None) -> None:
        key = "".join(self._keys).removeprefix(".")
        self._problems.add(at, key, message, remedy)

    def _refused(self, at: Spot, message: str, remedy: str | None) -> _Refused:
        self._problems.add(at, "", message, remedy)
        return _Refused()


def _is_plain(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and not event.style


def _extent(nodes: list[Node]) -> tuple[int, int]:
    """Return how many values there are at all levels, and how many levels."""
    size = 1 + sum(node.size for node in nodes)
    return size, 1 + max((node.height for node in nodes), default=0)


def _kind(value: Scalar) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return "a date" if isinstance(value, date) else "nothing"
