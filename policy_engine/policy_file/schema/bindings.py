"""The schema of bindings: a policy's settings, and the keys that the engine reads itself."""

from collections.abc import Mapping

from policy_engine.policy import Policy
from policy_engine.policy_file.declaring import meaning
from policy_engine.policy_file.keys import ID, BindingKeys
from policy_engine.policy_file.offers import Offered
from policy_engine.policy_file.schema.drawing import OFF, Json, of_keys
from policy_engine.policy_file.schema.settings import properties_of, required_of, summary_of

_NAMES_POLICY = meaning(BindingKeys.model_fields["policy"])


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
        "propertyNames": {"pattern": f"^{ID}$"},
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in kinds},
        "additionalProperties": {"$ref": "#/$defs/own id"},
    }


def complete(kinds: Mapping[str, type[Policy]]) -> Json:
    """Return what holds besides where nothing lies beneath: what is needed is said here."""
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
    settings = {
        "type": "object",
        "description": summary_of(policy, plugin),
        "properties": {
            **properties,
            "policy": {"const": name, "description": _NAMES_POLICY},
            **engine,
        },
        "additionalProperties": False,
    }
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
                "properties": {"policy": {"enum": list(kinds), "description": _NAMES_POLICY}},
                "allOf": named,
            },
            "else": {"$ref": "#/$defs/on or off"},
        },
    }


def _engine_keys() -> Json:
    """Return the keys of a binding that the engine reads itself, but for the policy's name."""
    made: Json = of_keys(BindingKeys)["properties"]
    del made["policy"]
    return made
