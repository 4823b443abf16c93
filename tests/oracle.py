"""What an independent library says, where calling it costs more than its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

from statsmodels.stats import multitest

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm_by_statsmodels(p_values: Sequence[float], alpha: float) -> tuple[list[bool], list[float]]:
    """Return what Holm rejects, and its adjusted p, without the garbage collection of each call."""
    with patch("gc.collect"):
        rejected, adjusted, *_ = multitest.multipletests(p_values, alpha, method="holm")
    return rejected.tolist(), adjusted.tolist()
