"""The candidate beats what needs no model at all."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from mlops_policies.comparing.amounts import ONCE, about
from mlops_policies.comparing.row_metric import AGREES, OF_NUMBERS
from mlops_policies.comparing.same_data import Same, evaluation_data, same_data, same_rows
from mlops_policies.comparing.zero_rule import ZeroRule, zero_rule_of_classes, zero_rule_of_numbers
from mlops_policies.reading.family import KIND_TAG
from policy_engine.evidence import (
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    NotApplicable,
    Predictions,
    Run,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Tighter, exact, show, show_both
from policy_engine.statistics import (
    DifferingRows,
    InvalidRows,
    NotComputable,
    Outputs,
    mcnemar_exact,
    metric_definitions,
    recompute,
)
from policy_engine.statistics import RowMetric as Definition

Kind = Literal[
    "random", "zero-rule", "simple-heuristic", "human", "simple-model", "existing-solution"
]

ZERO: Kind = "zero-rule"
EXISTING: Kind = "existing-solution"
EQUAL = 1e-9
"""Values that differ by less, relatively, are equal: floats of the same sum in another order."""

_LOG = (
    f'log one on the same data, with the tag: mlflow.set_tag("{KIND_TAG}", "{{}}"); '
    "or log the candidate's predictions: policy_engine.training.log_predictions(…)"
)


class BaselineKind(Policy, name="baseline-kind"):
    """The candidate beats the trivial baselines on the data that it was evaluated on.

    An accuracy of 0.94 may be the majority class. What chance, a constant, a rule of thumb or a
    person reaches is what a model is worth something above.

    The zero rule is computed from the targets of the candidate's predictions, so it needs no run
    and nobody can train it badly. It is the metric of the best constant: a class, the share of each
    class, the mean, the median or what else suits the metric (ROC-AUC 0.5, PR-AUC the prevalence,
    F1 of one class always that class). Any other kind is the newest FINISHED run of the experiment
    with the tag `baseline.kind`, the metric, and the same evaluation data.

    - each kind of `require_any` that is found, and at least one must be: gain > 0
    - each kind of `require_if_champion`, where the baseline rules find a run: gain > 0. A
      champion is itself the existing solution if no run has that tag; whether the candidate beats
      it is not asked again here, but by `no-regression` and `significant-improvement`

    An accuracy above that of the constant is also tested on the rows, where all count alike: by
    exact McNemar, `inconclusive` unless p < `alpha`. Without a test, models that are no better
    passed in 43 to 50 % of cases. All else is a point comparison. A metric that a constant makes
    perfect (recall) is `inconclusive`.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in the
    candidate's run; another kind with `mlflow.set_tag("baseline.kind", "human")` in a run of its
    own.

    Source: Huyen's lecture notes and "Designing Machine Learning Systems", chapter 6: random,
    zero rule, simple heuristic, human, existing solution.
    """

    needs = Needs.BASELINE | Needs.PREDICTIONS | Needs.DATASETS | Needs.MODEL

    require_any: tuple[Kind, ...] = Field(
        default=(ZERO, "random"),
        strict=False,
        description="Kinds of which at least one must be known, and each known one beaten "
        "(random, zero-rule, simple-heuristic, human, simple-model, existing-solution).",
    )
    require_if_champion: Annotated[tuple[Kind, ...], Tighter.MORE] = Field(
        default=(EXISTING,),
        strict=False,
        description="Kinds that must be known and beaten once there is a baseline run (as above).",
    )

    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Error of the test against the best constant class (share of models that are "
        "no better and pass, at most).",
    )

    def rules(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """Return one list of rules a kind: its tag."""
        return tuple(map(_rules, dict.fromkeys((*self.require_any, *self.require_if_champion))))

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each kind that is known, and one for what is missing."""
        case.candidate.metric(case.metric.name)
        judged = []
        lacking = {}
        for kind in dict.fromkeys(self.require_any):
            finding = part(kind, lambda kind=kind: _judged(case, kind, self.alpha))  # type: ignore[misc]
            if finding.outcome is Outcome.MISSING:
                lacking[kind] = finding.message
            else:
                judged.append(finding)
        yield from judged
        if lacking and not judged:
            yield _nothing_trivial(case, lacking)
        if case.found is None or case.found.run is None:
            if not self.require_any:
                raise NotApplicable("there is no baseline run, and require_any is empty")
            return
        for kind in dict.fromkeys(self.require_if_champion):
            if kind not in self.require_any:
                yield part(kind, lambda kind=kind: _of_champion(case, kind, self.alpha))  # type: ignore[misc]


