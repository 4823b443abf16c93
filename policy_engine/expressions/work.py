"""How much work an expression is on one case, counted before it is done.

The library cannot be interrupted, and a training run can log any number of metrics. So the steps
are counted first: nodes of the tree, times the entries that each macro goes over. The library
copies what a name leads to each time it meets the name, entry by entry: that is counted as well.
"""

import re
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

MOST_STEPS = 3_000_000
"""Steps of one evaluation; a step takes 0.05 to 0.5 microseconds."""
_STEP_OF_TEXT = 1000  # characters that are copied or searched in one step
_PER_PATTERN_CHARACTER = 100  # a pattern is compiled again at each use
_PER_CLASS = 2000  # a class such as \w is a table of all of Unicode
_CLASS = re.compile(r"\\[wWdDsSbBpP]|\(\?")


def steps(node: Node, values: Mapping[str, Any]) -> int:
    """Return how many steps the expression takes at most on these values."""
    return _Counter(values).steps(node)


class _Counter:
    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = dict(values)
        self._weights: dict[int, int] = {}  # by identity,
        self._kept: list[Any] = []  # which holds while the value does

    def steps(self, node: Node) -> int:
        if isinstance(node, Call) and node.target is not None and len(node.arguments) > 1:
            return self._macro(node, node.target)
        count = 1 + sum(self.steps(inner) for inner in inner_nodes(node))
        if isinstance(node, (Name, Member, Index)):
            count += self._weight(self._value(node))
        if isinstance(node, Operation) and node.sign == "in":
            count += len(self._largest(node.operands[1]))
        if isinstance(node, Call) and node.function == "matches":
            count += _pattern(node)
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

    def _weight(self, value: Any) -> int:
        """Return the steps that it takes to copy a value."""
        if isinstance(value, str):
            return len(value) // _STEP_OF_TEXT
        if not isinstance(value, (dict, list)):
            return 0
        known = self._weights.get(id(value))
        if known is None:
            inner = value.values() if isinstance(value, dict) else value
            known = len(value) + sum(map(self._weight, inner))
            self._weights[id(value)] = known
            self._kept.append(value)
        return known

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


def _pattern(node: Call) -> int:
    (pattern,) = node.arguments
    text = str(pattern.value) if isinstance(pattern, Literal) else ""
    return _PER_PATTERN_CHARACTER * len(text) + _PER_CLASS * len(_CLASS.findall(text))


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
            if isinstance(value, (dict, list, str)) and len(value) >= len(hull.get(key, ())):
                hull[key] = value
    return hull
