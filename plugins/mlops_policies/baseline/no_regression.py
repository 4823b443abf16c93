"""The candidate is no worse than the baseline by more than a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pydantic import model_validator

from mlops_policies.comparing.amounts import (
    IF_EQUAL,
    Wanted,
    about,
    amount,
    is_carried_by_few,
    more_needed,
    still_needed,
    with_a_point,
)
from mlops_policies.comparing.comparison import compare
from mlops_policies.comparing.proof import Levels, Proof, among_of, metrics_of
from mlops_policies.comparing.shown import (
    Harm,
    harms,
    is_no_worse,
    is_under_a_row,
    tested_or_found,
)
from mlops_policies.comparing.tested import Tested, Untested
from mlops_policies.comparing.words import (
    Against,
    change,
    evidence,
    in_unit,
    interval,
    measured,
    rows_at_most,
    shown_p,
    under_a_row,
    untested_gain,
)
from policy_engine.evidence import Case, EvidenceError, Measurement, Metric, Run
from policy_engine.policy import Field, Finding, Limit, Outcome
from policy_engine.quantities import Margin, Points, exact, show

PINNED = ("run", "alias", "tag", "commit")
"""Baseline rules that name one run, and do not look for the best."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One comparison that may fail the binding."""

    part: str | None
    metric: Metric
    rules: tuple[dict[str, Any], ...] | None
    levels: Levels
    whom: str


