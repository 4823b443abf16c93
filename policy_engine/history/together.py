"""The runs of an experiment, read once, that answer what many of its runs are judged by.

What stands beside a candidate (runs before it and after it, child runs) is mostly the same for all
candidates of an experiment. Only what the runs at hand answer to the letter is taken from them; the
rest is asked of the store.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any, ParamSpec, TypeVar, cast

from policy_engine.evidence import Needs
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.baselines import MOST_HISTORY
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json, ReadFailed, Store

P = ParamSpec("P")
T = TypeVar("T")

MOST_HELD = 2_000
"""Runs that are held of one experiment: some 150 MB."""
_BESIDE = Needs.HISTORY | Needs.LATER | Needs.CHILDREN


class Held:
    """The newest active runs of one experiment, or all."""

    def __init__(self, experiment_id: str, runs: Sequence[Json], *, is_all: bool) -> None:
        """Hold runs, those that began last first; of no experiment: none.

        Args:
            experiment_id: Whose runs.
            runs: The runs.
            is_all: Whether it has no others.
        """
        self._experiment_id, self._runs, self._is_all = experiment_id, runs, is_all

    @classmethod
    def read(cls, store: Store, experiment_id: str, needs: Needs, candidates: int) -> "Held":
        """Return what is worth reading: no more runs than the candidates would ask for one by one.

        Args:
            store: Where they are.
            experiment_id: Whose runs.
            needs: What the policies read.
            candidates: How many runs of the experiment are judged.
        """
        limit = min(MOST_HELD, 2 * MOST_HISTORY * candidates)
        if candidates > 1 and needs & _BESIDE:
            try:
                runs = store.runs((experiment_id,), Query(), limit=limit)
                return cls(experiment_id, runs, is_all=len(runs) < limit)
            except ReadFailed:
                pass  # whoever needs them asks again, and says so
        return cls("", (), is_all=False)

    def answer(
        self, experiment_ids: Sequence[str], query: Query, *, limit: int, deleted: bool = False
    ) -> list[Json] | None:
        """Return what the store would answer to `runs`; None where these runs do not tell."""
        if tuple(experiment_ids) != (self._experiment_id,) or deleted:
            return None
        found = list(islice(filter(query.fits, self._runs), limit))
        return found if self._is_all or len(found) == limit or self._reaches(query) else None

    def _reaches(self, query: Query) -> bool:
        """Say whether all that began late enough is at hand."""
        if query.started_from is None or not self._runs:
            return False
        return int(self._runs[-1]["info"].get("start_time") or 0) < query.started_from


class ReadsTogether(Reads):
    """The reads of some candidates of one experiment, of which something is known already."""

    def __init__(self, store: Store, deadline: Deadline, before: Reads, held: Held) -> None:
        """Read from `store` until `deadline` what neither `before` read nor `held` answers."""
        super().__init__(store, deadline)
        self._before, self._held = before, held

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin a store call, unless its answer is known."""
        known = self._before.begun(call, *args, **kwargs)
        if known is not None:
            return known
        if call.__name__ == self.store.runs.__name__:
            answer = self._held.answer(*cast("Any", args), **cast("Any", kwargs))
            if answer is not None:
                self.know(cast("T", answer), call, *args, **kwargs)
        return super().start(call, *args, **kwargs)
