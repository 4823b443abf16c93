"""`waivers:` of a policy file, and `waivers.yaml` beside it: read and checked, nothing decided."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from policy_engine.policy import Level
from policy_engine.policy_file import shapes
from policy_engine.policy_file.bindings import Binding
from policy_engine.policy_file.keys import WaiverKeys, WaiversFile
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.outdated import Names, Outdated, text_of
from policy_engine.policy_file.reading import Written, read_keys, read_mapping, read_outline
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_file.waiver import Waiver
from policy_engine.source.problems import PolicyFileError, Problems, Spot, excerpt, near_or_all
from policy_engine.source.yaml_source import Item, SequenceNode, load_yaml

NAMES = frozenset({"waivers.yaml", "waivers.yml"})
"""Files that hold waivers for every policy file of their folder."""

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
    known = bound if bound.keys() >= draft.bindings.keys() else None
    found = [place for item in draft.waivers for place in _places(item, draft.problems)]
    return list(_read(found, (draft.path,), known, draft.names))


def of_folders(
    beside: Mapping[str, bytes],
    files: Mapping[str, Sequence[Binding]],
    neighbours: Mapping[str, bytes],
    problems: Problems,
    names: Names,
) -> list[Waiver]:
    """Return the waivers of each `waivers.yaml`, for every policy file of its folder.

    Args:
        beside: The files with waivers, by path.
        files: The bindings of each policy file, by path.
        neighbours: Other files of the folders, which may bind more.
        problems: Where problems go.
        names: What old names come to.
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
        read += _read(_read_file(text, path, problems), tuple(mine), known, names)
    return read


def _read_file(text: bytes, path: str, problems: Problems) -> tuple[NodePlace, ...]:
    """Return the places of the waivers in a `waivers.yaml`."""
    try:
        root = load_yaml(text, path)
    except PolicyFileError as error:
        problems.found.extend(error.problems)
        return ()
    written = read_outline(WaiversFile, root, problems)
    if written is None:
        return ()
    if "waivers" not in written:
        written.missing("waivers", f"write it like waivers: [{_EXAMPLE}]")
        return ()
    return _places(written.items["waivers"], problems)


def _places(section: Item, problems: Problems) -> tuple[NodePlace, ...]:
    """Return the place of each waiver of a section."""
    shapes.note_empty(section.node, "waivers", problems, "write a value, or remove it")
    place = NodePlace(section.node, "waivers", problems)
    if isinstance(section.node, SequenceNode) or not problems.found:
        return tuple(shapes.sequence(place, f"waivers: [{_EXAMPLE}]") or ())
    shapes.sequence(place, f"waivers: [{_EXAMPLE}]")
    return ()


def _read(
    found: Sequence[NodePlace],
    files: tuple[str, ...],
    bindings: Bindings | None,
    names: Names,
) -> Iterator[Waiver]:
    """Yield the waivers at these places that are well formed; note what is wrong with the others.

    Args:
        found: Their places.
        files: The policy files that they are for.
        bindings: What they may name; None where that is not known.
        names: What old names come to.
    """
    for place in found:
        before = len(place.problems.found)
        written = read_mapping(WaiverKeys, place, _EXAMPLE)
        if written is None:
            continue
        keys = read_keys(WaiverKeys, written)
        id_, old = _id_today(written, bindings, names)
        unbound = _check_id(written, id_, bindings)
        # A target that is empty was said to be so before; nothing more is noted of it then.
        named = keys is not None and any(getattr(keys, name) for name in keys.one_of)
        if keys is not None and named and len(place.problems.found) == before:
            waiver = _waiver(keys.model_copy(update={"id": id_}), written, files)
            yield replace(waiver, unbound=unbound, outdated=old)


def _id_today(
    written: Written, bindings: Bindings | None, names: Names
) -> tuple[str, Outdated | None]:
    """Return the id that a waiver is for, and the old name that it is written with."""
    id_ = text_of(written.items.get("id")) or ""
    if bindings is not None and id_ in bindings:
        return id_, None
    found: list[Outdated] = []
    place = written.place("id") if "id" in written else None
    now = names.policy(id_, place.node.at, place.key, found) if place else id_
    return now, found[0] if found else None


def _waiver(keys: WaiverKeys, written: Written, files: tuple[str, ...]) -> Waiver:
    return Waiver(
        keys=keys,
        ceiling=None if keys.ceiling is None else str(written.place("ceiling").node.data),
        key=written.key,
        at=written.at,
        expires_at=written.place("expires").node.at,
        files=files,
    )


def merged(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return each waiver once, for all the policy files that it was read for."""
    once: dict[Spot, Waiver] = {}
    for waiver in waivers:
        known = once.get(waiver.at)
        files = (*known.files, *waiver.files) if known else waiver.files
        once[waiver.at] = replace(waiver, files=tuple(dict.fromkeys(files)))
    return tuple(once.values())


def _check_id(written: Written, id_: str, bindings: Bindings | None) -> str | None:
    """Return why nothing is bound as an id, if so; note one whose binding nothing waives."""
    if bindings is None or not id_.strip():
        return None
    mine = bindings.get(id_)
    if not mine:
        return f"nothing is bound as {excerpt(id_)}; {near_or_all(id_, bindings, 'bound here')}"
    if all(binding.keys.level is Level.MANDATORY for binding in mine):
        where = mine[0].where
        written.place("id").wrong(
            f"'{id_}' is mandatory ({where.file}:{where.line}); nothing waives it",
            "remove the waiver, or fix what it is for",
        )
    return None
