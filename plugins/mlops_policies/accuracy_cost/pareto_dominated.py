"""No earlier run was better at less cost."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlops_policies.comparing.amounts import amount
from mlops_policies.comparing.lead import Lead, Verdict, run_found
from mlops_policies.comparing.same_data import Same, evaluation_data, same_data
from policy_engine.evidence import (
    INSTANCE_TAG,
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    Run,
    training_cost,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import Margin, Number, Percent, Points, Tighter, listed, show

Objective = Literal["quality", "train-cost", "size", "p95"]

WINDOW = timedelta(days=90)
"""How long before the candidate an earlier run may have begun."""
P95 = "latency.p95_ms"
HARDWARE_TAG = "bench.hardware"
NO_MORE = {"cost.total": "cost.currency", P95: HARDWARE_TAG, "duration": INSTANCE_TAG}
"""What the run whose rows are read may not have more of, with the tag that makes it comparable."""

_NAMES = {"quality": "quality", "train-cost": "training cost", "size": "size", "p95": "p95 latency"}


class ParetoDominated(Policy, name="pareto-dominated"):
    """No earlier run was at least as good, cost no more, and was clearly better or cheaper.

    A baseline is one run; the experiment may hold a run that nobody merged and that beats the
    candidate in everything. With `q` the metric (in the direction that is better) and each cost
    that both runs know, the candidate fails if one earlier run `r` has all of

    - `q_r >= q_C`, and every `cost_r <= cost_C`
    - `q_r >= q_C + better_quality`, or one `cost_r <= (1 - better_cost) x cost_C`

    Earlier runs are the FINISHED ones of the experiment that ended before the candidate began, of
    90 days and at most the newest 200, on the same evaluation data, without the candidate's own
    children. Costs are training cost (money: the metric `cost.total`, else duration x the price
    under `prices:`), model size (B) and the metric `latency.p95_ms` (ms) on equal hardware by the
    tag `bench.hardware`. At least one of them must be known of both runs.

    The best of many equal runs is a lucky one. So that it is better is tested on the rows that both
    runs logged (else over their seeds), as `no-regression` tests it, at `alpha/M`, where M is the
    number of runs looked at: of equal runs at most `alpha` fail, and what is not shown is
    `inconclusive`. Read are the rows of one earlier run: the best one of those that cost no more.
    Where neither rows nor seeds can be tested, the logged values decide, and the finding says of
    how many equal runs that is true: by values alone, 37 % of runs that are equal to 200 others
    fail on 1,000 rows and 86 % on 300; tested, 1 % (two runs differ on 8 % of the rows).

    That a run is cheaper is compared as numbers, and so is that it is no worse then: a cheaper run
    that is a little worse in truth dominates where its luck makes up for that.

    Log it: `training.log_dataset(test, name="payments", context="evaluation")`,
    `training.log_cost(12.40, "USD")` and
    `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in every run.

    Source: Pareto dominance; Aequitas Flow plots the fronts of fairness and performance.
    """

    needs = (
        Needs.HISTORY
        | Needs.DATASETS
        | Needs.MODEL
        | Needs.CHILDREN
        | Needs.BASELINE
        | Needs.PREDICTIONS
        | Needs.REPEATS
    )

    objectives: tuple[Objective, ...] = Field(
        default=("quality", "train-cost", "size", "p95"),
        strict=False,
        min_length=2,
        description="What counts, `quality` always (quality, train-cost, size, p95).",
    )
    better_quality: Annotated[Points, Tighter.LOWER] = Field(
        default=Margin(Decimal(2), in_points=True),
        description="How much better an earlier run must be to count as clearly better (points, "
        "or a bare number in the metric's units).",
    )
    better_cost: Annotated[Percent, Tighter.LOWER] = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        description="How much less of one cost counts as clearly cheaper (percent of the "
        "candidate's).",
    )
    alpha: Number = Field(
        default=Decimal("0.05"),
        gt=0,
        le=Decimal("0.5"),
        description="Share of equal runs that fail, where rows or seeds are there to test (a "
        "chance, above 0 to 0.5).",
    )

    @model_validator(mode="after")
    def _quality_is_an_objective(self) -> Self:
        if "quality" not in self.objectives or len(set(self.objectives)) != len(self.objectives):
            raise ValueError("objectives name quality and at least one cost, each once")
        return self

    def rules(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """Return the rule that finds the one earlier run whose rows are read."""
        return (({"best": {"within": "90d", "same_data": True, "no_more": dict(NO_MORE)}},),)

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        metric = case.metric
        quality = case.candidate.metric(metric.name)
        metric.distance(self.better_quality)  # without a point nothing is compared
        rivals, others = self._rivals(case, metric)
        if not rivals:
            raise _incomparable(case, others)
        winners = [rival for rival in rivals if self._dominates(metric, rival)]
        if not winners:
            shared = {name for rival in rivals for name in rival.shared}
            yield Finding(
                outcome=Outcome.PASS,
                message=f"none of {len(rivals)} comparable earlier run(s) dominates: compared are "
                f"{listed([metric.name, *(_NAMES[n] for n in _NAMES if n in shared)])}",
            )
            return
        yield self._dominated(case, quality, winners, len(rivals))

    def _dominated(
        self, case: Case, quality: Measurement, winners: Sequence["_Rival"], looked_at: int
    ) -> Finding:
        """Return what is said of the runs that dominate by their numbers.

        One that is cheaper dominates whatever a test says of one that is better.
        """
        better = [each for each in winners if self._is_better(case.metric, each)]
        cheaper = [each for each in winners if self._is_cheaper(each)]
        if better:
            winner, verdict = self._tested(case, better, looked_at)
            if verdict.outcome is Outcome.FAIL or not cheaper:
                return self._said(case.metric, quality, winner, len(winners), verdict)
        verdict = Verdict(Outcome.FAIL, f"; {case.metric.name} is compared as a number")
        return self._said(case.metric, quality, _first(cheaper), len(winners), verdict)

    def _tested(
        self, case: Case, better: Sequence["_Rival"], looked_at: int
    ) -> tuple["_Rival", Verdict]:
        """Return the run whose lead is judged, the one whose rows were read if it leads."""
        lead = Lead(case.metric, looked_at, float(self.alpha), self.better_quality)
        read = run_found(case, self.rules()[0])
        known = [each for each in better if read and each.run.run_id == read.run_id]
        if read is not None and known:
            return known[0], lead.tested(case.candidate, read)
        if read is not None and _has_rows(case.candidate):
            return _first(better), lead.unread()
        return _first(better), lead.by_numbers(case.candidate, "no rows were read")

    def _rivals(self, case: Case, metric: Metric) -> tuple[list["_Rival"], int]:
        """Return the comparable runs, and how many more share the data and no cost."""
        candidate = case.candidate
        mine = evaluation_data(candidate)
        since = candidate.start_time - WINDOW
        own = self._costs(case, candidate, candidate.children)
        children: dict[str | None, list[Run]] = defaultdict(list)
        history = case.history
        for run in history:
            children[run.parent_id].append(run)
        rivals, others = [], 0
        for run in history:
            if run.parent_id == candidate.run_id or run.start_time < since:
                continue
            if same_data(mine, evaluation_data(run)) is not Same.YES:
                continue
            rival = self._rival(case, metric, run, own, children[run.run_id])
            others += rival is None
            rivals += [] if rival is None else [rival]
        return rivals, others

    def _rival(
        self,
        case: Case,
        metric: Metric,
        run: Run,
        own: Mapping[str, Measurement],
        children: Sequence[Run],
    ) -> "_Rival | None":
        """Return what is known of both runs; None without the metric or any cost."""
        try:
            gain = metric.gain(run, case.candidate)
            costs = self._costs(case, run, children)
        except (MissingEvidence, InvalidEvidence):
            return None
        shared = {
            name: (costs[name], cost)
            for name, cost in own.items()
            if name in costs and costs[name].unit == cost.unit
        }
        return _Rival(run, gain, shared) if shared else None

    def _costs(self, case: Case, run: Run, children: Sequence[Run]) -> dict[str, Measurement]:
        """Return the costs of a run that are known.

        Raises:
            InvalidEvidence: If one is not a number, or below 0.
        """
        reads = {
            "train-cost": lambda: training_cost(run, case.prices, children),
            "size": lambda: _size(run),
            "p95": lambda: _p95(run),
        }
        costs = {}
        for name in self.objectives:
            if name == "quality":
                continue
            try:
                costs[str(name)] = reads[name]()
            except MissingEvidence:
                continue
        return costs

    def _dominates(self, metric: Metric, rival: "_Rival") -> bool:
        if rival.gain < 0 or any(t.value > m.value for t, m in rival.shared.values()):
            return False
        return self._is_better(metric, rival) or self._is_cheaper(rival)

    def _is_better(self, metric: Metric, rival: "_Rival") -> bool:
        return rival.gain > 0 and rival.gain >= metric.distance(self.better_quality)

    def _is_cheaper(self, rival: "_Rival") -> bool:
        left = 1 - self.better_cost
        return any(
            theirs.value < mine.value and theirs.value <= left * mine.value
            for theirs, mine in rival.shared.values()
        )

    def _said(
        self,
        metric: Metric,
        quality: Measurement,
        winner: "_Rival",
        count: int,
        verdict: Verdict,
    ) -> Finding:
        run = winner.run
        theirs = run.metric(metric.name)
        costs = [
            f"{_NAMES[name]} {_shown(cost, own)} against {_shown(own, cost)}"
            for name, (cost, own) in winner.shared.items()
        ]
        more = f" ({count} earlier runs dominate it)" if count > 1 else ""
        fails = verdict.outcome is Outcome.FAIL
        known = f"earlier run {run.run_id[:8]}"
        lead = f"{known} is {amount(metric, winner.gain)} better at no higher cost"
        return Finding(
            outcome=verdict.outcome,
            message=f"{known} is {self._why(metric, winner)}"
            if fails
            else f"{lead}; {verdict.doubt}",
            detail=f"earlier run {run.run_name or 'without a name'} ({run.run_id[:8]}) has "
            f"{metric.name} {show(theirs.value, '', quality.value)} against "
            f"{show(quality.value, '', theirs.value)}, {listed(costs)}{more}: "
            f"{self._why(metric, winner)}{verdict.because}",
            measured=quality,
            limit=Limit(theirs.value, metric.name, ">=" if metric.goal == "maximize" else "<="),
            remedy=f"propose run {run.run_id[:8]} instead, or say what the candidate is better in"
            if fails
            else verdict.remedy,
        )

    def _why(self, metric: Metric, winner: "_Rival") -> str:
        if self._is_better(metric, winner):
            return f"no worse in anything, and better by at least {self.better_quality}"
        return f"no worse in anything, and at least {show(self.better_cost, '%')} cheaper in one"


@dataclass(frozen=True, slots=True)
class _Rival:
    """An earlier run on the same data.

    Attributes:
        run: The run.
        gain: How much better it is than the candidate (the metric's units).
        shared: Its cost and the candidate's, by objective, where both are known.
    """

    run: Run
    gain: Decimal
    shared: Mapping[str, tuple[Measurement, Measurement]]


def _first(rivals: Sequence[_Rival]) -> _Rival:
    """Return the one that gains most."""
    return max(rivals, key=lambda rival: (rival.gain, rival.run.run_id))


def _has_rows(run: Run) -> bool:
    try:
        return bool(run.predictions)
    except MissingEvidence:
        return False


def _size(run: Run) -> Measurement:
    if run.role == "earlier":
        raise MissingEvidence("the model of an earlier run is not read")
    return run.model.size


def _p95(run: Run) -> Measurement:
    """Return the latency; its unit names the hardware, so that only equal hardware compares."""
    value = run.metric(P95).value
    if value < 0:
        raise InvalidEvidence(
            f"metric {P95} of the {run.role} run is {value}, below 0", "measure it again"
        )
    return Measurement(value, f"ms on {run.tag(HARDWARE_TAG)}", Grade.LOGGED, f"metric {P95}")


def _shown(cost: Measurement, other: Measurement) -> str:
    return show(cost.value, cost.unit, other.value)


def _incomparable(case: Case, others: int) -> MissingEvidence:
    earlier = len(case.history)
    if others:
        return MissingEvidence(
            f"no comparable run ({others} of {earlier} earlier runs share the evaluation dataset, "
            "and none of them the metric and a cost)",
            'log what training cost: policy_engine.training.log_cost(12.40, "USD"), or set '
            "`prices:` in the policy file",
        )
    return MissingEvidence(
        f"no comparable run (0 of {earlier} earlier runs share the evaluation dataset)",
        "log it in every run: policy_engine.training.log_dataset(test, name=…, "
        'context="evaluation")',
    )
