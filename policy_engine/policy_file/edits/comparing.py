"""Two sets of policies, compared file by file, the worst first."""

from collections.abc import Iterator
from heapq import nsmallest
from itertools import count
from typing import NamedTuple, Self

from policy_engine.policy import Level
from policy_engine.policy_file.edits.bindings import added, binding_edits, removed
from policy_engine.policy_file.edits.profiles import profile_edits
from policy_engine.policy_file.edits.sections import section_edits
from policy_engine.policy_file.edits.sides import LONGEST, Pair, Side
from policy_engine.policy_file.edits.waivers import waiver_edits
from policy_engine.policy_file.load import PolicySet
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.waiver import Waiver
from policy_engine.report import Edit, Strictness

__all__ = ["LONGEST", "MOST", "NO_EDITS", "Edited", "Policies", "edited"]

MOST = 200
"""How many edits are named: those behind them are counted."""
_CHANGES = ("removed", "changed", "added")
_LEVELS = (Level.MANDATORY, Level.OVERRIDABLE, None, Level.ADVISORY)


class Policies(NamedTuple):
    """A set of policies as it is compared: its files as read and as merged, and its waivers."""

    files: tuple[Side, ...] = ()
    waivers: tuple[Waiver, ...] = ()

    @classmethod
    def of(cls, policies: PolicySet, drafts: tuple[Draft, ...]) -> Self:
        """Return policies with the drafts that they were made of."""
        return cls(tuple(map(Side, policies.files, drafts)), policies.waivers)


class Edited(NamedTuple):
    """The worst edits, and how many more there are."""

    edits: tuple[Edit, ...] = ()
    more: int = 0


NO_EDITS = Edited()


def edited(old: Policies, new: Policies) -> Edited:
    """Return what differs between the policies that judge and others, what loosens them first.

    Args:
        old: Those that judge.
        new: The others.
    """
    number = count(1)  # as they come: a proposal may hold any number
    found = nsmallest(MOST, zip(_edits(old, new), number, strict=False), key=lambda e: _rank(e[0]))
    return Edited(tuple(edit for edit, _ in found), max(next(number) - 1 - MOST, 0))


def _rank(edit: Edit) -> tuple[int, int, int]:
    return (
        list(Strictness).index(edit.strictness),
        _LEVELS.index(edit.level),
        _CHANGES.index(edit.change),
    )


def _edits(old: Policies, new: Policies) -> Iterator[Edit]:
    pairs = list(_paired(list(old.files), list(new.files)))
    for before, after in pairs:
        if before and after:
            yield from binding_edits(Pair(before, after))
            yield from profile_edits(Pair(before, after))
            yield from section_edits(Pair(before, after))
        elif before:
            path = before.file.path
            yield from (removed(each, before, path) for each in before.file.bindings)
        elif after:
            yield from (added(each, after) for each in after.file.bindings)
    bound = {(s.file.path, each.id): each for s in new.files for each in s.file.bindings}
    renamed = {a.file.path: b.file.path for a, b in pairs if a and b}
    yield from waiver_edits(old.waivers, new.waivers, bound, renamed)


def _paired(old: list[Side], new: list[Side]) -> Iterator[tuple[Side | None, Side | None]]:
    """Yield each file with that of its name; else with the new one that binds most of it."""
    paths = {side.file.path: side for side in new}
    left = [side for side in old if side.file.path not in paths]
    known = {side.file.path for side in old}
    fresh = [side for side in new if side.file.path not in known]
    yield from ((s, paths[s.file.path]) for s in old if s.file.path in paths)
    for side in left:
        heir = max(fresh, key=lambda each: _shared(side, each), default=None)
        if heir is None or not _shared(side, heir):
            yield side, None
        else:
            fresh.remove(heir)
            yield side, heir
    yield from ((None, side) for side in fresh)


def _shared(one: Side, other: Side) -> int:
    """Return how many ids two files both bind (count)."""
    return len({b.id for b in one.file.bindings} & {b.id for b in other.file.bindings})
