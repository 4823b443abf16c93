"""The schema of a policy file and of `waivers.yaml`."""

from collections.abc import Iterable, Mapping

from policy_engine.policy_file.bindings import Offered
from policy_engine.policy_file.keys import FileKeys, WaiversFile
from policy_engine.policy_file.schema import bindings
from policy_engine.policy_file.schema.drawing import Json, document


def policy_file_schema(
    policies: Mapping[str, Offered], packs: Iterable[str], *, any_rule: bool = False
) -> Json:
    """Return the JSON Schema of a policy file.

    Args:
        policies: The policies that plugins offer, by name.
        packs: The names of the packs that they offer.
        any_rule: Whether a plugin resolves baseline rules of its own.
    """
    kinds = {name: each.policy for name, each in policies.items()}
    made = document("Policy file", FileKeys)
    properties = made["properties"]
    properties["extends"]["items"] = {
        "anyOf": [{"enum": sorted(packs)}, {"type": "string", "pattern": r"^[^/\\]+\.ya?ml$"}]
    }
    properties["policies"] |= bindings.policies(kinds)
    one_key = {"minProperties": 1, "maxProperties": 1, "additionalProperties": any_rule}
    properties["baseline"]["items"] |= one_key
    return {
        **made,
        "if": {"not": {"required": ["extends"]}},
        "then": {"properties": {"policies": bindings.complete(kinds)}},
        "$defs": bindings.definitions(policies),
    }


def waivers_schema() -> Json:
    """Return the JSON Schema of a `waivers.yaml`."""
    return document("Waivers", WaiversFile)
