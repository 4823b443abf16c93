"""The schema of bindings: a policy's settings, and the keys that the engine reads itself."""

from collections.abc import Mapping

from policy_engine.policy import Level, Policy
from policy_engine.policy_file import Offered
from policy_engine.schema.settings import properties_of, required_of, summary_of
from policy_engine.schema.words import DAY, OFF, Json, record, text

_ID = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def definitions(policies: Mapping[str, Offered]) -> Json:
    """Return what bindings refer to: each policy, an id of one's own, the engine's keys."""
    kinds = {name: each.policy for name, each in policies.items()}
    made: Json = {f"engine.{key}": schema for key, schema in _engine_keys().items()}
    made |= _by_policy(kinds)
    for name, policy in kinds.items():
        made |= _of_policy(policy, policies[name].plugin)
    return made


def policies(kinds: Mapping[str, type[Policy]]) -> Json:
    """Return the schema of `policies:`, whatever lies beneath."""
    return {
        "type": "object",
        "description": "The bindings: the name of a policy, or an id of your own with `policy:`.",
        "propertyNames": {"pattern": _ID},
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in kinds},
        "additionalProperties": {"$ref": "#/$defs/own id"},
    }


def complete(kinds: Mapping[str, type[Policy]]) -> Json:
    """Return what holds besides where nothing lies beneath: what is due is said here."""
    due = {name: required_of(policy) for name, policy in kinds.items()}
    return {
        "properties": {name: _complete(due[name]) for name in kinds},
        "patternProperties": {
            f"^(?!({'|'.join(kinds)})$)": {
                "type": "object",
                "required": ["policy"],
                "allOf": [
                    {"if": _names(name), "then": {"required": settings}}
                    for name, settings in due.items()
                    if settings
                ],
            }
        },
    }


def _complete(due: list[str]) -> Json:
    """Return what holds behind a policy's name: it is not off, and its settings are there."""
    if not due:
        return {"not": dict(OFF)}
    is_its_own = {"type": "object", "not": {"required": ["policy"]}}
    return {"if": is_its_own, "then": {"required": due}, "else": {"type": "object"}}


def _names(policy: str) -> Json:
    return {"properties": {"policy": {"const": policy}}, "required": ["policy"]}


def _of_policy(policy: type[Policy], plugin: str) -> Json:
    """Return a policy's settings, and what may stand behind its name."""
    name = policy.policy_name
    properties, inner = properties_of(policy)
    engine = {key: {"$ref": f"#/$defs/engine.{key}"} for key in _engine_keys()}
    settings = record(
        summary_of(policy, plugin),
        {
            **properties,
            "policy": {"const": name, "description": "Which policy this binds."},
            **engine,
        },
    )
    return {
        f"{name} settings": settings,
        name: {
            "description": settings["description"],
            "if": {"type": "object", "required": ["policy"]},
            "then": {"$ref": "#/$defs/own id"},
            "else": {
                "if": {"type": "object"},
                "then": {"$ref": f"#/$defs/{name} settings"},
                "else": {"$ref": "#/$defs/on or off"},
            },
        },
        **inner,
    }


def _by_policy(kinds: Mapping[str, type[Policy]]) -> Json:
    """Return what may stand behind an id of one's own: `policy:` tells whose settings they are."""
    named = [
        {
            "if": {
                "type": "object",
                "properties": {"policy": {"const": name}},
                "required": ["policy"],
            },
            "then": {"$ref": f"#/$defs/{name} settings"},
        }
        for name in kinds
    ]
    return {
        "on or off": {"enum": [True, False, "on", "off"]},
        "own id": {
            "description": "A policy bound under an id of your own.",
            "if": {"type": "object"},
            "then": {
                "properties": {
                    "policy": {"enum": list(kinds), "description": "Which policy this binds."}
                },
                "allOf": named,
            },
            "else": {"$ref": "#/$defs/on or off"},
        },
    }


def _engine_keys() -> Json:
    """Return the keys of a binding that the engine reads itself."""
    words = ["block", "warn", "skip"]
    return {
        "level": {
            "enum": [level.value for level in Level],
            "default": "overridable",
            "description": "What its findings may do to a merge.",
        },
        "enforce_from": {
            "anyOf": [{"type": "string", "format": "date", "pattern": DAY}, OFF],
            "description": "Advisory before that day (00:00 UTC), its level from then on.",
            "examples": ["2027-01-31"],
        },
        "when": text(
            "A condition in CEL; where it is false, the policy is not asked.",
            examples=['candidate.tags["region"] == "eu"'],
        ),
        "on_missing": {
            "enum": words,
            "default": "block",
            "description": "What a `missing` finding does.",
        },
        "on_inconclusive": {
            "enum": words,
            "default": "warn",
            "description": "What an `inconclusive` finding does.",
        },
        "why": text("Why the team binds it, for who reads the file."),
    }
