"""What a plan rests on: how far the gain varies, as it was said."""

from dataclasses import replace
from typing import NamedTuple

from policy_engine.cli.plan.asked import Asked
from policy_engine.errors import UsageError
from policy_engine.evidence import Metric, MissingEvidence
from policy_engine.evidence.metrics import POINT, known
from policy_engine.quantities import exact, show
from policy_engine.statistics import (
    DifferingRows,
    RowMetric,
    Spread,
    VaryingSeeds,
    metric_definitions,
)

_MANY = 1_000_000
_WHICH = {
    "accuracy": "rows",
    "recall": "rows of the positive class",
    "specificity": "rows of the other classes",
}
"""The rows of which a metric is the share that is right."""


class Basis(NamedTuple):
    """What a plan rests on.

    Attributes:
        metric: The metric, with its point.
        spread: How far its gain varies.
        test: The test that judges it.
        said: How far it varies, in words.
        have: The rows or seeds that there are (count); None: nobody said.
    """

    metric: Metric
    spread: Spread
    test: str
    said: str
    have: int | None

    @property
    def of_a_slice(self) -> "Basis":
        """The same for a slice, whose loss McNemar's exact test shows, whatever the margin."""
        if not isinstance(self.spread, DifferingRows):
            return self
        return self._replace(spread=replace(self.spread, exact=True))


def assumed(asked: Asked) -> Basis:
    """Return what was said of the spread as the basis.

    Raises:
        UsageError: If a share of rows does not tell how far the metric varies.
    """
    kind = known(asked.metric)
    goal = kind.goal if kind else "maximize"  # of a distance, the direction does not matter
    metric = Metric(asked.metric, goal, kind.point if kind else None, "the command")
    if asked.deviation is not None:
        deviation = distance(metric, asked.deviation, "--deviation")
        said = f"{amount(metric, deviation)} over the seeds of a recipe (standard deviation)"
        seeds = VaryingSeeds(deviation)
        return Basis(metric, seeds, "Student's t over seeds", said, asked.rows)
    share = asked.differing or 0.0
    what = _rows_of(asked)
    said = f"one model alone is right on {show(exact(share), '%')} of {what}"
    if metric.point is None:
        metric = Metric(asked.metric, goal, POINT, "the command")  # a mean of 0/1 rows
    spread = DifferingRows(round(share * _MANY), _MANY, what, exact=asked.effect is not None)
    return Basis(metric, spread, test_of_counts(asked), said, asked.rows)


def test_of_counts(asked: Asked) -> str:
    """Return which test judges a share of right rows."""
    return "Tango's score bounds" if asked.effect is None else "exact McNemar"


def _rows_of(asked: Asked) -> str:
    definitions = metric_definitions(asked.metric, asked.positive)
    if not definitions and known(asked.metric) is None:
        return "rows"  # your own: the mean of a column of 0 and 1
    first = definitions[0] if definitions else RowMetric("row_mean")
    which = _WHICH.get(first.kind)
    if which is None or first.average in ("macro", "weighted"):
        raise UsageError(
            f"how far {asked.metric} varies does not follow from a share of rows: give --run and "
            "--baseline, two logged runs to learn it from"
        )
    return "rows" if first.average == "micro" else which


def distance(metric: Metric, margin: object, flag: str) -> float:
    """Return a distance in the metric's units.

    Raises:
        UsageError: If it is in points, and nobody says what a point is.
    """
    try:
        return float(metric.distance(margin))  # type: ignore[arg-type]
    except MissingEvidence as e:
        raise UsageError(
            f"{flag} is in points, and what a point of {metric.name} is, is not known: write it "
            f"in the units of {metric.name}, as a bare number"
        ) from e


def amount(metric: Metric, value: float) -> str:
    """Return a distance as people read it: in points, where there are any."""
    number = exact(value)
    return show(number, "") if metric.point is None else show(number / metric.point, "pt")