def _rules(kind: Kind) -> tuple[dict[str, Any], ...]:
    return ({"tag": {KIND_TAG: kind}},)


def _nothing_trivial(case: Case, lacking: dict[Kind, str]) -> Finding:
    metric = case.metric
    value = show(case.candidate.metric(metric.name).value, "")
    whys = "; ".join(f"{kind}: {why}" for kind, why in lacking.items())
    return Finding(
        outcome=Outcome.MISSING,
        part="trivial",
        message=f"no trivial baseline: {value} {metric.name} may be no better than a constant",
        detail=f"no trivial baseline: {value} {metric.name} may be no better than a constant "
        f"({whys})",
        remedy=_LOG.format(next(iter(lacking))),
    )


def _of_champion(case: Case, kind: Kind, alpha: float) -> Finding:
    """Judge a kind that a champion makes due; the champion itself is the existing solution."""
    try:
        return _judged(case, kind, alpha)
    except MissingEvidence as e:
        if kind != EXISTING:
            raise MissingEvidence(str(e), _LOG.format(kind)) from e
    value = case.baseline.metric(case.metric.name)
    return Finding(
        outcome=Outcome.PASS,
        part=kind,
        message=f"the baseline is the existing solution, with {case.metric.name} "
        f"{show(value.value, '')}",
        detail=f"the baseline run is the existing solution, with {case.metric.name} "
        f"{show(value.value, '')}; whether the candidate beats it, other policies judge",
        baseline=value,
    )


def _judged(case: Case, kind: Kind, alpha: float) -> Finding:
    """Compare the candidate with one kind of baseline.

    Raises:
        MissingEvidence: If there is none to compare with.
    """
    if kind != ZERO:
        return _against_run(case, kind)
    try:
        rule, source = _zero_rule(case)
    except MissingEvidence as e:
        try:
            return _against_run(case, kind)
        except MissingEvidence:
            raise e from None
    name = case.metric.name
    zero = Measurement(exact(rule.value), name, Grade.RECOMPUTED, source)
    finding = _compared(case, kind, zero, f"the best constant ({rule.constant})")
    return _tested(finding, case.candidate.predictions, rule, alpha)


def _tested(finding: Finding, table: Predictions, rule: ZeroRule, alpha: float) -> Finding:
    """Return the finding; inconclusive where the rows do not show a higher accuracy."""
    weights, clusters = table.weights or (1.0,), table.clusters or ()
    are_alike = min(weights) == max(weights) and len(set(clusters)) == len(clusters)
    if finding.outcome is not Outcome.PASS or rule.label is None or not are_alike:
        return finding
    wins = losses = 0
    for target, said in zip(table.targets, table.predictions, strict=True):
        is_usual, is_right = target == rule.label, said == target
        wins += is_right and not is_usual and target is not None
        losses += is_usual and not is_right
    p = mcnemar_exact(wins, losses)
    test = (
        f" (exact McNemar, only the candidate right b = {wins:,}, only the constant "
        f"c = {losses:,}: one-sided p = {p:.4g} against 'is no better'; alpha = {alpha:.4g})"
    )
    if p < alpha:
        return finding.saying(test)
    n = sum(target is not None for target in table.targets)
    always = "always answering the same class"
    if wins <= losses:
        return finding.saying(f"; on its {n:,} rows it is not right more often{test}")._replace(
            outcome=Outcome.INCONCLUSIVE,
            message=f"{finding.about} as logged beats {always}; the rows that are logged do not",
            remedy="log predictions and metric of the same rows, and look at what it has learnt",
        )
    spread = DifferingRows(wins + losses, n, exact=True)
    rows = f"{about(spread.needed((wins - losses) / n, alpha))} rows"
    truth = "if it is truly better by what is seen here"
    said = f"; {n:,} rows do not show that it is better: {rows} do 4 times in 5, {truth}"
    return finding.saying(f"{said}{test}")._replace(
        outcome=Outcome.INCONCLUSIVE,
        message=f"right on {wins - losses:,} of {n:,} rows more than {always}; too few to be sure",
        remedy=f"evaluate on more rows: {rows} ({n:,} now) decide 4 times in 5, {truth}; {ONCE}",
    )


