"""Drawing units with replacement, many resamples at once, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
else:
    np = Lazy("numpy")

CHUNK = 1 << 16
"""Numbers in one array (half a MB): bounds the memory; larger ones are not quicker."""
_FEW = 32
"""Rows a distinct unit from which one multinomial is quicker than drawing row by row."""


class Draws:
    """How often each unit is drawn, resample by resample.

    The generator is NumPy's PCG64, seeded with a whole number and nothing else: the same seed gives
    the same draws. NumPy keeps PCG64's bits for good and its distributions within a release.

    Args:
        observed: How often each distinct unit occurs in the data (whole numbers).
        seed: A whole number, 0 or above, of any size.
    """

    def __init__(self, observed: Counts, seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._units = len(observed)
        self._total = int(observed.sum())
        self._few = self._units * _FEW <= self._total
        self._chances = observed / self._total
        alike = self._units == self._total
        self._unit_of_row = None if alike else np.repeat(np.arange(self._units), observed)

    def at_once(self, width: int) -> int:
        """Return how many resamples fit a chunk, if each takes `width` numbers to evaluate."""
        return max(1, CHUNK // max(width, self._units if self._few else self._total))

    def take(self, resamples: int) -> Counts:
        """Return counts, resamples by units; each line sums to the number of units in the data."""
        if self._few:
            return self._random.multinomial(self._total, self._chances, size=resamples)
        picks = self._random.integers(0, self._total, size=(resamples, self._total))
        if self._unit_of_row is not None:
            picks = self._unit_of_row[picks]
        picks += np.arange(resamples)[:, None] * self._units
        counts = np.bincount(picks.ravel(), minlength=resamples * self._units)
        return counts.reshape(resamples, self._units)


def chunks(total: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the stop of each chunk of at most `size`."""
    for start in range(0, total, size):
        yield start, min(start + size, total)
