"""What the rules that demand proof say of a gain: values, test, bounds, units."""

from decimal import Decimal
from typing import NamedTuple

from mlops_policies.comparing.amounts import Wanted, about, amount, gain_or_loss, p_value
from mlops_policies.comparing.bootstrapped import Bootstrapped
from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.seeded import Seeds
from mlops_policies.comparing.shown import is_under_a_row
from mlops_policies.comparing.tested import Tested, Untested
from policy_engine.evidence import EvidenceError, Grade, Measurement, Metric, Run
from policy_engine.policy import Interval, Limit
from policy_engine.quantities import divide, exact, show
from policy_engine.statistics import (
    Bounds,
    DifferingRows,
    StatisticsUnavailable,
    TwoBounds,
)

_MANY = 1_000_000


def change(metric: Metric, tested: Tested) -> str:
    """Return the two values and the gain as the beginning of a sentence."""
    after, before = exact(tested.after), exact(tested.before)
    return (
        f"{metric.name} goes from {show(before, '', after)} to {show(after, '', before)} on "
        f"{tested.where}, {gain_or_loss(metric, tested.gain)}"
    )


class Against(NamedTuple):
    """What a test speaks against.

    Attributes:
        p: The one-sided p-value.
        said: What it speaks against, such as `'gains nothing'`.
        difference: The gain that this is (the metric's units).
        note: What there is to say of alpha, as a sentence's end.
    """

    p: float
    said: str
    difference: float = 0.0
    note: str = ""

    @classmethod
    def gain(cls, metric: Metric, tested: Tested, least: float = 0.0) -> "Against":
        """Return the test that shows more than a gain."""
        said = f"'gains at most {amount(metric, least)}'" if least else "'gains nothing'"
        return cls(tested.p_above(least), said, least)

    @classmethod
    def loss(cls, metric: Metric, tested: Tested, least: float = 0.0, note: str = "") -> "Against":
        """Return the test that shows less than a gain."""
        said = f"'gains at least {amount(metric, least)}'" if least else "'loses nothing'"
        return cls(tested.p_below(least), said, least, note)


def evidence(
    metric: Metric,
    tested: Tested,
    alpha: float,
    against: Against,
    *,
    of_a_margin: bool = False,
) -> str:
    """Return the test and its numbers, in brackets.

    Args:
        metric: For its units.
        tested: The test.
        alpha: The level that it is held against.
        against: What is tested, and the p-value.
        of_a_margin: Whether the bounds are held against a margin, and not against 0.
    """
    whose, bounds = "", tested.bounds(alpha)
    if isinstance(tested, Counts) and not against.difference:
        whose, bounds = ("Tango's ", bounds) if of_a_margin else _of_the_gain(tested, alpha)
    level = show(exact(alpha), "")
    said = (
        f"{whose}one-sided bounds {amount(metric, bounds.lower)} and {amount(metric, bounds.upper)}"
        if bounds.decides
        else "bounds that decide nothing: too few resamples for this alpha, or all equal"
    )
    whence = _tail(tested, alpha)
    return (
        f"({tested.words(against.difference)}: one-sided p = {p_value(against.p)} against "
        f"{against.said}; {said}{whence}; alpha = {level}{against.note})"
    )


def _tail(tested: Tested, alpha: float) -> str:
    """Return whence bounds come beyond which too few resamples lie."""
    if not _is_in_tail(tested, alpha):
        return ""
    return " by the jackknife, corrected for skewness, as too few resamples lie beyond them"


def _is_in_tail(tested: Tested, alpha: float) -> bool:
    """Say whether bounds are not read off resamples, of which no share is so small."""
    is_far = isinstance(tested, Bootstrapped) and tested.is_in_tail(alpha)
    return is_far and tested.bounds(alpha).decides


