"""What is known of a past run: its facts, which pages of runs hold, or all that it logged."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from policy_engine.evidence import Needs
from policy_engine.evidence.record import ModelRecord, RunRecord, TableRecord
from policy_engine.history import unknown
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.run_reading import Begun, Scope
from policy_engine.tracking.store import NotFound, ReadFailed, Store
from policy_engine.tracking.tables import TABLE_CAP

Reader = Callable[[RunRecord, str | None], RunRecord]
"""From a run's facts and the logged model's name, if a policy file says one, to what is known."""

_NEVER: dict[str, Any] = {
    "aliases": unknown.REGISTRY,
    "repeats": unknown.REPEATS,
    "children": unknown.unknown("child runs so long ago are not known"),
}
_UNREAD: dict[str, Any] = _NEVER | {
    "model": unknown.MODEL,
    "files": unknown.FILES,
    "predictions": unknown.ROWS,
    "importance": unknown.IMPORTANCE,
}
_LATE_ROWS = unknown.unknown("rows that another run logged may be of the future")
_KEPT = 16
"""Runs of which all was read that are kept: a baseline is often the same for many."""
_OF_THE_PAST = ~(Needs.CHILDREN | Needs.REPEATS | Needs.REGISTRY)


def facts_alone(run: RunRecord, model_name: str | None) -> RunRecord:  # noqa: ARG001 (a `Reader`)
    """Return a run of which all but its facts says that it is not known."""
    return run.model_copy(update=_UNREAD)


def whole(store: Store, seconds: float, needs: Needs) -> Reader:
    """Return the reader of all that a run logged itself.

    Args:
        store: Where it is.
        seconds: How long one run may take.
        needs: What the policies read.
    """

    @lru_cache(_KEPT)
    def read(run_id: str, model_name: str | None) -> dict[str, Any]:
        reads = Reads(store, Deadline(seconds))
        scope = Scope(needs & _OF_THE_PAST, TABLE_CAP)
        try:
            json = reads.get(store.run, run_id)
            record = Begun(reads, json, scope, model_name, None).record()
        except NotFound as e:
            raise ReadFailed(str(e)) from e
        return _NEVER | {
            "model": _as_then(record),
            "files": record.files,
            "predictions": _own_rows(record),
            "importance": record.importance,
        }

    return lambda run, model_name: run.model_copy(update=read(run.run_id, model_name))


def _as_then(run: RunRecord) -> Any:
    """Return a run's model without what came to it later: versions, and others' evaluations."""
    if not isinstance(run.model, ModelRecord):
        return run.model
    own = tuple(each for each in run.model.metrics if each.run_id in {None, run.run_id})
    return run.model.model_copy(update={"versions": (), "metrics": own})


def _own_rows(run: RunRecord) -> Any:
    table = run.predictions
    return _LATE_ROWS if isinstance(table, TableRecord) and table.run_id != run.run_id else table
