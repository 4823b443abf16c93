"""How likely a model that is no better reaches a gain, on rows that differ as these do."""

import math
from statistics import NormalDist
from typing import NamedTuple

from mlops_policies.comparing.comparison import Plan, compare_by_rows
from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.tested import Untested
from policy_engine.evidence import EvidenceError, Metric, Run
from policy_engine.quantities import exact, show
from policy_engine.statistics import mcnemar_exact

LIKELY = 0.05
"""The chance above which a gain may well be none."""
_RESAMPLES = 1_000
"""Enough for a standard error to two digits."""
_ROUNDING = 1e-9


class Luck(NamedTuple):
    """How likely an equal model gains so much, and that as a sentence's end."""

    chance: float = 0.0
    said: str = ""


def luck(candidate: Run, baseline: Run, metric: Metric, least: float) -> Luck:
    """Return how likely an equal model gains so much; nothing without rows.

    Args:
        candidate: One run.
        baseline: The other.
        metric: What is gained.
        least: The gain (the metric's units).
    """
    try:
        tested = compare_by_rows(candidate, baseline, metric, Plan(resamples=_RESAMPLES))
    except EvidenceError:  # whoever demands rows says what is wrong with them
        return Luck()
    if isinstance(tested, Untested) or not tested.standard_error > 0:
        return Luck()
    differ = ""
    if isinstance(tested, Counts):
        differ = f", {tested.wins + tested.losses:,} of them differ"
        chance = chance_by_counts(tested.wins + tested.losses, least * tested.n)
    else:
        chance = chance_by_error(tested.standard_error, least)
    beside = ": bind `significant-improvement` beside it" if chance > LIKELY else ""
    said = (
        f"; a model that is no better reaches this in {show(exact(round(chance, 2)), '%')} of "
        f"cases ({tested.where}{differ}){beside}"
    )
    return Luck(chance, said)


def chance_by_error(standard_error: float, least: float) -> float:
    """Return how likely an equal model gains so much, both in the metric's units."""
    return 1 - NormalDist().cdf(least / standard_error)


def chance_by_counts(differing: int, rows: float) -> float:
    """Return how likely an equal model alone is right on so many more of the rows that differ."""
    wins = max(math.ceil((differing + rows) / 2 - _ROUNDING), 0)
    return mcnemar_exact(wins, differing - wins) if wins <= differing else 0.0
