"""Reads what keys declare: each value by the type of its field, every mistake at its own place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin

from annotated_types import MinLen
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import Keys, ReadAs, Said, bare, example_of, meaning
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.quantities.words import listed
from policy_engine.source.problems import Problems, Spot
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode

K = TypeVar("K", bound=Keys)


@dataclass(frozen=True, slots=True)
class Written:
    """A mapping as written: its items, which may be of several files.

    Attributes:
        at: Where it stands.
        key: The path of keys to it; "" for a file.
        items: Its items.
        problems: Where problems go.
    """

    at: Spot
    key: str
    items: Mapping[str, Item]
    problems: Problems

    def only(self, keys: type[Keys]) -> "Written":
        """Return it with its known keys, and note each other one."""
        known = {name: item for name, item in self.items.items() if name in keys.model_fields}
        for name, item in self.items.items():
            if name not in known:
                shapes.unknown_key(self.problems, item, self._path(name), name, keys.model_fields)
        return replace(self, items=known)

    def __contains__(self, name: str) -> bool:
        """Say whether a key is written."""
        return name in self.items

    def place(self, name: str) -> NodePlace:
        """Return the place of a key's value."""
        return NodePlace(self.items[name].node, self._path(name), self.problems)

    def wrong(self, message: str, remedy: str | None = None) -> None:
        """Note what is wrong with the whole."""
        self.problems.add(self.at, self.key, message, remedy)

    def missing(self, name: str, remedy: str) -> None:
        """Note a key that is needed."""
        self.problems.add(self.at, self._path(name), "missing setting", remedy)

    def _path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name


def read_outline(keys: type[Keys], root: Node, problems: Problems) -> Written | None:
    """Return the known keys of a file of version 1, or note why it cannot be read on."""
    items = shapes.mapping(NodePlace(root, "", problems), "version: 1")
    if items is None or not shapes.is_version_1(root.at, items, problems):
        return None
    return Written(root.at, "", items, problems).only(keys)


def read_mapping(keys: type[Keys], place: NodePlace, example: str) -> Written | None:
    """Return the known keys of the mapping at a place, or note that it is none."""
    items = shapes.mapping(place, example)
    if items is None:
        return None
    return Written(place.node.at, place.key, items, place.problems).only(keys)


def read_section(keys: type[K], place: NodePlace, example: str) -> K | None:
    """Return what the mapping at a place says, or note what is wrong with it."""
    written = read_mapping(keys, place, _meant(keys, place) or example)
    if written is None:
        return None
    if keys.is_never_empty and isinstance(place.node, MappingNode) and not place.node.items:
        place.wrong("nothing is named here", f"write it like {example}, or remove the key")
        return None
    return read_keys(keys, written, example)


def _meant(keys: type[Keys], place: NodePlace) -> str | None:
    """Return how to write a text as the mapping that it was meant for: its one needed key."""
    due = [name for name in keys.due() if bare(keys.model_fields[name].annotation)[0] is str]
    if isinstance(place.node, ScalarNode) and isinstance(place.node.value, str) and len(due) == 1:
        return f"{place.key.rpartition('.')[2]}: {{{due[0]}: {place.node.text}}}"
    return None


def read_keys(keys: type[K], written: Written, example: str | None = None) -> K | None:
    """Return what the keys say; None if one that is needed is missing or wrong.

    Args:
        keys: The keys; others of the mapping are passed by.
        written: The mapping.
        example: How to write the whole; None: a key that is missing shows its own example.
    """
    values = {
        name: value
        for name, field in keys.model_fields.items()
        if name in written and (value := read_value(written.place(name), name, field)) is not None
    }
    note_missing(keys, written, example)
    if keys.one_of and written.items:
        _note_others(keys, written)
    if not values.keys() >= set(keys.due()):
        return None
    read = cast("K", keys.model_construct(**values))
    read.check(written)
    return read


def note_missing(keys: type[Keys], written: Written, example: str | None = None) -> None:
    """Note each key that is needed and not there; without an example it shows its own."""
    for name in keys.due():
        if name not in written:
            field = keys.model_fields[name]
            own = f"{example_of(name, field)} ({_within_a_sentence(meaning(field))})"
            written.missing(name, f"write it like {example or own}")


def _note_others(keys: type[Keys], written: Written) -> None:
    """Note that of several keys, of which one is needed, there is none or more than one."""
    named = [name for name in keys.one_of if name in written]
    if len(named) != 1:
        shown = [example_of(name, keys.model_fields[name]) for name in keys.one_of]
        what = " and ".join(named) or "none of them"
        message = f"expected one of {', '.join(keys.one_of)}, got {what}"
        written.wrong(message, f"write it like {listed(shown, 'or')}")


def read_value(place: NodePlace, name: str, field: FieldInfo) -> Any:
    """Return a key's value as its field declares it, or note what is wrong and return None."""
    return _value(place, field.annotation, field.metadata, example_of(name, field))


def _value(place: NodePlace, annotation: Any, metadata: Sequence[Any], example: str) -> Any:
    annotation, metadata = bare(annotation, metadata)
    for each in metadata:
        if isinstance(each, ReadAs):
            return each.read(place)
        if isinstance(each, BeforeValidator):
            return read_quantity(place, each.func)
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return shapes.choice(place, parts)
    if origin is tuple:
        return _list(place, parts[0], metadata, example)
    if origin is not None:
        return _named(place, parts[1], metadata, example)
    return _plain(place, annotation, metadata, example)


def _plain(place: NodePlace, kind: type, metadata: Sequence[Any], example: str) -> Any:
    if kind is bool:
        return shapes.switch(place)
    if issubclass(kind, Keys):
        return read_section(kind, place, example)
    if issubclass(kind, Enum):
        word = shapes.choice(place, tuple(each.value for each in kind))
        return None if word is None else kind(word)
    return shapes.text(place, next((m.due for m in metadata if isinstance(m, Said)), "text"))


def _list(place: NodePlace, inner: Any, metadata: Sequence[Any], example: str) -> tuple[Any, ...]:
    places = shapes.sequence(place, example) or ()
    if _is_due(metadata) and isinstance(place.node, SequenceNode) and not places:
        place.wrong("the list is empty", f"write it like {example}, or remove the key")
    values = [_value(each, inner, (), example) for each in places]
    return tuple(value for value in values if value is not None)


def _named(
    place: NodePlace, inner: Any, metadata: Sequence[Any], example: str
) -> Mapping[str, Any]:
    items = shapes.mapping(place, example) or {}
    if _is_due(metadata) and isinstance(place.node, MappingNode) and not items:
        place.wrong("nothing is named here", f"write it like {example}")
    values = {name: _value(place.of(name, item), inner, (), "") for name, item in items.items()}
    return MappingProxyType({name: each for name, each in values.items() if each is not None})


def _is_due(metadata: Sequence[Any]) -> bool:
    return any(isinstance(each, MinLen) for each in metadata)


def read_quantity(place: NodePlace, parse: Any) -> Any:
    """Return what one of the parsers of `quantities` makes of the value, or None."""
    try:
        return parse(place.node.data)
    except ValueError as error:
        place.wrong(str(error))
    return None


def _within_a_sentence(text: str) -> str:
    return text[:1].lower() + text[1:].removesuffix(".")
