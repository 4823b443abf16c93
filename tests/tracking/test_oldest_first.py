"""Pages of runs are read ahead of whoever judges them: two of them, in their order."""

from __future__ import annotations

import threading
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
        self.asked = 0
        self._changed = threading.Condition()

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[list[Json], str | None]:
        number = int(token or 0)
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if number == self._refused:
            raise Refused(f"page {number} is refused")
        following = str(number + 1) if number + 1 < self._count else None
        return [{"info": {"run_id": f"{experiment_id}-{number}", "start_time": number}}], following

    def wait_for(self, holds: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(holds, timeout=20)


def pages(store: Pages) -> Any:
    return pages_oldest_first(cast("Store", store), Deadline(60), "e", 0)


def test_two_pages_are_read_while_one_is_judged_and_no_more() -> None:
    store = Pages(9)
    made = pages(store)
    assert store.wait_for(lambda: store.asked == 1)  # before anybody takes it
    for judged in range(1, 6):
        assert next(made)[0]["info"]["run_id"] == f"e-{judged - 1}"
        assert store.wait_for(lambda: store.asked >= judged + AHEAD)  # noqa: B023 (waited for here)
        assert store.asked == judged + AHEAD
    assert [page[0]["info"]["run_id"] for page in made] == ["e-5", "e-6", "e-7", "e-8"]
    assert store.asked == 9


def test_a_page_that_is_refused_ends_it_after_those_before_it() -> None:
    made = pages(Pages(5, refused=2))
    assert [next(made)[0]["info"]["run_id"] for _ in range(2)] == ["e-0", "e-1"]
    with pytest.raises(Refused, match="page 2 is refused"):
        next(made)
