"""What the rules that demand proof share: their settings, their levels, their words."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlops_policies.comparison import (
    RESAMPLES,
    Bootstrapped,
    Counts,
    Method,
    Plan,
    Seeds,
    Tested,
    TwoBounds,
    amount,
    difference_to_see,
    p_value,
)
from policy_engine.evidence import (
    Case,
    EvidenceError,
    Grade,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    Run,
    resolve_metric,
)
from policy_engine.policy import Field, Policy
from policy_engine.quantities import Number, divide, exact, show
from policy_engine.statistics import (
    Bounds,
    Verdict,
    best_of,
    rows_needed_for_counts,
    spend,
    superiority,
)

_MANY = 1_000_000
_UNDECIDED = Bounds(float("nan"), float("nan"))


class Proof(Policy):
    """A rule that passes what is shown, fails what is shown to be otherwise, and else says so."""

    # MODEL: an evaluation run of its own may hold a model's rows, and only the model names it.
    needs = (
        Needs.BASELINE
        | Needs.PREDICTIONS
        | Needs.MODEL
        | Needs.REPEATS
        | Needs.DATASETS
        | Needs.CHANGE
    )

    alpha: Number = Field(
        default=Decimal("0.05"),
        gt=0,
        le=Decimal("0.5"),
        description="One-sided error of the test (a chance, above 0 to 0.5).",
    )
    method: Method = Field(
        default="auto",
        description="auto: the test that fits the metric and the rows; bca: with BCa bounds where "
        "it is a bootstrap; seeds: over repeated seeds, even where rows are logged.",
    )
    resamples: int = Field(
        default=RESAMPLES, ge=1000, le=_MANY, description="Resamples of a bootstrap (count)."
    )
    min_seeds: int = Field(
        default=5, ge=2, description="Least seeds of each recipe, where seeds are compared (count)."
    )
    spend: bool = Field(
        default=False,
        description="Whether try k of a pull request must pass at alpha/(k(k+1)), so that retrying "
        "does not help.",
    )

    def reads(self) -> Needs:
        """Leave the rows out where only seeds are compared."""
        return self.needs & ~Needs.PREDICTIONS if self.method == "seeds" else self.needs

    @property
    def plan(self) -> Plan:
        """How to compare."""
        return Plan(method=self.method, resamples=self.resamples, min_seeds=self.min_seeds)


@dataclass(frozen=True, slots=True)
class Levels:
    """At which alpha a pass and a fail must be shown.

    Attributes:
        plain: The setting.
        shown: For what the candidate has to show; smaller with each try, where alpha is spent.
        opposite: For a fail; smaller where the baseline is the best of many runs. Never spent: a
            candidate must not become harder to fail by being tried again.
        notes: Why, as the end of a sentence.
    """

    plain: float
    shown: float
    opposite: float
    notes: str

    @classmethod
    def of(cls, policy: Proof, case: Case, among: int | None) -> "Levels":
        """Return the levels for a case.

        Args:
            policy: Its alpha, and whether tries spend it.
            case: Which try it is.
            among: Of how many runs the baseline is the best; None or 1: it was not picked so.
        """
        plain = shown = opposite = float(policy.alpha)
        notes = ""
        tries = _tries(case)
        if policy.spend:
            shown = spend(plain, tries or 1)
            counted = f"try {tries}" if tries else "the first try (outside a pull request)"
            notes += f"; {counted} must pass at alpha/(k(k+1)) = {show(exact(shown), '')}"
        elif tries is not None and tries > 1:
            notes += f"; this is try {tries} of the pull request, alpha is for one"
        if among is not None and among > 1:
            opposite = best_of(plain, among)
            notes += (
                f"; the baseline is the best of {among} runs, so a fail must be shown at "
                f"alpha/{among} = {show(exact(opposite), '', exact(plain))}"
            )
        return cls(plain, shown, opposite, notes)


def _tries(case: Case) -> int | None:
    try:
        return case.candidate.tries
    except MissingEvidence:  # outside a pull request nobody counts
        return None


def among_of(case: Case, rules: tuple[dict[str, Any], ...] | None = None) -> int | None:
    """Return of how many runs a baseline is the best; None where it was not picked as that.

    Args:
        case: Its baselines.
        rules: One of the lists of a policy's own; None: the policy file's.
    """
    if rules is None:
        return case.found.among if case.found else None
    found = next((each for each in case.evidence.baselines if each.rules == rules), None)
    return found.among if found else None


def metrics_of(case: Case, names: Sequence[str]) -> tuple[Metric, ...]:
    """Return the metrics of these names, or the file's metric where there are none."""
    if not names:
        return (case.metric,)
    own = case.metric_setting
    return tuple(
        own if own and own.name == name else resolve_metric(name, None, None, "the policy")
        for name in dict.fromkeys(names)
    )


