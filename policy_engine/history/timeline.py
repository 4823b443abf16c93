"""The runs of an experiment in the order of their start, as far back as anybody may look.

What is asked of it is always "up to a moment": nothing that ended after that is ever an answer.
"""

from collections import deque
from datetime import datetime, timedelta
from itertools import islice, takewhile

from policy_engine.evidence.record import RunRecord
from policy_engine.tracking.baselines import MOST_HISTORY
from policy_engine.tracking.collect import HISTORY_S
from policy_engine.tracking.query import PARENT_TAG

HISTORY = timedelta(seconds=HISTORY_S)
_LOOK = 64
"""New runs between two looks for what nobody will ask for again."""


class Timeline:
    """A window of an experiment's runs."""

    def __init__(self) -> None:
        """Begin with none."""
        self._runs: deque[RunRecord] = deque()
        self._finished: deque[tuple[datetime, RunRecord]] = deque()  # each with its end
        self._children: dict[str, deque[RunRecord]] = {}
        self._new = 0
        self._asked: tuple[str, datetime] | None = None
        self._found: tuple[RunRecord, ...] = ()

    def add(self, run: RunRecord) -> None:
        """Add a run that began no earlier than those before it."""
        self._runs.append(run)
        if run.status == "FINISHED" and run.end_time is not None:
            self._finished.append((run.end_time, run))
        if (parent := _parent(run)) is not None:
            self._children.setdefault(parent, deque()).append(run)
        self._asked = None
        self._new += 1

    def forget(self, before: datetime) -> None:
        """Forget what no candidate that began at a moment, or later, can ask for.

        Those are all that began before the newest `MOST_HISTORY` FINISHED runs that had ended.
        """
        if self._new < _LOOK:
            return
        self._new = 0
        settled = (run for end, run in reversed(self._finished) if end <= before)
        last = next(islice(settled, MOST_HISTORY - 1, None), None)
        while last is not None and self._runs[0] is not last:
            self._drop(self._runs.popleft())

    def _drop(self, run: RunRecord) -> None:
        if self._finished and self._finished[0][1] is run:
            self._finished.popleft()
        if (parent := _parent(run)) is not None:
            self._children[parent].popleft()
            if not self._children[parent]:
                del self._children[parent]

    def earlier(
        self, candidate: RunRecord, until: datetime, window: timedelta = HISTORY
    ) -> tuple[RunRecord, ...]:
        """Return other FINISHED runs that had ended by a moment, newest first.

        Args:
            candidate: The run that asks.
            until: By when they must have ended.
            window: How long before the candidate they may have begun.
        """
        assert candidate.start_time is not None  # noqa: S101 (only such runs are candidates)
        since = candidate.start_time - window
        found = self._ended_by(candidate, until)
        if found and _began(found[-1]) < since:
            return tuple(takewhile(lambda run: _began(run) >= since, found))
        return found

    def later(self, candidate: RunRecord, until: datetime) -> tuple[RunRecord, ...]:
        """Return FINISHED runs that ended after the candidate began, and by a moment."""
        began = candidate.start_time
        assert began is not None  # noqa: S101 (as above)
        found = [run for end, run in reversed(self._finished) if began < end <= until]
        return tuple(run for run in found if run.run_id != candidate.run_id)[:MOST_HISTORY]

    def holds(self, run: RunRecord) -> bool:
        """Say whether a run, and all that began after it, is in the window."""
        first = self._runs[0].start_time if self._runs else None
        return first is not None and run.start_time is not None and run.start_time >= first

    def children(self, run: RunRecord, until: datetime) -> tuple[RunRecord, ...]:
        """Return the runs of a run's search that had ended by a moment, newest first."""
        found = reversed(self._children.get(_parent(run) or run.run_id, ()))
        return tuple(each for each in found if each.end_time is not None and each.end_time <= until)

    def _ended_by(self, candidate: RunRecord, until: datetime) -> tuple[RunRecord, ...]:
        """Return the newest that had ended; several rules ask for those of one candidate."""
        asked = (candidate.run_id, until)
        if self._asked != asked:
            own = candidate.run_id
            found = [
                run for end, run in reversed(self._finished) if end <= until and run.run_id != own
            ]
            self._asked, self._found = asked, tuple(found[:MOST_HISTORY])
        return self._found


def _began(run: RunRecord) -> datetime:
    assert run.start_time is not None  # noqa: S101 (only such runs are added)
    return run.start_time


def _parent(run: RunRecord) -> str | None:
    parent = run.tags.get(PARENT_TAG)
    return parent if isinstance(parent, str) and parent else None
