"""A limit that knows how much a number moves by itself."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import fmean, stdev
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlops_policies.comparing.comparison import scipy_needed
from mlops_policies.comparing.past import OF_THE_CHANGE, Kind, Past, past_of
from policy_engine.evidence import (
    INSTANCE_TAG,
    Case,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    Run,
    resolve_metric,
    training_cost,
)
from policy_engine.policy import Finding, Op, Outcome, Policy
from policy_engine.quantities import Duration, Number, Percent, Tighter, count, show, show_both
from policy_engine.statistics import last_step, prediction_bounds

MOST_RUNS = 200
"""Earlier runs that the engine reads, newest first."""
MOST_AGE = Decimal(180 * 86400)
"""How far back it reads them (seconds)."""
HARDWARE_TAG = "bench.hardware"
STEP_ALPHA = 0.01
"""The chance, at most, that a step is seen in a history that has none."""
_RERUNS = "; if one commit is trained again on a schedule, set same_commit: true"
_NOUNS = {"cost": "training cost", "duration": "training time"}


class HistoryLimit(Policy, name="history-limit"):
    """A number is not worse than the next of its own earlier runs would be by chance.

    "+10 % over the last run" alarms on 9 % of runs in which nothing changed where they vary by 5 %,
    and on 25 % where they vary by 10 %. This limit follows the noise. Of the newest `window`
    earlier runs that are comparable, with mean `m`, standard deviation `s` and number `n`, the
    candidate is at most

        m + t(1 - alpha, n - 1) * s * sqrt(1 + 1/n)

    or at least `m - …` where more is better. That is the one-sided prediction interval of one more
    run: it alarms on `alpha` of equal runs, however many earlier ones there are. Numbers that are
    positive and have no upper end (times, costs, losses) are judged by their logarithms, since
    their spread grows with them. A change of at most `min_effect` of the mean always passes.

    Comparable are the FINISHED runs of the experiment that ended before the candidate began, on
    the same evaluation data (for `cost` and `duration`: training data); for `cost` and
    `duration` with the same tag `compute.instance`, for a metric `latency.…` with the same
    `bench.hardware`. Runs of the candidate's own pull request or commit do not count: a change that
    made the number worse would move its own limit each time it is run again. Where one commit is
    trained again and again on a schedule, nothing else is its past: `same_commit: true` counts it.
    Under `min_runs` of them it is `inconclusive`. Where the level moved (the greatest pooled t over
    all splits into 4 runs or more, Bonferroni, at most 1 % by chance), only the runs since then
    count: a step is not averaged over.

    A duration is that of the run itself, without its children, and so is a cost that is not logged
    as `cost.total`. The model of an earlier run is not read, and its size stands nowhere else (into
    the run's tags MLflow 2.9 wrote it, 2.16 no more): log the size as a metric.

    Log it: `training.log_dataset(test, name="payments", context="evaluation")`, and the metric.

    Source: Hahn and Meeker, Statistical Intervals (1991), section 4.7; Bencher's t-test threshold
    gives the same limit (25 runs, mean 100, standard deviation 10, 0.977: 121.46).
    """

    needs = Needs.HISTORY | Needs.DATASETS | Needs.MODEL

    metric: str | None = Field(
        default=None, min_length=1, description="Name of the metric in MLflow."
    )
    quantity: Literal["cost", "duration"] | None = Field(
        default=None, description="What training took, instead of a metric (cost, duration)."
    )
    goal: Literal["maximize", "minimize"] | None = Field(
        default=None,
        description="What is better: maximize or minimize. Due where the metric's name does not "
        "tell.",
    )
    window: int = Field(
        default=25,
        ge=4,
        le=MOST_RUNS,
        description="How many comparable runs count, newest first (runs; at most 200).",
    )
    max_age: Duration = Field(
        default=MOST_AGE,
        gt=0,
        le=MOST_AGE,
        description="How long before the candidate a run may have begun (time; at most 180d).",
    )
    min_runs: int = Field(default=8, ge=4, description="Fewest comparable runs to judge by (runs).")
    alpha: Number = Field(
        default=Decimal("0.05"),
        gt=0,
        le=Decimal("0.2"),
        description="Share of equal runs that fail (fraction, above 0 to 0.2).",
    )
    min_effect: Annotated[Percent, Tighter.LOWER] = Field(
        default=Decimal(0),
        ge=0,
        description="How much worse than the mean always passes (percent of it).",
    )
    same_data: bool = Field(
        default=True, description="Whether only runs on the candidate's data count."
    )
    same_hardware: bool | None = Field(
        default=None,
        description="Whether only runs on the candidate's hardware count. Off: where the machine "
        "decides, which is for cost, duration and `latency.` metrics.",
    )
    same_commit: bool = Field(
        default=False,
        description="Whether earlier runs of the candidate's own commit count, as where one commit "
        "is trained again on a schedule.",
    )
    branch: str | None = Field(
        default=None,
        min_length=1,
        description="Only runs tagged with this `mlflow.source.git.branch` count. Off: all.",
    )

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        if (self.metric is None) == (self.quantity is None):
            raise ValueError("set either metric or quantity")
        if self.min_runs > self.window:
            raise ValueError(f"min_runs ({self.min_runs}) must be at most window ({self.window})")
        return self

    @model_validator(mode="after")
    def _goal_is_known(self) -> Self:
        if self.metric is None:
            if self.goal == "maximize":
                raise ValueError(f"goal is maximize, but less {self.quantity} is better")
            return self
        try:
            named = resolve_metric(self.metric, None, None, "its name")
        except MissingEvidence:
            if self.goal is None:
                raise ValueError(
                    f"nobody says whether a greater {self.metric} is better; set goal"
                ) from None
            return self
        if self.goal not in {None, named.goal}:
            raise ValueError(
                f"goal is {self.goal}, but {self.metric} is known as one to {named.goal}"
            )
        return self

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        kind = self._kind(case)
        measured = kind.read(case.candidate)
        past = past_of(case, kind, self.window)
        with scipy_needed():
            yield self._judged(measured, past)

    def _kind(self, case: Case) -> Kind:
        def read(run: Run) -> Measurement:
            if self.metric is not None:
                return run.metric(self.metric)
            return (
                run.duration if self.quantity == "duration" else training_cost(run, case.prices, ())
            )

        metric = self.metric or ""
        tag = INSTANCE_TAG if self.quantity else HARDWARE_TAG
        decides = self.quantity is not None or metric.startswith("latency.")
        is_same = decides if self.same_hardware is None else self.same_hardware
        return Kind(
            read=read,
            trains=self.quantity is not None,
            data=self.same_data,
            hardware=tag if is_same else None,
            branch=self.branch,
            same_commit=self.same_commit,
            age=timedelta(seconds=float(self.max_age)),
        )

    def _judged(self, measured: Measurement, past: Past) -> Finding:
        values = [float(value.value) for _, value in reversed(past.runs)]  # oldest first
        is_log = self._grows_with_size and all(value > 0 for value in values)
        step = last_step([math.log(v) for v in values] if is_log else values, STEP_ALPHA)
        level = _Level.of(values[step:], self.min_runs, float(self.alpha), is_log=is_log)
        if level is None:
            return self._too_few(measured, past, step)
        runs = len(values) - step
        scale = " of logarithms" if is_log else ""
        said = (
            f" ({count(runs, 'earlier run')} since {past.runs[runs - 1][0].start_time:%Y-%m-%d}, "
            f"mean {show(level.mean, self._unit(measured))}, standard deviation "
            f"{show(stdev(values[step:]), self._unit(measured))}; one-sided prediction "
            f"bound{scale} at alpha {self.alpha}: {show(self.alpha, '%')} of unchanged runs are "
            f"{'lower' if self._op == '>=' else 'higher'}"
            f"{_moved(past, step, self._unit(measured))}{past.told})"
        )
        limit = self._loosened(level)
        found = Finding.judge(
            measured,
            self._op,
            limit,
            self._what,
            remedy=f"find out what made the {self._what} worse; if it is worth it, waive it: the "
            "next runs move the limit",
            note=said,
        )
        if found.outcome is not Outcome.FAIL or self.min_effect:
            return found
        value, most = show_both(measured.value, limit, self._unit(measured))
        word = "least" if self._op == ">=" else "most"
        message = f"{self._what} is {value}; the last {runs} runs lead to expect at {word} {most}"
        return found._replace(message=message)

    def _too_few(self, measured: Measurement, past: Past, step: int) -> Finding:
        runs = len(past.runs) - step
        short = self.min_runs - runs
        since, unit = " since the level moved" if step else "", self._unit(measured)
        message = (
            f"{self._what}: {count(runs, 'comparable earlier run', none='no')}{since}; "
            f"{self.min_runs} are needed"
        )
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            message=message,
            measured=measured,
            remedy=f"log it in {short} more {'run' if short == 1 else 'runs'} on the same data, or "
            "lower min_runs (4 at least) and say why"
            + (_RERUNS if past.left_out[OF_THE_CHANGE] >= short else ""),
            detail=f"{message}; it is {show(measured.value, unit)}"
            f"{_moved(past, step, unit)}{past.told}",
            about=self._what,
        )

    def _loosened(self, level: "_Level") -> Decimal:
        """Return the limit, moved to where `min_effect` begins if that is further out."""
        reach = float(self.min_effect) * abs(level.mean)
        if self._op == ">=":
            return Decimal(repr(min(level.lower, level.mean - reach)))
        return Decimal(repr(max(level.upper, level.mean + reach)))

    @property
    def _named(self) -> Metric | None:
        if self.metric is None:
            return None
        return resolve_metric(self.metric, self.goal, None, "its name")

    @property
    def _op(self) -> Op:
        return ">=" if self._named is not None and self._named.goal == "maximize" else "<="

    @property
    def _grows_with_size(self) -> bool:
        """Whether a greater number varies more, as those without an upper end do."""
        named = self._named
        if named is None:
            return True
        return not (named.bounded or (named.goal == "maximize" and named.perfect is not None))

    def _unit(self, measured: Measurement) -> str:
        """Return the unit as it is shown: a metric's is its name, which is said before."""
        return measured.unit if self.metric is None else ""

    @property
    def _what(self) -> str:
        return self.metric or _NOUNS[self.quantity or ""]


@dataclass(frozen=True, slots=True)
class _Level:
    """Mean and bounds of the runs that count, in the number's units."""

    mean: float
    lower: float
    upper: float

    @classmethod
    def of(
        cls, values: Sequence[float], least: int, alpha: float, *, is_log: bool
    ) -> "_Level | None":
        """Return the level of values; None where they are fewer than `least`."""
        if len(values) < least:
            return None
        if min(values) == max(values):  # as they are: a logarithm would round them
            return cls(values[0], values[0], values[0])
        scaled = [math.log(value) for value in values] if is_log else values
        bounds = prediction_bounds(scaled, alpha)
        found = (fmean(scaled), bounds.lower, bounds.upper)
        return cls(*map(math.exp, found)) if is_log else cls(*found)


def _moved(past: Past, step: int, unit: str) -> str:
    """Say when the level moved; empty where it did not."""
    if not step:
        return ""
    oldest_first = past.runs[::-1]
    run, _ = oldest_first[step]
    before, since = (
        show(fmean(float(value.value) for _, value in runs), unit)
        for runs in (oldest_first[:step], oldest_first[step:])
    )
    return (
        f"; the level moved with run {run.run_id[:8]} ({run.start_time:%Y-%m-%d}) from a mean of "
        f"{before} to {since}: the {count(step, 'run')} before it do not count"
    )
