"""What a metric is on a table of rows: its definition, its columns, its value."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from policy_engine.evidence import InvalidEvidence, Metric, MissingEvidence, Predictions, Run
from policy_engine.quantities import exact
from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    Outputs,
    metric_definitions,
    recompute,
)
from policy_engine.statistics import RowMetric as Definition

Class = str | int | float | bool

AGREES = Decimal("1e-4")
"""How near, in the metric's units, a definition must come to the logged value to be that."""
LEAST_DECIMALS = 3
"""Decimals that a logged value must have for its rounding to be forgiven."""

_SCORED = frozenset("average_precision pr_curve_area roc_auc brier log_loss".split())
OF_NUMBERS = frozenset("mae mape max_error mse r2 rmse rmsle".split())
"""Kinds of definitions that read targets and predictions as numbers."""
_LOG_ALIKE = (
    "log the same metric for both under this name: evaluate the baseline again with the code that "
    "evaluates the candidate, or name the average, such as val_f1_weighted, and log that for both"
)
_REMEDY = "log rows that the metric can be computed from: training.log_predictions(…)"


class OtherMetric(MissingEvidence):
    """Candidate and baseline log different metrics under one name: no logged value compares."""


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
        InvalidEvidence: If a target is null, or is not a number where the metric is of numbers.
    """
    if definition.kind in OF_NUMBERS:
        return table.numbers("target")
    return [cell for cell in table.targets if cell is not None]


def outputs_of(definition: Definition, table: Predictions) -> Outputs:
    """Return what the model said, in the columns that the metric reads and no others.

    Raises:
        InvalidEvidence: If a score is not a finite number.
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
    found, why = [], f"it is not known how {metric.name} is computed from rows"
    definitions = metric_definitions(metric.name, positive_class(metric))
    if not definitions:
        return [], why
    # All that one name may mean reads the same columns.
    targets, outputs = targets_of(definitions[0], table), outputs_of(definitions[0], table)
    for definition in definitions:
        try:
            value = recompute(definition, targets, outputs, table.weights)
        except NotComputable as e:
            why = str(e)
        except InvalidRows as e:
            raise InvalidEvidence(
                f"{metric.name} cannot be computed from {table.source}: {e}", _REMEDY
            ) from e
        else:
            found.append(Recomputed(definition, value))
    return found, why


def meant(metric: Metric, *sides: tuple[Run, Predictions]) -> Definition:
    """Return the definition that gives the logged value of every side; else the likeliest.

    An F1 may be binary, macro, micro or weighted: what was logged says which. A side that logs no
    value, or one that its rows do not give, says nothing.

    Raises:
        MissingEvidence: If a column is not there; an `OtherMetric` if the sides say different ones.
        NotComputable: If the rows of some side allow none.
    """
    likeliest = next(iter(metric_definitions(metric.name, positive_class(metric))), None)
    if likeliest is not None and likeliest.kind == "accuracy":
        return likeliest  # it has one definition: nothing to compute, and no NumPy to load
    possible, said = [], []
    for run, table in sides:
        found, why = recomputed(metric, table)
        if not found:
            raise NotComputable(why)
        possible.append([each.definition for each in found])
        said.append(_said(metric, run, found))
    shared = [each for each in possible[0] if all(each in others for others in possible)]
    if not shared:
        raise NotComputable(f"the two tables allow different definitions of {metric.name}")
    agreed = [each for each in shared if all(not those or each in those for those in said)]
    if not agreed:
        raise OtherMetric(_different(metric, [run for run, _ in sides], said), _LOG_ALIKE)
    return agreed[0]


def _said(metric: Metric, run: Run, found: Sequence[Recomputed]) -> list[Definition]:
    """Return the definitions that give the logged value, where there is one and they differ."""
    if metric.name not in run.metrics or len(found) == 1:
        return []
    logged = run.metric(metric.name).value
    return [each.definition for each in found if agree(logged, each.value, AGREES)]


def _different(metric: Metric, runs: Sequence[Run], said: Sequence[Sequence[Definition]]) -> str:
    meanings = " and ".join(
        f"the {those[0]} in the {run.role} run"
        for run, those in zip(runs, said, strict=True)
        if those
    )
    return f"{metric.name} is {meanings}: two metrics of one name cannot be compared"


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
