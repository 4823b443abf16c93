"""The candidate is better than the baseline, and not by chance."""

from collections.abc import Iterator
from decimal import Decimal

from mlops_policies.comparison import Counts, Tested, Untested, amount, compare, still_needed
from mlops_policies.proof import (
    Levels,
    Proof,
    among_of,
    bounds_at,
    change,
    evidence,
    in_unit,
    is_above,
    is_below,
    logged_gain,
    measured,
    metrics_of,
    rows_at_most,
)
from policy_engine.evidence import Case, Grade, Measurement, Metric
from policy_engine.policy import Field, Finding, Limit, Outcome, part
from policy_engine.quantities import Margin, Points, exact


class SignificantImprovement(Proof, name="significant-improvement"):
    """The gain over the baseline is shown by a test, not only by two numbers.

    Of two equally good models (1,000 rows) one has the higher number almost always; a test at alpha
    0.05 calls it better in at most one of twenty cases. With `g` the gain and `[L, U]` its
    one-sided bounds at `alpha`:

    - pass: `g > min_effect` is shown, `L > min_effect`
    - fail: the opposite is shown, `U < min_effect`
    - else `inconclusive`; the message says how many rows or seeds would decide

    The test is chosen by the evidence. Rows of both, joined on `row_id`: exact McNemar for an
    unweighted mean of 0/1 rows such as accuracy (for a `min_effect` above 0 Tango's score bounds);
    a paired bootstrap for any other metric, for weights and for clusters, which are drawn whole. It
    needs 100 rows, 50 of the rarer class, 30 clusters. Without rows: Welch's t over the seeds of
    both recipes, or the paired t where the seeds are equal; means are compared, never the best, and
    all runs of one commit, data and parameters count, failed and deleted ones too.

    Alpha is for one try. With `spend`, try k of a pull request passes at alpha/(k(k+1)). Where the
    baseline is the best of M runs, a fail is tested at alpha/M. Of several `metrics` all must pass.

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

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each metric."""
        metrics = metrics_of(case, self.metrics)
        if len(metrics) == 1:
            yield self._judged(case, metrics[0], None)
            return
        for each in metrics:
            yield part(each.name, lambda each=each: self._judged(case, each, each.name))  # type: ignore[misc]

    def _judged(self, case: Case, metric: Metric, name: str | None) -> Finding:
        levels = Levels.of(self, case, among_of(case))
        effect = self._effect(metric)
        tested = compare(case.candidate, case.baseline, metric, self.plan)
        if isinstance(tested, Untested):
            return self._untested(case, metric, name, tested, levels)
        return self._tested(metric, name, tested, levels, effect)

    def _tested(
        self, metric: Metric, name: str | None, tested: Tested, levels: Levels, effect: Decimal
    ) -> Finding:
        least = float(effect)
        outcome = Outcome.INCONCLUSIVE
        more, verdict = "", "not shown to exceed"
        if is_above(tested, least, levels.shown):
            outcome, verdict = Outcome.PASS, "shown to exceed"
        elif is_below(tested, least, levels.opposite):
            outcome, verdict = Outcome.FAIL, "shown to be less than"
        else:
            delta = self._delta(metric, least)
            more = still_needed(metric, tested, delta, levels.shown, above=least)
        fails = outcome is Outcome.FAIL
        alpha = levels.opposite if fails else levels.shown
        p = tested.p_below(least) if fails else tested.p_above(least)
        value, limit = _judged_number(metric, tested, levels.shown, effect)
        return Finding(
            outcome=outcome,
            part=name,
            message=f"{change(metric, tested)}, {verdict} {_said(metric, effect)} "
            f"{evidence(metric, tested, alpha, p=p, difference=least)}{levels.notes}{more}",
            measured=value,
            limit=limit if value else None,
            remedy=_remedy(outcome, metric),
        )

    def _effect(self, metric: Metric) -> Decimal:
        """Return the gain to exceed; 0 is 0 in any unit, so it needs no point."""
        return metric.distance(self.min_effect) if self.min_effect.amount else Decimal()

    def _delta(self, metric: Metric, least: float) -> float:
        """Return the difference to see: a point, less what must be exceeded anyway."""
        point = 0.0 if metric.point is None else float(metric.point)
        return point - least if point > least else point

    def _untested(
        self, case: Case, metric: Metric, name: str | None, why: Untested, levels: Levels
    ) -> Finding:
        gain = logged_gain(metric, case.candidate, case.baseline)
        said = f"; {gain[1]}" if gain else ""
        least = float(self._effect(metric))
        delta = self._delta(metric, least)
        needed = rows_at_most(
            metric, case.candidate, case.baseline, delta, levels.shown, above=least
        )
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            part=name,
            message=f"improvement is untested: {why.why}{said}{needed}",
            remedy=why.remedy,
        )


def _judged_number(
    metric: Metric, tested: Tested, alpha: float, effect: Decimal
) -> tuple[Measurement | None, Limit]:
    """Return what decides and its limit: McNemar's p, else the lower bound of the gain."""
    if isinstance(tested, Counts) and not effect:
        p = Measurement(
            exact(tested.p_above()), "p", Grade.RECOMPUTED, f"{metric.name} on {tested.where}"
        )
        return p, Limit(exact(alpha), "p", "<")
    value = measured(metric, tested, bounds_at(tested, alpha).lower)
    unit = value.unit if value else metric.name
    return value, Limit(in_unit(metric, effect), unit, ">")


def _said(metric: Metric, effect: Decimal) -> str:
    return amount(metric, effect) if effect else "0"


def _remedy(outcome: Outcome, metric: Metric) -> str | None:
    if outcome is Outcome.PASS:
        return None
    if outcome is Outcome.FAIL:
        return f"find out why {metric.name} is not better, and do not merge it as an improvement"
    return "evaluate both on more rows, or merge it as a change that keeps the quality"
