"""Edits of waivers: each one that is new, gone, or lets more or less pass than it did."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from policy_engine.policy_file.bindings import Binding
from policy_engine.policy_file.edits.sides import cut
from policy_engine.policy_file.keys import WaiverKeys
from policy_engine.policy_file.tightening import direction
from policy_engine.policy_file.waiver import Waiver
from policy_engine.quantities import Tighter
from policy_engine.report import Edit, Strictness, Where

Bindings = Mapping[tuple[str, str], Binding]
"""The bindings of a set of policies, by file and id."""

_TARGET = ("model", "run", "version")
_WIDTH = ("part", *_TARGET, "ceiling", "expires")


def waiver_edits(
    old: Sequence[Waiver], new: Sequence[Waiver], bound: Bindings, renamed: Mapping[str, str]
) -> Iterator[Edit]:
    """Yield what became of each waiver.

    Args:
        old: Those that hold today.
        new: Those that are proposed.
        bound: The bindings that are proposed.
        renamed: What the policy files of today are called now.
    """
    left = [replace(w, files=tuple(renamed.get(file, file) for file in w.files)) for w in old]
    for before, after in _paired(left, list(new)):
        if before is None or after is None or _content(before) != _content(after):
            yield _edit(before, after, bound)


def _paired(old: list[Waiver], new: list[Waiver]) -> Iterator[tuple[Waiver | None, Waiver | None]]:
    """Yield each with what became of it: the same one, one for the same target, of the same id."""
    for key in (_content, _target, _id):
        mine = {id(waiver): key(waiver) for waiver in (*old, *new)}
        there: dict[Hashable, list[Waiver]] = {}
        for waiver in new:
            there.setdefault(mine[id(waiver)], []).append(waiver)
        kept = []
        for waiver in old:
            found = there.get(mine[id(waiver)])
            if found:
                yield waiver, found.pop(0)
            else:
                kept.append(waiver)
        old, new = kept, [waiver for several in there.values() for waiver in several]
    yield from ((waiver, None) for waiver in old)
    yield from ((None, waiver) for waiver in new)


def _content(waiver: Waiver) -> Hashable:
    return (waiver.files, *(str(getattr(waiver.keys, name)) for name in WaiverKeys.model_fields))


def _target(waiver: Waiver) -> Hashable:
    keys = waiver.keys
    return (keys.id, keys.part, *(getattr(keys, name) for name in _TARGET))


def _id(waiver: Waiver) -> Hashable:
    return waiver.keys.id


def _edit(old: Waiver | None, new: Waiver | None, bound: Bindings) -> Edit:
    told = new or old
    assert told is not None  # noqa: S101 (one of the two is there)
    names = list(WaiverKeys.model_fields)
    strictness = Strictness.LOOSER if old is None else Strictness.TIGHTER
    if old is not None and new is not None:
        names = [n for n in names if _value(n, old) != _value(n, new)]
        strictness = _strictness(old, new, bound)
    return Edit(
        policy_file=told.at.file,
        key=f"waivers.{told.keys.id}",
        change="added" if old is None else "removed" if new is None else "changed",
        strictness=strictness,
        before=_said(old, names),
        after=_said(new, names),
        was=_where(old),
        where=_where(new),
    )


def _value(name: str, waiver: Waiver) -> Any:
    return waiver.ceiling if name == "ceiling" else getattr(waiver.keys, name)


def _said(waiver: Waiver | None, names: list[str]) -> str | None:
    if waiver is None:
        return None
    told = {name: value for name in names if (value := _value(name, waiver)) is not None}
    fields = ", ".join(f"{name}: {value}" for name, value in told.items() if name != "id")
    return cut(fields or f"for {', '.join(waiver.files)}")


def _where(waiver: Waiver | None) -> Where | None:
    return None if waiver is None else Where(waiver.at.file, waiver.at.line)


def _strictness(old: Waiver, new: Waiver, bound: Bindings) -> Strictness:
    """Return `looser` unless it is shown that the waiver lets nothing more pass than it did."""
    ways = {_of(name, old, new, bound) for name in _WIDTH if _value(name, old) != _value(name, new)}
    if not set(new.files) <= set(old.files):
        ways.add(Strictness.LOOSER)
    elif set(new.files) < set(old.files):
        ways.add(Strictness.TIGHTER)
    return min(ways, key=list(Strictness).index, default=Strictness.NEITHER)


def _of(name: str, old: Waiver, new: Waiver, bound: Bindings) -> Strictness:
    if name == "expires":
        is_narrower = new.keys.expires <= old.keys.expires
    elif name == "part":
        is_narrower = old.keys.part is None
    elif name == "ceiling":
        is_narrower = _is_lower(old, new, bound)
    else:
        is_narrower = name == "model" and old.keys.model == "*"
    return Strictness.TIGHTER if is_narrower else Strictness.LOOSER


def _is_lower(old: Waiver, new: Waiver, bound: Bindings) -> bool:
    """Say whether a ceiling covers less, by the direction in which the policy's limits tighten."""
    ways = {
        direction(field)
        for file in new.files
        if (binding := bound.get((file, new.keys.id))) is not None
        for field in type(binding.policy).model_fields.values()
    } & {Tighter.LOWER, Tighter.HIGHER}
    before, after = old.keys.ceiling, new.keys.ceiling
    if before is None or after is None or before.unit != after.unit or len(ways) != 1:
        return False
    return after.value <= before.value if ways == {Tighter.LOWER} else after.value >= before.value