class NoRegression(Proof, name="no-regression"):
    """The candidate is shown to be no worse than the baseline by more than a margin.

    That a test finds no difference shows nothing: with few rows it never finds one. So the burden
    lies on the candidate. With `g` the gain and `[L, U]` its one-sided bounds at `alpha`:

    - pass: `L >= -margin`; the message says so where it is shown to be worse within the margin
    - fail: it is shown to be worse (`U < 0`; McNemar for 0/1 rows), and the loss in the data is
      itself above the margin (`g < -margin`): a loss that the margin accepts seldom fails
    - else `inconclusive`; the message says how many rows or seeds this margin needs

    The test is chosen as `significant-improvement` chooses it. Where too few rows differ for a
    bootstrap, a refactoring say, `L` is how far so few can move the metric at most (the share of
    rows that differ by Clopper-Pearson; F1, macro recall, balanced accuracy, MCC, kappa, ROC AUC,
    average precision, log-loss, Brier; and RMSE, MAE, R² and means of row values, where the message
    says what such a row is taken to cost at most). Where there are neither rows nor seeds to test,
    `g < -fallback` fails and anything else is `inconclusive`. For 0/1 rows a margin
    of less than one row (0, say) accepts no loss: McNemar's exact test must show a gain. Losses
    within the margin add up from merge to merge: `anchor` pins one more run, such as the last
    release, that is judged against in the same way. Of several metrics, and of the anchor, each is
    a finding of its own; all must pass, each at alpha, and the fails are held against Holm's levels
    over them all.

    With `spend`, try k on the same evaluation data passes at alpha/(k(k+1)), and the winner of a
    search over M recipes passes at alpha/M, as in `significant-improvement`. Where the baseline is
    the best of M runs, a fail is tested at alpha/M.

    Where neither the metric's name nor `metric: {point: …}` says what a point is (RMSE, a loss of
    your own), a point is 1 % of the baseline's value, and the message says so.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in the
    runs of candidate and baseline; or train both with at least 5 seeds.

    Source: non-inferiority testing; Tango, Statistics in Medicine 17 (1998) 891-908. 1 pt is ours:
    of equal models that differ on 8 % of the rows it passes 30 % at 1,000 rows, 80 % at 5,000.
    """

    margin: Points = Field(
        default=Margin(Decimal(1), in_points=True),
        description="Loss that is accepted (points, or a bare number in the metric's units).",
    )
    fallback: Points | None = Field(
        default=None,
        description="Loss in the logged values that fails where nothing can be tested (points, or "
        "the metric's units). Default: 3 times the margin.",
    )
    anchor: dict[str, Any] | None = Field(
        default=None,
        description="A baseline rule for one more run to be no worse than, such as "
        "`{alias: fraud@release}` or `{run: …}`.",
    )
    metrics: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Metrics that must each not regress (names). Default: the file's metric.",
    )

    @model_validator(mode="after")
    def _anchor_is_pinned(self) -> Self:
        if self.anchor is not None and (
            len(self.anchor) != 1 or next(iter(self.anchor)) not in PINNED
        ):
            raise ValueError(f"anchor must be one rule of {', '.join(PINNED)}")
        return self

    def rules(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """Return the anchor."""
        return () if self.anchor is None else ((self.anchor,),)

    def needs_point(self) -> bool:
        """Return False: it takes 1 % of the baseline where nobody says it."""
        return False

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each metric, and for each against the anchor."""
        questions = list(self._questions(case))
        answers = [
            tested_or_found(each.part, lambda each=each: self._answer(case, each))  # type: ignore[misc]
            for each in questions
        ]
        p_values = [each.p_below() for each in answers if not isinstance(each, Finding)]
        found = iter(harms(p_values, float(self.alpha)))
        for question, answer in zip(questions, answers, strict=True):
            if isinstance(answer, Finding):
                yield answer
            else:
                yield self._judged(question, answer, next(found))

    def _questions(self, case: Case) -> Iterator[_Question]:
        metrics = metrics_of(case, self.metrics)
        levels = Levels.of(self, case, among_of(case), metrics)
        for metric in metrics:
            alone = "baseline" if self.anchor is not None else None
            name = metric.name if len(metrics) > 1 else alone
            yield _Question(name, metric, None, levels, "the baseline")
        for rules in self.rules():
            plain = Levels.of(self, case, None, metrics)
            for metric in metrics:
                name = f"anchor {metric.name}" if len(metrics) > 1 else "anchor"
                yield _Question(name, metric, rules, plain, "the anchor")

    def _answer(self, case: Case, question: _Question) -> Tested | Finding:
        rules = question.rules
        against = case.baseline if rules is None else case.against(rules)
        tested = compare(case.candidate, against, question.metric, self.plan)
        if not isinstance(tested, Untested):
            return tested
        near = tested.near
        if near is not None and self._is_within(question, near):
            return near
        return self._by_points(case, question, against, tested)

    def _is_within(self, question: _Question, near: Tested) -> bool:
        """Say whether two models that nearly agree cannot be further apart than the margin."""
        metric, _ = self._with_a_point(question.metric, exact(near.before))
        return is_no_worse(near, float(metric.distance(self.margin)), question.levels.shown)

    def _judged(self, question: _Question, tested: Tested, harm: Harm) -> Finding:
        levels = question.levels
        metric, point = self._with_a_point(question.metric, exact(tested.before))
        margin = metric.distance(self.margin)
        least, plain = float(margin), tested.bounds(levels.plain)
        allowed = amount(metric, margin)
        outcome, alpha, more = Outcome.INCONCLUSIVE, levels.shown, ""
        harmed = harm.p < levels.opposite
        if is_no_worse(tested, least, levels.shown):
            outcome = Outcome.PASS
            verdict = "worse, but within the margin of" if harmed else "no worse by more than"
            verdict += f" {allowed}"
        elif harmed and plain.decides and tested.gain < -least:
            outcome, alpha = Outcome.FAIL, levels.opposite * harm.share
            verdict = _worse(metric, tested, margin, alpha)
        else:
            verdict = (
                "shown to be worse, but not whether by more than the allowed"
                if harmed
                else "not shown to stay within the allowed"
            )
            verdict += f" {allowed}"
            more = still_needed(tested, _wanted(metric, least), levels.shown)
        value, limit = _judged_number(metric, tested, levels.shown, margin)
        small = "" if outcome is Outcome.FAIL else under_a_row(tested, least)
        rows = more_needed(tested, _wanted(metric, least), levels.shown)
        return Finding(
            outcome=outcome,
            part=question.part,
            message=_said(metric, tested, outcome, margin, is_ours=bool(point)),
            detail=f"{change(metric, tested)}{point} against {question.whom}: {verdict}"
            f"{tested.doubt}{more}{small}{levels.notes} "
            f"{self._evidence(metric, tested, outcome, alpha, least, harm)}",
            measured=value,
            limit=limit,
            remedy=_remedy(outcome, rows),
            about=metric.name if question.rules is None else None,
            interval=interval(metric, tested, levels.plain),
        )

    def _evidence(
        self,
        metric: Metric,
        tested: Tested,
        outcome: Outcome,
        alpha: float,
        least: float,
        harm: Harm,
    ) -> str:
        """Return the test of what is said: of no loss where it fails, else of too large a loss."""
        if outcome is Outcome.FAIL:
            against = Against.loss(metric, tested, note=harm.said)
        elif is_under_a_row(tested, least):
            against = Against.gain(metric, tested)
        else:
            said = f"'loses {amount(metric, least)} or more'"
            against = Against(tested.p_above(-least), said, -least)
        return evidence(metric, tested, alpha, against, of_a_margin=True)

    def _by_points(self, case: Case, question: _Question, against: Run, why: Untested) -> Finding:
        metric, point = self._pointed_by(question.metric, against, why)
        margin, fallback = metric.distance(self.margin), self._fallback(metric)
        gain = untested_gain(metric, why, case.candidate, against)
        if gain is None:
            case.candidate.metric(metric.name)
            against.metric(metric.name)
        fails = gain is not None and gain[0] < -fallback
        said = f"; {gain[1]}" if gain else ""
        alpha = question.levels.shown
        wanted = _wanted(metric, float(margin))
        needed = rows_at_most(metric, case.candidate, against, wanted, alpha)
        verdict = f"; a loss above {amount(metric, fallback)} fails even so" if fails else needed
        return Finding(
            outcome=Outcome.FAIL if fails else Outcome.INCONCLUSIVE,
            part=question.part,
            message=f"{metric.name} lost more than {amount(metric, fallback)}, which fails untested"
            if fails
            else f"whether {metric.name} lost anything could not be tested",
            detail=f"regression against {question.whom} is untested: "
            f"{why.why}{said}{point}{verdict}",
            remedy=_bounded_by(metric, why, float(margin), alpha),
            about=metric.name if question.rules is None else None,
        )

    def _with_a_point(self, metric: Metric, baseline: Decimal) -> tuple[Metric, str]:
        """Return the metric with a point, where a setting is in points."""
        in_points = self.margin.in_points or (self.fallback is not None and self.fallback.in_points)
        return with_a_point(metric, baseline) if in_points else (metric, "")

    def _pointed_by(self, metric: Metric, against: Run, why: Untested) -> tuple[Metric, str]:
        """Return the metric with a point by what the baseline logged, else by what its rows say."""
        try:
            return self._with_a_point(metric, against.metric(metric.name).value)
        except EvidenceError:
            if why.near is None:
                return metric, ""
            return self._with_a_point(metric, exact(why.near.before))

    def _fallback(self, metric: Metric) -> Decimal:
        return metric.distance(self.fallback) if self.fallback else 3 * metric.distance(self.margin)


def _wanted(metric: Metric, least: float) -> Wanted:
    """Return what so many rows would show."""
    return Wanted(least, f"that it loses no more than {amount(metric, least)}", IF_EQUAL)


def _worse(metric: Metric, tested: Tested, margin: Decimal, alpha: float) -> str:
    """Return what is shown of a loss that fails, and what is only seen."""
    lost, upper = amount(metric, -tested.gain, margin), tested.bounds(alpha).upper
    said = (
        f"it is shown to be worse, and the loss seen, {lost}, is over the "
        f"{amount(metric, margin, -tested.gain)} allowed"
    )
    if upper >= 0:
        return said
    sure = show(1 - exact(alpha), "%")
    return f"{said}: with {sure} confidence the true loss is at least {amount(metric, -upper)}"


def _said(
    metric: Metric, tested: Tested, outcome: Outcome, margin: Decimal, *, is_ours: bool
) -> str:
    """Return in a short sentence what the test says of a loss.

    Args:
        metric: For its units.
        tested: What is there.
        outcome: Of the finding.
        margin: The loss that is accepted.
        is_ours: Whether a point is 1 % of the baseline's value, as nobody says what it is.
    """
    allowed, point = amount(metric, margin), " (pt: 1 % of the baseline's)" if is_ours else ""
    if outcome is Outcome.PASS:
        return f"{metric.name} is not worse by more than the {allowed} that is allowed{point}"
    lost = amount(metric, -tested.gain, margin)
    if outcome is Outcome.FAIL:
        within = amount(metric, margin, -tested.gain)
        return f"{metric.name} is shown to be worse: {lost} lost, {within} allowed{point}"
    if tested.gain < 0:
        return f"{metric.name} lost {lost}{point} here and may truly lose more than {allowed}"
    if is_carried_by_few(tested):
        return f"few rows decide whether {metric.name} is worse by more than {allowed}{point}"
    return f"too few rows to rule out that {metric.name} is worse by more than {allowed}{point}"


def _bounded_by(metric: Metric, why: Untested, margin: float, alpha: float) -> str:
    """Return what would help: where the models hardly differ, how many rows bound their loss."""
    if why.near is None:
        return why.remedy
    if not margin > 0:
        return "allow a margin above 0: models that hardly differ are bounded, never shown equal"
    need, have, what = why.near.needed(margin, alpha)
    return (
        f"{why.remedy} ({about(need)} {what} of which as few differ rule out a loss of "
        f"{amount(metric, margin)}, and there are {have:,}); or raise `margin` of no-regression "
        "for what users can bear, not for this result"
    )


def _judged_number(
    metric: Metric, tested: Tested, alpha: float, margin: Decimal
) -> tuple[Measurement | None, Limit | None]:
    """Return what decides and its limit: the lower bound of the gain; under a row McNemar's p."""
    if is_under_a_row(tested, float(margin)):
        return shown_p(metric, tested, alpha)
    value = measured(metric, tested, tested.bounds(alpha).lower)
    return value, Limit(-in_unit(metric, margin), value.unit, ">=") if value else None


def _remedy(outcome: Outcome, more: str) -> str | None:
    if outcome is Outcome.PASS:
        return None
    first = "find out what the candidate loses and win it back" if outcome is Outcome.FAIL else more
    return (
        f"{first}; or raise `margin` of no-regression for what users can bear, not for this result"
    )
