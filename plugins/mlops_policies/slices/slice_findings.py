"""From slices under test to findings: who is harmed, who is in doubt, what the rest could show."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from mlops_policies.comparing.amounts import amount, gain_or_loss, p_value
from mlops_policies.comparing.words import in_unit
from mlops_policies.slices.slice_rule import JudgedSlice, SliceRule
from policy_engine.evidence import Grade, Measurement, Metric
from policy_engine.policy import Finding, Interval, Limit, Outcome
from policy_engine.quantities import count, divide, exact, first_few, show
from policy_engine.statistics import Adjusted, holm

MOST_NAMED = 5
"""Slices that a pass lists by name."""
Tests = Mapping[tuple[str, str], Adjusted]
"""Holm's word on each test, by slice and by kind: `drop` or `floor`."""


def findings_on_slices(
    rule: SliceRule, judged: Sequence[JudgedSlice], *, anything_else: bool
) -> Iterator[Finding]:
    """Yield a finding for each slice that is harmed or in doubt, and one for all others.

    Args:
        rule: The settings.
        judged: The slices.
        anything_else: Whether the policy has yielded a finding already.
    """
    tests: list[tuple[str, str, float]] = []
    tests += [(j.name, "drop", j.p) for j in judged if j.p is not None]
    tests += [(j.name, "floor", j.floor_p) for j in judged if j.floor_p is not None]
    held = holm([p for *_, p in tests], float(rule.alpha))
    adjusted = {(name, kind): each for (name, kind, _), each in zip(tests, held, strict=True)}
    quiet = []
    for each in judged:
        finding = _harm(rule, each, adjusted)
        if finding is None:
            quiet.append(each)
        else:
            yield finding
    if quiet or not (judged or anything_else):
        yield _no_harm(rule, quiet, len(tests))


def _harm(rule: SliceRule, each: JudgedSlice, adjusted: Tests) -> Finding | None:
    if each.p is None:
        return _untested(rule, each)
    test, floor = adjusted[each.name, "drop"], adjusted.get((each.name, "floor"))
    if -each.gain > float(rule.drop) and (test.rejected or each.p < float(rule.alpha)):
        outcome = Outcome.FAIL if test.rejected else Outcome.INCONCLUSIVE
        return _dropped(rule, each, test, outcome, len(adjusted))
    if floor is not None and floor.rejected:
        return _fell(rule, each, floor)
    return None


def _untested(rule: SliceRule, each: JudgedSlice) -> Finding | None:
    """Return that a slice is in doubt, if it is named or has dropped in a way that nobody tests."""
    suspected = each.gain < -float(rule.drop)
    if not (each.is_named or suspected):
        return None
    drop = amount(rule.metric, -each.gain)
    more = f": a drop of {drop} cannot be tested" if suspected else ""
    return Finding(
        outcome=Outcome.INCONCLUSIVE,
        part=each.name,
        message=f"too few rows to judge slice {each.name}",
        detail=f"slice {each.name} cannot be judged: {each.test}{more}",
        remedy=f"evaluate both on more rows of {each.name}",
    )


def _dropped(
    rule: SliceRule, each: JudgedSlice, test: Adjusted, outcome: Outcome, tests: int
) -> Finding:
    metric, drop = rule.metric, rule.drop
    after, before = exact(each.after or 0.0), exact(each.before or 0.0)
    fails = outcome is Outcome.FAIL
    only = "" if fails else " only without Holm's correction"
    bounds = _bounds(metric, each, test) if fails else ""
    point = metric.point or Decimal(1)
    unit = "pt" if metric.point is not None else metric.name
    return Finding(
        outcome=outcome,
        part=each.name,
        message=f"{metric.name} drops by {amount(metric, -each.gain, drop)} in slice {each.name}; "
        f"{amount(metric, drop, -each.gain)} is allowed",
        detail=f"slice {each.name}: {metric.name} goes from {show(before, '', after)} to "
        f"{show(after, '', before)} on {each.rows:,} rows, a drop of "
        f"{amount(metric, -each.gain, drop)}: it is shown to be worse{only}, and the drop seen is "
        f"over the {amount(metric, drop, -each.gain)} allowed ({each.test}: one-sided p = "
        f"{p_value(each.p or 0.0)} against 'loses nothing', {p_value(test.p)} by Holm over "
        f"{count(tests, 'test')}{bounds}; alpha = {show(rule.alpha, '')})",
        measured=Measurement(
            divide(exact(-each.gain), point), unit, Grade.RECOMPUTED, f"rows of {each.name}"
        ),
        limit=Limit(divide(drop, point), unit, "<="),
        interval=_interval(metric, each, test),
        remedy=f"find out what the candidate loses on {each.name} (more training rows of it?), or "
        f"keep serving {each.name} with the baseline"
        if outcome is Outcome.FAIL
        else f"evaluate both on more rows of {each.name}",
    )


