"""The rows that a comparison is made of, and which of them only one model has right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from policy_engine.errors import PolicyEngineError
from policy_engine.statistics.metrics import Label


class InvalidRows(PolicyEngineError):  # noqa: N818 (it names what is wrong)
    """The rows hold what no metric can be computed from: NaN, a hole, unequal lengths."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outputs:
    """What one model said of each row. Only the column that a metric needs must be there.

    Attributes:
        predictions: A class or a number a row; None is a null, which is wrong in accuracy and
            invalid elsewhere.
        scores: Of the positive class, or one column a class.
        values: The metric itself, one value a row (`row_mean`).
    """

    predictions: Sequence[Label | None] | None = None
    scores: Sequence[float] | Mapping[Label, Sequence[float]] | None = None
    values: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedRows:
    """The same rows, judged by both models, in the same order.

    Attributes:
        targets: The truth, one a row.
        candidate: What the candidate said.
        baseline: What the baseline said.
        weights: One a row, finite, >= 0, sum above 0; None weighs all alike.
        clusters: To which patient, user or day each row belongs; None if rows are independent.
    """

    targets: Sequence[Label]
    candidate: Outputs
    baseline: Outputs
    weights: Sequence[float] | None = None
    clusters: Sequence[Label] | None = None


class Wins(NamedTuple):
    """Rows on which only one of two models is right.

    Attributes:
        wins: Only the candidate (count).
        losses: Only the baseline (count).
        n: All rows (count).
    """

    wins: int
    losses: int
    n: int


def count_wins(
    targets: Sequence[Label],
    candidate: Sequence[Label | None],
    baseline: Sequence[Label | None],
) -> Wins:
    """Count the rows on which the models differ in being right; a null prediction is wrong.

    Args:
        targets: The truth, one a row.
        candidate: The candidate's prediction of each row.
        baseline: The baseline's.

    Returns:
        The counts, for `mcnemar_exact`, `tango_bounds` and `rows_needed_for_counts`.

    Raises:
        InvalidRows: If the lengths differ, or a target is null or NaN.
    """
    check_targets(targets, candidate, baseline)
    wins = losses = 0
    for target, ours, theirs in zip(targets, candidate, baseline, strict=True):
        wins += ours == target != theirs
        losses += theirs == target != ours
    return Wins(wins, losses, len(targets))


def check_targets(
    targets: Sequence[Label],
    candidate: Sequence[Label | None],
    baseline: Sequence[Label | None],
) -> None:
    """Refuse targets that are not a class, and columns that are not as long.

    Raises:
        InvalidRows: If the lengths differ, or a target is null or NaN.
    """
    if not len(targets) == len(candidate) == len(baseline):
        raise InvalidRows(
            f"{len(targets)} targets, {len(candidate)} and {len(baseline)} predictions"
        )
    if None in targets or any(target != target for target in targets):  # noqa: PLR0124 (NaN)
        raise InvalidRows("a target is null or NaN")