def _of_the_gain(tested: Counts, alpha: float) -> tuple[str, TwoBounds]:
    """Return whose bounds of a gain to print, and these: they never contradict McNemar's test.

    Tango's are nearer where few rows differ, and exclude 0 a little before the exact test does.
    """
    bounds = tested.bounds(alpha)
    shown = tested.p_above() < alpha or tested.p_below() < alpha
    if shown or bounds.lower <= 0 <= bounds.upper:
        return "Tango's ", bounds
    try:
        return "McNemar's ", tested.exact_bounds(alpha)
    except StatisticsUnavailable:  # without SciPy: as far as the test itself says
        return "", Bounds(min(bounds.lower, 0.0), max(bounds.upper, 0.0))


def interval(metric: Metric, tested: Tested, alpha: float) -> Interval | None:
    """Return where the true gain lies by the test at alpha on each side; None: it cannot tell.

    Bounds and test are not always of one family (Tango's and McNemar's): where the test does not
    show that the gain is not 0, the interval holds 0.
    """
    bounds = tested.bounds(alpha)
    if not bounds.decides:
        return None
    if isinstance(tested, Counts):
        _, bounds = _of_the_gain(tested, alpha)
    low, high = bounds.lower, bounds.upper
    shown = tested.p_above() < alpha or tested.p_below() < alpha
    shown = shown or (_is_in_tail(tested, alpha) and not low <= 0 <= high)
    if not shown:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(
        low=in_unit(metric, exact(low)),
        high=in_unit(metric, exact(high)),
        unit="" if metric.point is None else "pt",
        confidence=1 - 2 * exact(alpha),
        shown=shown,
        on=tested.where,
    )


def gained(metric: Metric, tested: Tested) -> str:
    """Return gain or loss as the beginning of a short sentence."""
    if tested.gain < 0:
        return f"the loss of {amount(metric, -tested.gain)} in {metric.name}"
    return f"the gain of {amount(metric, tested.gain)} in {metric.name}"


def under_a_row(tested: Tested, difference: float) -> str:
    """Return, as a sentence's end, that a difference is under one row and what has to be shown."""
    if not is_under_a_row(tested, difference):
        return ""
    return (
        "; less than one row is none, so McNemar's test must show a gain: "
        f"one-sided p = {p_value(tested.p_above())} against 'gains nothing'"
    )


def shown_p(metric: Metric, tested: Tested, alpha: float) -> tuple[Measurement, Limit]:
    """Return McNemar's p-value of no gain as a measurement, and what it must be under."""
    p = Measurement(
        exact(tested.p_above()), "p", Grade.RECOMPUTED, f"{metric.name} on {tested.where}"
    )
    return p, Limit(exact(alpha), "p", "<")


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
        f"{show(new.value, '', old.value)} in the logged values, {gain_or_loss(metric, gain)} "
        "that may be chance"
    )
    return gain, said


def untested_gain(
    metric: Metric, why: Untested, candidate: Run, baseline: Run
) -> tuple[Decimal, str] | None:
    """Return the gain where nothing can be tested: of the rows, else of the logged values."""
    if why.gain is None or why.gain - why.gain != 0:  # NaN or infinite
        return logged_gain(metric, candidate, baseline)
    gain = exact(why.gain)
    return gain, f"these rows show {gain_or_loss(metric, gain)}, which may be chance"


def rows_at_most(
    metric: Metric,
    candidate: Run,
    baseline: Run,
    wanted: Wanted,
    alpha: float,
) -> str:
    """Return how many rows an accuracy would need at most, before any row is known.

    Two models differ on no more rows than on which one of them is wrong.
    """
    if "accuracy" not in metric.name or "balanced" in metric.name or not wanted.delta > 0:
        return ""
    try:
        wrong = 2 - candidate.metric(metric.name).value - baseline.metric(metric.name).value
    except EvidenceError:
        return ""
    differing = round(min(max(wrong, Decimal()), Decimal(1)) * _MANY)
    spread = DifferingRows(differing, _MANY, exact=wanted.of_none)
    rows = spread.needed(wanted.delta, alpha)
    return f"; at most {about(rows)} rows show {wanted.aim} 4 times in 5, {wanted.truth}"
