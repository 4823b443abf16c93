"""What an expression can name: four roots, their members, and what kind of value each is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """A single value; CEL's `bool`, `int`, `double`, `string`."""

    TRUTH = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Fields:
    """Members with fixed names."""

    what: str
    members: "Mapping[str, Type]"

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, slots=True)
class ListOf:
    """Entries of one kind."""

    of: "Type"

    def __str__(self) -> str:
        return "a list"


@dataclass(frozen=True, slots=True)
class MapOf:
    """Values of one kind by names that the evidence chooses."""

    of: Kind

    def __str__(self) -> str:
        return "a map"


Type = Kind | Fields | ListOf | MapOf

MAPS: Mapping[str, Kind] = MappingProxyType(
    {"metrics": Kind.NUMBER, "params": Kind.TEXT, "tags": Kind.TEXT}
)
"""The maps of a run: metrics are numbers; parameters and tags are texts, whatever they hold."""

MODEL = Fields(
    "a model",
    MappingProxyType(
        {
            "name": Kind.TEXT,
            "size": Kind.NUMBER,
            "flavors": ListOf(Kind.TEXT),
            "registered": Kind.TEXT,
            "version": Kind.TEXT,
        }
    ),
)
_FACTS: Mapping[str, Type] = {
    "run_id": Kind.TEXT,
    "run_name": Kind.TEXT,
    "experiment": Kind.TEXT,
    "status": Kind.TEXT,
    "duration_s": Kind.NUMBER,
    **{name: MapOf(kind) for name, kind in MAPS.items()},
}
RUN = Fields("a run", MappingProxyType({**_FACTS, "model": MODEL}))
EARLIER_RUN = Fields("an earlier run", MappingProxyType(_FACTS))
CHANGE = Fields(
    "the pull request",
    MappingProxyType(
        {
            "pull_request": Kind.WHOLE,
            "author": Kind.TEXT,
            "labels": ListOf(Kind.TEXT),
            "paths": ListOf(Kind.TEXT),
        }
    ),
)
ROOTS: Mapping[str, Type] = MappingProxyType(
    {"candidate": RUN, "baseline": RUN, "history": ListOf(EARLIER_RUN), "change": CHANGE}
)
"""What an expression may begin with."""
