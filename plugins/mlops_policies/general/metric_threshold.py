"""Bounds of one metric, and of its improvement."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from policy_engine.evidence import Case, Measurement, MissingEvidence, Needs, resolve_metric
from policy_engine.policy import Finding, Limit, Op, Outcome, Policy
from policy_engine.quantities import Fraction, Number, Tighter, show, show_both

ANY_IMPROVEMENT = Decimal("1e-10")
"""What a relative change asks for over a baseline of 0: MLflow's own number."""
_A_PERCENT = 2
"""From here on a limit of a metric in [0, 1] is meant in percent."""


class MetricThreshold(Policy, name="metric-threshold"):
    """One metric keeps its bounds, and its improvement over the baseline.

    The plainest rule there is, by the words of MLflow's `MetricThreshold`. With `C` and `B` the
    metric of candidate and baseline, and `s` +1 to maximize or -1 to minimize:

    - `min`: `C >= min`; `max`: `C <= max`
    - `absolute-change`: `s * C >= s * B + min_absolute_change`
    - `relative-change`: `s * C >= s * B + min_relative_change * |B|`; where B is 0, an improvement
      of at least 1e-10

    All are in exact decimals, so equality passes: 0.3 is 0.1 + 0.2. MLflow computes in floats and
    decides otherwise where its own rounding is larger than the distance to the limit. A metric that
    is NaN or infinite never passes; in MLflow NaN passes a relative change.

    MLflow's `threshold` is `min` for a metric to maximize and `max` for one to minimize.

    Source: `mlflow/models/evaluation/validation.py`, read in 3.17.2.
    """

    needs = Needs.BASELINE

    metric: str = Field(min_length=1, description="Name of the metric in MLflow.")
    min: Annotated[Number | None, Tighter.HIGHER] = Field(
        default=None, description="Least value (the metric's units)."
    )
    max: Annotated[Number | None, Tighter.LOWER] = Field(
        default=None, description="Greatest value (the metric's units)."
    )
    min_absolute_change: Annotated[Fraction | None, Tighter.HIGHER] = Field(
        default=None, description="Least improvement over the baseline (the metric's units)."
    )
    min_relative_change: Annotated[Annotated[Fraction, Field(le=1)] | None, Tighter.HIGHER] = Field(
        default=None,
        description="Least improvement over the baseline (fraction of its magnitude, 0 to 1).",
    )
    goal: Literal["maximize", "minimize"] | None = Field(
        default=None, description="What is better: maximize or minimize. Due with a change field."
    )

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        if self.min is None and self.max is None and not self._compares:
            raise ValueError("set min, max, min_absolute_change or min_relative_change")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min}) must be at most max ({self.max})")
        if self._compares and self.goal is None:
            raise ValueError("min_absolute_change and min_relative_change need goal")
        return self

    @model_validator(mode="after")
    def _settings_fit_the_name(self) -> Self:
        try:
            known = resolve_metric(self.metric, None, None, "its name")
        except MissingEvidence:
            return self
        if self.goal is not None and known.goal != self.goal:
            raise ValueError(
                f"goal is {self.goal}, but {self.metric} is known as one to {known.goal}"
            )
        for name, limit in (("min", self.min), ("max", self.max)):
            if known.bounded and limit is not None and limit >= _A_PERCENT:
                raise ValueError(
                    f"{name} is {limit}, but {self.metric} lies in [0, 1]; write a percent as its "
                    "fraction, and `scale: percent` in the file's metric if it is logged so"
                )
        return self

    @property
    def _compares(self) -> bool:
        return self.min_absolute_change is not None or self.min_relative_change is not None

    def reads(self) -> Needs:
        """Leave the baseline out where no change is asked for."""
        return self.needs if self._compares else Needs.RUN

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each bound that is set."""
        value = case.candidate.metric(self.metric)
        if self.min is not None:
            yield self._judged("min", value, ">=", self.min)
        if self.max is not None:
            yield self._judged("max", value, "<=", self.max)
        if not self._compares:
            return
        baseline = case.baseline.metric(self.metric)
        if self.min_absolute_change is not None:
            change = self.min_absolute_change
            yield self._change("absolute-change", value, baseline, change, show(change, ""))
        if self.min_relative_change is not None:
            yield self._relative(value, baseline, self.min_relative_change)

    def _relative(self, value: Measurement, baseline: Measurement, least: Decimal) -> Finding:
        magnitude = baseline.value.copy_abs()
        if not magnitude:
            said = show(ANY_IMPROVEMENT, "")
            return self._change("relative-change", value, baseline, ANY_IMPROVEMENT, said)
        change = least * magnitude
        return self._change("relative-change", value, baseline, change, show(least, "%"))

    def _change(
        self, part: str, value: Measurement, baseline: Measurement, change: Decimal, said: str
    ) -> Finding:
        """Judge the candidate against the baseline improved by `change` (the metric's units)."""
        if self.goal == "maximize":
            op: Op = ">="
            limit = baseline.value + change
        else:
            op = "<="
            limit = baseline.value - change
        note = f" (the baseline's {show(baseline.value, '', value.value)} improved by {said})"
        return self._judged(part, value, op, limit, note, baseline)

    def _judged(
        self,
        part: str,
        value: Measurement,
        op: Op,
        limit: Decimal,
        note: str = "",
        baseline: Measurement | None = None,
    ) -> Finding:
        bound = Limit(limit, value.unit, op)
        passed = bound.holds(value.value)
        word = "least" if op == ">=" else "most"
        shown, least = show_both(value.value, limit, "")
        return Finding(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            message=f"{self.metric} is {shown}; it must be at {word} {least}",
            detail=f"{self.metric} is {shown}; it must be at {word} {least}{note}"
            if note
            else None,
            about=self.metric,
            part=part,
            measured=value,
            limit=bound,
            baseline=baseline,
            remedy=None if passed else self._remedy(part),
        )

    def _remedy(self, part: str) -> str:
        setting = part if part in {"min", "max"} else f"min_{part.replace('-', '_')}"
        way = "raise max" if part == "max" else f"lower {setting}"
        return f"improve {self.metric}, or {way} and say why"
