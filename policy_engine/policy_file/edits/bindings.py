"""Edits of bindings: one that is gone or new, and each setting that has another value."""

from collections.abc import Iterator
from typing import Any

from policy_engine.policy_file.bindings import Binding
from policy_engine.policy_file.edits.sides import Pair, Side, cut, shown
from policy_engine.policy_file.keys import BindingKeys
from policy_engine.policy_file.one_line import dumped
from policy_engine.policy_file.setting_kinds import written
from policy_engine.policy_file.tightening import strictness_of, strictness_of_key
from policy_engine.report import Edit, Strictness, Where


def binding_edits(pair: Pair) -> Iterator[Edit]:
    """Yield what became of each binding of a file."""
    old = {binding.id: binding for binding in pair.old.file.bindings}
    new = {binding.id: binding for binding in pair.new.file.bindings}
    for id_ in dict.fromkeys((*old, *new)):
        if id_ not in new:
            off = pair.new.draft.unbound.get(id_)
            where = Where(off.node.at.file, off.node.at.line) if off else None
            yield removed(old[id_], pair.old, pair.new.file.path, where)
        elif id_ not in old:
            yield added(new[id_], pair.new)
        else:
            yield from _changed(old[id_], new[id_], pair)


def removed(binding: Binding, side: Side, path: str, where: Where | None = None) -> Edit:
    """Return the edit that binds something no more: it stops nothing then."""
    return Edit(
        policy_file=path,
        key=f"policies.{binding.id}",
        change="removed",
        strictness=Strictness.LOOSER,
        level=binding.keys.level,
        before=_settings(binding, side),
        after=None,
        was=binding.where,
        where=where,
    )


def added(binding: Binding, side: Side) -> Edit:
    """Return the edit that binds something more."""
    return Edit(
        policy_file=side.file.path,
        key=f"policies.{binding.id}",
        change="added",
        strictness=Strictness.TIGHTER,
        level=binding.keys.level,
        before=None,
        after=_settings(binding, side),
        was=None,
        where=binding.where,
    )


def _settings(binding: Binding, side: Side) -> str:
    """Return what a binding says, in one line."""
    items = side.draft.bindings[binding.id].settings.items()
    return cut(f"{{{', '.join(f'{name}: {shown(item.node)}' for name, item in items)}}}")


def _changed(old: Binding, new: Binding, pair: Pair) -> Iterator[Edit]:
    if old.policy_name != new.policy_name:
        yield _edit("policy", Strictness.NEITHER, old, new, pair)
    else:
        for name, field in type(new.policy).model_fields.items():
            before, after = getattr(old.policy, name), getattr(new.policy, name)
            if type(before) is not type(after) or before != after:
                yield _edit(name, strictness_of(field, before, after), old, new, pair)
    for name in BindingKeys.model_fields:
        # `why` judges nothing, and `policy` is compared above.
        if name not in {"why", "policy"} and getattr(old.keys, name) != getattr(new.keys, name):
            yield _edit(name, strictness_of_key(name, old.keys, new.keys), old, new, pair)


def _edit(name: str, strictness: Strictness, old: Binding, new: Binding, pair: Pair) -> Edit:
    before, was = _said(name, old, pair.old)
    after, where = _said(name, new, pair.new)
    return Edit(
        policy_file=pair.new.file.path,
        key=f"policies.{new.id}.{name}",
        change="changed",
        strictness=strictness,
        level=old.keys.level,
        before=before,
        after=after,
        was=was,
        where=where,
    )


def _said(name: str, binding: Binding, side: Side) -> tuple[str, Where]:
    """Return a setting as it is written, and where; else its default, and where the binding is."""
    item = side.draft.bindings[binding.id].settings.get(name)
    if item is not None:
        return shown(item.node), side.where(item.at, binding.where)
    return f"{cut(dumped(_default(name, binding)))} (default)", binding.where


def _default(name: str, binding: Binding) -> Any:
    field = type(binding.policy).model_fields.get(name)
    if field is not None:
        return written(field, getattr(binding.policy, name))
    if name == "policy":
        return binding.policy_name
    value = getattr(binding.keys, name)
    return value if value is None else str(value)
