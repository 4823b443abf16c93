"""Each store call is made once, a few at a time, and given up at the deadline."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.reads import AT_ONCE, Reads, reading
from policy_engine.tracking.store import Entry, NotFound, OverCap, ReadFailed, with_empty_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.tracking.store import Store


class Counting:
    """A store of one call, which notes who asks, and how many at the same time."""

    def __init__(self, answer: Callable[[str], Any] = str.upper, *, is_local: bool = False) -> None:
        self._answer = answer
        self.is_local = is_local
        self._lock = threading.Lock()
        self.asked: list[str] = []
        self.under_way = 0
        self.most = 0

    def run(self, run_id: str, *, pause: float = 0.0) -> Any:
        with self._lock:
            self.asked.append(run_id)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(pause)
        try:
            return self._answer(run_id)
        finally:
            with self._lock:
                self.under_way -= 1


def reads_of(store: Counting, seconds: float = 20.0) -> Reads:
    return Reads(cast("Store", store), Deadline(seconds))


def test_the_same_call_is_made_once_however_many_ask_for_it() -> None:
    store = Counting()
    reads = reads_of(store)
    tasks = [reads.spawn(reads.get, store.run, "a", pause=0.05) for _ in range(20)]
    assert [reads.wait(task) for task in tasks] == ["A"] * 20
    assert reads.get(store.run, "a", pause=0.05) == "A"
    assert store.asked == ["a"]


def test_calls_with_other_arguments_are_other_calls() -> None:
    store = Counting()
    reads = reads_of(store)
    reads.get(store.run, "a")
    reads.get(store.run, "a", pause=0.001)
    reads.get(store.run, "b")
    assert store.asked == ["a", "a", "b"]


def test_what_is_known_already_is_not_asked_for() -> None:
    store = Counting()
    reads = reads_of(store)
    reads.know("told", store.run, "a")
    assert reads.get(store.run, "a") == "told"
    assert store.asked == []


def test_what_is_known_later_does_not_replace_an_answer() -> None:
    store = Counting()
    reads = reads_of(store)
    reads.get(store.run, "a")
    reads.know("told", store.run, "a")
    assert reads.get(store.run, "a") == "A"


def test_only_so_many_calls_are_under_way_at_the_same_time() -> None:
    store = Counting()
    reads = reads_of(store)
    calls = [reads.start(store.run, str(number), pause=0.02) for number in range(5 * AT_ONCE)]
    for call in calls:
        reads.wait(call)
    assert store.most == AT_ONCE


def test_tasks_that_wait_for_calls_take_no_place_from_them() -> None:
    """More tasks than places, each waiting for a task that waits for a call: nobody starves."""
    store = Counting()
    reads = reads_of(store, 5)

    def inner(name: str) -> str:
        return cast("str", reads.get(store.run, name))

    def outer(name: str) -> str:
        return reads.wait(reads.spawn(inner, name))

    tasks = [reads.spawn(outer, str(number)) for number in range(5 * AT_ONCE)]
    assert [reads.wait(task) for task in tasks] == [str(number) for number in range(5 * AT_ONCE)]


@pytest.mark.parametrize("error", [NotFound("gone"), ReadFailed("broken"), KeyError("bug")])
def test_everybody_who_waits_learns_of_the_error(error: Exception) -> None:
    def fail(_: str) -> None:
        raise error

    store = Counting(fail)
    reads = reads_of(store)
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            reads.get(store.run, "a")
        assert caught.value is error
    assert store.asked == ["a"]


def test_a_call_that_never_ends_is_given_up_at_the_deadline() -> None:
    store = Counting()
    reads = reads_of(store, 0.3)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(ReadFailed) as caught:
            reads.get(store.run, "a", pause=2.0)
    assert time.monotonic() - began < 1
    assert str(caught.value) == (
        "MLflow did not answer within 0.3 s; "
        "see whether the server is well, or give it longer with --timeout"
    )


def test_a_store_without_a_server_is_not_blamed_on_one() -> None:
    reads = reads_of(Counting(is_local=True), 0.1)
    with pytest.raises(ReadFailed) as caught:
        reads.get(cast("Any", reads.store).run, "a", pause=1.0)
    assert str(caught.value) == "MLflow did not answer within 0.1 s; give it longer with --timeout"


def test_a_call_that_never_ends_does_not_keep_the_process_alive() -> None:
    program = (
        "import time\n"
        "from policy_engine.tracking.reads import Reads, reading\n"
        "from policy_engine.http.deadline import Deadline\n"
        "class Silent:\n"
        "    is_local = False\n"
        "    def run(self, run_id):\n"
        "        time.sleep(60)\n"
        "reads = Reads(Silent(), Deadline(0.1))\n"
        "print(reading(lambda: reads.get(reads.store.run, 'a')).unreadable[:24])\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "MLflow did not answer wi\n", "")
    assert time.monotonic() - began < 20


def test_a_read_is_a_value_absent_or_unreadable_and_none_is_taken_for_another() -> None:
    def fails(error: Exception) -> Callable[[], str]:
        def fail() -> str:
            raise error

        return fail

    assert reading(lambda: "value") == "value"
    assert reading(fails(NotFound("gone"))) is None
    assert reading(fails(ReadFailed("broken"))) == UnreadableRecord(unreadable="broken")
    with pytest.raises(KeyError):
        reading(fails(KeyError("a fault of ours is no answer of the store")))


@pytest.mark.parametrize(
    ("sizes", "empty", "expected"),
    [
        ({"a": 10, "b": None, "c": None}, "b", {"a": 10, "b": 0, "c": None}),
        ({"a": None, "b": None}, "", {"a": None, "b": None}),
        ({"a": None, "b": None}, "ab", {"a": 0, "b": 0}),
        ({"a": None, "b": None}, "a", {"a": 0, "b": None}),
    ],
)
def test_a_size_that_is_not_told_is_0_only_where_the_file_is_seen_to_be_empty(
    sizes: dict[str, int | None], empty: str, expected: dict[str, int | None]
) -> None:
    def read(path: str) -> None:
        if path not in empty:
            raise OverCap("it is larger", None)

    entries = [Entry(path, is_dir=False, size=size) for path, size in sizes.items()]
    found = with_empty_files([*entries, Entry("d", is_dir=True, size=None)], read)
    assert {e.path: e.size for e in found if not e.is_dir} == expected
