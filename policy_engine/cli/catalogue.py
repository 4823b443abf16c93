"""What people read about policies and plugins: `list`, `explain`, `plugins`, and the docs.

All of it comes out of the policy class: its docstring, its settings, its needs. So no page can say
something else than the policy does.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from tabulate import tabulate

from policy_engine import quantities
from policy_engine.errors import UsageError
from policy_engine.evidence import Needs
from policy_engine.plugins import LoadedPlugins
from policy_engine.policy import Policy
from policy_engine.policy_file import Offered
from policy_engine.policy_file.setting_kinds import kinds_of
from policy_engine.policy_file.tightening import direction
from policy_engine.quantities.words import did_you_mean


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a policy, in words: its kind with an example, its default, its meaning."""

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Description:
    """All that there is to know about one policy.

    Attributes:
        name: The policy's name.
        plugin: The plugin that offers it.
        text: What is true of a model that passes, and why the policy exists.
        settings: In the order of the class.
        reads: The kinds of evidence.
        example: A policy file (YAML) that binds it, as small as its settings allow.
        logging: Python that leaves the evidence that it reads; None where `text` says it itself
            ("Log it: …").
    """

    name: str
    plugin: str
    text: str
    settings: tuple[Setting, ...]
    reads: tuple[str, ...]
    example: str
    logging: str | None


def policy_listing(policies: Mapping[str, Offered]) -> str:
    """Return every policy with its plugin and what is true of a model that passes."""
    rows = [(name, each.plugin, _summary(each.policy)) for name, each in policies.items()]
    return tabulate(
        rows, headers=("policy", "plugin", "a model that passes"), disable_numparse=True
    )


def describe(name: str, policies: Mapping[str, Offered]) -> Description:
    """Return what the policy's class says of it.

    Raises:
        UsageError: If there is no such policy.
    """
    if name not in policies:
        hint = did_you_mean(name, policies) or "`policy-engine list` names them all"
        raise UsageError(f"there is no policy '{name}'; {hint}")
    policy, plugin = policies[name].policy, policies[name].plugin
    return Description(
        name=name,
        plugin=plugin,
        text=inspect.getdoc(policy) or "",
        settings=tuple(_setting(*each) for each in policy.model_fields.items()),
        reads=("run", *policy.needs.names),
        example=_example(policy, policies[name].distribution),
        logging=_logging(policy),
    )


def explain_policy(name: str, policies: Mapping[str, Offered]) -> str:
    """Return all that there is to know about one policy, as text.

    Raises:
        UsageError: If there is no such policy.
    """
    known = describe(name, policies)
    parts = [
        f"{name} (plugin {known.plugin})",
        known.text,
        f"Settings:\n{_settings(known)}" if known.settings else "It has no settings.",
        f"Reads: {', '.join(known.reads)}",
        f"In a policy file:\n{_indented(known.example)}",
    ]
    if known.logging is not None:
        parts.append(f"How to log what it reads:\n{_indented(known.logging)}")
    return "\n\n".join(parts)


def _settings(known: Description) -> str:
    return tabulate(
        [(s.name, s.kind, s.default, s.meaning) for s in known.settings],
        headers=("setting", "kind", "default", "meaning"),
        disable_numparse=True,
        maxcolwidths=[None, 26, 16, 48],
    )


def plugin_table(loaded: Iterable[LoadedPlugins], installed: Mapping[str, str]) -> str:
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


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


_METRIC = "val_f1"
"""The metric of every example; a setting called `metric` names one."""


def _setting(name: str, field: FieldInfo) -> Setting:
    words = dict.fromkeys(kind.words for kind in kinds_of(field))
    return Setting(name, " or ".join(words), _default(field), _meaning(field))


def _meaning(field: FieldInfo) -> str:
    way = direction(field)
    said = field.description or ""
    return f"{said} {way.value.capitalize()} is tighter.".strip() if way else said


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return "off"
    if isinstance(value, bool):
        return str(value).lower()
    unit = next((kind.unit for kind in kinds_of(field)), "")
    if unit and isinstance(value, (int, Decimal)):
        return quantities.show(Decimal(value), unit)
    if isinstance(value, (tuple, list, set, frozenset)):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


# The example.


def _example(policy: type[Policy], distribution: str) -> str:
    """Return a policy file with the settings that are required, and more until they are valid."""
    values = _values(policy)
    file: dict[str, str] = {"version": "1"}
    if distribution:
        file["plugins"] = f"[{distribution}]"
    if _reads(policy, values) & Needs.BASELINE:
        file["metric"] = f"{{name: {_METRIC}, goal: maximize}}"
        file["baseline"] = "[{alias: champion}]"
    if "`prices:`" in _prose(policy):
        file["prices"] = "{default: 0.50 USD/h}"
    file["policies"] = f"\n  {policy.policy_name}: {_flow(values) if values else 'on'}"
    return "\n".join(f"{key}: {value}".replace(": \n", ":\n") for key, value in file.items())


def _values(policy: type[Policy]) -> dict[str, Any]:
    fields = policy.model_fields
    wanted = [name for name, field in fields.items() if field.is_required()]
    values = {name: _value(name, fields[name]) for name in wanted}
    for name, field in fields.items():
        if _is_valid(policy, values):
            break
        values.setdefault(name, _value(name, field))
    return values


def _value(name: str, field: FieldInfo) -> Any:
    if field.examples:
        return field.examples[0]
    example = next(kinds_of(field)).example
    return _METRIC if name == "metric" and example == "text" else example


def _is_valid(policy: type[Policy], values: Mapping[str, Any]) -> bool:
    try:
        policy.model_validate(dict(values))
    except ValidationError:
        return False
    return True


def _reads(policy: type[Policy], values: Mapping[str, Any]) -> Needs:
    if not _is_valid(policy, values):
        return policy.needs
    return policy.model_validate(dict(values)).reads()


def _flow(values: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(
        values, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.strip()


# How to log the evidence.

_NAMED = re.compile(r"\b(metric|tag|parameter) `([A-Za-z][\w.]*)`")
"""Evidence that a policy's docstring names: "the metric `cost.total`"."""

_NAMED_CALLS = {
    "metric": 'mlflow.log_metric("{}", value)',
    "tag": 'mlflow.set_tag("{}", "…")',
    "parameter": 'mlflow.log_param("{}", value)',
}

_ALIAS = (
    "\n# Once, for the run to beat: the version of the registered model that is in use.\n"
    'mlflow.MlflowClient().set_registered_model_alias("fraud", "champion", "3")'
)


def _logging(policy: type[Policy]) -> str | None:
    if "Log it:" in (policy.__doc__ or ""):
        return None
    named = dict.fromkeys(_NAMED.findall(_prose(policy)))
    calls = [f'mlflow.log_metric("{_METRIC}", value)  # the metric that counts']
    calls += [_NAMED_CALLS[kind].format(name) for kind, name in named]
    calls += [need.kind.log for need in policy.needs if need.kind.log is not None]
    lines = ["import mlflow", "", "with mlflow.start_run():", *(f"    {call}" for call in calls)]
    if policy.needs & (Needs.BASELINE | Needs.REGISTRY):
        lines += _ALIAS.split("\n")
    return "\n".join(lines)


def _prose(policy: type[Policy]) -> str:
    return " ".join((inspect.getdoc(policy) or "").split())
