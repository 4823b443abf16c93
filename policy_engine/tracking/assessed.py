"""Which assessments of a trace stand."""

from collections.abc import Sequence

from policy_engine.tracking.store import Json


def current(assessments: Sequence[Json], run_id: str) -> list[Json]:
    """Return the assessments of a row that stand, by this run where they say by which."""
    return [
        each
        for each in assessments
        if each.get("valid", True)
        and (each.get("metadata") or {}).get("mlflow.assessment.sourceRunId", run_id) == run_id
    ]
