"""Pages of runs are asked for ahead of whoever judges them, three of each experiment, in order."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.oldest_first import AHEAD, pages_oldest_first
from policy_engine.tracking.store import Json, Refused, Store

if TYPE_CHECKING:
    from collections.abc import Callable


class Pages:
    """As much of a store as is asked: pages of one run each, of which one may be refused."""

    def __init__(self, count: int, refused: int | None = None) -> None:
        self._count, self._refused = count, refused
        self.asked: list[str] = []
        self.read: list[str] = []
        self._changed = threading.Condition()

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        number = int(token or 0)
        name = f"{experiment_id}-{number}"
        with self._changed:
            self.asked.append(name)
            self._changed.notify_all()
        if number == self._refused:
            raise Refused(f"page {number} is refused")

        def read() -> list[Json]:
            self.read.append(name)
            return [{"info": {"run_id": name, "start_time": number}}]

        return read, str(number + 1) if number + 1 < self._count else None

    def wait_for(self, holds: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(holds, timeout=20)


def experiments(store: Pages, *ids: str, concurrency: int = 1) -> Any:
    return pages_oldest_first(cast("Store", store), Deadline(60), ids, 0, concurrency)


def names(pages: Any) -> list[str]:
    return [run["info"]["run_id"] for page in pages for run in page]


def test_three_pages_are_asked_for_while_one_is_judged_and_no_more() -> None:
    store = Pages(9)
    made = next(experiments(store, "e"))
    for judged in range(1, 6):
        assert names([next(made)]) == [f"e-{judged - 1}"]
        assert store.wait_for(lambda: len(store.asked) >= judged + AHEAD)  # noqa: B023 (waited for here)
        assert len(store.asked) == judged + AHEAD
        assert len(store.read) == judged  # the others wait as the server sent them
    assert names(made) == ["e-5", "e-6", "e-7", "e-8"]
    assert len(store.asked) == 9


def test_pages_of_the_next_experiment_are_asked_for_while_the_last_of_one_is_judged() -> None:
    store = Pages(2)
    made = experiments(store, "a", "b", "c")
    first = next(made)
    assert names([next(first), next(first)]) == ["a-0", "a-1"]
    assert store.wait_for(lambda: store.asked == ["a-0", "a-1", "b-0", "b-1", "c-0"])
    assert [names(pages) for pages in made] == [["b-0", "b-1"], ["c-0", "c-1"]]


def test_pages_of_as_many_experiments_as_may_be_asked_at_once_are_under_way() -> None:
    store = Pages(5)
    made = experiments(store, *"abcde", concurrency=3)
    first = next(made)
    assert store.wait_for(lambda: len(store.asked) == 3 * AHEAD + 1)
    one_more = f"a-{AHEAD}"  # of the one whose first page is here
    assert sorted(store.asked) == sorted(
        [*(f"{e}-{n}" for e in "abc" for n in range(AHEAD)), one_more]
    )
    assert names(first) == ["a-0", "a-1", "a-2", "a-3", "a-4"]
    assert [names(pages)[0] for pages in made] == ["b-0", "c-0", "d-0", "e-0"]


def test_a_page_that_is_refused_ends_it_after_those_before_it() -> None:
    made = next(experiments(Pages(5, refused=2), "e"))
    assert names([next(made), next(made)]) == ["e-0", "e-1"]
    with pytest.raises(Refused, match="page 2 is refused"):
        next(made)


class Then(Pages):
    """A store in which something is done before a page of a number is given."""

    def __init__(self, number: int, then: Callable[[], object]) -> None:
        super().__init__(5)
        self._number, self._then = number, then

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        if int(token or 0) == self._number:
            self._then()
        return super().oldest_first(experiment_id, since, size, token)


def test_of_an_experiment_one_thread_reads_and_none_waits() -> None:
    may_come, before = threading.Event(), set(threading.enumerate())
    made = next(experiments(Then(1, lambda: may_come.wait(60)), "e"))
    assert names([next(made)]) == ["e-0"]
    end = time.monotonic() + 20
    while len(begun := set(threading.enumerate()) - before) > 1 and time.monotonic() < end:
        time.sleep(0.01)  # that of the first page ends
    assert len(begun) == 1
    may_come.set()
    assert names(made) == ["e-1", "e-2", "e-3", "e-4"]


def test_where_the_machine_gives_no_more_threads_it_ends_instead_of_waiting_for_ever() -> None:
    usual = threading.stack_size()
    too_large = 2**47  # bytes: more than a process can have
    try:
        made = next(experiments(Then(0, lambda: threading.stack_size(too_large)), "e"))
        assert names([next(made)]) == ["e-0"]
        with pytest.raises(RuntimeError, match="can't start new thread"):
            next(made)
    finally:
        threading.stack_size(usual)
