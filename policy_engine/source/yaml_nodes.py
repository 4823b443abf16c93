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
