"""Numbers with unit and grade, and the metric that counts."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from policy_engine.evidence.metrics import Goal, known, of_training_rows
from policy_engine.evidence.states import InvalidEvidence, MissingEvidence
from policy_engine.quantities import Margin, not_exact, show

if TYPE_CHECKING:
    from policy_engine.evidence.run import Run


class Grade(StrEnum):
    """How far a value can be trusted."""

    LOGGED = "logged"
    RECOMPUTED = "recomputed"
    MEASURED = "measured"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finite number with its unit, how it is known, and from where.

    Attributes:
        value: The number, exact.
        unit: `B`, `s`, `%` (a fraction), `pt`, a currency, a metric's name, or any other word.
        grade: How far it can be trusted; `logged` unless somebody measured it.
        source: Where it comes from, in a few words.

    Raises:
        TypeError: If the value is no `Decimal`.
        InvalidEvidence: If the value is NaN or infinite.
    """

    value: Decimal
    unit: str
    grade: Grade = Grade.LOGGED
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what no limit could judge."""
        if not isinstance(self.value, Decimal):
            raise TypeError(not_exact(self.value, "the value"))
        if not self.value.is_finite():
            raise InvalidEvidence(f"{self.source or 'a value'} is {self.value}, not a number")

    def __str__(self) -> str:
        return show(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Metric:
    """The metric that the policy file judges by.

    Attributes:
        name: Its name in MLflow.
        goal: The direction that is better.
        point: One point in the metric's units; None where nobody said.
        source: Where name and direction come from.
        positive: The class that counts as positive, as the policy file says it; None: 1 or true.
    """

    name: str
    goal: Goal
    point: Decimal | None
    source: str
    positive: str | float | bool | None = None

    def gain(self, candidate: "Run", baseline: "Run") -> Decimal:
        """Return how much better the candidate is, in the metric's units (negative: worse)."""
        difference = candidate.metric(self.name).value - baseline.metric(self.name).value
        return difference if self.goal == "maximize" else -difference

    def distance(self, margin: Margin) -> Decimal:
        """Return a margin in the metric's units.

        Raises:
            MissingEvidence: If it is in points and the metric has none.
        """
        return margin.amount * self.required_point if margin.in_points else margin.amount

    @property
    def perfect(self) -> Decimal | None:
        """The best value there is (its units); None where its name does not tell."""
        kind = known(self.name)
        return kind.perfect if kind else None

    @property
    def bounded(self) -> bool:
        """Whether its name says that every value lies in [0, 1]."""
        kind = known(self.name)
        return kind is not None and kind.bounded

    @property
    def of_training_rows(self) -> bool:
        """Whether its name says that it was taken on the rows that training saw."""
        return of_training_rows(self.name)

    @property
    def required_point(self) -> Decimal:
        """One point in the metric's units.

        Raises:
            MissingEvidence: If the metric is not known by name and the file sets none.
        """
        if self.point is None:
            raise MissingEvidence(
                f"nothing says what one point of {self.name} is",
                f"set `metric: {{name: {self.name}, goal: {self.goal}, point: …}}` "
                "in the policy file, in the metric's own units",
            )
        return self.point


def resolve_metric(name: str, goal: Goal | None, point: Decimal | None, source: str) -> Metric:
    """Return the metric with the direction and the point that its name or its owner gives.

    Raises:
        MissingEvidence: If nobody says the direction.
    """
    kind = known(name)
    direction = goal or (kind.goal if kind else None)
    if direction is None:
        raise MissingEvidence(
            f"nothing says whether a greater {name} is better",
            f"set `metric: {{name: {name}, goal: maximize}}` (or minimize) in the policy file",
        )
    if point is None and kind is not None:
        point = kind.point
    return Metric(name, direction, point, source)
