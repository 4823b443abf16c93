"""The candidate is better than the baseline, and not by chance."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from mlops_policies.comparing.amounts import Wanted, amount, if_it_gains, more_needed, still_needed
from mlops_policies.comparing.comparison import compare
from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.proof import Levels, Proof, among_of, metrics_of
from mlops_policies.comparing.seeded import Seeds
from mlops_policies.comparing.shown import (
    Harm,
    harms,
    is_above,
    is_below,
    p_below,
    tested_or_found,
)
from mlops_policies.comparing.tested import Tested, Untested
from mlops_policies.comparing.unchanged import require_a_change
from mlops_policies.comparing.words import (
    Against,
    change,
    evidence,
    gained,
    in_unit,
    interval,
    measured,
    rows_at_most,
    shown_p,
    under_a_row,
    untested_gain,
)
from policy_engine.evidence import Case, Measurement, Metric
from policy_engine.policy import Field, Finding, Limit, Outcome
from policy_engine.quantities import Margin, Points


@dataclass(frozen=True, slots=True)
class _Question:
    """One metric that must improve."""

    part: str | None
    metric: Metric
    effect: Decimal

    @property
    def least(self) -> float:
        """The gain to exceed (the metric's units)."""
        return float(self.effect)

    @property
    def said(self) -> str:
        """The gain to exceed, in words."""
        return amount(self.metric, self.effect) if self.effect else "0"

    @property
    def delta(self) -> float:
        """The difference to see: a point, less what must be exceeded anyway."""
        point = 0.0 if self.metric.point is None else float(self.metric.point)
        return point - self.least if point > self.least else point

    def wanted(self, seen: float = 0.0) -> Wanted:
        """Return what more rows would show."""
        truth = if_it_gains(self.metric, self.least + self.delta, seen)
        beyond, said = seen - self.least, amount(self.metric, seen)
        is_none = not self.effect
        return Wanted(self.delta, f"a gain above {self.said}", truth, beyond, said, is_none)


class SignificantImprovement(Proof, name="significant-improvement"):
    """The gain over the baseline is shown by a test, not only by two numbers.

    Of two equally good models (1,000 rows) one has the higher number almost always; a test at alpha
    0.05 calls it better in at most one of twenty cases. With `g` the gain and `[L, U]` its
    one-sided bounds at `alpha`:

    - pass: `g > min_effect` is shown, `L > min_effect`
    - fail: the opposite is shown, `U < min_effect`
    - else `inconclusive`; the message says how many rows or seeds would decide

    A refactoring has no gain to show: with `spare_refactorings` the rule is `not-applicable` where
    no shared row, of at least 299 (at most 1 % of all can differ then), has another prediction or
    score; `no-regression` judges it. Where too few rows differ for a bootstrap, `U` is how far so
    few can move the metric.

    The test is chosen by the evidence. Rows of both, joined on `row_id`: exact McNemar for an
    unweighted mean of 0/1 rows such as accuracy, or of the rows of one class such as recall and
    specificity (for a `min_effect` above 0 Tango's score bounds, and for one of less than a row
    both); a paired bootstrap for any other metric, for weights and for clusters, which are drawn
    whole. From 5,000 rows on nothing is resampled where each row would be drawn on its own: it is
    DeLong's test for ROC AUC, the jackknife for the rest (an area under the precision-recall curve
    needs 500 rows of the rarer class), unless few rows carry the gain. All need 100 rows, 50 of the
    rarer class, 30 on which the models differ, 30 clusters, and decide nothing on less: the
    interval would be too narrow. Weighted rows count as Kish's effective number,
    (sum of w)²/sum of w², clusters and differing rows too, of which 20 must be left. Without rows:
    Welch's t over the seeds of both recipes, or the paired t where the
    seeds are equal; means are compared, never the best, and all runs of one commit, data and
    parameters count, failed and deleted ones too. An F1 is the one (of a class, macro, micro,
    weighted) that both logged values are; two of one name are `missing`.

    Alpha is for one try. With `spend`, try k on the same evaluation data passes at alpha/(k(k+1)),
    where the runs of one search are one try, and those of other pull requests count as far as the
    history goes (180 days, 200 runs). The winner of a search over M recipes passes at alpha/M,
    with or without `spend`: M is how many runs of its parent log the metric and differ in more
    than a seed. Where the
    baseline is the best of M runs, a fail is tested at alpha/M. Of several `metrics` each is a
    finding. All must pass, each at alpha: nothing is corrected, since a false pass would need all
    of them to be wrong. Any of them can fail, so the fails are held against Holm's levels.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in the
    runs of candidate and baseline; or train both with at least 5 seeds, each a run with the
    parameter `seed`.

    Source: McNemar 1947; Tango 1998; Efron and Tibshirani 1993; Welch 1947; Demsar, JMLR 7 (2006);
    Bouthillier et al., MLSys 2021, on variance between seeds.
    """

    min_effect: Points = Field(
        default=Margin(Decimal(0), in_points=True),
        description="Gain that must be exceeded (points, or a bare number in the metric's units).",
    )
    metrics: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Metrics that must each improve (names). Default: the file's metric.",
    )
    spare_refactorings: bool = Field(
        default=False,
        description="Whether a candidate that says the same as the baseline of every row needs no "
        "gain.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each metric."""
        metrics = metrics_of(case, self.metrics)
        levels = Levels.of(self, case, among_of(case), metrics)
        questions = [
            _Question(m.name if metrics[1:] else None, m, _effect(self, m)) for m in metrics
        ]
        answers = [
            tested_or_found(each.part, lambda each=each: self._answer(case, each, levels))  # type: ignore[misc]
            for each in questions
        ]
        tested = [
            (question, answer)
            for question, answer in zip(questions, answers, strict=True)
            if not isinstance(answer, Finding)
        ]
        p_values = [p_below(answer, question.least) for question, answer in tested]
        found = iter(harms(p_values, float(self.alpha)))
        for question, answer in zip(questions, answers, strict=True):
            if isinstance(answer, Finding):
                yield answer
            else:
                yield _judged(question, answer, levels, next(found))

    def _answer(self, case: Case, question: _Question, levels: Levels) -> Tested | Finding:
        tested = compare(case.candidate, case.baseline, question.metric, self.plan)
        if not isinstance(tested, Untested):
            if self.spare_refactorings and tested.gain == 0:
                require_a_change(case.candidate, case.baseline, question.metric, levels.plain)
            return tested
        if self.spare_refactorings:
            require_a_change(case.candidate, case.baseline, question.metric, levels.plain)
        if tested.near is not None and is_below(tested.near, question.least, levels.opposite):
            return tested.near
        return _untested(case, question, tested, levels)


def _effect(policy: SignificantImprovement, metric: Metric) -> Decimal:
    """Return the gain to exceed; 0 is 0 in any unit, so it needs no point."""
    return metric.distance(policy.min_effect) if policy.min_effect.amount else Decimal()


def _judged(question: _Question, tested: Tested, levels: Levels, harm: Harm) -> Finding:
    metric, least, alpha = question.metric, question.least, levels.shown
    outcome, more, verdict = Outcome.INCONCLUSIVE, "", "not shown to exceed"
    if is_above(tested, least, levels.shown):
        outcome, verdict = Outcome.PASS, "shown to exceed"
    elif harm.p < levels.opposite:
        outcome, verdict = Outcome.FAIL, "shown to be less than"
        alpha = levels.opposite * harm.share
    else:
        more = still_needed(tested, question.wanted(tested.gain), levels.shown)
    fails = outcome is Outcome.FAIL
    small = under_a_row(tested, least) if least and not fails else ""
    against = (
        Against.loss(metric, tested, least, harm.said)
        if fails
        else Against.gain(metric, tested, least)
    )
    value, limit = _judged_number(question, tested, levels.shown)
    return Finding(
        outcome=outcome,
        part=question.part,
        message=_said(question, tested, outcome),
        detail=f"{change(metric, tested)}, {verdict} {question.said}"
        f"{tested.doubt}{more}{small}{levels.notes} "
        f"{evidence(metric, tested, alpha, against)}",
        measured=value,
        limit=limit if value else None,
        remedy=_remedy(outcome, question, tested, levels.shown),
        about=metric.name,
        interval=interval(metric, tested, alpha),
    )


def _said(question: _Question, tested: Tested, outcome: Outcome) -> str:
    """Return in a short sentence what the test says of the gain."""
    said, least = gained(question.metric, tested), question.said
    if question.effect:
        verdict = {Outcome.PASS: "exceeds", Outcome.FAIL: "is less than"}.get(outcome)
        return f"{said} {verdict or 'is not shown to exceed'} {least}"
    if outcome is Outcome.INCONCLUSIVE:
        return f"{said} may be chance"
    if isinstance(tested, Seeds):
        return f"{said} is more than chance of seeds explains ({tested.spread.have} trainings each)"
    return f"{said} is more than chance"


def _untested(case: Case, question: _Question, why: Untested, levels: Levels) -> Finding:
    metric = question.metric
    gain = untested_gain(metric, why, case.candidate, case.baseline)
    said = f"; {gain[1]}" if gain else ""
    needed = rows_at_most(metric, case.candidate, case.baseline, question.wanted(), levels.shown)
    return Finding(
        outcome=Outcome.INCONCLUSIVE,
        part=question.part,
        message=f"whether {metric.name} improved could not be tested",
        detail=f"improvement is untested: {why.why}{said}{needed}",
        remedy=why.remedy,
        about=metric.name,
    )


def _judged_number(
    question: _Question, tested: Tested, alpha: float
) -> tuple[Measurement | None, Limit]:
    """Return what decides and its limit: McNemar's p, else the lower bound of the gain."""
    metric = question.metric
    if isinstance(tested, Counts) and not question.effect:
        return shown_p(metric, tested, alpha)
    value = measured(metric, tested, tested.bounds(alpha).lower)
    unit = value.unit if value else metric.name
    return value, Limit(in_unit(metric, question.effect), unit, ">")


def _remedy(outcome: Outcome, question: _Question, tested: Tested, alpha: float) -> str | None:
    if outcome is Outcome.PASS:
        return None
    if outcome is Outcome.FAIL:
        name = question.metric.name
        return f"find out why {name} is not better, and do not merge it as an improvement"
    more = more_needed(tested, question.wanted(tested.gain), alpha)
    return (
        f"{more}; where it is enough to be no worse, remove this policy: no-regression judges that"
    )
