"""How many rows of each group have a property: out of predictions, or out of logged rates."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Annotated, NamedTuple

from pydantic import Field

from policy_engine.evidence import InvalidEvidence, MissingEvidence, Predictions, Run
from policy_engine.policy import Outcome
from policy_engine.quantities import first_few, show
from policy_engine.statistics import effective_rows

_MOST_NAMED = 5
_ROUNDING = 1e-9
"""By so much an effective number of rows may fall short of a whole number and still be it."""


class Counted(NamedTuple):
    """Rows of a group, and how many of them have the property."""

    hits: int
    rows: int

    @property
    def rate(self) -> Fraction:
        """The share of the rows that have the property, exact; 0 of no rows."""
        return Fraction(self.hits, self.rows) if self.rows else Fraction(0)

    def __str__(self) -> str:
        return f"{readable(self.rate)}, {self.hits:,} of {self.rows:,} rows"


Attributes = Annotated[
    tuple[str, ...],
    Field(
        min_length=1,
        strict=False,
        examples=[["sex"]],
        description="Protected attributes: columns of the predictions table, or of the metrics.",
    ),
]
ErrorOfAll = Annotated[
    float,
    Field(
        gt=0,
        le=0.5,
        description="Error of the whole policy: the share of models without harm that fail, "
        "at most.",
    ),
]
Label = str | int | float | bool
"""A class as a policy file or a table writes it."""
Cell = Label | None
Counts = Mapping[str, Counted]
"""By the value of the group column."""


def readable(value: Fraction | float) -> str:
    """Return a rate or a ratio as people read it."""
    return show(float(value), "")


def listed_groups(named: Sequence[str]) -> str:
    """Return names as people read them: the first few, and how many more there are."""
    return first_few(named, _MOST_NAMED)


def doubt(outcome: Outcome, small: str) -> str:
    """Return why a number beside its limit decides nothing, as a message's end; else nothing.

    Args:
        outcome: Of the finding.
        small: Which groups have too few rows; empty if none.
    """
    if outcome is not Outcome.INCONCLUSIVE:
        return ""
    return "; some group has too few rows" if small else "; the rows show no breach"


def same_label(cell: Cell, label: Label) -> bool:
    """Say whether a cell is a class; 1, 1.0 and true are one, 1 and "1" are not."""
    return isinstance(cell, str) == isinstance(label, str) and cell == label


def counts_of(
    table: Predictions, column: str, hits: Sequence[bool], among: Sequence[bool] | None = None
) -> Counts:
    """Count the rows of each group.

    Rows with a weight, and rows that belong to a cluster, tell less than as many independent ones.
    They count as Kish's effective number of rows, (sum of w)**2 / (sum of w**2) over the clusters'
    weights, at the group's weighted rate: as if the rows of a cluster were all alike, which claims
    no more than they can show.

    Args:
        table: The rows.
        column: Its group column; null is the group `(none)`.
        hits: Which rows have the property.
        among: Which rows count; None: all. A group of which none counts has 0 rows.

    Raises:
        MissingEvidence: If there is no such column.
        InvalidEvidence: If a weight is not a finite number of at least 0.
    """
    groups, weights, clusters = table.groups(column), table.weights, table.clusters
    rows: dict[str, dict[object, float]] = {}
    found: dict[str, float] = {}
    for place, group in enumerate(groups):
        of_group = rows.setdefault(group, {})
        if among is not None and not among[place]:
            continue
        weight = 1.0 if weights is None else weights[place]
        cluster = place if clusters is None else clusters[place]
        of_group[cluster] = of_group.get(cluster, 0.0) + weight
        if hits[place]:
            found[group] = found.get(group, 0.0) + weight
    return {
        group: _effective(found.get(group, 0.0), list(each.values()))
        for group, each in sorted(rows.items())
    }


def logged_counts(run: Run, metric: str, column: str, rows_of: Mapping[str, int]) -> Counts:
    """Return what the metrics `<metric>/<column>/<value>` say of groups whose rows are known.

    Raises:
        MissingEvidence: If a group has no such metric.
        InvalidEvidence: If one is not a share.
    """
    counts = {}
    for group, rows in rows_of.items():
        name = f"{metric}/{column}/{group}"
        share = run.metric(name).value
        if not 0 <= share <= 1:
            raise InvalidEvidence(
                f"metric {name} of the {run.role} run is {show(share, '')}; a rate lies in [0, 1]",
                "log it as a fraction",
            )
        counts[group] = Counted(round(share * rows), rows)
    return counts


def logged_rows(run: Run, column: str, metric: str = "count") -> dict[str, int]:
    """Return the rows of each group as the metrics `<metric>/<column>/<value>` say; {}: none does.

    Raises:
        InvalidEvidence: If one is not a whole number of at least 0.
    """
    prefix = f"{metric}/{column}/"
    rows = {}
    for name in sorted(n for n in run.metrics if n.startswith(prefix)):
        value = run.metric(name).value
        if value < 0 or value != value.to_integral_value():
            raise InvalidEvidence(
                f"metric {name} of the {run.role} run is {show(value, '')}, no number of rows",
                "log how many rows of the evaluation data belong to the group",
            )
        rows[name.removeprefix(prefix)] = int(value)
    return rows


def table_with(run: Run, column: str) -> Predictions | None:
    """Return the predictions if they have this column; None where metrics must do."""
    try:
        table = run.predictions
    except MissingEvidence:
        return None
    return table if column in table.names else None


def require_groups(counts: Counts, column: str, run: Run) -> None:
    """Raise `MissingEvidence` unless there are two groups to compare."""
    if len(counts) < 2:  # noqa: PLR2004 (a comparison is of two)
        only = f": {next(iter(counts))}" if counts else ""
        raise MissingEvidence(
            f"protected attribute {column} of the {run.role} run has one group only{only}; "
            "nothing can be compared",
            "evaluate on data of all the groups that the model will judge",
        )


def _effective(hits: float, weights: list[float]) -> Counted:
    """Return whole counts with the rate and the information of these weights."""
    rows = math.floor(effective_rows(weights) * (1 + _ROUNDING))
    if not rows:
        return Counted(0, 0)
    return Counted(min(rows, round(hits / math.fsum(weights) * rows)), rows)
