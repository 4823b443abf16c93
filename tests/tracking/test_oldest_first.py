"""Pages of runs are asked for ahead of whoever judges them, several at once, and given in order."""

from __future__ import annotations

import base64
import threading
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.oldest_first import AHEAD, PAGE, pages_oldest_first
from policy_engine.tracking.store import Json, Refused, Store

if TYPE_CHECKING:
    from collections.abc import Callable


class Pages:
    """As much of a store as is asked: pages of one run each, of which one may be refused.

    Args:
        count: The pages of each experiment.
        refused: The number of a page that is refused.
        token: Makes the token of a page of its number.
        held: While it is not set, first pages alone are given.
    """

    def __init__(
        self,
        count: int,
        refused: int | None = None,
        token: Callable[[int], str] = str,
        held: threading.Event | None = None,
    ) -> None:
        self._count, self._refused, self._token, self._held = count, refused, token, held
        self.asked: list[str] = []
        self.read: list[str] = []
        self._changed = threading.Condition()

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        numbers = {self._token(number): number for number in range(1, self._count)}
        number = numbers.get(token, self._count) if token else 0
        name = f"{experiment_id}-{number}"
        with self._changed:
            self.asked.append(name)
            self._changed.notify_all()
        if number and self._held is not None:
            assert self._held.wait(20)
        if number == self._refused:
            raise Refused(f"page {number} is refused")

        def read() -> list[Json]:
            self.read.append(name)
            return [{"info": {"run_id": name, "start_time": number}}]

        return read, self._token(number + 1) if number + 1 < self._count else None

    def wait_for(self, *names: str) -> bool:
        """Wait until some pages were asked for, in whatever order, and say if just those were."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.asked) >= len(names), timeout=20)
            return sorted(self.asked) == sorted(names)


def offset(number: int) -> str:
    """Return MLflow's token of a page: how many runs are before it."""
    return base64.b64encode(b'{"offset": %d}' % (number * PAGE)).decode()


def offset_of_short_pages(number: int) -> str:
    """Return the token of a server that gives fewer runs a page than it was asked for."""
    return base64.b64encode(b'{"offset": %d}' % (number * PAGE // 2)).decode()


def experiments(store: Pages, *ids: str, concurrency: int = 1) -> Any:
    return pages_oldest_first(cast("Store", store), Deadline(60), ids, 0, concurrency)


def names(pages: Any) -> list[str]:
    return [run["info"]["run_id"] for page in pages for run in page]


def test_three_pages_are_asked_for_while_one_is_judged_and_no_more() -> None:
    store = Pages(9)
    made = next(experiments(store, "e"))
    for judged in range(1, 6):
        assert names([next(made)]) == [f"e-{judged - 1}"]
        assert store.wait_for(*(f"e-{number}" for number in range(judged + AHEAD)))
        assert len(store.read) == judged  # the others wait as the server sent them
    assert names(made) == ["e-5", "e-6", "e-7", "e-8"]
    assert len(store.asked) == 9


def test_pages_of_the_next_experiment_are_asked_for_while_the_last_of_one_is_judged() -> None:
    store = Pages(2)
    made = experiments(store, "a", "b", "c")
    first = next(made)
    assert names([next(first), next(first)]) == ["a-0", "a-1"]
    assert store.wait_for("a-0", "a-1", "b-0", "b-1", "c-0")
    assert [names(pages) for pages in made] == [["b-0", "b-1"], ["c-0", "c-1"]]


def test_pages_of_one_experiment_are_asked_for_at_once_where_their_tokens_count_runs() -> None:
    store = Pages(6, token=offset, held=(may_come := threading.Event()))
    made = next(experiments(store, "e", concurrency=2))
    assert names([next(made)]) == ["e-0"]
    assert store.wait_for("e-0", "e-1", "e-2")
    may_come.set()
    assert names(made) == ["e-1", "e-2", "e-3", "e-4", "e-5"]
    assert len(store.asked) <= 7  # one behind the last


def test_pages_of_other_experiments_are_asked_for_where_tokens_tell_nothing() -> None:
    store = Pages(3, held=(may_come := threading.Event()))
    made = experiments(store, *"abc", concurrency=2)
    first = next(made)
    assert names([next(first)]) == ["a-0"]
    assert store.wait_for("a-0", "b-0", "a-1", "b-1")
    may_come.set()
    assert names(first) == ["a-1", "a-2"]
    assert [names(pages) for pages in made] == [[f"{e}-{n}" for n in range(3)] for e in "bc"]


@given(
    counts=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    concurrency=st.integers(1, 4),
    token=st.sampled_from([str, offset, offset_of_short_pages]),
)
def test_each_page_is_given_once_and_in_order_however_many_are_asked_for_at_once(
    counts: list[int], concurrency: int, token: Callable[[int], str]
) -> None:
    stores = {str(number): Pages(count, token=token) for number, count in enumerate(counts)}

    class Store:
        def oldest_first(self, experiment_id: str, *more: Any) -> Any:
            return stores[experiment_id].oldest_first(experiment_id, *more)

    made = pages_oldest_first(cast("Any", Store()), Deadline(60), list(stores), 0, concurrency)
    assert [names(pages) for pages in made] == [
        [f"{id_}-{page}" for page in range(count)]
        for id_, count in zip(stores, counts, strict=True)
    ]
    for count, store in zip(counts, stores.values(), strict=True):
        in_vain = len(store.asked) - count
        assert in_vain < max(AHEAD, concurrency + 1)  # once, not for each page


@pytest.mark.parametrize("token", [str, offset])
def test_a_page_that_is_refused_ends_it_after_those_before_it(token: Callable[[int], str]) -> None:
    made = next(experiments(Pages(5, refused=2, token=token), "e", concurrency=3))
    assert names([next(made), next(made)]) == ["e-0", "e-1"]
    with pytest.raises(Refused, match="page 2 is refused"):
        next(made)


def test_a_refusal_of_a_page_that_does_not_exist_is_no_concern() -> None:
    made = next(experiments(Pages(3, refused=3, token=offset), "e", concurrency=3))
    assert names(made) == ["e-0", "e-1", "e-2"]


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
