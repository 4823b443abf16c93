"""Runs as a policy file reads them: with evaluations, documented names, and fractions."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from policy_engine.evidence.evaluations import with_evaluations
from policy_engine.evidence.metrics import known
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    Invalid,
    Metric,
    ModelRecord,
    RunRecord,
)
from policy_engine.evidence.taken import goal_of, with_taken

if TYPE_CHECKING:
    from policy_engine.policy_file import MetricSetting, PolicyFile

_WHOLE = 100
"""All of a metric in percent."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a policy file reads runs.

    Attributes:
        names: The user's own evidence names by the documented ones.
        percent: The metric that is logged in percent, where one is.
        metric: The metric that counts, where the file names one.
    """

    names: Mapping[str, str]
    percent: str | None = None
    metric: "MetricSetting | None" = None

    @classmethod
    def of(cls, file: "PolicyFile") -> Self:
        """Return what a policy file says of it."""
        metric = file.metric
        if metric is None:
            return cls(file.evidence.names)
        percent = metric.name if metric.scale == "percent" else None
        return cls(file.evidence.names, percent, metric)

    def candidate(self, candidate: CandidateRecord) -> CandidateRecord:
        """Return the candidate, and the runs beside it, so read."""
        update: dict[str, object] = {"run": self._run(self._counting(candidate.run))}
        if self._changes_nothing:
            return candidate.model_copy(update=update)
        for field in ("history", "later"):
            if isinstance(runs := getattr(candidate, field), tuple):
                update[field] = tuple(self._run(run) for run in runs)
        # Found by rules of a policy's own; those by the file's rules are read by `baseline`.
        update["baselines"] = tuple(self._found(each) for each in candidate.baselines)
        return candidate.model_copy(update=update)

    def baseline(self, baseline: BaselineRecord | None) -> BaselineRecord | None:
        """Return the baseline, where one was found, so read."""
        if baseline is None or not isinstance(baseline.run, RunRecord):
            return baseline
        run = self._run(self._counting(baseline.run))
        return baseline.model_copy(update={"run": run})

    def _counting(self, run: RunRecord) -> RunRecord:
        """Return a run with the value of the metric that counts."""
        metric = self.metric
        if metric is None:
            return with_evaluations(run)
        name = self.names.get(metric.name, metric.name)
        taken = with_taken(run, name, metric.take, goal_of(metric.name, metric.goal))
        return with_evaluations(taken, metric.dataset)

    @property
    def _changes_nothing(self) -> bool:
        return not self.names and self.percent is None

    def _found(self, baseline: BaselineRecord) -> BaselineRecord:
        if not isinstance(baseline.run, RunRecord):
            return baseline
        return baseline.model_copy(update={"run": self._run(baseline.run)})

    def _run(self, run: RunRecord) -> RunRecord:
        if self._changes_nothing:
            return run
        update: dict[str, object] = {
            field: {
                **values,
                **{ours: values[theirs] for ours, theirs in self.names.items() if theirs in values},
            }
            for field in ("metrics", "params", "tags")
            if (values := getattr(run, field))
        }
        renamed = run.model_copy(update=update)
        return renamed if self.percent is None else _in_fractions(renamed, self.percent)


def _in_fractions(run: RunRecord, name: str) -> RunRecord:
    """Return a run, its model and the runs beside it with a metric of percents as fractions."""
    update: dict[str, object] = {}
    if name in run.metrics:
        update["metrics"] = {**run.metrics, name: _fraction(name, run.metrics[name])}
    if isinstance(run.model, ModelRecord):
        metrics = tuple(
            each.model_copy(update={"value": _fraction(name, each.value)})
            if each.key == name
            else each
            for each in run.model.metrics
        )
        update["model"] = run.model.model_copy(update={"metrics": metrics})
    for field in ("children", "repeats"):
        if isinstance(runs := getattr(run, field), tuple):
            update[field] = tuple(_in_fractions(each, name) for each in runs)
    return run.model_copy(update=update)


def _fraction(name: str, value: Metric) -> Metric:
    """Return a percent as a fraction; a score that is not a percent says so.

    A run that logged 0.93 among runs that log 93 would look a hundred times worse than it is.
    """
    if isinstance(value, Invalid):
        return value
    kind = known(name)
    if kind is not None and kind.bounded:
        if not 0 <= value <= _WHOLE:
            return Invalid(invalid=f"{value}, and a percent lies in [0, 100]")
        if kind.goal == "maximize" and 0 < value <= 1:
            return Invalid(
                invalid=f"{value}, which looks like a fraction, though the policy file says "
                "`scale: percent`"
            )
    return float(Decimal(repr(value)).scaleb(-2))
