"""Edits of what stands beside the bindings: whom the file judges, by which metric, against what."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from policy_engine.policy_file.edits.sides import Pair, Side, both, shown
from policy_engine.policy_file.keys import FileKeys
from policy_engine.policy_file.load import PolicyFile
from policy_engine.policy_file.merge import same
from policy_engine.policy_file.scope import matches
from policy_engine.policy_file.shapes import leaves
from policy_engine.report import Edit, Strictness, Where
from policy_engine.source.problems import Spot
from policy_engine.source.yaml_source import Item

_SECTIONS = tuple(name for name in FileKeys.model_fields if name in PolicyFile.__dataclass_fields__)
_NAMED = ("extends", "plugins")
_WILD = frozenset("*?[")
_ALL = frozenset({"*", "**"})
_MOST_PAIRS = 1_000_000
"""Of globs that are compared, a second's work: more are not shown to cover each other."""


def section_edits(pair: Pair) -> Iterator[Edit]:
    """Yield every key beside the bindings that says something else than before."""
    old, new = pair
    if old.file.path != new.file.path:
        yield _edit(pair, "", (old.file.path, _top(old)), (new.file.path, _top(new)))
    for name in _NAMED:
        yield from _named(name, getattr(old.draft, name), getattr(new.draft, name), pair)
    for name in _SECTIONS:
        if name not in _NAMED and getattr(old.file, name) != getattr(new.file, name):
            yield from _of_section(name, pair)


def _named(
    name: str, old: Mapping[str, Spot], new: Mapping[str, Spot], pair: Pair
) -> Iterator[Edit]:
    """Yield what a list of names lost and gained."""
    for each in dict.fromkeys((*old, *new)):
        if (each in old) != (each in new):
            before = (each, pair.old.where(old[each])) if each in old else None
            after = (each, pair.new.where(new[each])) if each in new else None
            yield _edit(pair, name, before, after)


def _of_section(name: str, pair: Pair) -> Iterator[Edit]:
    old, new = (_leaves(name, side) for side in pair)
    for key in both(old, new):
        before, after = old.get(key), new.get(key)
        if before and after and same(before.node, after.node):
            continue
        strictness = _strictness(key, _data(before), _data(after))
        yield _edit(pair, key, _said(before, pair.old), _said(after, pair.new), strictness)


def _leaves(name: str, side: Side) -> dict[str, Item]:
    item = side.draft.sections.get(name)
    return {} if item is None else dict(leaves(name, item))


def _data(item: Item | None) -> Any:
    return None if item is None else item.node.data


def _said(item: Item | None, side: Side) -> tuple[str, Where] | None:
    if item is None:
        return None
    return shown(item.node), side.where(item.at, _top(side))


def _top(side: Side) -> Where:
    return Where(side.file.path, 1)


def _strictness(key: str, old: Any, new: Any) -> Strictness:
    """Return what another value of a section makes of the rules; None: it is not said.

    Whom a file judges is tighter only where it is shown to judge all that it judged before.
    """
    if key == "first_run":
        return Strictness.LOOSER if new is True else Strictness.TIGHTER
    if key == "candidate.paths":
        return _by(_covers_paths(new, old))
    if key.startswith("applies_to."):
        return _by(new is None or (old is not None and _covers_name(new, old)))
    return Strictness.NEITHER


def _by(is_tighter: bool) -> Strictness:
    return Strictness.TIGHTER if is_tighter else Strictness.LOOSER


def _covers_name(glob: str, other: str) -> bool:
    return glob in {"*", other} or (not _is_wild(other) and fnmatchcase(other, glob))


def _covers_paths(globs: list[str] | None, others: list[str] | None) -> bool:
    """Say whether all paths of some globs are among these; None: every path but the policies'."""
    wanted = {"**"} if others is None else set(others)
    if globs is None:
        return _ALL.isdisjoint(wanted)
    given = set(globs)
    return len(given) * len(wanted) <= _MOST_PAIRS and all(
        any(_covers_path(glob, other) for glob in given) for other in wanted
    )


def _covers_path(glob: str, other: str) -> bool:
    """Say whether a glob is shown to match all that another one matches."""
    stem = glob.removesuffix("**").removesuffix("/")
    if glob == other or stem in {"", "*"}:
        return True
    if not _is_wild(other):
        return matches(other, glob)
    return not _is_wild(stem) and other.startswith(f"{stem}/")


def _is_wild(glob: str) -> bool:
    return not _WILD.isdisjoint(glob)


def _edit(
    pair: Pair,
    key: str,
    old: tuple[str, Where] | None,
    new: tuple[str, Where] | None,
    strictness: Strictness = Strictness.NEITHER,
) -> Edit:
    return Edit(
        policy_file=pair.new.file.path,
        key=key,
        change="changed" if old and new else "added" if new else "removed",
        strictness=strictness,
        before=old[0] if old else None,
        after=new[0] if new else None,
        was=old[1] if old else None,
        where=new[1] if new else None,
    )
