"""`waivers:` of a policy file, and `waivers.yaml` beside it: read and checked, nothing decided."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from typing import Any, get_args

from policy_engine.policy import Level
from policy_engine.policy_file import shapes
from policy_engine.policy_file.bindings import Binding
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.shapes import Place, wrote
from policy_engine.policy_file.waiver import Kind, Target, Waiver
from policy_engine.quantities import Quantity, parse_quantity
from policy_engine.source.problems import PolicyFileError, Problems, Spot, near_or_all, shown
from policy_engine.source.yaml_source import Item, SequenceNode, load_yaml

NAMES = frozenset({"waivers.yaml", "waivers.yml"})
"""Files that hold waivers for every policy file of their folder."""

_KINDS: tuple[Kind, ...] = get_args(Kind)
_TEXTS = ("reason", "owner", "approved_by", "ticket")
_REQUIRED = ("id", *_TEXTS, "expires")
_KEYS = ("id", "part", *_KINDS, "ceiling", *_TEXTS, "expires")
_VERSION = re.compile(r".+/[1-9][0-9]*\Z")
_EXAMPLE = '{id: model-size-budget, model: "fraud-*", ceiling: 250MB, reason: …, expires: …}'

Bindings = Mapping[str, Sequence[Binding]]
"""The bindings that a waiver may name, by id; one id may be bound by several files."""


def split(neighbours: Mapping[str, bytes]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the files with waivers, and all others."""
    waivers = {p: t for p, t in neighbours.items() if posixpath.basename(p) in NAMES}
    return waivers, {p: t for p, t in neighbours.items() if p not in waivers}


def of_file(draft: Draft, bindings: Sequence[Binding]) -> list[Waiver]:
    """Return the waivers that a policy file holds, with those of what it extends."""
    bound = {binding.id: (binding,) for binding in bindings}
    # What is wrong with a binding is said already: its id is not unknown for that.
    known = bound if bound.keys() == draft.bindings.keys() else None
    found = [place for item in draft.waivers for place in _places(item, draft.problems)]
    return list(_read(found, (draft.path,), known))


def of_folders(
    beside: Mapping[str, bytes],
    files: Mapping[str, Sequence[Binding]],
    neighbours: Mapping[str, bytes],
    problems: Problems,
) -> list[Waiver]:
    """Return the waivers of each `waivers.yaml`, for every policy file of its folder.

    Args:
        beside: The files with waivers, by path.
        files: The bindings of each policy file, by path.
        neighbours: Other files of the folders, which may bind more.
        problems: Where problems go.
    """
    read: list[Waiver] = []
    for path, text in sorted(beside.items()):
        folder = posixpath.dirname(path)
        mine = {file: bound for file, bound in files.items() if posixpath.dirname(file) == folder}
        bound: dict[str, list[Binding]] = {}
        for binding in chain.from_iterable(mine.values()):
            bound.setdefault(binding.id, []).append(binding)
        # Where only some policy files of the folder were named, an id may be of another one.
        others = [posixpath.basename(p) for p in neighbours if posixpath.dirname(p) == folder]
        whole = all(name.startswith("_") for name in others)
        known = bound if whole and not problems.found else None
        read += _read(_read_file(text, path, problems), tuple(mine), known)
    return read


def _read_file(text: bytes, path: str, problems: Problems) -> tuple[Place, ...]:
    """Return the places of the waivers in a `waivers.yaml`."""
    try:
        root = load_yaml(text, path).root
    except PolicyFileError as error:
        problems.found.extend(error.problems)
        return ()
    items = shapes.mapping(Place(root, "", problems), "version: 1")
    if items is None or not shapes.is_version_1(root.at, items, problems):
        return ()
    for name, item in items.items():
        if name not in {"version", "waivers"}:
            shapes.unknown_key(problems, item, name, name, ("version", "waivers"))
    if "waivers" not in items:
        example = f"write it like waivers: [{_EXAMPLE}]"
        problems.add(root.at, "waivers", "missing setting", example)
        return ()
    return _places(items["waivers"], problems)


def _places(section: Item, problems: Problems) -> tuple[Place, ...]:
    """Return the place of each waiver of a section."""
    shapes.note_empty(section.node, "waivers", problems, "write a value, or remove it")
    place = Place(section.node, "waivers", problems)
    if isinstance(section.node, SequenceNode) or not problems.found:
        return tuple(shapes.sequence(place, f"waivers: [{_EXAMPLE}]") or ())
    shapes.sequence(place, f"waivers: [{_EXAMPLE}]")
    return ()


