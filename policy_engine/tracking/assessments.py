"""Whether a mean over judged rows is of all rows: MLflow leaves out those whose judge failed.

`mlflow.genai.evaluate` logs `<scorer>/mean` over the rows that have a score. With one of twenty
judgements gone, nineteen right ones make it 1.0.
"""

from collections.abc import Iterable, Sequence

from policy_engine.evidence.record import Invalid, Metric, RunRecord
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.store import Json

RUN_TYPE = ("mlflow.runType", "genai_evaluate")
MEAN = "/mean"


def with_whole_means(reads: Reads, record: RunRecord) -> RunRecord:
    """Return a run in whose metrics a mean that leaves out rows is invalid, with the reason.

    Only the run of a `mlflow.genai.evaluate` is asked for its traces.
    """
    means = [key for key in record.metrics if key.endswith(MEAN)]
    if record.tags.get(RUN_TYPE[0]) != RUN_TYPE[1] or not means:
        return record
    traces = reading(reads.get, reads.store.assessments, record.experiment_id or "", record.run_id)
    found: dict[str, Metric] = {}
    for key in means:
        why = _why_not_whole(key.removesuffix(MEAN), traces)
        if why is not None:
            found[key] = Invalid(invalid=why)
    return record.model_copy(update={"metrics": {**record.metrics, **found}})


def _why_not_whole(scorer: str, traces: list[list[Json]] | UnreadableRecord | None) -> str | None:
    """Say why a scorer's mean is not known to be of all rows, or None if it is."""
    if not isinstance(traces, list):
        why = traces.unreadable if traces is not None else "the server keeps no traces"
        return f"not known to be of all rows ({why})"
    by_row = [[a for a in row if a.get("assessment_name") == scorer] for row in traces]
    if not any(by_row):
        return None  # no row knows such a scorer: the mean is somebody else's
    missing = sum(not _has_score(row) for row in by_row)
    if not missing:
        return None
    failed = sum(any(_error(each) for each in row) for row in by_row if not _has_score(row))
    rows = f"{missing} of {len(by_row)} rows {'has' if missing == 1 else 'have'} no score"
    return f"not of all rows: {rows}{': the judge failed' if failed else ''}"


def _has_score(row: Iterable[Json]) -> bool:
    return any(_feedback(each).get("value") is not None and not _error(each) for each in row)


def _error(assessment: Json) -> bool:
    return bool(_feedback(assessment).get("error") or assessment.get("error"))


def _feedback(assessment: Json) -> Json:
    feedback = assessment.get("feedback")
    return feedback if isinstance(feedback, dict) else {}


def current(assessments: Sequence[Json], run_id: str) -> list[Json]:
    """Return the assessments of a row that stand, by this run where they say by which."""
    return [
        each
        for each in assessments
        if each.get("valid", True)
        and (each.get("metadata") or {}).get("mlflow.assessment.sourceRunId", run_id) == run_id
    ]
