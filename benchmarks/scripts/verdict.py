"""The six comparisons as a script makes them, in floats, and one line to print."""

import json
from typing import NamedTuple

PRICE_PER_HOUR = 0.50  # USD
MAX_SIZE = 200_000_000  # bytes
GROWTH_FROM = 10_000  # bytes


class Run(NamedTuple):
    """What is read of a run. Sizes are in bytes, times in seconds."""

    name: str
    experiment: str
    status: str
    lifecycle: str
    accuracy: float
    seconds: float
    model_status: str
    size: int
    logged_size: int
    flavors: tuple[str, ...]

    @property
    def cost(self) -> float:
        """What training cost (USD)."""
        return self.seconds / 3600 * PRICE_PER_HOUR


def passed(candidate: Run, baseline: Run) -> dict[str, bool]:
    """Return which policies a candidate passes."""
    size = max(candidate.size, candidate.logged_size)
    before = max(baseline.size, baseline.logged_size)
    points = (candidate.accuracy - baseline.accuracy) * 100
    old_cost = baseline.cost
    dearer = candidate.cost - old_cost
    return {
        "run-finished": candidate.status == "FINISHED"
        and candidate.lifecycle == "active"
        and candidate.model_status == "READY",
        "baseline-logged": baseline.status == "FINISHED" and baseline.lifecycle == "active",
        "model-size-budget": size <= MAX_SIZE and (size < GROWTH_FROM or size <= 1.1 * before),
        "min-useful-gain": points >= 0.5,
        "cost-per-point": dearer <= max(0.25 * old_cost, 1)
        or (points > 0 and dearer / points <= 5),
        "metric-threshold": candidate.accuracy >= 0.9,
    }


def line(candidate: Run, baseline: Run) -> str:
    """Return the verdict and its numbers as one line of JSON."""
    refused = [policy for policy, holds in passed(candidate, baseline).items() if not holds]
    numbers = {
        "verdict": "fail" if refused else "pass",
        "refused": refused,
        "candidate": candidate.name,
        "baseline": baseline.name,
        "experiment": candidate.experiment,
        "accuracy": candidate.accuracy,
        "points": (candidate.accuracy - baseline.accuracy) * 100,
        "size": candidate.size,
        "baseline_size": baseline.size,
        "cost": candidate.cost,
        "baseline_cost": baseline.cost,
    }
    return json.dumps(numbers)
