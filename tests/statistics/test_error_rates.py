"""Our verdicts keep their promises in worlds whose truth is known.

The scenarios of `docs/explanation/statistics.md`, ten times smaller. Everything is seeded: a
failure is a change in the code (or in NumPy's generators), not bad luck.
"""

from __future__ import annotations

import math
from functools import cache

import pytest

from benchmarks.rates import Rate, Scenario, rates
from benchmarks.scenarios import SCENARIOS

TRIALS = 4_000
LEFT_OUT = ("Large evaluation sets", "Long tails of classes", "Neglected classes")
"""Left to `make simulate`, as each takes a minute: their methods are tested elsewhere."""


def name(scenario: Scenario) -> str:
    return scenario.name


@pytest.fixture(scope="module", params=[s for s in SCENARIOS if s.name not in LEFT_OUT], ids=name)
def simulated(request: pytest.FixtureRequest) -> list[Rate]:
    return _simulated(request.param)


@cache  # tests in a random order ask for each of them twice
def _simulated(scenario: Scenario) -> list[Rate]:
    return rates(scenario, TRIALS)


def test_no_verdict_is_wrong_more_often_than_it_promises(simulated: list[Rate]) -> None:
    broken = [
        rate
        for rate in simulated
        if rate.at_most is not None
        and rate.rate
        > rate.at_most + 3 * math.sqrt(rate.at_most * (1 - rate.at_most) / rate.trials)
    ]
    assert broken == []


def test_a_true_difference_is_found_as_often_as_theory_gives(simulated: list[Rate]) -> None:
    """Exact McNemar may be up to 5 points below the formula, which is for many rows."""
    weak = [
        rate
        for rate in simulated
        if rate.theory is not None and abs(rate.rate - rate.theory) > 0.05 + 3 * rate.error
    ]
    assert weak == []


def test_the_figures_that_the_documentation_quotes_are_reproduced(simulated: list[Rate]) -> None:
    wrong = [
        rate
        for rate in simulated
        if rate.said is not None and abs(rate.rate - rate.said) > 0.03 + 3 * rate.error
    ]
    assert wrong == []


def test_the_same_seed_gives_the_same_rates() -> None:
    assert rates(SCENARIOS[0], 200) == rates(SCENARIOS[0], 200)
