"""The budget of training: money, hours, GPU hours, and how fast they grow."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from policy_engine.evidence import (
    INSTANCE_TAG,
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    NotApplicable,
    Run,
    training_cost,
    training_time,
)
from policy_engine.policy import Finding, Policy, part
from policy_engine.quantities import (
    Duration,
    Money,
    Number,
    Percent,
    Price,
    Tighter,
    count,
    divide,
    show,
)

GPUS_TAG = "compute.gpus"
"""The tag in which training says how many GPUs it used."""
PARENT_TAG = "mlflow.parentRunId"

_COUNT = re.compile(r"[0-9]{1,9}")
_GPU = re.compile(r"system/(?:(?P<node>[^/]+)/)?gpu_(?P<index>[0-9]+)_")
_HOUR = Decimal(3600)


class TrainCostBudget(Policy, name="train-cost-budget"):
    """Training cost no more money, time or GPU hours than its budget, and did not outgrow it.

    Every retraining costs it again. A training that takes twice as long is found out from the bill,
    months after the pull request that caused it.

    - `cost`: training cost <= `max_cost` (currency)
    - `gpu-hours`: duration x GPUs <= `max_gpu_hours` (GPU h)
    - `hours`: duration <= `max_hours` (h)
    - `growth`: duration <= (1 + `max_growth`) x the baseline's, judged for trainings from
      `growth_from` on and where both runs have the same tag `compute.instance`; another instance is
      `not-applicable`

    Duration is from start to end of the run; a run with children lasts as long as itself or as all
    of them together, whichever is more, and GPU hours likewise. Cost is the metric `cost.total` in
    the currency of the tag `cost.currency`, else duration x the price of the instance, or of
    `default`, under `prices:`. GPUs are the tag `compute.gpus`, else those that MLflow's system
    metrics saw: all of the machine's, used or not, and 0 where there are system metrics and none of
    a GPU. A candidate that is itself a child of a sweep is judged alone, which the message says;
    with `include_sweep` that is `missing`: make the parent the candidate, or log the whole cost.

    Log it: `training.log_cost(12.40, "USD", instance="ml.g5.xlarge", gpus=1)`, or
    `mlflow.enable_system_metrics_logging()` for the GPUs.

    Source: run info and system metrics of MLflow; the budgets are the team's own.
    """

    needs = Needs.CHILDREN | Needs.BASELINE

    max_cost: Annotated[Price | None, Tighter.LOWER] = Field(
        default=None, description="Most that training may cost (money)."
    )
    max_gpu_hours: Annotated[Number | None, Tighter.LOWER] = Field(
        default=None, ge=0, description="Most GPU hours that training may take (GPU h)."
    )
    max_hours: Annotated[Number | None, Tighter.LOWER] = Field(
        default=None, ge=0, description="Longest that training may take (hours)."
    )
    max_growth: Annotated[Percent | None, Tighter.LOWER] = Field(
        default=None,
        ge=0,
        description="Most that training may take longer than the baseline's (percent of it).",
    )
    growth_from: Annotated[Duration, Tighter.LOWER] = Field(
        default=Decimal(600), description="Growth is judged for trainings of this length on (time)."
    )
    include_sweep: bool = Field(
        default=False,
        description="Whether a candidate that is a child of a sweep must count the whole sweep.",
    )

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        limits = (self.max_cost, self.max_gpu_hours, self.max_hours, self.max_growth)
        if all(limit is None for limit in limits):
            raise ValueError("set max_cost, max_gpu_hours, max_hours or max_growth")
        return self

    def reads(self) -> Needs:
        """Leave the baseline out where growth is not judged."""
        return Needs.CHILDREN if self.max_growth is None else self.needs

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each limit that is set."""
        max_cost, gpu_hours, hours = self.max_cost, self.max_gpu_hours, self.max_hours
        growth = self.max_growth
        if max_cost is not None:
            yield part("cost", lambda: self._cost(case, max_cost))
        if gpu_hours is not None:
            yield part("gpu-hours", lambda: self._gpu_hours(case.candidate, gpu_hours))
        if hours is not None:
            yield part("hours", lambda: self._hours(case.candidate, hours))
        if growth is not None:
            yield part("growth", lambda: self._growth(case, growth))

    def _cost(self, case: Case, limit: Money) -> Finding:
        cost = training_cost(case.candidate, case.prices)
        if cost.unit != limit.currency:
            raise MissingEvidence(
                f"the candidate's cost is in {cost.unit} and max_cost in {limit.currency}: "
                "they cannot be compared",
                f"state both in {limit.currency}: tag `cost.currency`, or `prices:`",
            )
        note = "" if cost.source.startswith("metric") else self._alone(case.candidate)
        return Finding.judge(
            cost,
            "<=",
            limit.amount,
            "training cost",
            part="cost",
            remedy=f"train for at most {limit}, or raise max_cost and say why",
            note=f" ({cost.source}){note}",
        )

    def _gpu_hours(self, run: Run, limit: Decimal) -> Finding:
        note = self._alone(run)
        seconds, source = _gpu_seconds(run)
        used = Measurement(divide(seconds, _HOUR), "GPU h", Grade.LOGGED, source)
        return Finding.judge(
            used,
            "<=",
            limit,
            "GPU time",
            part="gpu-hours",
            remedy="train shorter or on fewer GPUs, or raise max_gpu_hours and say why",
            note=f" ({source}){note}",
        )

    def _hours(self, run: Run, limit: Decimal) -> Finding:
        note = self._alone(run)
        return Finding.judge(
            training_time(run),
            "<=",
            limit * _HOUR,
            "training time",
            part="hours",
            remedy="train for a shorter time, or raise max_hours and say why",
            note=note,
        )

    def _growth(self, case: Case, max_growth: Decimal) -> Finding:
        time = training_time(case.candidate)
        if time.value < self.growth_from:
            raise NotApplicable(
                f"training time is {show(time.value, 's', self.growth_from)}; growth is judged "
                f"from {show(self.growth_from, 's', time.value)} on"
            )
        before = training_time(case.baseline)
        if not before.value:
            raise InvalidEvidence(
                "the baseline's training time is 0: nothing can be said to have grown from it",
                "let the baseline's run span its training (with mlflow.start_run(): …)",
            )
        instance = _same_instance(case.candidate, case.baseline)
        limit = (1 + max_growth) * before.value
        grown = divide(time.value - before.value, before.value)
        return Finding.judge(
            time,
            "<=",
            limit,
            "training time",
            part="growth",
            baseline=before,
            note=f" (the baseline's {before} and {show(max_growth, '%')}; it grew by "
            f"{show(grown, '%', apart_from=max_growth)}, both on {instance})",
            remedy="train for a shorter time, or raise max_growth and say why",
        )

    def _alone(self, run: Run) -> str:
        """Say whether a child of a sweep counts the whole sweep, or raise where it must."""
        parent = run.tags.get(PARENT_TAG)
        if parent is None:
            return ""
        if run.children:
            return f"; all {len(run.children)} runs of its sweep ({parent[:8]})"
        if self.include_sweep:
            raise MissingEvidence(
                f"the candidate is one run of a sweep ({parent[:8]}), and what the others took is "
                "not read",
                "make the sweep's parent run the candidate, or log the whole sweep's cost with "
                "policy_engine.training.log_cost",
            )
        return f"; one run of a sweep ({parent[:8]}), judged alone"


