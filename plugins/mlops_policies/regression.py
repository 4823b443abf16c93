"""The candidate is no worse than the baseline by more than a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pydantic import model_validator

from mlops_policies.comparison import Tested, Untested, amount, compare, still_needed
from mlops_policies.proof import (
    Levels,
    Proof,
    among_of,
    bounds_at,
    change,
    evidence,
    in_unit,
    logged_gain,
    measured,
    metrics_of,
    rows_at_most,
)
from policy_engine.evidence import Case, Metric, Run
from policy_engine.policy import Field, Finding, Limit, Outcome, part
from policy_engine.quantities import Margin, Points
from policy_engine.statistics import holm

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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of it: a test, or a finding already."""

    question: _Question
    tested: Tested | None = None
    finding: Finding | None = None


class NoRegression(Proof, name="no-regression"):
    """The candidate is shown to be no worse than the baseline by more than a margin.

    That a test finds no difference shows nothing: with few rows it never finds one. So the burden
    lies on the candidate. With `g` the gain and `[L, U]` its one-sided bounds at `alpha`:

    - pass: `L >= -margin`; the message says so where it is shown to be worse within the margin
    - fail: it is shown to be worse (`U < 0`; McNemar for 0/1 rows) and `L < -margin`
    - else `inconclusive`; the message says how many rows or seeds this margin needs

    The test is chosen as `significant-improvement` chooses it. Where there are neither rows nor
    seeds, `g < -fallback` fails and anything else is `inconclusive`. Losses within the margin add
    up from merge to merge: `anchor` pins one more run, such as the last release, that is judged
    against in the same way. Of several metrics, and of the anchor, each is a finding of its own;
    all must pass, and the fails are held against Holm's levels.

    With `spend`, try k of a pull request passes at alpha/(k(k+1)). Where the baseline is the best
    of M runs, a fail is tested at alpha/M.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in the
    runs of candidate and baseline; or train both with at least 5 seeds.

    Source: non-inferiority testing; Tango, Statistics in Medicine 17 (1998) 891-908. 1 pt is ours:
    at 1,000 rows it passes 30 % of equal models, at 5,000 rows 80 %.
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

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each metric, and for each against the anchor."""
        answers = [self._answer(case, each) for each in self._questions(case)]
        tested = [a for a in answers if a.tested is not None]
        found = holm([a.tested.p_below() for a in tested if a.tested], float(self.alpha))
        # Each p is held against its own level, of which Holm gives the share.
        shares = {
            id(a): each.alpha / float(self.alpha) for a, each in zip(tested, found, strict=True)
        }
        rejected = {id(a): each.p for a, each in zip(tested, found, strict=True)}
        for answer in answers:
            if answer.finding is not None:
                yield answer.finding
            elif answer.tested is not None:
                harmed = rejected[id(answer)] < answer.question.levels.opposite
                yield self._judged(
                    answer.question, answer.tested, harmed=harmed, share=shares[id(answer)]
                )

    def _questions(self, case: Case) -> Iterator[_Question]:
        metrics = metrics_of(case, self.metrics)
        levels = Levels.of(self, case, among_of(case))
        for metric in metrics:
            alone = "baseline" if self.anchor is not None else None
            name = metric.name if len(metrics) > 1 else alone
            yield _Question(name, metric, None, levels, "the baseline")
        for rules in self.rules():
            plain = Levels.of(self, case, None)
            for metric in metrics:
                name = f"anchor {metric.name}" if len(metrics) > 1 else "anchor"
                yield _Question(name, metric, rules, plain, "the anchor")

    def _answer(self, case: Case, question: _Question) -> _Answer:
        tested: list[Tested] = []

        def judge() -> Finding:
            rules = question.rules
            against = case.baseline if rules is None else case.against(rules)
            found = compare(case.candidate, against, question.metric, self.plan)
            if isinstance(found, Untested):
                return self._by_points(case, question, against, found)
            tested.append(found)
            return Finding(outcome=Outcome.INCONCLUSIVE, message="tested")

        finding = judge() if question.part is None else part(question.part, judge)
        return _Answer(question, tested[0]) if tested else _Answer(question, finding=finding)

    def _judged(
        self, question: _Question, tested: Tested, *, harmed: bool, share: float
    ) -> Finding:
        metric, levels = question.metric, question.levels
        margin = metric.distance(self.margin)
        shown, plain = bounds_at(tested, levels.shown), bounds_at(tested, levels.plain)
        outcome, alpha, more = Outcome.INCONCLUSIVE, levels.shown, ""
        if shown.decides and shown.lower >= -float(margin):
            outcome = Outcome.PASS
            verdict = "worse, but within the margin of" if harmed else "no worse by more than"
        elif harmed and plain.decides and plain.lower < -float(margin):
            outcome, alpha = Outcome.FAIL, levels.opposite * share
            verdict = "shown to be worse, and not shown to lose no more than"
        else:
            verdict = "not shown to lose no more than"
            more = still_needed(metric, tested, float(margin), levels.shown)
        value, p = measured(metric, tested, shown.lower), tested.p_below()
        limit = Limit(-in_unit(metric, margin), value.unit, ">=") if value else None
        return Finding(
            outcome=outcome,
            part=question.part,
            message=f"{change(metric, tested)} against {question.whom}: {verdict} "
            f"{amount(metric, margin)} "
            f"{evidence(metric, tested, alpha, p=p, difference=0.0, of=' of no loss')}"
            f"{levels.notes}{more}",
            measured=value,
            limit=limit,
            remedy=_REMEDIES.get(outcome),
        )

    def _by_points(self, case: Case, question: _Question, against: Run, why: Untested) -> Finding:
        metric = question.metric
        margin, fallback = metric.distance(self.margin), self._fallback(metric)
        gain = logged_gain(metric, case.candidate, against)
        if gain is None:
            case.candidate.metric(metric.name)
            against.metric(metric.name)
        fails = gain is not None and gain[0] < -fallback
        said = f"; {gain[1]}" if gain else ""
        alpha = question.levels.shown
        needed = rows_at_most(metric, case.candidate, against, float(margin), alpha)
        verdict = f"; a loss above {amount(metric, fallback)} fails even so" if fails else needed
        return Finding(
            outcome=Outcome.FAIL if fails else Outcome.INCONCLUSIVE,
            part=question.part,
            message=f"regression against {question.whom} is untested: {why.why}{said}{verdict}",
            remedy=why.remedy,
        )

    def _fallback(self, metric: Metric) -> Decimal:
        return metric.distance(self.fallback) if self.fallback else 3 * metric.distance(self.margin)


_REMEDIES = {
    Outcome.FAIL: "find out what the candidate loses and win it back, or raise margin and say why",
    Outcome.INCONCLUSIVE: "evaluate both on more rows, or raise margin and say why",
}
