"""A file above one that holds is at least as tight: key by key, in the direction declared.

What the upper binding lets merge, the lower one lets merge too. That follows from each key alone: a
policy declares a direction (`Tighter`) only where it is true whatever its other settings are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from policy_engine.policy import Level, Policy
from policy_engine.policy_file.keys import BindingKeys, Lies, lying
from policy_engine.policy_file.merge import BoundSetting, Draft, HeldBinding, same
from policy_engine.policy_file.shapes import NodePlace, leaves, wrote
from policy_engine.quantities import Margin, Money, Rate, Tighter
from policy_engine.report import Strictness
from policy_engine.source.problems import Problems
from policy_engine.source.yaml_source import Item

_ORDER: Mapping[str, tuple[str, ...]] = {
    "level": tuple(level.value for level in Level),
    "on_missing": ("skip", "warn", "block"),
    "on_inconclusive": ("skip", "warn", "block"),
}
_HOW = {
    Tighter.LOWER: "only a lower value is tighter",
    Tighter.HIGHER: "only a higher value is tighter",
    Tighter.FEWER: "only fewer of the same entries are tighter",
    Tighter.MORE: "only the same entries and more are tighter",
    Tighter.ON: "only true is tighter",
    Tighter.OFF: "only false is tighter",
}


class SettingReading(NamedTuple):
    """A binding with its policy built and the engine's own keys read, by name."""

    policy: Policy
    keys: BindingKeys


def completed(held: HeldBinding, bound: BoundSetting, policy: type[Policy]) -> BoundSetting:
    """Return the binding that holds, with what its policy requires and it left to others to say."""
    left = {
        name: item
        for name, item in bound.settings.items()
        if name not in held.bound.settings and _is_required(policy, name)
    }
    return replace(held.bound, settings={**held.bound.settings, **left})


def note_loosened(
    key: str,
    bound: BoundSetting,
    now: SettingReading,
    held: HeldBinding,
    then: SettingReading,
    problems: Problems,
) -> None:
    """Note every key of a binding that is looser than one that holds has it.

    Args:
        key: The path of keys to the binding.
        bound: The binding as written.
        now: The same, read.
        held: What it may not loosen, completed.
        then: The same, read.
        problems: Where problems go.
    """
    for name in dict.fromkeys((*bound.settings, *held.bound.settings)):
        item, old = bound.settings.get(name), held.bound.settings.get(name)
        if item is not None and old is not None and same(old.node, item.node):
            continue
        said = item or old
        assert said is not None  # noqa: S101 (the name is of one of the two)
        place = NodePlace(said.node, f"{key}.{name}", problems)
        if name in BindingKeys.model_fields:
            _note_key(place, name, now, held, then)
        else:
            _note_setting(place, name, now, held, then)


def note_unsaid(draft: Draft) -> None:
    """Note every key beside the bindings that a required pack says, and the file otherwise."""
    for pack in draft.required.values():
        above = dict(_said(draft.sections))
        for key, item in _said(pack.sections):
            if key in above and not same(item.node, above[key].node):
                since = f"{item.at.file}:{item.at.line}"
                message = f"a required pack says it ({since}); it cannot be changed"
                remedy = f"remove the line, or change {since}"
                NodePlace(above[key].node, key, draft.problems).wrong(message, remedy)


def _said(sections: Mapping[str, Item]) -> Iterator[tuple[str, Item]]:
    """Yield what sections say, by whole key: as far down as they are merged key by key."""
    for name, item in sections.items():
        if name in lying(Lies.MERGED):
            yield from leaves(name, item)
        else:
            yield name, item


def _note_key(
    place: NodePlace, name: str, now: SettingReading, held: HeldBinding, then: SettingReading
) -> None:
    if name == "why" or (name == "owner" and name not in held.bound.settings):
        return
    if name == "level":
        if _rank(name, now) < _rank(name, then):
            place.wrong(f"{held.so}; its level cannot fall", held.remedy(name))
    elif name in _ORDER:
        if _rank(name, now) < _rank(name, then):
            how = f"of {', '.join(_ORDER[name])} only a later word is tighter"
            _looser(place, name, held, how)
    elif name == "enforce_from":
        if not _is_enforced_as_early(now.keys, then.keys):
            _looser(place, name, held, "only an earlier day is tighter, or `off`: at once")
    elif name != "policy":  # `bind` compared the policies
        place.wrong(*held.unchangeable(name))


def _rank(name: str, reading: SettingReading) -> int:
    return _ORDER[name].index(getattr(reading.keys, name))


def _is_enforced_as_early(now: BindingKeys, then: BindingKeys) -> bool:
    if then.level == Level.ADVISORY or now.enforce_from is None:
        return True
    return then.enforce_from is not None and now.enforce_from <= then.enforce_from


