"""A metric computed again from the rows that a run logged."""

from collections.abc import Sequence

from policy_engine.statistics.metrics import Label, RowMetric
from policy_engine.statistics.rows import Outputs
from policy_engine.statistics.sample import Columns, encode
from policy_engine.statistics.statistic import errors, statistic


def recompute(
    metric: RowMetric,
    targets: Sequence[Label],
    outputs: Outputs,
    weights: Sequence[float] | None = None,
) -> float:
    """Return the metric of one model on these rows.

    Args:
        metric: Its definition; see `definitions` for those that a logged name may have.
        targets: The truth, one a row.
        outputs: What the model said.
        weights: One a row, or None.

    Returns:
        The metric, in its own units, equal to scikit-learn's to 1e-12; NaN where it has no value
        (an area without one of its classes, R2 of equal targets).

    Raises:
        InvalidRows: If a value is missing, not finite, out of range, or the lengths differ.
        NotComputable: If a column that the metric needs is absent, or its positive class unknown.
        StatisticsUnavailable: Without NumPy and SciPy.

    Source: the definitions of scikit-learn's `sklearn.metrics`.
    """
    sample = encode(metric, Columns(targets=targets, weights=weights), [outputs])
    if metric.kind == "max_error":
        return float(abs(errors(sample, 0)[sample.weights > 0]).max())
    value, _ = statistic(sample, 0).evaluate(sample.times[None, :])
    return float(value[0])
