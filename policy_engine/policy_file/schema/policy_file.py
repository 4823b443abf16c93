"""The schema of a policy file and of `waivers.yaml`."""

from collections.abc import Iterable, Mapping

from policy_engine.policy_file.baseline import KnownRules
from policy_engine.policy_file.keys import ID, FileKeys, WaiversFile
from policy_engine.policy_file.offers import Offered
from policy_engine.policy_file.schema import bindings
from policy_engine.policy_file.schema.drawing import Json, document, of_field


def policy_file_schema(
    policies: Mapping[str, Offered], packs: Iterable[str], rules: KnownRules
) -> Json:
    """Return the JSON Schema of a policy file.

    Args:
        policies: The policies that plugins offer, by name.
        packs: The names of the packs that they offer.
        rules: The baseline rules that there are.
    """
    kinds = {name: each.policy for name, each in policies.items()}
    made = document("Policy file", FileKeys)
    properties = made["properties"]
    properties["extends"]["items"] = {
        "anyOf": [{"enum": sorted(packs)}, {"type": "string", "pattern": r"^[^/\\]+\.ya?ml$"}]
    }
    properties["policies"] |= bindings.policies(kinds)
    properties["profiles"] |= {
        "propertyNames": {"pattern": f"^{ID}$"},
        "additionalProperties": {"type": "object", **bindings.policies(kinds)},
    }
    properties["baseline"]["items"] = {
        "type": "object",
        "description": "One rule, with one key.",
        "properties": {key: of_field(value) for key, value in rules.built_in.items()},
        "additionalProperties": rules.any_other,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {
        **made,
        "if": {"not": {"required": ["extends"]}},
        "then": {"properties": {"policies": bindings.complete(kinds)}},
        "$defs": bindings.definitions(policies),
    }


def waivers_schema() -> Json:
    """Return the JSON Schema of a `waivers.yaml`."""
    return document("Waivers", WaiversFile)
