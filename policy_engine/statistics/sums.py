"""Metrics that are a function of sums over rows: with them a resample is one matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
        self._features = features if units is None else _by_unit(features, units)
        self._finish = finish
        self.width: int = features.shape[1]

    def evaluate(self, counts: Floats) -> Evaluated:
        """Return the metric of each resample; `counts` is resamples by units."""
        return self._finish(np.asarray(counts @ self._features))

    def leave_out(self, observed: Floats, start: int, stop: int) -> Floats:
        """Return the metric of the data less one of unit i, for i from start to stop."""
        total = np.asarray(observed[None, :] @ self._features)
        part = self._features[start:stop]
        return self._finish(total - (part if isinstance(part, np.ndarray) else part.toarray()))[0]


def _by_unit(features: Any, units: NDArray[np.intp]) -> Any:
    rows = np.arange(len(units))
    shape = (int(units.max()) + 1, len(units))
    return _sparse.csr_array((np.ones(len(units)), (units, rows)), shape=shape) @ features