def _against_run(case: Case, kind: Kind) -> Finding:
    try:
        run = case.against(_rules(kind))
    except NotApplicable as e:  # a first run has no champion; a trivial baseline it may have
        raise MissingEvidence(f"no FINISHED run has the tag {KIND_TAG}={kind}") from e
    same, why = _same(case.candidate, run)
    who = f"run {run.run_name or 'without a name'} ({run.run_id[:8]})"
    if same is not Same.YES:
        raise MissingEvidence(f"{who} {why}")
    return _compared(case, kind, run.metric(case.metric.name), f"{kind} {who}")


def _same(candidate: Run, run: Run) -> tuple[Same, str]:
    """Say whether a run was evaluated on the candidate's data, and why not."""
    same = same_data(evaluation_data(candidate), evaluation_data(run))
    if same is Same.NO:
        return same, "was evaluated on other data"
    if same is Same.UNKNOWN:
        try:
            same_rows(candidate.predictions, run.predictions)
        except (MissingEvidence, InvalidEvidence) as e:
            return same, f"is not known to be evaluated on the candidate's data: {e}"
    return Same.YES, ""


def _compared(case: Case, kind: Kind, other: Measurement, who: str) -> Finding:
    metric = case.metric
    value = case.candidate.metric(metric.name)
    gain = value.value - other.value
    gain = gain if metric.goal == "maximize" else -gain
    is_equal = math.isclose(value.value, other.value, rel_tol=EQUAL, abs_tol=EQUAL**2)
    passed = gain > 0 and not is_equal
    word = "above" if metric.goal == "maximize" else "below"
    reached, least = show_both(value.value, other.value, "")
    detail = f"{metric.name} is {reached}; it must be {word} that of {who}, {least}"
    if not passed and kind == ZERO and other.value == metric.perfect:
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            part=kind,
            message=f"{metric.name} is perfect without any model, so it tells nothing",
            detail=f"{detail}: {metric.name} is perfect without any model, so it tells nothing",
            measured=value,
            baseline=other,
            remedy="judge by a metric that false alarms and misses both lower, such as F1",
        )
    return Finding(
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        part=kind,
        message=f"{metric.name} is {reached}; without a model it would be {least}"
        if kind == ZERO
        else f"{metric.name} is {reached}; the {kind} baseline has {least}",
        detail=detail,
        about=metric.name,
        measured=replace(value, value=other.value) if is_equal else value,
        limit=Limit(other.value, metric.name, ">" if metric.goal == "maximize" else "<"),
        baseline=other,
        remedy=None
        if passed
        else f"do without a model, or find out why it is no better in {metric.name}",
    )


def _zero_rule(case: Case) -> tuple[ZeroRule, str]:
    """Return the best constant on the candidate's targets, and where the targets lie.

    Raises:
        MissingEvidence: If there are no predictions, or it is not known how the metric is computed.
    """
    metric, table = case.metric, case.candidate.predictions
    found = metric_definitions(metric.name, _positive(metric))
    if not found:
        raise MissingEvidence(f"it is not known how {metric.name} is computed from rows")
    weights = table.weights
    if found[0].kind in OF_NUMBERS:
        rule = zero_rule_of_numbers(found[0], table.numbers("target"), weights)
    else:
        targets = [cell for cell in table.targets if cell is not None]
        definition = found[0] if len(found) == 1 else _meant(case, table, found)
        rule = zero_rule_of_classes(definition, targets, weights)
    return rule, f"targets of {table.source}"


def _positive(metric: Metric) -> str | int | float | bool | None:
    positive: str | int | float | bool | None = metric.positive
    return positive


def _meant(case: Case, table: Predictions, found: Sequence[Definition]) -> Definition:
    """Return the definition that gives the logged value; else the likeliest that can be computed.

    An F1 may be binary, macro, micro or weighted, and the constant's differs as much.
    """
    logged = case.candidate.metric(case.metric.name).value
    targets = [cell for cell in table.targets if cell is not None]
    computable = []
    for definition in found:
        if definition.kind == "roc_auc":
            return definition  # 0.5 by any of them
        if definition.kind in {"average_precision", "pr_curve_area"} and not _scored(table):
            continue
        try:
            value = recompute(definition, targets, _outputs(table), table.weights)
        except (NotComputable, InvalidRows):
            continue
        computable.append(definition)
        if abs(Decimal(repr(value)) - logged) <= AGREES:
            return definition
    return computable[0] if computable else found[0]


def _scored(table: Predictions) -> bool:
    return any(name == "score" or name.startswith("score/") for name in table.names)


def _outputs(table: Predictions) -> Outputs:
    scores = table.numbers("score") if "score" in table.names else None
    return Outputs(predictions=table.predictions, scores=scores)
