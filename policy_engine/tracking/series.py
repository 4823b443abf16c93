"""A metric that was logged several times: how often, where it was best, what it was at the model.

MLflow answers a run with the last value alone. Whoever logs a metric each epoch may store the model
of another epoch than the last.
"""

from collections.abc import Sequence

from policy_engine.evidence.record import Metric, PointRecord, RunRecord, SeriesRecord, metric_value
from policy_engine.tracking.models import last_step
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json

LAST = "last"


def with_series(
    reads: Reads, run: Json, record: RunRecord, metrics: Sequence[tuple[str, str]]
) -> RunRecord:
    """Return a run with what is known of the metrics' histories.

    A history is asked for only where the policy file takes another value than the last, or the last
    one was logged at a later step than the first.

    Args:
        reads: The reads of this check.
        run: MLflow's answer about the run.
        record: The run as it was read, with its model.
        metrics: Names of metrics that count, each with the value that is taken.

    Raises:
        Unreadable: If a history cannot be read.
    """
    steps = {m["key"]: int(m.get("step") or 0) for m in run.get("data", {}).get("metrics") or ()}
    wanted = {name for name, take in metrics if name in steps and (take != LAST or steps[name] > 0)}
    if not wanted:
        return record
    asked = [
        (name, reads.start(reads.store.metric_history, record.run_id, name))
        for name in sorted(wanted)
    ]
    at = last_step(reads, run)
    found: dict[str, SeriesRecord] = {}
    for name, each in asked:
        history = reads.wait(each)
        if history:
            found[name] = _series(history, at)
    return record.model_copy(update={"series": found or None})


def _series(history: list[Json], at: int | None) -> SeriesRecord:
    points = [
        (int(point.get("step") or 0), metric_value(point.get("value")))
        for point in sorted(history, key=_moment)
    ]
    finite = [(step, value) for step, value in points if isinstance(value, float)]
    before = [(step, value) for step, value in points if at is not None and step <= at]
    return SeriesRecord(
        count=len(points),
        highest=_point(max(finite, key=lambda p: p[1], default=None)),
        lowest=_point(min(finite, key=lambda p: p[1], default=None)),
        at_model=_point(before[-1] if before else None),
    )


def _moment(point: Json) -> tuple[int, int]:
    return int(point.get("step") or 0), int(point.get("timestamp") or 0)


def _point(found: tuple[int, Metric] | None) -> PointRecord | None:
    return None if found is None else PointRecord(step=found[0], value=found[1])
