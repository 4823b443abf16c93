"""The schema of a policy file."""

from collections.abc import Iterable, Mapping

from policy_engine.policy_file import Offered
from policy_engine.schema import bindings, sections
from policy_engine.schema.waivers import WAIVERS
from policy_engine.schema.words import DRAFT, Json, record


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
    beside = sections.sections(sorted(packs), any_rule=any_rule)
    return {
        "$schema": DRAFT,
        "title": "Policy file of policy-engine, version 1",
        **record(
            "Which policies judge which candidates, by which limits, against which baseline.",
            {**beside, "policies": bindings.policies(kinds), "waivers": WAIVERS},
            required=["version"],
        ),
        "if": {"not": {"required": ["extends"]}},
        "then": {"properties": {"policies": bindings.complete(kinds)}},
        "$defs": {**sections.quantities(), **bindings.definitions(policies)},
    }
