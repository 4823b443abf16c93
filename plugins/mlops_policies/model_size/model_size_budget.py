"""How large the model is."""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from policy_engine.evidence import (
    Case,
    EvidenceError,
    Grade,
    Measurement,
    Model,
    Needs,
    NotApplicable,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Bytes, Percent, Points, Tighter, divide, show, show_both

REMOTE_FLAVORS = frozenset({"openai"})
"""MLflow flavors that store a pointer to a model that somebody else serves: it has no size here."""

_DOUBT_REMEDY = "log the model again and check that the upload ended"


class ModelSizeBudget(Policy, name="model-size-budget"):
    """The model fits its size budget, and did not outgrow the baseline.

    A smaller model is cheaper to serve, quicker to load and fits on more devices. Size grows
    unseen, a little with each pull request.

    - `size`: `size <= max_size`
    - `growth`: `size <= (1 + max_growth) * size_B`, judged for models from `growth_from` on; a gain
      of at least `growth_waived_if_gain` lets it pass

    The size (bytes) is the sum of the stored files. MLflow's own field `model_size_bytes` leaves
    out the environment files, so it is smaller. Where it is larger, stored files are missing: then
    it counts as the size, and what would pass is `inconclusive`.
    A model that MLflow only points to (flavor `openai`) has no size: `not-applicable`.

    Source: `Model.model_size_bytes` of MLflow, unset for the OpenAI flavor (mlflow#10110).
    """

    needs = Needs.MODEL | Needs.BASELINE

    max_size: Annotated[Bytes | None, Tighter.LOWER] = Field(
        default=None, description="Largest sum of the model's files (bytes; 1 MB = 10**6 B)."
    )
    max_growth: Annotated[Percent | None, Tighter.LOWER] = Field(
        default=None, ge=0, description="Largest growth over the baseline's size (percent of it)."
    )
    growth_from: Annotated[Bytes, Tighter.LOWER] = Field(
        default=10_000_000, description="Growth is judged for models of this size on (bytes)."
    )
    growth_waived_if_gain: Points | None = Field(
        default=None,
        description="A gain from which on growth is let pass (points, or the metric's units).",
    )

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        if self.max_size is None and self.max_growth is None:
            raise ValueError("set max_size, max_growth or both")
        if self.growth_waived_if_gain is not None and self.max_growth is None:
            raise ValueError("growth_waived_if_gain waives max_growth, which is not set")
        return self

    def reads(self) -> Needs:
        """Leave the baseline out where growth is not judged."""
        return Needs.MODEL if self.max_growth is None else self.needs

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `size`, `growth`, or both."""
        model = case.candidate.model
        _refuse_remote(model)
        stored = model.size
        size = _size(stored, model.logged_size)
        doubt = _doubt(stored, model.logged_size)
        found = []
        if self.max_size is not None:
            found.append(Finding.judge(size, "<=", self.max_size, "model size", part="size"))
        if self.max_growth is not None:
            growth = self.max_growth
            found.append(part("growth", lambda: self._growth_finding(case, size, growth)))
        for finding in _told_what_is_enough(found):
            yield _doubted(finding, doubt)

    def _growth_finding(self, case: Case, size: Measurement, max_growth: Decimal) -> Finding:
        if size.value < self.growth_from:
            shown, start = show_both(size.value, Decimal(self.growth_from), "B")
            raise NotApplicable(f"model size is {shown}; growth is judged from {start} on")
        model = case.baseline.model
        before = _size(model.size, model.logged_size)
        limit = (1 + max_growth) * before.value
        growth = divide(size.value - before.value, before.value)
        finding = Finding.judge(
            size,
            "<=",
            limit,
            "model size",
            part="growth",
            baseline=before,
            note=f" (the baseline's {before} and {show(max_growth, '%')}; it grew by "
            f"{show(growth, '%', apart_from=max_growth)})",
        )._replace(message=_growth_words(size, before, max_growth))
        if finding.outcome is Outcome.PASS or self.growth_waived_if_gain is None:
            return finding
        return self._waived(case, finding)

    def _waived(self, case: Case, finding: Finding) -> Finding:
        """Let excess growth pass if the gain is shown; what is not shown waives nothing."""
        margin = self.growth_waived_if_gain
        assert margin is not None  # noqa: S101 (the caller asked)
        try:
            metric = case.metric
            gain = metric.gain(case.candidate, case.baseline)
            passed = gain >= metric.distance(margin)
        except EvidenceError as e:
            return finding.saying(f"; no gain waives it: {e}")
        unit = "pt" if margin.in_points else metric.name
        value = divide(gain, metric.required_point) if margin.in_points else gain
        shown = "pt" if margin.in_points else ""
        gained, asked = show_both(value, margin.amount, shown)
        numbers = f"{metric.name} gains {gained}, and from {asked} on growth is waived"
        if not passed:
            return finding.saying(f"; {numbers}")
        return Finding(
            outcome=Outcome.PASS,
            message=f"{metric.name} gains {gained}, which lets the model grow",
            detail=f"{finding.whole}; waived: {numbers}",
            part="growth",
            about=finding.about,
            measured=Measurement(value, unit, Grade.LOGGED, f"gain in {metric.name}"),
            limit=Limit(margin.amount, unit, ">="),
        )


def _told_what_is_enough(found: list[Finding]) -> list[Finding]:
    """Return the findings; those that fail name the one size that all of them allow."""
    limits = [
        each.limit.value
        for each in found
        if each.outcome is Outcome.FAIL and each.limit is not None
    ]
    if not limits:
        return found
    enough = show(_rounded_down(min(limits)), "B")
    return [
        each._replace(remedy=f"shrink the model to {enough}, or raise max_{each.part} and say why")
        if each.outcome is Outcome.FAIL
        else each
        for each in found
    ]


def _rounded_down(size: Decimal) -> Decimal:
    """Return a size (B) as it is shown, with one decimal, and never above itself."""
    scale = Decimal(1000) ** (size.adjusted() // 3)
    return (size / scale).quantize(Decimal("0.1"), ROUND_FLOOR) * scale


def _growth_words(size: Measurement, before: Measurement, max_growth: Decimal) -> str:
    """Return in a short sentence by how much the model outgrew the baseline's."""
    now, then = show_both(size.value, before.value, "B")
    return f"model size is {now} and the baseline's {then}; it may grow by {show(max_growth, '%')}"


def _refuse_remote(model: Model) -> None:
    """Raise `NotApplicable` for a model stored elsewhere; unknown flavors exempt nothing."""
    try:
        flavors = model.flavors
    except EvidenceError:
        return
    remote = REMOTE_FLAVORS.intersection(flavors)
    if remote and remote.issuperset(f for f in flavors if f != "python_function"):
        raise NotApplicable(
            f"flavor {min(remote)} stores no model, only which remote one to call: it has no size"
        )


def _size(stored: Measurement, logged: int | None) -> Measurement:
    """Return the size (B): of the stored files, or what MLflow recorded if that is more."""
    if logged is None or stored.value >= logged:
        return stored
    return Measurement(Decimal(logged), "B", Grade.LOGGED, "model_size_bytes")


def _doubt(stored: Measurement, logged: int | None) -> str | None:
    """Say why the stored files cannot be the whole model; None where nothing speaks against it."""
    if logged is None or stored.value >= logged:
        return None
    there, recorded = show_both(stored.value, Decimal(logged), "B")
    return (
        f"; but only {there} are stored: MLflow recorded {recorded} when it was logged, "
        "so files are missing"
    )


def _doubted(finding: Finding, doubt: str | None) -> Finding:
    """Return a finding that does not pass where files are missing."""
    if doubt is None or finding.outcome is not Outcome.PASS:
        return finding
    return finding._replace(
        outcome=Outcome.INCONCLUSIVE,
        message="the stored files are smaller than the model that was logged: some are missing",
        detail=finding.whole + doubt,
        remedy=_DOUBT_REMEDY,
    )
