"""Store calls in daemon threads, each made once, all given up at one deadline.

A daemon thread does not keep the process alive: a server that never answers costs the time budget
and no more.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, ParamSpec, TypeVar

from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.store import NotFound, ReadFailed, Store, TooOld, Unsupported

P = ParamSpec("P")
T = TypeVar("T")

AT_ONCE = 8
"""Requests under way at the same time."""


class Reads:
    """The reads of one check."""

    def __init__(self, store: Store, deadline: Deadline) -> None:
        """Read from `store` until `deadline`."""
        self.store = store
        self._deadline = deadline
        self._slots = threading.Semaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._made: dict[tuple[Any, ...], Future[Any]] = {}
        self._notes: dict[str, None] = {}

    def tell(self, note: str) -> None:
        """Remember a sentence on what could not be read as usual, for the report."""
        self._notes.setdefault(note)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the store and its readers have to say of how they read, each once."""
        return tuple(dict.fromkeys((*self.store.notes, *self._notes)))

    def start(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin a store call, or join the same call if it was begun already."""
        key = (call.__name__, args, tuple(sorted(kwargs.items())))
        with self._lock:
            future = self._made.get(key)
            if future is None:
                future = self._made[key] = self._thread(self._slotted(call), *args, **kwargs)
        return future

    def begun(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T] | None":
        """Return a store call that was begun; None if it was not."""
        key = (call.__name__, args, tuple(sorted(kwargs.items())))
        with self._lock:
            return self._made.get(key)

    def get(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a store call answers.

        Raises:
            NotFound, Unreadable: As the store says; Unreadable at the deadline too.
        """
        return self.wait(self.start(call, *args, **kwargs))

    def take(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a store call answers, and do not keep it: it is large.

        Raises:
            NotFound, Unreadable: As `get`.
        """
        value = self.get(call, *args, **kwargs)
        key = (call.__name__, args, tuple(sorted(kwargs.items())))
        with self._lock:
            self._made.pop(key, None)
        return value

    def know(self, value: T, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Take the answer to a store call from another answer, so that it is not asked for."""
        future: Future[T] = Future()
        future.set_result(value)
        with self._lock:
            self._made.setdefault((call.__name__, args, tuple(sorted(kwargs.items()))), future)

    def spawn(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin a task that itself waits for store calls."""
        return self._thread(task, *args, **kwargs)

    def wait(self, future: "Future[T]") -> T:
        """Return what a call or task comes to, before the deadline."""
        try:
            return future.result(timeout=self._deadline.remaining())
        except FutureTimeoutError:
            local = self.store.is_local
            remedy = "" if local else "see whether the server is well, or "
            raise ReadFailed(
                f"MLflow did not answer within {self._deadline.seconds:g} s; "
                f"{remedy}give it longer with --timeout"
            ) from None

    def _slotted(self, call: Callable[P, T]) -> Callable[P, T]:
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._slots:
                return call(*args, **kwargs)

        return run

    def _thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(call(*args, **kwargs))
            except BaseException as e:  # noqa: BLE001 (handed to whoever waits)
                future.set_exception(e)

        threading.Thread(target=work, daemon=True).start()
        return future


def reading(get: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | UnreadableRecord | None:
    """Return a value, None where it is absent, or the record that it could not be read.

    What the server does not know how to tell is absent; the store's notes say so.

    Raises:
        TooOld: If the server is older than what is read at all.
    """
    try:
        return get(*args, **kwargs)
    except (NotFound, Unsupported):
        return None
    except TooOld:
        raise
    except ReadFailed as e:
        return UnreadableRecord(unreadable=str(e))
