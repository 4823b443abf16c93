"""Edits of profiles: what each of them tightens less, more, or no longer."""

from collections.abc import Iterator
from dataclasses import replace

from policy_engine.policy_file.edits.bindings import binding_edits
from policy_engine.policy_file.edits.sides import Pair, Side, both
from policy_engine.report import Edit


def profile_edits(pair: Pair) -> Iterator[Edit]:
    """Yield what became of the bindings of each profile, but of the one that judges.

    That one lies over the bindings themselves: what differs there is an edit of these.
    """
    old, new = pair
    for name in both(old.draft.profiles, new.draft.profiles):
        if name == new.file.profile:
            continue
        said = _said(name, old) | _said(name, new)
        for edit in binding_edits(Pair(_under(name, old), _under(name, new))):
            if edit.key in said:
                yield replace(edit, key=f"profiles.{name}{edit.key.removeprefix('policies')}")


def _said(name: str, side: Side) -> set[str]:
    """Return the keys that a profile says something of, as those of a binding."""
    layer = side.draft.profiles.get(name)
    bound = layer.bindings.items() if layer else ()
    keys = {f"policies.{id_}.{key}" for id_, each in bound for key in each.settings}
    return keys | {f"policies.{id_}" for id_, _ in bound}


def _under(name: str, side: Side) -> Side:
    """Return the policy file as it is under a profile."""
    file, draft = side
    bound = {each.id: each for each in (*file.base, *file.under.get(name, ()))}
    settings = {**draft.base_bindings, **draft.under.get(name, {})}
    return Side(replace(file, bindings=tuple(bound.values())), replace(draft, bindings=settings))
