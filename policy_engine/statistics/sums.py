"""Metrics that are a function of sums over rows: a resample is one product with the counts.

No product is left to BLAS: its threads add in an order that depends on the machine, and fight over
its cores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policy_engine.statistics.resampling import CHUNK, chunks
from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Evaluated = tuple[Floats, NDArray[np.bool_]]
else:
    np = Lazy("numpy")

_sparse: Any = Lazy("scipy.sparse")


class Sums:
    """A metric as `finish` of sums over units.

    Args:
        features: What one row adds to each sum, weight included: rows by sums, dense or sparse.
        units: The cluster of each row, or None where each row is a unit.
        finish: From sums (resamples by sums) to the metric, and whether all classes were there.
    """

    def __init__(
        self,
        features: Any,
        units: NDArray[np.intp] | None,
        finish: Callable[[Floats], Evaluated],
    ) -> None:
        features = features if units is None else _by_unit(features, units)
        # Column by column in memory: each is read as a whole.
        self._features = np.asfortranarray(features) if _is_dense(features) else features
        self._finish = finish
        self.width: int = features.shape[1]

    def evaluate(self, counts: Counts) -> Evaluated:
        """Return the metric of each resample; `counts` is resamples by units."""
        return self._finish(self._sums(counts))

    def leave_out(self, observed: Counts, start: int, stop: int) -> Floats:
        """Return the metric of the data less one of unit i, for i from start to stop."""
        return self._without(self._sums(observed[None, :]), start, stop)

    def pulls(self, observed: Counts) -> Floats:
        """Return how much one of each unit moves the metric: the data less it, the jackknife."""
        whole = self.evaluate(observed[None, :])[0][0]
        size = max(1, CHUNK // self.width)
        sums = self._sums(observed[None, :])
        return np.concatenate(
            [
                whole - self._without(sums, start, stop)
                for start, stop in chunks(len(observed), size)
            ]
        )

    def _without(self, sums: Floats, start: int, stop: int) -> Floats:
        part: Any = self._features[start:stop]
        return self._finish(sums - (part if _is_dense(part) else part.toarray()))[0]

    def _sums(self, counts: Counts) -> Floats:
        drawn = counts.astype(float)
        if not _is_dense(self._features):
            return np.asarray(drawn @ self._features)
        columns = [np.einsum("ij,j->i", drawn, column) for column in self._features.T]
        return np.stack(columns, axis=1)


def _is_dense(features: Any) -> bool:
    return isinstance(features, np.ndarray)


def _by_unit(features: Any, units: NDArray[np.intp]) -> Any:
    rows = np.arange(len(units))
    shape = (int(units.max()) + 1, len(units))
    return _sparse.csr_array((np.ones(len(units)), (units, rows)), shape=shape) @ features
