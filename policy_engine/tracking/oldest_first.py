"""Experiments' runs from the oldest to the newest, page by page, with the next ones under way.

Neither the server nor the judge waits for the other, from one experiment to the next either. Memory
holds the runs of one page, however many there are; of pages that wait, the text that the server
sent, a tenth of that. A page that could not be read is asked for again, as long as there is time: a
reading of an hour shall not be lost to a server's restart.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import groupby
from typing import TypeVar

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.store import Json, ReadFailed, Refused, Store, TooOld

T = TypeVar("T")
Page = tuple[str, Callable[[], list[Json]]]
"""Whose runs it holds, and what reads them."""

PAGE = 150
"""Runs of one page: 0.3 s of a server's time, and some 12 MB as Python has them."""
AHEAD = 3
"""Pages that are asked for while one is judged, of each experiment that is read."""
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before a page is asked for again (seconds)."""


def pages_oldest_first(
    store: Store, deadline: Deadline, experiment_ids: Sequence[str], since: int, concurrency: int
) -> Iterator[Iterator[list[Json]]]:
    """Yield, for each experiment in turn, the pages of its active runs by their start.

    Args:
        store: Where they are.
        deadline: When to give up.
        experiment_ids: Whose runs, each once.
        since: The first moment in which a run may have begun (epoch, milliseconds).
        concurrency: The most pages that are asked for at the same time, of as many experiments.

    Raises:
        ReadFailed: If a page cannot be read, or the server does not sort its runs.
    """
    streams = [
        groupby(_ahead(_pages(store, deadline, ids, since)), key=lambda page: page[0])
        for start in range(min(concurrency, len(experiment_ids)))
        if (ids := experiment_ids[start::concurrency])
    ]
    for place in range(len(experiment_ids)):
        _, pages = next(streams[place % len(streams)])
        yield _read(pages, since)


def _read(pages: Iterable[Page], since: int) -> Iterator[list[Json]]:
    latest = since
    for _, read in pages:
        page = read()
        for run in page:
            began = int(run["info"].get("start_time") or 0)
            if began < latest:
                raise ReadFailed(
                    "the server does not sort runs by their start: no past can be told from what "
                    "came after it"
                )
            latest = began
        yield page


def _pages(
    store: Store, deadline: Deadline, experiment_ids: Sequence[str], since: int
) -> Iterator[Page]:
    """Yield the pages of one experiment after the other; of each there is one at least."""
    for id_ in experiment_ids:
        token: str | None = None
        while True:
            ask = partial(store.oldest_first, id_, since, PAGE, token)
            read, token = _patiently(ask, deadline)
            yield id_, read
            if token is None:
                break


def _patiently(ask: Callable[[], T], deadline: Deadline) -> T:
    for pause in PAUSES_S:
        try:
            return ask()
        except (Refused, TooOld):
            raise
        except ReadFailed:
            if pause >= deadline.remaining():
                raise
            time.sleep(pause)
    return ask()


def _ahead(made: Iterator[T]) -> Iterator[T]:
    """Return what an iterator gives; the next `AHEAD` are made meanwhile, in threads."""
    under_way: deque[Future[T | None]] = deque()

    def begin_more() -> None:
        while len(under_way) < AHEAD:
            under_way.append(_begun(made, under_way[-1] if under_way else None))

    def each_in_turn() -> Iterator[T]:
        while (each := under_way.popleft().result()) is not None:
            begin_more()
            yield each

    begin_more()
    return each_in_turn()


def _begun(made: Iterator[T], before: "Future[T | None] | None") -> "Future[T | None]":
    """Return the next one, which a thread makes that starts once the one before it is made.

    Threads that only wait would each keep the memory in which they received a page.
    """
    future: Future[T | None] = Future()

    def work() -> None:
        try:
            future.set_result(next(made, None))
        except BaseException as e:  # noqa: BLE001 (handed to whoever waits)
            future.set_exception(e)

    def start(_: object) -> None:
        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError as e:  # the machine gives no more threads
            future.set_exception(e)

    if before is None:
        start(None)
    else:
        before.add_done_callback(start)
    return future
