"""What a metric is on a table of rows: its definition, its columns, its value."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from policy_engine.evidence import InvalidEvidence, Metric, Predictions, Run
from policy_engine.quantities import exact
from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    Outputs,
    definitions,
    recompute,
)
from policy_engine.statistics import Metric as Definition

Class = str | int | float | bool

AGREES = Decimal("1e-4")
"""How near, in the metric's units, a definition must come to the logged value to be that."""
LEAST_DECIMALS = 3
"""Decimals that a logged value must have for its rounding to be forgiven."""

_SCORED = frozenset("average_precision pr_curve_area roc_auc brier log_loss".split())
_NUMBERS = frozenset("mae mape max_error mse r2 rmse rmsle".split())
_REMEDY = "log rows that the metric can be computed from: training.log_predictions(…)"


@dataclass(frozen=True, slots=True)
class Recomputed:
    """One definition of a metric, and its value on the rows of one table (the metric's units)."""

    definition: Definition
    value: float


def positive_class(metric: Metric) -> Class | None:
    """Return the class that the policy file's `metric: {positive: …}` names."""
    positive: Class | None = metric.positive
    return positive


def targets_of(definition: Definition, table: Predictions) -> Sequence[Class]:
    """Return the truth, as the metric takes it.

    Raises:
        InvalidEvidence: If a target is null, or is no number where the metric is of numbers.
    """
    if definition.kind in _NUMBERS:
        return table.numbers("target")
    return [cell for cell in table.targets if cell is not None]


def outputs_of(definition: Definition, table: Predictions) -> Outputs:
    """Return what the model said, in the columns that the metric reads and no others.

    Raises:
        InvalidEvidence: If a score is no finite number.
        MissingEvidence: If there is no column `prediction` and the metric reads it.
    """
    if definition.kind not in _SCORED:
        return Outputs(predictions=table.predictions)
    if "score" in table.names:
        return Outputs(scores=table.numbers("score"))
    columns = [name for name in table.names if name.startswith("score/")]
    if not columns:
        return Outputs()
    classes = {_text(cell): cell for cell in table.targets if cell is not None}
    names = [(name, name.removeprefix("score/")) for name in columns]
    return Outputs(scores={classes.get(text, text): table.numbers(name) for name, text in names})


def recomputed(metric: Metric, table: Predictions) -> tuple[list[Recomputed], str]:
    """Return the metric by each definition that its name may have and the rows allow.

    Returns:
        The values, the likeliest definition first; and why there is none, where there is none.

    Raises:
        InvalidEvidence: If the rows hold what no metric can be computed from.
    """
    found, why = [], f"nobody knows how {metric.name} is computed from rows"
    for definition in definitions(metric.name, positive_class(metric)):
        try:
            value = recompute(
                definition,
                targets_of(definition, table),
                outputs_of(definition, table),
                table.weights,
            )
        except NotComputable as e:
            why = str(e)
        except InvalidRows as e:
            raise InvalidEvidence(
                f"{metric.name} cannot be computed from {table.source}: {e}", _REMEDY
            ) from e
        else:
            found.append(Recomputed(definition, value))
    return found, why


def meant(metric: Metric, run: Run, table: Predictions) -> Definition:
    """Return the definition that gives the run's logged value; else the likeliest.

    An F1 may be binary, macro, micro or weighted: what was logged says which.

    Raises:
        NotComputable: If the rows allow none.
    """
    likeliest = next(iter(definitions(metric.name, positive_class(metric))), None)
    if likeliest is not None and likeliest.kind == "accuracy":
        return likeliest  # it has one definition: nothing to compute, and no NumPy to load
    found, why = recomputed(metric, table)
    if not found:
        raise NotComputable(why)
    if metric.name in run.metrics and len(found) > 1:
        logged = run.metric(metric.name).value
        for each in found:
            if agree(logged, each.value, AGREES):
                return each.definition
    return found[0].definition


def agree(logged: Decimal, value: float, tolerance: Decimal) -> bool:
    """Say whether a logged value is the recomputed one, or that one rounded.

    Args:
        logged: As logged.
        value: As recomputed; NaN agrees with nothing.
        tolerance: How far they may lie apart (the metric's units).
    """
    if value - value != 0:  # NaN or infinite
        return False
    number = exact(value)
    decimals = -int(logged.normalize().as_tuple().exponent)
    rounded = decimals >= LEAST_DECIMALS and round(number, decimals) == logged
    return rounded or abs(number - logged) <= tolerance


def _text(label: Class) -> str:
    """Return a class as the name of its score column has it: 1, 1.0 and true are one class."""
    return (
        str(int(label)) if isinstance(label, (bool, float)) and label == int(label) else str(label)
    )
