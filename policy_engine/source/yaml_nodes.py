"""Values out of YAML that remember where they stand and how they were written."""

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from policy_engine.source.problems import Spot

Scalar = str | int | float | bool | date | None


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value. `text` is what the user wrote; `plain` tells that it was not quoted."""

    at: Spot
    value: Scalar
    text: str
    plain: bool
    size: int = 1
    height: int = 0

    @property
    def data(self) -> Any:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list. `size` counts its values at all levels, `height` its levels."""

    at: Spot
    nodes: tuple["Node", ...]
    size: int
    height: int

    @property
    def data(self) -> Any:
        """The list, as plain Python values."""
        return [node.data for node in self.nodes]


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping from text. `size` counts its values at all levels, `height` its levels."""

    at: Spot
    items: dict[str, "Item"]
    size: int
    height: int

    @property
    def data(self) -> Any:
        """The mapping, as plain Python values."""
        return {key: item.node.data for key, item in self.items.items()}


Node = ScalarNode | SequenceNode | MappingNode


class Item(NamedTuple):
    """A key's place and its value."""

    at: Spot
    node: Node


@dataclass(frozen=True, slots=True)
class Located:
    """The content of one file, with places by path (`("policies", "eu-latency", "max")`)."""

    root: Node

    @property
    def data(self) -> Any:
        """The content, as plain Python values."""
        return self.root.data

    def value_at(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of a value. Raises KeyError if there is none."""
        return self._item(path).node.at[1:]

    def key_at(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Return line and column of a key (of the value, in a list). Raises as `value_at`."""
        return self._item(path).at[1:]

    def text_at(self, path: tuple[str | int, ...]) -> str | None:
        """Return a value as it was written; None for a list or mapping. Raises as `value_at`."""
        node = self._item(path).node
        return node.text if isinstance(node, ScalarNode) else None

    def _item(self, path: tuple[str | int, ...]) -> Item:
        item = Item(self.root.at, self.root)
        for part in path:
            node = item.node
            if isinstance(node, MappingNode) and isinstance(part, str) and part in node.items:
                item = node.items[part]
            elif isinstance(node, SequenceNode) and part in range(len(node.nodes)):
                inner = node.nodes[int(part)]
                item = Item(inner.at, inner)
            else:
                raise KeyError(path)
        return item
