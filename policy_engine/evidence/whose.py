"""A remedy as it fits the run that lacks something: whose side it is, and who began the run."""

from collections.abc import Mapping
from typing import Any

AUTOLOGGED = "mlflow.autologging"
"""The tag of a run that autologging began, and ended with `fit`; a run of one's own has none."""
_IN_ONE_RUN = (
    "; autologging ended this run with fit: call fit and this within `with mlflow.start_run():`"
)


def remedy_of(role: str, tags: Mapping[str, Any], remedy: str) -> str:
    """Return a remedy that asks whoever can do it.

    Args:
        role: Which run lacks it: `candidate`, `baseline` and others.
        tags: Of that run.
        remedy: What its training would do.
    """
    if AUTOLOGGED in tags:
        remedy += _IN_ONE_RUN
    if role != "baseline":
        return remedy
    return (
        "it is the baseline that lacks this: train the baseline again, or move its alias to a "
        f"version that has it ({remedy})"
    )
