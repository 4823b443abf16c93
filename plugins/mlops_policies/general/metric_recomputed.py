"""The logged metric is the one that the logged rows give."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from mlops_policies.comparing.amounts import amount
from mlops_policies.comparing.comparison import scipy_needed
from mlops_policies.comparing.paired import values_column
from mlops_policies.comparing.row_metric import Recomputed, agree, recomputed
from policy_engine.evidence import (
    Case,
    Grade,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    Predictions,
    resolve_metric,
)
from policy_engine.policy import Field, Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Margin, Points, Tighter, exact, show
from policy_engine.statistics import Outputs, recompute
from policy_engine.statistics import RowMetric as Definition

RELATIVE = Decimal("1e-4")
"""The tolerance, as a share of the logged value, for a metric whose point is not known."""
TRAINING = "training_"
"""Autologging's prefix of metrics on the training rows, which the table does not hold."""


class MetricRecomputed(Policy, name="metric-recomputed"):
    """The logged metric is the one that the logged rows give.

    Metrics are what training says of itself. Rows that agree with them show that the number was
    computed from these rows, not that the rows are true: it is consistency, not proof.

    - pass: `|logged - recomputed| <= tolerance`, or both are equal once the recomputed value is
      rounded to the logged decimals, of which there must be 3 or more
    - fail: no definition of the metric gives the logged value

    Precision, recall and F1 may be of one class, macro, micro or weighted (autologging logs the
    weighted ones even for two classes), an AUC one against the rest or against one; the message
    says which it is. A column named as the metric stands for its rows. `training_*` is never
    compared, since the table holds evaluation rows, nor is a log-loss where a stored score is 0 or
    1, since it has been rounded. What cannot be recomputed is `not-applicable` and says why.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X))` in the
    run that logs the metric, with `score=` for areas and losses.

    Source: ours; the definitions are scikit-learn's.
    """

    needs = Needs.PREDICTIONS | Needs.MODEL

    tolerance: Annotated[Points, Tighter.LOWER] = Field(
        default=Margin(Decimal("0.01"), in_points=True),
        description="Greatest difference (points, or a bare number in the metric's units). Where "
        "no point is known: 1e-4 of the logged value.",
    )
    metrics: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Metrics to recompute (names). Default: the file's metric.",
    )

    def needs_point(self) -> bool:
        """Return False: it takes a share of the logged value where nobody says it."""
        return False

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each metric."""
        table = case.candidate.predictions
        metrics = [_metric(case, name) for name in dict.fromkeys(self.metrics)] or [case.metric]
        if len(metrics) == 1:
            yield self._judged(case, metrics[0], table, None)
            return
        for each in metrics:
            yield part(each.name, lambda each=each: self._judged(case, each, table, each.name))  # type: ignore[misc]

    def _judged(self, case: Case, metric: Metric, table: Predictions, name: str | None) -> Finding:
        if metric.name.startswith(TRAINING):
            return _not_compared(name, f"{metric.name} is of the training rows")
        logged = case.candidate.metric(metric.name)
        with scipy_needed():
            found, why = _values(metric, table)
        if not found:
            return _not_compared(name, f"{metric.name} cannot be recomputed: {why}")
        tolerance = self._tolerance(metric, logged.value)
        best = min(found, key=lambda each: _distance(logged.value, each))
        fits = next((f for f in found if agree(logged.value, f.value, tolerance)), None)
        return _finding(
            metric,
            logged,
            table,
            fits or best,
            found,
            tolerance,
            name=name,
            fits=fits is not None,
        )

    def _tolerance(self, metric: Metric, logged: Decimal) -> Decimal:
        if self.tolerance.in_points and metric.point is None:
            return RELATIVE * logged.copy_abs()
        return metric.distance(self.tolerance)


def _metric(case: Case, name: str) -> Metric:
    own = case.metric_setting
    if own is not None and own.name == name:
        return own
    try:
        return resolve_metric(name, None, None, "the policy")
    except MissingEvidence:  # its direction does not matter here
        return resolve_metric(name, "maximize", None, "the policy")


def _values(metric: Metric, table: Predictions) -> tuple[list[Recomputed], str]:
    """Return the metric by each definition, the mean of its own column among them."""
    found, why = recomputed(metric, table)
    column = values_column(metric, table)
    if not found and column is not None:
        values = table.numbers(column)
        definition = Definition("row_mean")
        mean = recompute(definition, [0] * len(values), Outputs(values=values), table.weights)
        return [Recomputed(definition, mean)], ""
    if found and found[0].definition.kind == "log_loss" and _rounded_away(table):
        return [], "a stored score is 0 or 1, so it has been rounded"
    return found, why


def _rounded_away(table: Predictions) -> bool:
    scores = [name for name in table.names if name == "score" or name.startswith("score/")]
    return any(cell in {0, 1} for name in scores for cell in table.cells(name))


def _not_compared(name: str | None, why: str) -> Finding:
    return Finding(outcome=Outcome.NOT_APPLICABLE, part=name, message=why)


def _distance(logged: Decimal, found: Recomputed) -> Decimal:
    if found.value - found.value != 0:  # NaN or infinite
        return Decimal("Infinity")
    return abs(exact(found.value) - logged)


def _finding(  # noqa: PLR0913 (what is said)
    metric: Metric,
    logged: Measurement,
    table: Predictions,
    nearest: Recomputed,
    found: list[Recomputed],
    tolerance: Decimal,
    *,
    name: str | None,
    fits: bool,
) -> Finding:
    value = _shown(nearest.value, logged.value)
    said = (
        "the mean of its column"
        if nearest.definition.kind == "row_mean"
        else f"{nearest.definition}"
    )
    rows = f"the {len(table):,} rows of {table.source}"
    message = f"{metric.name} is logged as {show(logged.value, '', _finite(nearest.value))}"
    if fits:
        return Finding(
            outcome=Outcome.PASS,
            part=name,
            message=f"{message}; its rows give {value}",
            detail=f"{message}; {rows} give {value} ({said})",
            measured=_recomputed(metric, nearest.value, table),
        )
    others = [
        f"{_shown(f.value, logged.value)} ({f.definition})" for f in found if f is not nearest
    ]
    also = f"; other definitions give {', '.join(others)}" if others else ""
    away = amount(metric, _distance(logged.value, nearest), tolerance)
    apart = f", {away} apart" if _finite(nearest.value) is not None else ""
    return Finding(
        outcome=Outcome.FAIL,
        part=name,
        message=f"{message}; its rows give {value}",
        detail=f"{message}; {rows} give {value} ({said}){apart}; at most "
        f"{amount(metric, tolerance)} may be due to rounding{also}",
        measured=_off(metric, nearest, logged, table),
        limit=Limit(tolerance, metric.name, "<="),
        remedy="log the metric of the rows that are logged, and the rows that the metric is of: "
        "the same model, the same data, in the same run",
    )


def _shown(value: float, other: Decimal) -> str:
    number = _finite(value)
    return "no number" if number is None else show(number, "", other)


def _finite(value: float) -> Decimal | None:
    return None if value - value != 0 else exact(value)


def _recomputed(metric: Metric, value: float, table: Predictions) -> Measurement:
    return Measurement(exact(value), metric.name, Grade.RECOMPUTED, table.source)


def _off(
    metric: Metric, nearest: Recomputed, logged: Measurement, table: Predictions
) -> Measurement | None:
    distance = _distance(logged.value, nearest)
    if not distance.is_finite():
        return None
    return Measurement(distance, metric.name, Grade.RECOMPUTED, table.source)