def _note_setting(
    place: NodePlace, name: str, now: SettingReading, held: HeldBinding, then: SettingReading
) -> None:
    old, new = getattr(then.policy, name), getattr(now.policy, name)
    if type(old) is type(new) and old == new:
        return
    field = type(now.policy).model_fields[name]
    way = direction(field)
    if way is None:
        place.wrong(*held.unchangeable(name))
    elif not _is_tighter(way, field, old, new):
        _looser(place, name, held, _HOW[way])


def _looser(place: NodePlace, name: str, held: HeldBinding, how: str) -> None:
    item = held.bound.settings.get(name)
    if item is None:
        message = f"{wrote(place.node)} is not tighter than the default, and {held.so}"
    else:
        old = f"{wrote(item.node)} ({item.at.file}:{item.at.line})"
        message = f"{wrote(place.node)} is not tighter than {old}, which is {held.word}"
    place.wrong(message, f"{how}; {held.remedy(name)}")


def _is_required(policy: type[Policy], name: str) -> bool:
    field = policy.model_fields.get(name)
    return field is not None and field.is_required()


def direction(field: FieldInfo) -> Tighter | None:
    """Return which way a setting gets tighter, if it declares one."""
    return next((each for each in declared(field) if isinstance(each, Tighter)), None)


def strictness_of(field: FieldInfo, old: Any, new: Any) -> Strictness:
    """Return what another value of a setting makes of the rule, by the direction it declares."""
    way = direction(field)
    if way is None:
        return Strictness.NEITHER
    if _is_tighter(way, field, old, new):
        return Strictness.TIGHTER
    return Strictness.LOOSER if _is_tighter(way, field, new, old) else Strictness.NEITHER


def strictness_of_key(name: str, old: BindingKeys, new: BindingKeys) -> Strictness:
    """Return what another value of one of the engine's own keys makes of the rule."""
    before, after = getattr(old, name), getattr(new, name)
    if name in _ORDER:
        is_later = _ORDER[name].index(after) > _ORDER[name].index(before)
        return Strictness.TIGHTER if is_later else Strictness.LOOSER
    if name == "when" and None in (before, after):
        return Strictness.TIGHTER if after is None else Strictness.LOOSER
    if name == "enforce_from" and old.level == new.level:
        is_early = _is_enforced_as_early(new, old)
        return Strictness.TIGHTER if is_early else Strictness.LOOSER
    return Strictness.NEITHER


def has_direction(policy: Policy, name: str) -> bool:
    """Say whether one value of a key can be tighter than another."""
    field = type(policy).model_fields.get(name)
    return name in BindingKeys.model_fields if field is None else direction(field) is not None


def declared(field: FieldInfo) -> Iterator[Any]:
    """Yield what `Annotated` says of a field, of the parts of a union too."""
    yield from field.metadata
    for part in get_args(field.annotation):
        yield from getattr(part, "__metadata__", ())


def _is_tighter(way: Tighter, field: FieldInfo, old: Any, new: Any) -> bool:
    """Say whether a value is tighter; what cannot be compared is not."""
    if old is None or new is None:
        return old is None
    try:
        if isinstance(old, Mapping) and way in {Tighter.LOWER, Tighter.HIGHER}:
            return all(k in new and _is_tighter(way, field, old[k], new[k]) for k in old)
        if way in {Tighter.LOWER, Tighter.HIGHER}:
            one, other = _numbers(field, old, new)
            return bool(other <= one if way is Tighter.LOWER else other >= one)
        if way in {Tighter.FEWER, Tighter.MORE}:
            one, other = _entries(old), _entries(new)
            return bool(other <= one if way is Tighter.FEWER else other >= one)
    except (TypeError, ValueError):
        return False
    return new is (way is Tighter.ON)


def _numbers(field: FieldInfo, old: Any, new: Any) -> tuple[Any, Any]:
    """Return two values as numbers of one unit; a word of a `Literal` counts by its place.

    Raises:
        ValueError: If their units differ.
    """
    for annotation in (field.annotation, *get_args(field.annotation)):
        if get_origin(annotation) is Literal:
            words = get_args(annotation)
            return words.index(old), words.index(new)
    kinds: tuple[tuple[type, str, str], ...] = (
        (Money, "currency", "amount"),
        (Rate, "currency", "per_hour"),
        (Margin, "in_points", "amount"),
    )
    for kind, unit, amount in kinds:
        if isinstance(old, kind):
            if getattr(old, unit) != getattr(new, unit):
                raise ValueError("other units")
            return getattr(old, amount), getattr(new, amount)
    return old, new


def _entries(value: Any) -> Any:
    return set(value.items()) if isinstance(value, Mapping) else set(value)
