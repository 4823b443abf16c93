"""Values of a policy file as YAML in one line."""

from typing import Any

import yaml

from policy_engine.source.yaml_source import MappingNode, Node, SequenceNode


def flow_of(node: Node) -> str:
    """Return a value in one line: a plain text as it was written, all else as YAML has it."""
    if isinstance(node, MappingNode):
        inner = (f"{dumped(key)}: {flow_of(item.node)}" for key, item in node.items.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(node, SequenceNode):
        return f"[{', '.join(map(flow_of, node.nodes))}]"
    return node.text if node.plain and not isinstance(node.value, str) else dumped(node.value)


def dumped(value: Any) -> str:
    """Return a value as YAML in one line; none is `off`."""
    if value is None:
        return "off"
    flow: str = yaml.safe_dump(
        [value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return flow.strip()[1:-1]
