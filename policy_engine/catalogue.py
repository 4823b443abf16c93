"""What people read about policies and plugins: `list`, `explain`, `plugins`, and the docs."""

import difflib
import inspect
import types
import typing
from collections.abc import Iterable, Mapping

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from tabulate import tabulate

from policy_engine.errors import UsageError
from policy_engine.plugins import Loaded
from policy_engine.policy import Policy
from policy_engine.policy_file import Offered


def listing(policies: Mapping[str, Offered]) -> str:
    """Return every policy with its plugin and what is true of a model that passes."""
    rows = [(name, each.plugin, _summary(each.policy)) for name, each in policies.items()]
    return tabulate(
        rows, headers=("policy", "plugin", "a model that passes"), disable_numparse=True
    )


def explain(name: str, policies: Mapping[str, Offered]) -> str:
    """Return all that there is to know about one policy.

    Raises:
        UsageError: If there is no such policy.
    """
    if name not in policies:
        near = difflib.get_close_matches(name, policies, n=1)
        hint = f"did you mean {near[0]}?" if near else "`policy-engine list` names them all"
        raise UsageError(f"there is no policy '{name}'; {hint}")
    policy = policies[name].policy
    settings = [
        (setting, _kind(field), _default(field), field.description or "")
        for setting, field in policy.model_fields.items()
    ]
    parts = [
        f"{name} (plugin {policies[name].plugin})",
        inspect.getdoc(policy) or "",
        f"Reads: {', '.join(('run', *policy.needs.names))}",
        "Settings:\n"
        + tabulate(
            settings,
            headers=("setting", "kind", "default", "meaning"),
            disable_numparse=True,
            maxcolwidths=[None, 24, 16, 60],
        )
        if settings
        else "It has no settings.",
    ]
    return "\n\n".join(parts)


def plugin_table(loaded: Iterable[Loaded], installed: Mapping[str, str]) -> str:
    """Return the loaded plugins with their hooks, and those that wait to be named.

    Args:
        loaded: The plugins that take part.
        installed: Version by distribution of all that offer plugins.
    """
    loaded = list(loaded)
    rows = [(p.name, p.version, ", ".join(p.hooks)) for p in loaded]
    table = tabulate(rows, headers=("plugin", "version", "hooks"), disable_numparse=True)
    taking_part = {p.distribution for p in loaded}
    idle = [f"{name} {version}" for name, version in installed.items() if name not in taking_part]
    if not idle:
        return table
    how = "Installed, and loaded only when a policy file names them under `plugins:`"
    return f"{table}\n\n{how}: {', '.join(idle)}"


def _summary(policy: type[Policy]) -> str:
    return (inspect.getdoc(policy) or "").partition("\n")[0]


def _kind(field: FieldInfo) -> str:
    """Return a setting's type as the policy file's writer knows it."""
    names = [_name(part, field) for part in _parts(field.annotation) if part is not type(None)]
    return " | ".join(dict.fromkeys(names))


_KINDS = {
    "Decimal": "number",
    "int": "whole number",
    "str": "text",
    "Money": "money",
    "Rate": "price",
    "Margin": "distance",
    "bool": "true | false",
}


def _parts(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return typing.get_args(annotation)
    return (annotation,)


def _name(annotation: object, field: FieldInfo) -> str:
    if typing.get_origin(annotation) is typing.Literal:
        return " | ".join(map(str, typing.get_args(annotation)))
    if typing.get_origin(annotation) is typing.Annotated:
        return _name(typing.get_args(annotation)[0], field)
    name = getattr(annotation, "__name__", str(annotation))
    return _KINDS.get(name, name)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.is_required() else ""
    return "off" if field.default is None else str(field.default)