def _interval(metric: Metric, each: JudgedSlice, test: Adjusted) -> Interval | None:
    """Return where the slice's true gain lies, by the test at Holm's level; None: it cannot tell.

    Bounds and test are not always of one family: where no drop is shown, the interval holds 0.
    """
    if each.bounds is None:
        return None
    found = each.bounds(test.alpha)
    if not found.decides:
        return None
    low, high = found.lower, found.upper
    if not test.rejected:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(
        low=in_unit(metric, exact(low)),
        high=in_unit(metric, exact(high)),
        unit="" if metric.point is None else "pt",
        confidence=1 - 2 * exact(test.alpha),
        shown=test.rejected,
        on=f"{each.rows:,} rows",
    )


def _bounds(metric: Metric, each: JudgedSlice, test: Adjusted) -> str:
    """Return the one-sided bounds of the gain at the level of the test."""
    if each.bounds is None:
        return ""
    found = each.bounds(test.alpha)
    return (
        f"; one-sided bounds {amount(metric, found.lower)} and {amount(metric, found.upper)} at "
        f"{show(exact(test.alpha), '')}"
    )


def _fell(rule: SliceRule, each: JudgedSlice, floor: Adjusted) -> Finding:
    share = show(rule.floor or Decimal(1), "")
    limit = (
        f"under {share} of the whole's"
        if rule.metric.goal == "maximize"
        else f"above the whole's divided by {share}"
    )
    after, least = exact(each.after or 0.0), exact(each.floor or 0.0)
    return Finding(
        outcome=Outcome.FAIL,
        part=each.name,
        message=f"{rule.metric.name} is {show(after, '', least)} in slice {each.name}, under its "
        f"floor of {show(least, '', after)}",
        detail=f"slice {each.name}: {rule.metric.name} {show(after, '', least)} on "
        f"{each.rows:,} rows is shown to be {limit}, {show(least, '', after)}, and the baseline's "
        f"is not (bootstrap: by Holm p = {p_value(floor.p)}; alpha = {show(rule.alpha, '')})",
        remedy=f"train on more rows of {each.name}, or lower floor and say why",
    )


def _no_harm(rule: SliceRule, quiet: Sequence[JudgedSlice], tests: int) -> Finding:
    tested = [each for each in quiet if each.p is not None]
    unjudged = [each for each in quiet if each.p is None][:MOST_NAMED]
    if not tested:
        whys = "; ".join(f"{each.name}: {each.test}" for each in unjudged)
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            message="too few rows to judge any slice",
            detail=f"no slice could be judged ({whys or 'there is none'})",
            remedy="evaluate both on more rows, or declare coarser slices",
        )
    metric = rule.metric
    worst = min(tested, key=lambda each: each.gain)
    left = "".join(f"; {each.name} is not judged: {each.test}" for each in unjudged)
    names = first_few((each.name for each in tested), MOST_NAMED)
    return Finding(
        outcome=Outcome.PASS,
        message=f"no drop above {amount(metric, rule.drop)} in {count(len(tested), 'slice')}",
        detail=f"no drop above {amount(metric, rule.drop)} is shown in "
        f"{count(len(tested), 'slice')} ({names}; Holm over {count(tests, 'test')} at "
        f"alpha = {show(rule.alpha, '')}); the lowest is {gain_or_loss(metric, worst.gain)} "
        f"({worst.name}, {worst.rows:,} rows, one-sided p = {p_value(worst.p or 0.0)} "
        "against 'loses nothing')"
        f"{_power(rule, tested)}{left}",
    )


def _power(rule: SliceRule, tested: Sequence[JudgedSlice]) -> str:
    """Return, as a sentence's end, the smallest drop that the rows could show."""
    seen = sorted((each.smallest, each.name) for each in tested if each.smallest is not None)
    if not seen:
        return ""
    least, most = seen[0], seen[-1]
    up_to = f" to {amount(rule.metric, most[0])} ({most[1]})" if len(seen) > 1 else ""
    return (
        f"; the smallest drop that these rows could show 4 times in 5 is "
        f"{amount(rule.metric, least[0])} ({least[1]}){up_to}"
    )