def _read(
    found: Sequence[Place], files: tuple[str, ...], bindings: Bindings | None
) -> Iterator[Waiver]:
    """Yield the waivers at these places that are well formed; note what is wrong with the others.

    Args:
        found: Their places.
        files: The policy files that they are for.
        bindings: What they may name; None where that is not known.
    """
    for place in found:
        reader = _Reader(place)
        if reader.id is not None and bindings is not None:
            _check_id(place, reader.id, bindings)
        waiver = reader.waiver(files)
        if waiver is not None:
            yield waiver


def merged(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return each waiver once, for all the policy files that it was read for."""
    once: dict[Spot, Waiver] = {}
    for waiver in waivers:
        known = once.get(waiver.at)
        files = (*known.files, *waiver.files) if known else waiver.files
        once[waiver.at] = replace(waiver, files=tuple(dict.fromkeys(files)))
    return tuple(once.values())


def _check_id(place: Place, id_: str, bindings: Bindings) -> None:
    named = Place(_items(place)["id"].node, f"{place.key}.id", place.problems)
    mine = bindings.get(id_)
    if not mine:
        named.wrong(f"nothing is bound as {shown(id_)}", near_or_all(id_, bindings, "bound here"))
    elif all(binding.level is Level.MANDATORY for binding in mine):
        where = mine[0].where
        named.wrong(
            f"'{id_}' is mandatory ({where.file}:{where.line}); nothing waives it",
            "remove the waiver, or mend what it is for",
        )


def _items(place: Place) -> dict[str, Item]:
    return shapes.mapping(place, _EXAMPLE, _KEYS) or {}


class _Reader:
    """Reads one waiver; every mistake is noted."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._before = len(place.problems.found)
        self._items = _items(place)
        self.id = self._text("id")

    def waiver(self, files: tuple[str, ...]) -> Waiver | None:
        if self._items or not self._found:
            for name in _REQUIRED:
                if name not in self._items:
                    self._missing(name)
        texts = {name: self._text(name) for name in ("part", *_TEXTS)}
        target, ceiling, expires = self._target(), self._ceiling(), self._expires()
        if self._found or target is None or expires is None:
            return None
        known: dict[str, Any] = texts
        return Waiver(
            id=self.id or "",
            **known,
            target=target,
            ceiling=ceiling,
            written=str(self._at("ceiling").node.data) if ceiling else None,
            expires=expires,
            key=self._place.key,
            at=self._place.node.at,
            expires_at=self._at("expires").node.at,
            files=files,
        )

    @property
    def _found(self) -> bool:
        return len(self._place.problems.found) > self._before

    def _at(self, name: str) -> Place:
        return self._place.of(name, self._items[name])

    def _missing(self, name: str) -> None:
        remedy = f"write it like {_EXAMPLES[name]}"
        key = f"{self._place.key}.{name}"
        self._place.problems.add(self._place.node.at, key, "missing setting", remedy)

    def _text(self, name: str) -> str | None:
        return shapes.text(self._at(name)) if name in self._items else None

    def _target(self) -> Target | None:
        named = [kind for kind in _KINDS if kind in self._items]
        if len(named) != 1:
            if self._items:
                what = " and ".join(named) or "none of them"
                self._place.wrong(
                    f"one of model, run, version is due, not {what}",
                    'write it like model: "fraud-*", run: <run id> or version: fraud/3',
                )
            return None
        (kind,) = named
        value = self._text(kind)
        if kind == "version" and value is not None and not _VERSION.match(value):
            self._at(kind).wrong(f"{shown(value)} is no version", "write it like fraud/3")
            return None
        return None if value is None else Target(kind, value)

    def _ceiling(self) -> Quantity | None:
        if "ceiling" not in self._items:
            return None
        place = self._at("ceiling")
        try:
            return parse_quantity(place.node.data)
        except ValueError as error:
            number = shapes.as_number(place.node)
            place.wrong(str(error), f"write {number}" if number else None)
            return None

    def _expires(self) -> date | None:
        if "expires" not in self._items:
            return None
        place = self._at("expires")
        value = place.node.data
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        remedy = "write it like 2027-01-31, without quotes and without a time"
        place.wrong(f"a day is due, not {wrote(place.node)}", remedy)
        return None


_EXAMPLES = {
    "id": "id: model-size-budget, the id of a binding",
    "reason": "reason: the new embedding is needed for the launch",
    "owner": 'owner: "@ana", who mends it',
    "approved_by": 'approved_by: "@ben", who is not the author of the change',
    "ticket": "ticket: ML-12",
    "expires": "expires: 2027-01-31, its last day, at most 90 days ahead",
}
