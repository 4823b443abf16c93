"""What a test of a gain can say, whichever test it is; or why there is none."""

from dataclasses import dataclass
from typing import Protocol

from policy_engine.statistics import Spread, TwoBounds

MORE_ROWS = "evaluate both on more rows"
LOG_ROWS = (
    "log per-row predictions of both: training.log_predictions(row_id=…, target=…, prediction=…)"
)


class Tested(Protocol):
    """A gain with a test behind it; all numbers are in the metric's units, above 0 is better."""

    @property
    def gain(self) -> float:
        """The gain in the data themselves."""

    @property
    def before(self) -> float:
        """The baseline's metric on the rows or runs that were compared."""

    @property
    def after(self) -> float:
        """The candidate's."""

    @property
    def where(self) -> str:
        """On what they were compared, such as `1,000 shared rows`."""

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the one-sided bounds at alpha each."""

    def p_above(self, difference: float = 0.0) -> float:
        """Return the p-value that the true gain is at most `difference`."""

    def p_below(self, difference: float = 0.0) -> float:
        """Return the p-value that the true gain is at least `difference`."""

    def words(self, difference: float = 0.0) -> str:
        """Return the test's name and what it counted."""

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return how many are needed to see `delta` 4 times in 5, how many there are, of what."""

    @property
    def standard_error(self) -> float:
        """Of the gain."""

    @property
    def doubt(self) -> str:
        """What speaks against trusting the test on these rows, as a sentence's end; or nothing."""

    @property
    def spread(self) -> Spread | None:
        """How far the gain varies; None where that is not known."""

    @property
    def more(self) -> str:
        """What to do so that it decides."""


@dataclass(frozen=True, slots=True)
class Untested:
    """Why no test could be made.

    Attributes:
        why: The reason.
        remedy: What would allow one.
        gain: The gain in the rows (the metric's units), where it is known and only not testable.
        near: How far from each other the models can be, where a bound is known.
    """

    why: str
    remedy: str
    gain: float | None = None
    near: Tested | None = None


def shared_rows(n: int, left_out: int, within: str = "") -> str:
    """Return in words on how many rows a comparison is made, and how many it leaves out."""
    extra = f" ({left_out:,} that only the candidate has are left out)" if left_out else ""
    return f"{n:,} shared rows{within}{extra}"
