"""`baseline:` of a policy file: rules, tried in order, each with one key."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic.fields import FieldInfo

from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import example_of
from policy_engine.policy_file.keys import FileKeys
from policy_engine.policy_file.reading import read_value
from policy_engine.policy_file.shapes import NodePlace, wrote
from policy_engine.source.problems import Problems, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode


@dataclass(frozen=True, slots=True)
class KnownRules:
    """The baseline rules that a policy file may name.

    Attributes:
        built_in: What is written behind each, by its key.
        any_other: Whether one that is not built in may be a plugin's.
    """

    built_in: Mapping[str, FieldInfo]
    any_other: bool = True


ANY_RULE = KnownRules({})
"""Whatever a rule is called, whoever loads it will know it."""


def read_baseline(item: Item, problems: Problems, known: KnownRules) -> tuple[dict[str, Any], ...]:
    """Return the baseline rules in order.

    Args:
        item: What is written.
        problems: Where problems go.
        known: The rules that there are.
    """
    place = NodePlace(item.node, "baseline", problems)
    places = shapes.sequence(place, example_of("baseline", FileKeys.model_fields["baseline"]))
    if places is not None and not places:
        place.wrong("the list is empty", "write a rule such as `- alias: champion`")
    rules = (_rule(each, known) for each in places or ())
    return tuple(rule for rule in rules if rule is not None)


def _rule(place: NodePlace, known: KnownRules) -> dict[str, Any] | None:
    node = place.node
    if not isinstance(node, MappingNode) or len(node.items) != 1:
        what = "several keys" if isinstance(node, MappingNode) and node.items else wrote(node)
        remedy = "begin each rule with its own `-`, such as `- alias: champion`"
        place.wrong(f"expected a rule with one key, got {what}", remedy)
        return None
    ((kind, item),) = node.items.items()
    inner = place.of(kind, item)
    if kind in known.built_in:
        read_value(inner, kind, known.built_in[kind])
    elif known.any_other:
        _plain_json(inner.node, inner.key, inner.problems)
    else:
        remedy = near_or_all(kind, known.built_in, "built in are")
        place.problems.add(item.at, place.key, f"no loaded plugin knows the rule '{kind}'", remedy)
    return {kind: item.node.data}


def _plain_json(node: Node, key: str, problems: Problems) -> None:
    """Note dates: a rule is kept in reports, which are JSON."""
    if isinstance(node, ScalarNode):
        if isinstance(node.value, date):
            NodePlace(node, key, problems).wrong(*shapes.not_text(node))
    elif isinstance(node, SequenceNode):
        for index, inner in enumerate(node.nodes):
            _plain_json(inner, f"{key}[{index}]", problems)
    else:
        for name, item in node.items.items():
            _plain_json(item.node, f"{key}.{name}", problems)
