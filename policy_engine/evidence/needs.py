"""The kinds of evidence that a policy can declare."""

from collections.abc import Iterable
from enum import Flag, auto
from typing import cast

from policy_engine.evidence.record import NeedName


class Needs(Flag):
    """The kinds of evidence that a policy reads; `RUN` is always read."""

    RUN = auto()
    MODEL = auto()
    FILES = auto()
    REGISTRY = auto()
    DATASETS = auto()
    PREDICTIONS = auto()
    IMPORTANCE = auto()
    METRIC_HISTORY = auto()
    REPEATS = auto()
    CHILDREN = auto()
    BASELINE = auto()
    HISTORY = auto()
    LATER = auto()
    CHANGE = auto()
    TRACES = auto()

    @property
    def names(self) -> tuple[NeedName, ...]:
        """The needs as the evidence file writes them: lower case, sorted, without `run`."""
        named = sorted(n.name.lower() for n in self if n.name and n is not Needs.RUN)
        return cast("tuple[NeedName, ...]", tuple(named))

    @classmethod
    def of(cls, names: Iterable[str]) -> "Needs":
        """Return the needs with these names (any case)."""
        needs = cls.RUN
        for name in names:
            needs |= cls[name.upper()]
        return needs
