"""What a test shows at an alpha: more than a difference, less than it, at least as much."""

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import NamedTuple

from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.tested import Tested
from policy_engine.policy import Finding, Outcome, part
from policy_engine.statistics import (
    Decision,
    holm,
    is_less_than_a_row,
    non_inferiority,
    non_inferiority_of_counts,
    superiority,
    superiority_of_counts,
)

POWER = 0.8
"""The chance with which a difference that the rows could show is shown."""


def is_under_a_row(tested: Tested, difference: float) -> bool:
    """Say whether a difference is smaller than one of the rows that were counted."""
    return isinstance(tested, Counts) and is_less_than_a_row(difference, tested.n)


def is_above(tested: Tested, difference: float, alpha: float) -> bool:
    """Say whether the gain is shown to exceed a difference of 0 or more."""
    return _superiority(tested, difference, alpha) is Decision.SHOWN


def is_below(tested: Tested, difference: float, alpha: float) -> bool:
    """Say whether the gain is shown to be less than a difference of 0 or more."""
    return _superiority(tested, difference, alpha) is Decision.OPPOSITE


def _superiority(tested: Tested, difference: float, alpha: float) -> Decision:
    if isinstance(tested, Counts):
        wins, losses, n = tested.wins, tested.losses, tested.n
        return superiority_of_counts(wins, losses, n, alpha=alpha, min_effect=difference)
    return superiority(tested.bounds(alpha), difference)


def is_no_worse(tested: Tested, margin: float, alpha: float) -> bool:
    """Say whether the gain is shown to be no lower than `-margin`, a margin of 0 or more."""
    if isinstance(tested, Counts):
        wins, losses, n = tested.wins, tested.losses, tested.n
        found = non_inferiority_of_counts(wins, losses, n, alpha=alpha, margin=margin)
    else:
        found = non_inferiority(tested.bounds(alpha), margin)
    return found is Decision.SHOWN


def p_below(tested: Tested, difference: float) -> float:
    """Return the p-value that the gain is at least a difference of 0 or more."""
    return tested.p_below(0.0 if is_under_a_row(tested, difference) else difference)


def detectable(tested: Tested, alpha: float, beyond: float = 0.0) -> float:
    """Return the true difference that a test at alpha would see 4 times in 5.

    Args:
        tested: What is there.
        alpha: The one-sided error.
        beyond: What the observed difference has to exceed as well (the metric's units).

    Returns:
        The difference, in the metric's units.
    """
    normal = NormalDist()
    factor = normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)
    error = tested.standard_error
    if isinstance(tested, Counts):
        # To lose d, a model has to differ on d of the rows: error² >= d/n, though fewer differ now.
        error = max(error, factor / tested.n)
    return max(factor * error, beyond + normal.inv_cdf(POWER) * error)


class Harm(NamedTuple):
    """One of several tests, any of which can fail a binding.

    Attributes:
        p: Its p-value by Holm's correction: compare it with the alpha of them all.
        share: The share of alpha that its own p-value is held against.
        tests: How many can fail the binding (count).
    """

    p: float
    share: float
    tests: int = 1

    @property
    def said(self) -> str:
        """Whose level the share of alpha is, where there are several tests."""
        return f"; that alpha is Holm's over {self.tests} tests" if self.tests > 1 else ""


def harms(p_values: Sequence[float], alpha: float) -> list[Harm]:
    """Return Holm's word on each of the tests that can fail one binding."""
    return [Harm(each.p, each.alpha / alpha, len(p_values)) for each in holm(p_values, alpha)]


def tested_or_found(name: str | None, find: Callable[[], Tested | Finding]) -> Tested | Finding:
    """Return what `find` does; where there are parts, evidence that is not a value is a finding."""
    if name is None:
        return find()
    tested: list[Tested] = []

    def judge() -> Finding:
        found = find()
        if isinstance(found, Finding):
            return found
        tested.append(found)
        return Finding(outcome=Outcome.INCONCLUSIVE, message="tested")

    finding = part(name, judge)
    return tested[0] if tested else finding
