"""A binding: one policy under an id, its settings checked by the policy itself."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from policy_engine.evidence import Needs
from policy_engine.policy import Policy
from policy_engine.policy_file import shapes
from policy_engine.policy_file.keys import ID, BindingKeys
from policy_engine.policy_file.merge import OWN, BoundSetting, HeldBinding
from policy_engine.policy_file.offers import Offered
from policy_engine.policy_file.reading import Written, read_keys
from policy_engine.policy_file.settings import build
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_file.tightening import (
    SettingReading,
    completed,
    has_direction,
    note_loosened,
)
from policy_engine.quantities.words import did_you_mean
from policy_engine.report import Where
from policy_engine.source.problems import Problems, excerpt

_SOFTENERS = ("on_missing", "on_inconclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A policy bound under an id, with valid settings.

    Attributes:
        id: Unique in its file; the policy's name, or one of the user's own.
        policy: The policy with its settings.
        policy_name: The policy's name.
        plugin: The plugin that offers it.
        keys: What it says to the engine itself.
        where: The user's own line: of the id, or of the `extends:` that brought it.
        inherited_from: The pack or file beneath that binds it too; None if there is none.
    """

    id: str
    policy: Policy
    policy_name: str
    plugin: str
    keys: BindingKeys
    where: Where
    inherited_from: str | None

    @property
    def needs(self) -> Needs:
        """The evidence that the policy reads with these settings, and that `when` reads."""
        return self.policy.reads() | (self.keys.when.needs if self.keys.when else Needs.RUN)


def bind_all(
    id_: str,
    bound: BoundSetting,
    offered: Mapping[str, Offered],
    problems: Problems,
    section: str = "policies",
) -> Binding | None:
    """Return the binding, or note everything that is wrong with it."""
    key = f"{section}.{id_}"
    if not re.fullmatch(ID, id_):
        message = f"{excerpt(id_)} is not an id: letters, digits, '-', '_' and '.', at most 100"
        problems.add(bound.at, key, message, "write it like eu-latency")
    before = len(problems.found)
    chosen = _chosen(id_, bound, offered, problems, key)
    if chosen is None or _is_another(id_, key, bound, chosen, offered, problems):
        return None
    now = _read(key, bound, chosen, problems)
    if now is None:
        return None
    for held in bound.held_to:
        if held.word != OWN:
            _hold(id_, key, bound, now, held, offered, problems)
    if len(problems.found) > before:
        return None
    return Binding(
        id=id_,
        policy=now.policy,
        policy_name=chosen.policy.policy_name,
        plugin=chosen.plugin,
        keys=now.keys,
        where=Where(bound.where.file, bound.where.line),
        inherited_from=bound.inherited_from,
    )


def yielding(
    id_: str, bound: BoundSetting, offered: Mapping[str, Offered], packs: Collection[str]
) -> BoundSetting:
    """Return the binding without what a pack says more loosely than what holds.

    Nobody who extends a pack can edit its lines: there the tighter of the two counts. Files have to
    be fixed: what they loosen is left, and refused later.

    Args:
        id_: Its id.
        bound: The binding as merged.
        offered: The policies that plugins offer, by name.
        packs: The paths of all packs.
    """
    settings = dict(bound.settings)
    for held in bound.held_to:
        chosen = _chosen(id_, held.bound, offered, Problems())
        for name, item in bound.settings.items() if chosen else ():
            if item.at.file not in packs or name == "policy":
                continue
            assert chosen is not None  # noqa: S101 (mypy does not see it)
            if not _is_tight(id_, name, bound, held, chosen):
                settings.pop(name, None)
                settings |= {k: v for k, v in held.bound.settings.items() if k == name}
    return replace(bound, settings=settings)


def _is_tight(id_: str, name: str, bound: BoundSetting, held: HeldBinding, chosen: Offered) -> bool:
    """Say whether what holds is no looser with one key as the binding has it."""
    scratch = Problems()
    complete = replace(held, bound=completed(held, bound, chosen.policy))
    left_out = _SOFTENERS if name == "level" else ()  # a mandatory binding cannot say them
    kept = {k: v for k, v in complete.bound.settings.items() if k not in left_out}
    alone = replace(held.bound, settings={**kept, name: bound.settings[name]})
    then = _read(f"policies.{id_}", complete.bound, chosen, scratch)
    if then is None:
        return True  # it is not a binding by itself
    now = _read(f"policies.{id_}", alone, chosen, scratch)
    if now is None:
        return False
    note_loosened(f"policies.{id_}", alone, now, complete, then, scratch)
    return not scratch.found or (held.word == OWN and not has_direction(now.policy, name))


def _is_another(
    id_: str,
    key: str,
    bound: BoundSetting,
    chosen: Offered,
    offered: Mapping[str, Offered],
    problems: Problems,
) -> bool:
    """Say whether the binding names another policy than one that holds; that alone is noted."""
    for held in bound.held_to:
        before = _chosen(id_, held.bound, offered, Problems())
        if before is not None and before.policy is not chosen.policy:
            item = bound.settings.get("policy") or held.bound.settings["policy"]
            NodePlace(item.node, f"{key}.policy", problems).wrong(*held.unchangeable("policy"))
            return True
    return False


def _read(
    key: str, bound: BoundSetting, chosen: Offered, problems: Problems
) -> SettingReading | None:
    """Return the binding with its policy built, or note everything that is wrong with it."""
    before = len(problems.found)
    keys = read_keys(BindingKeys, Written(bound.at, key, bound.settings, problems))
    policy = build(key, bound, chosen.policy, problems)
    if keys is None or policy is None or len(problems.found) > before:
        return None
    return SettingReading(policy, keys)


def _hold(  # noqa: PLR0913, PLR0917 (an id, where it stands, and all that is told of it)
    id_: str,
    key: str,
    bound: BoundSetting,
    now: SettingReading,
    held: HeldBinding,
    offered: Mapping[str, Offered],
    problems: Problems,
) -> None:
    """Note where a binding is looser than one that holds."""
    chosen = _chosen(id_, held.bound, offered, problems, key)
    if chosen is None:
        return
    complete = replace(held, bound=completed(held, bound, chosen.policy))
    then = _read(key, complete.bound, chosen, problems)
    if then is not None:
        note_loosened(key, bound, now, complete, then, problems)


def _chosen(
    id_: str,
    bound: BoundSetting,
    offered: Mapping[str, Offered],
    problems: Problems,
    key: str = "",
) -> Offered | None:
    """Return the policy that the binding names: by `policy:`, else by its id."""
    item = bound.settings.get("policy")
    if item is None:
        if id_ not in offered:
            remedy = (
                did_you_mean(id_, offered) or "an id of your own needs `policy:`, the policy's name"
            )
            problems.add(bound.at, key, f"no policy is called {excerpt(id_)}", remedy)
        return offered.get(id_)
    place = NodePlace(item.node, f"{key}.policy", problems)
    name = shapes.text(place, "a policy's name")
    if name is not None and name not in offered:
        remedy = did_you_mean(name, offered) or "`policy-engine list` shows all that are installed"
        place.wrong(f"no policy is called {excerpt(name)}", remedy)
    return offered.get(name or "")
