"""How often a verdict was reached in a world whose truth is known."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
RESAMPLES = 1_000
"""Resamples of a bootstrap: ten times fewer than in a check, which costs accuracy, not truth."""

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a verdict was reached.

    Attributes:
        world: What is true.
        verdict: Which verdict was counted.
        rate: Its share of the trials.
        trials: How many.
        at_most: The error that theory allows, for a false verdict of ours; else None.
        theory: The power that theory gives, for a true verdict of ours; else None.
        said: What our documentation quotes; else None.
    """

    world: str
    verdict: str
    rate: float
    trials: int
    at_most: float | None = None
    theory: float | None = None
    said: float | None = None

    @property
    def error(self) -> float:
        """The simulation's standard error, never 0: as of one more case of each kind."""
        share = (self.rate * self.trials + 1) / (self.trials + 2)
        return math.sqrt(share * (1 - share) / self.trials)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world, or several of a kind.

    Attributes:
        name: A heading.
        run: From a number of trials and a generator to the rates.
        cost: How many times dearer a trial is than the cheapest.
    """

    name: str
    run: Callable[[int, Random], Iterator[Rate]]
    cost: int = 1


def rates(scenario: Scenario, trials: int, seed: int = 20_261_122) -> list[Rate]:
    """Return the scenario's rates; the same seed and trials give the same."""
    return list(scenario.run(max(1, trials // scenario.cost), np.random.default_rng(seed)))