def _gpu_seconds(run: Run) -> tuple[Decimal, str]:
    """Return GPUs times seconds of the run, or of all its children, and how the GPUs are known.

    A run that does not say its GPUs has those of its largest child; a child those of its parent.
    """
    own = _gpus(run)
    children = run.children
    if own is None and (not children or any(_gpus(child) is None for child in children)):
        raise MissingEvidence(
            f"the {run.role} run has no GPU count",
            f'set the tag: mlflow.set_tag("{GPUS_TAG}", 1), or switch on system metrics: '
            "mlflow.enable_system_metrics_logging()",
        )
    known = [found for child in children if (found := _gpus(child) or own) is not None]
    most = own or max(known, key=lambda found: found[0], default=(0, ""))
    together = sum(
        (child.duration.value * count for child, (count, _) in zip(children, known, strict=True)),
        Decimal(),
    )
    alone = run.duration.value * most[0]
    return max(alone, together), most[1]


def _gpus(run: Run) -> tuple[int, str] | None:
    """Return how many GPUs a run used and who says so; None where nobody does.

    Raises:
        InvalidEvidence: If the tag is not a whole number.
    """
    said = run.tags.get(GPUS_TAG)
    if said is not None:
        if not _COUNT.fullmatch(said.strip()):
            raise InvalidEvidence(
                f"tag {GPUS_TAG} of the {run.role} run is not a whole number of at least 0",
                f'set it: mlflow.set_tag("{GPUS_TAG}", 1)',
            )
        return int(said), f"{count(int(said), 'GPU')} by tag {GPUS_TAG}"
    system = [name for name in run.metrics if name.startswith("system/")]
    if not system:
        return None
    seen = {m.group("node", "index") for name in system if (m := _GPU.match(name))}
    return len(seen), f"{count(len(seen), 'GPU')} by system metrics, all of the machine's"


def _same_instance(candidate: Run, baseline: Run) -> str:
    """Return the instance of both runs.

    Raises:
        NotApplicable: If they ran on different ones.
        MissingEvidence: If one does not say where it ran.
    """
    mine, theirs = candidate.tags.get(INSTANCE_TAG), baseline.tags.get(INSTANCE_TAG)
    if mine is None or theirs is None:
        who = candidate if mine is None else baseline
        raise MissingEvidence(
            f"the {who.role} run does not say on which instance it was trained: times on different "
            "machines are not compared",
            f'set the tag: mlflow.set_tag("{INSTANCE_TAG}", "ml.g5.xlarge")',
        )
    if mine != theirs:
        raise NotApplicable(
            f"the candidate was trained on {mine}, the baseline on {theirs}: times on different "
            "machines are not compared"
        )
    return mine
