"""The gain of a recipe over seeds: Welch's t, or the paired t where the seeds are equal."""

import math
from dataclasses import dataclass
from typing import Literal

from mlops_policies.comparing.seeds import Recipe, recipe_of
from mlops_policies.comparing.tested import LOG_ROWS, Untested
from policy_engine.evidence import Metric, Run
from policy_engine.quantities import exact, show
from policy_engine.statistics import MeanTest, TwoBounds, VaryingSeeds, paired_t, welch_t


@dataclass(frozen=True, slots=True)
class Seeds:
    """Two recipes, each trained with several seeds."""

    mean: MeanTest
    goal: Literal["maximize", "minimize"]
    candidate: Recipe
    baseline: Recipe
    is_paired: bool

    @property
    def gain(self) -> float:
        """The gain in the mean over seeds."""
        return self.mean.estimate

    @property
    def after(self) -> float:
        """The candidate recipe's mean."""
        return self.candidate.mean

    @property
    def before(self) -> float:
        """The baseline recipe's mean."""
        return self.baseline.mean

    @property
    def where(self) -> str:
        """The seeds of both recipes."""
        mine, theirs = len(self.candidate.values), len(self.baseline.values)
        return f"the means over {mine} and {theirs} seeds (the recipe, on this test set)"

    @property
    def standard_error(self) -> float:
        """Of the difference of means."""
        return self.mean.standard_error

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the bounds by Student's t."""
        return self.mean.bounds(alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return the t test's p."""
        return self.mean.p_above(difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the opposite test's p."""
        return self.mean.p_below(difference)

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same test for any)
        """Return the test, its standard error and its degrees of freedom."""
        name = "paired t over equal seeds" if self.is_paired else "Welch's t"
        error, degrees = self.mean.standard_error, self.mean.degrees
        if not self.mean.decides:
            return f"{name}, nothing varies over the seeds"
        return (
            f"{name}, standard error {show(exact(error), '')}, "
            f"{show(exact(degrees), '')} degrees of freedom"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the seeds a side."""
        return self.spread.needed(delta, alpha), self.spread.have, self.spread.what

    @property
    def doubt(self) -> str:
        """Seeds tell of training, and not of rows."""
        return "; this is about the chance of seeds on this test set: other rows are not tested"

    @property
    def spread(self) -> VaryingSeeds:
        """The standard deviation of each side, if both are equal: se² = sd²(1/m + 1/n)."""
        sizes = len(self.candidate.values), len(self.baseline.values)
        deviation = self.standard_error / math.sqrt(1 / sizes[0] + 1 / sizes[1])
        return VaryingSeeds(deviation, min(sizes))

    @property
    def more(self) -> str:
        """Train with more seeds."""
        return "train both with more seeds"


def by_seeds(candidate: Run, baseline: Run, metric: Metric, min_seeds: int) -> Seeds | Untested:
    """Return the gain in the logged metric over the seeds of both recipes; or why there is none.

    Raises:
        UnreadableEvidence: If the repeats could not be read.
    """
    mine, theirs = recipe_of(candidate, metric), recipe_of(baseline, metric)
    for recipe in (mine, theirs):
        if recipe.lost and len(recipe.values) >= min_seeds:
            return Untested(
                f"{recipe.lost} of the {len(recipe.values) + recipe.lost} seeds of the "
                f"{recipe.role} have no {metric.name} (failed, killed or not finished): leaving "
                "them out might hide bad ones",
                "train these seeds again, to the end, with the same commit and parameters",
            )
    have = len(mine.values), len(theirs.values)
    if min(have) < max(min_seeds, 2):
        return Untested(
            f"{have[0]} and {have[1]} seeds are there, under {min_seeds} a side",
            f"{LOG_ROWS}; or train both with at least {min_seeds} seeds, all of them logged",
        )
    sign = 1 if metric.goal == "maximize" else -1
    paired = mine.seeds is not None and mine.seeds == theirs.seeds
    sides = [[sign * value for value in recipe.values] for recipe in (mine, theirs)]
    test = paired_t(*sides) if paired else welch_t(*sides)
    return Seeds(test, metric.goal, mine, theirs, paired)
