"""Whether the gain is large enough to be of use."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from mlops_policies.comparing.amounts import with_a_point
from mlops_policies.comparing.gain import Gain
from mlops_policies.comparing.luck import LIKELY, luck
from mlops_policies.comparing.unchanged import require_a_change
from policy_engine.evidence import (
    Case,
    Grade,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import (
    Margin,
    Number,
    Percent,
    Points,
    Tighter,
    divide,
    show,
    show_both,
)

ANY_IMPROVEMENT = Decimal("1e-10")
"""The least gain over a baseline of 0, where no relative gain exists; MLflow's own number."""

_ALPHA = 0.05
"""The error of the bound of how many rows of a refactoring can differ."""
_POINT_RULE = " (a point comparison: it does not tell chance from improvement)"


class MinUsefulGain(Policy, name="min-useful-gain"):
    """The gain over the baseline is large enough to be of use.

    A gain that nobody notices does not pay for a merge, a roll-out and a new thing to maintain.
    With `g` the gain, `B` the baseline's metric, and everything in exact decimals:

    - `absolute`: `g >= min_abs`
    - `relative`: `g / |B| >= min_rel`; where B is 0, any improvement of at least 1e-10
    - `headroom`: `g / |perfect - B| >= min_headroom`, the share of what was left to gain;
      `not-applicable` where the baseline is perfect already

    Where neither the metric's name nor `metric: {point: …}` says what a point is, it is 1 % of the
    baseline's value, and the message says so.

    A refactoring has no gain to show: with `spare_refactorings` the rule is `not-applicable` where
    no shared row, of at least 299, has another prediction or score.

    It is a point comparison, about size and not about chance: of equally good models 31 % pass
    0.5 pt by luck (1,000 rows, 8 % differ). Where it reads the rows (`spare_refactorings`), the
    finding says how likely that is on these.

    Source: `MetricThreshold` of MLflow and the change thresholds of TFMA; the headroom rule is
    Deepchecks' simple model comparison, which asks for 0.1.
    """

    needs = Needs.BASELINE | Needs.PREDICTIONS | Needs.MODEL

    min_abs: Annotated[Points, Tighter.HIGHER] = Field(
        default=Margin(Decimal("0.5"), in_points=True),
        description="Least gain (points, or a bare number in the metric's units; 0: not worse).",
    )
    min_rel: Annotated[Percent | None, Tighter.HIGHER] = Field(
        default=None, ge=0, description="Least gain (percent of the baseline's magnitude)."
    )
    min_headroom: Annotated[Percent | None, Tighter.HIGHER] = Field(
        default=None, ge=0, description="Least gain (percent of the way from baseline to perfect)."
    )
    perfect: Number | None = Field(
        default=None,
        description="The metric's best value (its units). Known for scores up to 1 and for losses.",
    )
    spare_refactorings: bool = Field(
        default=False,
        description="Whether a candidate that says the same as the baseline of every row needs no "
        "gain; reads the rows.",
    )

    def reads(self) -> Needs:
        """Leave the rows out where nobody asks for them."""
        return self.needs if self.spare_refactorings else Needs.BASELINE

    def needs_point(self) -> bool:
        """Return False: it takes 1 % of the baseline where nobody says it."""
        return False

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `absolute`, then `relative` and `headroom` where they are asked for."""
        gain = Gain.of(case, "whether the gain is useful")
        g = gain.value
        if self.spare_refactorings and g == 0:
            require_a_change(case.candidate, case.baseline, gain.metric, _ALPHA)
        yield self._with_luck(self._absolute(gain, g), case, gain, self._least(gain))
        if self.min_rel is not None:
            least = self.min_rel * gain.baseline.value.copy_abs() or ANY_IMPROVEMENT
            relative = self._relative(gain, g, self.min_rel)
            yield self._with_luck(relative, case, gain, least)
        if self.min_headroom is not None:
            yield self._headroom(case, gain, self.min_headroom)

    def _least(self, gain: Gain) -> Decimal:
        """Return the least gain (the metric's units)."""
        metric, _ = with_a_point(gain.metric, gain.baseline.value)
        return metric.distance(self.min_abs)

    def _with_luck(self, finding: Finding, case: Case, gain: Gain, least: Decimal) -> Finding:
        """Say how likely it is that an equal model gains so much, where the rows are read."""
        if not self.spare_refactorings:
            return finding
        found = luck(case.candidate, case.baseline, gain.metric, float(least))
        said = finding.saying(found.said)
        if finding.outcome is not Outcome.PASS or found.chance <= LIKELY:
            return said
        return said._replace(message=f"{finding.message} (chance not ruled out)")

    def _absolute(self, gain: Gain, g: Decimal) -> Finding:
        margin = self.min_abs
        if not margin.in_points:
            return _judged(gain, "absolute", g, margin.amount, gain.metric.name)
        metric, said = with_a_point(gain.metric, gain.baseline.value)
        in_points = divide(g, metric.required_point)
        passed = g >= margin.amount * metric.required_point
        finding = _judged(gain, "absolute", in_points, margin.amount, "pt", passed=passed)
        return finding.saying(said)

    def _relative(self, gain: Gain, g: Decimal, least: Decimal) -> Finding:
        size = gain.baseline.value.copy_abs()
        if not size:
            return _judged(gain, "relative", g, ANY_IMPROVEMENT, gain.metric.name)
        passed = g >= least * size
        return _judged(gain, "relative", divide(g, size), least, "%", passed=passed)

    def _headroom(self, case: Case, gain: Gain, least: Decimal) -> Finding:
        g = gain.value
        perfect = self.perfect if self.perfect is not None else _perfect(gain.metric)
        room = abs(perfect - gain.baseline.value)
        if not room:
            return Finding(
                outcome=Outcome.NOT_APPLICABLE,
                part="headroom",
                message=f"the baseline's {gain.metric.name} is perfect: nothing is left to gain",
                baseline=gain.baseline,
            )
        passed = g >= least * room
        finding = _judged(gain, "headroom", divide(g, room), least, "%", passed=passed)
        return self._with_luck(finding, case, gain, least * room)


_SETTINGS = {"absolute": "min_abs", "relative": "min_rel", "headroom": "min_headroom"}

_BASIS = {"absolute": "", "relative": " of the baseline", "headroom": " of what was left to gain"}


def _judged(
    gain: Gain,
    part: str,
    value: Decimal,
    limit: Decimal,
    unit: str,
    *,
    passed: bool | None = None,
) -> Finding:
    """Return the finding on one part; `passed` is given where `value` is rounded."""
    if passed is None:
        passed = value >= limit
    shown = unit if unit in {"pt", "%"} else ""
    name = gain.metric.name
    old, new = show_both(gain.baseline.value, gain.candidate.value, "")
    reached, least = show_both(value, limit, shown)
    basis = _BASIS[part] if unit == "%" else ""
    remedy = None
    if not passed:
        remedy = (
            f"improve {name} further before you ask for a merge, or lower {_SETTINGS[part]} and "
            "say why"
        )
    return Finding(
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        message=f"{name} {_gains(value, reached, shown)}{basis}; it must gain at least {least}",
        detail=f"{name} goes from {old} to {new}: a gain of {reached}{basis}; "
        f"it must be at least {least}{_POINT_RULE}",
        part=part,
        measured=Measurement(value, unit, Grade.LOGGED, gain.source),
        limit=Limit(limit, unit, ">="),
        remedy=remedy,
        about=name,
    )


def _gains(value: Decimal, reached: str, unit: str) -> str:
    return f"gains {reached}" if value >= 0 else f"loses {show(-value, unit)}"


def _perfect(metric: Metric) -> Decimal:
    """Return the best value of a metric known by name."""
    if metric.perfect is None:
        raise MissingEvidence(
            f"nothing says what the best value of {metric.name} is",
            "set `perfect:` of min-useful-gain, in the metric's own units",
        )
    return metric.perfect