def bounds_at(tested: Tested, alpha: float) -> TwoBounds:
    """Return the bounds, or NaN where there are too few resamples for so small an alpha."""
    if isinstance(tested, Bootstrapped) and alpha * (len(tested.resampled.values) + 1) < 1:
        return _UNDECIDED
    return tested.bounds(alpha)


def is_above(tested: Tested, difference: float, alpha: float) -> bool:
    """Say whether the gain is shown to exceed a difference."""
    if isinstance(tested, Counts) and difference == 0:
        return tested.p_above() < alpha
    return superiority(bounds_at(tested, alpha), difference) is Verdict.SHOWN


def is_below(tested: Tested, difference: float, alpha: float) -> bool:
    """Say whether the gain is shown to be less than a difference."""
    if isinstance(tested, Counts) and difference == 0:
        return tested.p_below() < alpha
    return superiority(bounds_at(tested, alpha), difference) is Verdict.OPPOSITE


def change(metric: Metric, tested: Tested) -> str:
    """Return the two values and the gain as the beginning of a sentence."""
    after, before = exact(tested.after), exact(tested.before)
    return (
        f"{metric.name} goes from {show(before, '', after)} to {show(after, '', before)} on "
        f"{tested.where}, a gain of {amount(metric, tested.gain)}"
    )


def evidence(
    metric: Metric,
    tested: Tested,
    alpha: float,
    *,
    p: float,
    difference: float,
    of: str = "",
) -> str:
    """Return the test and its numbers, in brackets; `of` says what is tested, if not the gain."""
    bounds = bounds_at(tested, alpha)
    level = show(exact(alpha), "")
    said = (
        f"one-sided bounds {amount(metric, bounds.lower)} and {amount(metric, bounds.upper)}"
        if bounds.decides
        else "bounds that decide nothing: too few resamples for this alpha, or all equal"
    )
    return f"({tested.words(difference)}: p{of} = {p_value(p)}; {said}; alpha = {level})"


def measured(metric: Metric, tested: Tested, value: float) -> Measurement | None:
    """Return a bound of the gain as a measurement, in points where there are any."""
    if value - value != 0:
        return None
    number = exact(value)
    grade = Grade.LOGGED if isinstance(tested, Seeds) else Grade.RECOMPUTED
    source = f"{metric.name} on {tested.where}"
    if metric.point is None:
        return Measurement(number, metric.name, grade, source)
    return Measurement(divide(number, metric.point), "pt", grade, source)


def in_unit(metric: Metric, distance: Decimal) -> Decimal:
    """Return a distance (the metric's units) in the unit that `measured` has."""
    return distance if metric.point is None else divide(distance, metric.point)


def logged_gain(metric: Metric, candidate: Run, baseline: Run) -> tuple[Decimal, str] | None:
    """Return the gain in the logged values and both values as words; None where one is absent."""
    try:
        new, old = candidate.metric(metric.name), baseline.metric(metric.name)
    except EvidenceError:
        return None
    gain = metric.gain(candidate, baseline)
    said = (
        f"{metric.name} goes from {show(old.value, '', new.value)} to "
        f"{show(new.value, '', old.value)} in the logged values, a gain of {amount(metric, gain)} "
        "that may be chance"
    )
    return gain, said


def rows_at_most(
    metric: Metric,
    candidate: Run,
    baseline: Run,
    delta: float,
    alpha: float,
    *,
    above: float = 0.0,
) -> str:
    """Return how many rows an accuracy would need at most, before any row is known.

    Two models differ on no more rows than on which one of them is wrong.
    """
    if "accuracy" not in metric.name or "balanced" in metric.name or not delta > 0:
        return ""
    try:
        wrong = 2 - candidate.metric(metric.name).value - baseline.metric(metric.name).value
    except EvidenceError:
        return ""
    differing = round(min(max(wrong, Decimal()), Decimal(1)) * _MANY)
    rows = rows_needed_for_counts(differing, 0, _MANY, delta, alpha)
    return (
        f"; to show {difference_to_see(metric, delta, above)} 4 times in 5, at most "
        f"n ≈ {rows:,} rows are needed"
    )
