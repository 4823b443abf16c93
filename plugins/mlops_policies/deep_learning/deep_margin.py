"""A deep model is unquestionably better than the best simple one."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

from mlops_policies.comparing.amounts import (
    Wanted,
    amount,
    have,
    if_it_gains,
    is_carried_by_few,
    more_needed,
    still_needed,
)
from mlops_policies.comparing.comparison import compare
from mlops_policies.comparing.proof import Levels, Proof, among_of
from mlops_policies.comparing.shown import detectable, is_above, is_below, is_under_a_row
from mlops_policies.comparing.tested import Tested, Untested
from mlops_policies.comparing.words import (
    Against,
    change,
    evidence,
    in_unit,
    measured,
    rows_at_most,
    under_a_row,
    untested_gain,
)
from mlops_policies.reading.family import (
    DEEP_FLAVORS,
    FAMILY_TAG,
    TRAIN_SIMPLE,
    Family,
    family_of_model,
    family_of_run,
    tags_that_say,
)
from mlops_policies.reading.language import language_model
from policy_engine.evidence import Case, Metric, MissingEvidence, NotApplicable, Run
from policy_engine.policy import Field, Finding, Limit, Outcome
from policy_engine.quantities import Margin, Points, Tighter, exact

WITHIN = "180d"
"""How far back the best simple run is looked for."""


class DeepMargin(Proof, name="deep-margin"):
    """A deep model is shown to beat the best simple model by a margin.

    A network costs more to train, to serve and to explain, for as long as it lives. It has to be
    unquestionably superior to what a linear model or a tree reaches on the same data. With `g` the
    gain over the best simple run and `[L, U]` its one-sided bounds at `alpha`:

    - pass: `L >= margin`
    - fail: `U < margin`, at alpha/M where that run is the best of M; where too few rows differ for
      a bootstrap, `U` is how far so few can move the metric, as in `no-regression`
    - else `inconclusive`, or pass on `g >= margin` where `require_significant` is false; without
      rows and seeds, `g < margin` fails

    The best simple run is the FINISHED run of the experiment with the best value of the metric, of
    the 180 days before the candidate or trained after it, whose evaluation data are not known to be
    others, and whose tag `model.family` names a simple family (linear, tree, boosting, …) or whose
    tag `estimator_class`, by scikit-learn's autologging, a simple estimator. A pipeline says only
    that it is one: tag it. A candidate that is simple itself is `not-applicable`. Flavors that may
    hold anything (onnx, python_function) need the tag `model.family`, which never makes a deep
    flavor simple. An agent, a chat model or a language-model pipeline is `not-applicable`, by its
    flavor or task and a signature that takes no number. The test is chosen as
    `significant-improvement` chooses it. A true gain of 2 pt + 2.5 standard errors passes 80 % of
    the time: about 4 pt at 1,000 rows.

    Log it: train the simple model in the same experiment, with the tag
    `mlflow.set_tag("model.family", "tree")` and
    `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in both runs.

    Source: Huyen's lecture notes: deep learning only when it is unquestionably superior; ML Test
    Score, Model 5: a simpler model is not better.
    """

    deep: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=DEEP_FLAVORS, strict=False, description="Deep flavors (names of MLflow's flavors)."
    )
    also: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=("ensemble",),
        strict=False,
        description="Families of the tag model.family that must show the margin as well (names).",
    )
    margin: Points = Field(
        default=Margin(Decimal(2), in_points=True),
        description="Least gain (points, or a bare number in the metric's units).",
    )
    require_significant: bool = Field(
        default=True,
        description="Whether the margin must be shown by a test; false: the gain itself may do.",
    )

    def rules(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """Return the rule that finds the best simple run."""
        tags = {name: list(globs) for name, globs in tags_that_say(Family.SIMPLE).items()}
        asked = {"within": WITHIN, "until": "collection", "tags": tags, "same_data": True}
        return (({"best": asked},),)

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        self._require_deep(case.candidate)
        rules = self.rules()[0]
        try:
            simple = case.against(rules)
        except (MissingEvidence, NotApplicable) as e:
            raise MissingEvidence(
                f"deep model and no simple run to beat: {_why(e)}", TRAIN_SIMPLE
            ) from e
        if family_of_run(simple) is not Family.SIMPLE:
            raise MissingEvidence(
                f"deep model and no simple run to beat: {_named(simple)} is tagged as simple, and "
                "its estimator is not",
                TRAIN_SIMPLE,
            )
        levels = Levels.of(self, case, among_of(case, rules), (case.metric,))
        tested = compare(case.candidate, simple, case.metric, self.plan)
        if isinstance(tested, Untested):
            tested = self._near(case.metric, tested, levels) or tested
        if isinstance(tested, Untested):
            yield self._by_points(case, simple, tested, levels)
        else:
            yield self._judged(case.metric, tested, levels, simple)

    def _near(self, metric: Metric, why: Untested, levels: Levels) -> Tested | None:
        """Return how far two models that nearly agree can be apart, if that is under the margin."""
        near = why.near
        if near is None:
            return None
        least = float(metric.distance(self.margin))
        return near if is_below(near, least, levels.opposite) else None

    def _require_deep(self, candidate: Run) -> None:
        kind = language_model(candidate)
        if kind is not None:
            raise NotApplicable(f"the candidate is {kind}: no linear or tree model does its work")
        try:
            flavors = candidate.model.flavors
        except MissingEvidence:
            flavors = ()
        family = family_of_model(candidate, flavors, self.deep)
        if family is None:
            raise MissingEvidence(
                "neither the candidate's model nor its tags tell whether it is deep",
                f'say it: mlflow.set_tag("{FAMILY_TAG}", "deep"), or "linear", "tree", …',
            )
        if family is not Family.DEEP and family.value not in self.also:
            raise NotApplicable(f"the candidate is not a deep model: its family is {family.value}")

    def _judged(self, metric: Metric, tested: Tested, levels: Levels, simple: Run) -> Finding:
        margin = metric.distance(self.margin)
        least = float(margin)
        shown = tested.bounds(levels.shown)
        outcome, alpha, more = Outcome.INCONCLUSIVE, levels.shown, ""
        verdict = "not shown to be at least"
        number = shown.lower
        whole = least > 0 and not is_under_a_row(tested, least)
        reaches = whole and shown.decides and shown.lower >= least
        if reaches or is_above(tested, least, levels.shown):
            outcome, verdict = Outcome.PASS, "shown to be at least"
        elif is_below(tested, least, levels.opposite):
            outcome, verdict, alpha = Outcome.FAIL, "shown to be less than", levels.opposite
        elif not self.require_significant and tested.gain >= least:
            outcome, number = Outcome.PASS, tested.gain
            verdict = "not shown to be, and require_significant is false, at least"
        else:
            more = _rows(metric, tested, levels.shown, least)
        fails = outcome is Outcome.FAIL
        small = under_a_row(tested, least) if least and not fails else ""
        against = (Against.loss if fails else Against.gain)(metric, tested, least)
        value = measured(metric, tested, number)
        return Finding(
            outcome=outcome,
            message=_said(metric, tested, outcome, margin),
            detail=f"{change(metric, tested)} over the best simple run {_named(simple)}, "
            f"{verdict} {amount(metric, margin)}{tested.doubt}{more}{small}{levels.notes} "
            f"{evidence(metric, tested, alpha, against)}",
            measured=value,
            limit=Limit(in_unit(metric, margin), value.unit, ">=") if value else None,
            remedy=_remedy(outcome, metric, tested, levels.shown, least),
        )

    def _by_points(self, case: Case, simple: Run, why: Untested, levels: Levels) -> Finding:
        metric = case.metric
        case.candidate.metric(metric.name)
        gain = untested_gain(metric, why, case.candidate, simple)
        if gain is None:
            raise MissingEvidence(f"the simple run has no {metric.name}: {why.why}", why.remedy)
        margin = metric.distance(self.margin)
        outcome = Outcome.PASS if not self.require_significant else Outcome.INCONCLUSIVE
        needed = ""
        if gain[0] < margin:
            outcome = Outcome.FAIL
        elif outcome is Outcome.INCONCLUSIVE:
            wanted = _wanted(metric, 2 * float(margin), float(margin))
            needed = rows_at_most(metric, case.candidate, simple, wanted, levels.shown)
        return Finding(
            outcome=outcome,
            message="whether the deep model beats the best simple one could not be tested"
            if outcome is Outcome.INCONCLUSIVE
            else f"the deep model gains {amount(metric, gain[0], margin)} over the best simple one",
            detail=f"the margin over the best simple run {_named(simple)} is untested: {why.why}; "
            f"{gain[1]}; it must be at least {amount(metric, margin, gain[0])}{needed}",
            remedy=None
            if outcome is Outcome.PASS
            else _NOT_BETTER
            if outcome is Outcome.FAIL
            else why.remedy,
        )


_NOT_BETTER = "merge the simple model, or make the deep one better; a lower margin needs a why"


def _said(metric: Metric, tested: Tested, outcome: Outcome, margin: Decimal) -> str:
    """Return in a short sentence what the deep model brings over the simple one."""
    moved, asked = abs(tested.gain), amount(metric, margin, tested.gain)
    verb = "loses" if tested.gain < 0 else "gains"
    said = f"the deep model {verb} {amount(metric, moved, margin)}"
    if outcome is not Outcome.INCONCLUSIVE:
        return f"{said} over the best simple one; it must gain at least {asked}"
    here = have(tested)
    if exact(tested.gain) >= margin:
        return f"{said}, but {here} do not show that it is {asked} or more"
    return f"{said}, and {here} do not show whether it truly gains {asked} or more"


def _wanted(metric: Metric, gain: float, least: float, seen: float = 0.0) -> Wanted:
    """Return what more rows would show of a true gain."""
    truth = if_it_gains(metric, gain, seen)
    aim = f"a gain above {amount(metric, least)}"
    return Wanted(gain - least, aim, truth, of_none=not least)


def _rows(metric: Metric, tested: Tested, alpha: float, least: float) -> str:
    """Return how many rows would show the gain that is seen, else which gain these could show."""
    if tested.gain > least:
        wanted = _wanted(metric, tested.gain, least, tested.gain)
        return still_needed(tested, wanted, alpha)
    if is_carried_by_few(tested) or not tested.standard_error > 0:
        return ""
    smallest = amount(metric, least + detectable(tested, alpha))
    return (
        f"; {have(tested)} show a gain above {amount(metric, least)} 4 times in 5 where the true "
        f"gain is {smallest}"
    )


def _remedy(
    outcome: Outcome, metric: Metric, tested: Tested, alpha: float, least: float
) -> str | None:
    if outcome is Outcome.PASS:
        return None
    if outcome is Outcome.FAIL:
        return _NOT_BETTER
    more = more_needed(tested, _wanted(metric, tested.gain, least, tested.gain), alpha)
    return f"{more}; or merge the simple model"


def _named(run: Run) -> str:
    return f"{run.run_name or 'without a name'} ({run.run_id[:8]})"


def _why(error: Exception) -> str:
    return str(error).removeprefix("no baseline (best: ").removesuffix(")")
