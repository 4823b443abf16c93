"""What a picture of gain against cost shows: read off the evidence, and no part of judging."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Literal

from policy_engine.evidence import (
    Case,
    EvidenceError,
    Measurement,
    MissingEvidence,
    NotApplicable,
    Run,
    training_cost,
)
from policy_engine.report import Point, TradeOff

MOST_POINTS = 10
"""Runs that are shown: the candidate, its baseline, and the newest earlier ones."""

_Role = Literal["candidate", "baseline", "earlier"]
_Cost = Callable[[Run], Measurement]


def trade_off_of(case: Case) -> TradeOff | None:
    """Return it; None where gain, cost or something to compare with is not known.

    A run whose metric or cost is missing, invalid or in another currency is left out. The cost of a
    run is its own, without its child runs: of earlier runs these are not read.
    """
    try:
        metric = case.metric
        cost, unit = _cost_of(case)
        points = [_point("candidate", case.candidate, metric.name, cost, unit)]
    except EvidenceError:
        return None
    for role, run in _others(case):
        if len(points) == MOST_POINTS:
            break
        with suppress(EvidenceError):
            points.append(_point(role, run, metric.name, cost, unit))
    if len(points) == 1:
        return None
    return TradeOff(metric=metric.name, goal=metric.goal, unit=unit, points=tuple(points))


def _cost_of(case: Case) -> tuple[_Cost, str]:
    """Return what a run's cost is read by, and its unit: money where the candidate's is known."""

    def money(run: Run) -> Measurement:
        return training_cost(run, case.prices, ())

    try:
        return money, money(case.candidate).unit
    except EvidenceError:
        return lambda run: run.duration, "s"


def _point(role: _Role, run: Run, metric: str, cost: _Cost, unit: str) -> Point:
    paid = cost(run)
    if paid.unit != unit:
        raise MissingEvidence(f"the cost is in {paid.unit}, not in {unit}")
    return Point(role, run.run_id, run.metric(metric).value, paid.value, run.run_name)


def _others(case: Case) -> Iterator[tuple[_Role, Run]]:
    """Yield the baseline and the earlier runs, as far as there are any; each run once."""
    seen = {case.candidate.run_id}
    with suppress(EvidenceError, NotApplicable):
        baseline = case.baseline
        seen.add(baseline.run_id)
        yield "baseline", baseline
    with suppress(EvidenceError):
        for run in case.history:
            if run.run_id not in seen:
                yield "earlier", run
