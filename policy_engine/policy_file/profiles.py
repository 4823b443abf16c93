"""What a profile makes of a policy file's bindings: each is tighter than without it, or new.

A profile is laid over the merged file, and is held to it as a file is to a mandatory binding.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from policy_engine.policy_file.bindings import Binding, bind_all, yielding
from policy_engine.policy_file.merge import BoundSetting, Draft, HeldBinding
from policy_engine.policy_file.offers import Offered
from policy_engine.source.problems import Problems, near_or_all

BASE = "what the file binds without a profile"
"""Why what a profile is laid over holds."""


class Demands(NamedTuple):
    """What a command line asks of every policy file.

    Attributes:
        require: Packs that lie beneath it: it cannot drop or loosen what they say. `PLUGIN:PACK`
            loads the plugin that brings it, too.
        profile: The profile that judges; None: what the file binds without one.
    """

    require: tuple[str, ...] = ()
    profile: str | None = None


NO_DEMANDS = Demands()


def bind_profiles(
    draft: Draft,
    bound: Mapping[str, Binding | None],
    offered: Mapping[str, Offered],
    problems: Problems,
) -> dict[str, tuple[Binding, ...]]:
    """Return what each profile tightens or adds, by its name, or note everything that is wrong.

    Args:
        draft: The policy file as merged; `under` is filled.
        bound: Its bindings without a profile; None for one that is wrong.
        offered: The policies that plugins offer, by name.
        problems: Where problems go.
    """
    made = {}
    for name, layer in draft.profiles.items():
        draft.under[name] = _merged(draft, layer, offered)
        read = (
            bind_all(id_, each, offered, problems, layer.section)
            for id_, each in draft.under[name].items()
            if id_ not in bound or bound[id_] is not None  # else it is said already
        )
        made[name] = tuple(binding for binding in read if binding is not None)
    return made


def unknown_profile(name: str, draft: Draft) -> str:
    """Say that a file has no profile of that name, and which it has."""
    known = near_or_all(name, sorted(draft.profiles), "its profiles")
    if not draft.profiles:
        known = f"write `profiles: {{{name}: {{}}}}` into it, if nothing is tighter there"
    return f"--profile {name}: {draft.path} has no profile of that name; {known}"


def _merged(draft: Draft, layer: Draft, offered: Mapping[str, Offered]) -> dict[str, BoundSetting]:
    """Return the bindings that a profile says something of, laid over those of the file."""
    made = {}
    for id_, bound in layer.bindings.items():
        base = draft.bindings.get(id_)
        if base is not None:
            made[id_] = _yielding(id_, base, _over(draft, id_, base, bound), draft, offered)
        elif id_ not in draft.unbound or bound.inherited_from is None:
            made[id_] = yielding(id_, bound, offered, draft.packs)
    return made


def _over(draft: Draft, id_: str, base: BoundSetting, bound: BoundSetting) -> BoundSetting:
    """Return a binding of a profile laid over the file's, and held to it."""

    def whole(each: BoundSetting) -> BoundSetting:
        return replace(each, settings=draft.laid(id_, base.settings, each.settings))

    held = (replace(each, bound=whole(each.bound)) for each in bound.held_to)
    return replace(
        whole(bound),
        inherited_from=bound.inherited_from or base.inherited_from,
        held_to=(HeldBinding(base, base.at, BASE), *held),
    )


def _yielding(
    id_: str,
    base: BoundSetting,
    merged: BoundSetting,
    draft: Draft,
    offered: Mapping[str, Offered],
) -> BoundSetting:
    """Return the binding without what a pack's profile says more loosely than the file does.

    Its own lines a pack has to keep straight: what it loosens of these is left, and refused later.
    """
    tight = yielding(id_, merged, offered, draft.packs)
    own = {
        name: item
        for name, item in merged.settings.items()
        if item.at.file == (base.settings[name].at if name in base.settings else base.at).file
    }
    return replace(tight, settings={**tight.settings, **own})
