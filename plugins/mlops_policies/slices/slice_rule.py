"""What is asked of every slice, and what its test gave."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from policy_engine.evidence import Metric
from policy_engine.statistics import TwoBounds


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRule:
    """The policy's settings, for one metric.

    Attributes:
        metric: The metric.
        drop: The drop that is accepted (the metric's units).
        min_rows: Least rows of a slice (count).
        alpha: One-sided error over all slices.
        floor: Least share of the whole's metric; None: none is asked for.
        resamples: Of a bootstrap (count).
    """

    metric: Metric
    drop: Decimal
    min_rows: int
    alpha: Decimal
    floor: Decimal | None
    resamples: int


@dataclass(frozen=True, slots=True)
class JudgedSlice:
    """One slice under test: its drop and the chance of such a drop where there is none.

    Attributes:
        name: `column=value`.
        rows: How many (count).
        gain: In the metric's units, below 0 for a drop; 0 where it is not known.
        p: Of no drop; None where it could not be tested.
        test: What was tested, in words; or why it could not be.
        after: The candidate's metric.
        before: The baseline's.
        smallest: The drop (the metric's units) that the rows could show; None where they cannot.
        floor_p: Of the candidate being at or above the floor; None where no floor is asked for, or
            the baseline is under it as well.
        floor: What the slice must reach (the metric's units), where `floor_p` is small.
        is_named: Whether the policy names this very value.
        bounds: The one-sided bounds of the gain at an alpha each; None where there are none.
    """

    name: str
    rows: int
    gain: float
    p: float | None
    test: str
    after: float | None = None
    before: float | None = None
    smallest: float | None = None
    floor_p: float | None = None
    floor: float | None = None
    is_named: bool = False
    bounds: Callable[[float], TwoBounds] | None = None
