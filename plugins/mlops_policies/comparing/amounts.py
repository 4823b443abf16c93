"""Gains, p-values and numbers of rows as people read them."""

from dataclasses import replace
from decimal import Decimal

from mlops_policies.comparing.tested import Tested
from policy_engine.evidence import Metric
from policy_engine.quantities import divide, exact, show

_SMALL = 1e-4


def amount(
    metric: Metric, value: float | Decimal, apart_from: float | Decimal | None = None
) -> str:
    """Return a difference of metric values as people read it: in points, where there are any."""
    if not isinstance(value, Decimal) and value - value != 0:
        return "not a number"
    number, other = exact(value), None if apart_from is None else exact(apart_from)
    if metric.point is None:
        return show(number, "", other)
    point = metric.point
    return show(divide(number, point), "pt", None if other is None else divide(other, point))


def with_a_point(metric: Metric, baseline: Decimal) -> tuple[Metric, str]:
    """Return a metric that has a point, and the sentence's end that says which, if it is ours.

    Where neither the metric's name nor the policy file says what a point is, it is 1 % of the
    baseline's value: a loss that everybody sees shall not merge for want of a setting.

    Args:
        metric: The metric.
        baseline: Its value in the baseline (the metric's units).
    """
    if metric.point is not None or not baseline:
        return metric, ""
    point = divide(baseline.copy_abs(), Decimal(100))
    said = (
        f"; a point is 1 % of the baseline's {metric.name} ({show(point, '')}), since neither its "
        "name nor `metric: {point: …}` says what it is"
    )
    return replace(metric, point=point), said


def difference_to_see(metric: Metric, delta: float, above: float = 0.0) -> str:
    """Return in words which true difference would be seen: `delta` more than what is to exceed."""
    said = f"a true difference of {amount(metric, above + delta)}"
    return f"{said} as more than {amount(metric, above)}" if above else said


def no_loss_to_see(metric: Metric, margin: float) -> str:
    """Return in words what a model that is as good as the baseline has to show."""
    return f"that an equal model loses no more than {amount(metric, margin)}"


def still_needed(tested: Tested, delta: float, alpha: float, *, aim: str) -> str:
    """Return, as a sentence's end, how many rows or seeds would decide.

    Args:
        tested: What is there.
        delta: The difference to see (the metric's units).
        alpha: The one-sided error of the test.
        aim: What they would show, as `difference_to_see` or `no_loss_to_see` say it.
    """
    if not (delta > 0 and tested.standard_error > 0):
        return ""
    need, have, what = tested.needed(delta, alpha)
    if need <= have:
        return f"; {have:,} {what} are enough to show {aim} 4 times in 5"
    return f"; to show {aim} 4 times in 5, n ≈ {need:,} {what} are needed"


def more_needed(
    metric: Metric, tested: Tested, delta: float, alpha: float, *, to: str = "show"
) -> str:
    """Return what to do so that it decides, with how many rows or seeds, where these are too few.

    Args:
        metric: For its units.
        tested: What is there.
        delta: The true difference to see (the metric's units).
        alpha: The one-sided error of the test.
        to: What they do with it, as a verb.
    """
    if not (delta > 0 and tested.standard_error > 0):
        return tested.more
    need, have, what = tested.needed(delta, alpha)
    if need <= have:
        return tested.more
    seen = amount(metric, delta)
    return f"{tested.more} (n ≈ {need:,} {what} would {to} {seen}, and there are {have:,})"


def p_value(p: float) -> str:
    """Return a p-value as people read it."""
    return show(exact(p), "") if p >= _SMALL else f"{p:.1e}"
