"""How much work an expression is on one case, counted before it is done.

The library cannot be interrupted, and a training run can log any number of metrics. So the steps
are counted first: nodes of the tree, times the entries that each macro goes over.
"""

from collections.abc import Mapping
from typing import Any

from policy_engine.expressions.syntax import (
    Call,
    Entries,
    Index,
    Literal,
    Member,
    Name,
    Node,
    Operation,
)

MOST_STEPS = 1_000_000
"""Steps of one evaluation; a step takes 0.1 to 1 microsecond."""
_PER_PATTERN_CHARACTER = 200  # a pattern is compiled again at each use


def steps(node: Node, values: Mapping[str, Any]) -> int:
    """Return how many steps the expression takes at most on these values."""
    return _Counter(values).steps(node)


class _Counter:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = dict(values)

    def steps(self, node: Node) -> int:
        if isinstance(node, Call) and node.target is not None and len(node.arguments) > 1:
            return self._macro(node, node.target)
        count = 1 + sum(self.steps(inner) for inner in inner_nodes(node))
        if isinstance(node, Operation) and node.sign == "in":
            count += len(self._largest(node.operands[1]))
        if isinstance(node, Call) and node.function == "matches":
            (pattern,) = node.arguments
            text = str(pattern.value) if isinstance(pattern, Literal) else ""
            count += _PER_PATTERN_CHARACTER * len(text)
        return count

    def _macro(self, node: Call, target: Node) -> int:
        variable, body = node.arguments
        name = variable.name if isinstance(variable, Name) else ""
        over, count = self._largest(target), self.steps(target)
        # Entries differ in size, so the largest of each part stands for all of them.
        self._values[name] = _hull(over) if isinstance(over, list) else None
        count += len(over) * (1 + self.steps(body))
        del self._values[name]
        return count

    def _largest(self, node: Node) -> Any:
        """Return the collection that a node gives, or one that is at least as large."""
        found = self._value(node)
        return found if isinstance(found, (list, dict)) else []

    def _value(self, node: Node) -> Any:
        match node:
            case Name():
                return self._values.get(node.name)
            case Member():
                base = self._value(node.base)
                return base.get(node.name) if isinstance(base, dict) else None
            case Index():
                base = self._value(node.base)
                return _hull(base) if isinstance(base, list) else None
            case _:
                return self._list(node)

    def _list(self, node: Node) -> Any:
        if isinstance(node, Entries):
            return list(node.nodes)
        if isinstance(node, Call) and node.function == "filter" and node.target is not None:
            over = self._value(node.target)
            return over if isinstance(over, list) else list(over or ())
        if isinstance(node, Operation) and node.sign == "?:":
            return max(map(self._largest, node.operands[1:]), key=len)
        return None


def inner_nodes(node: Node) -> tuple[Node, ...]:
    """Return the nodes that a node is made of."""
    match node:
        case Member():
            return (node.base,)
        case Index():
            return (node.base, node.key)
        case Call():
            return ((node.target,) if node.target else ()) + node.arguments
        case Operation():
            return node.operands
        case Entries():
            return node.nodes
        case _:
            return ()


def _hull(entries: list[Any]) -> dict[str, Any]:
    """Return one entry whose collections are as large as the largest of all entries."""
    hull: dict[str, Any] = {}
    for entry in entries:
        for key, value in entry.items() if isinstance(entry, dict) else ():
            if isinstance(value, (dict, list)) and len(value) >= len(hull.get(key, ())):
                hull[key] = value
    return hull
