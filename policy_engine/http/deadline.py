"""The time that a piece of work may take."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """A wall-clock budget that all requests of a piece of work share; it starts now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin anew: what went before was our own time, not the server's."""
        self._end = time.monotonic() + self.seconds

    def remaining(self) -> float:
        """Return the seconds that are left; 0.0 once it is over."""
        return max(0.0, self._end - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.remaining() <= 0.0

    def timeout(self, longest: float) -> float:
        """Return a timeout for a socket: what is left (s), at most `longest`.

        Raises:
            TimeoutError: If nothing is left; to a socket, 0 would mean not to wait at all.
        """
        left = self.remaining()
        if left <= 0.0:
            raise TimeoutError
        return min(longest, left)


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call comes to that knows no timeout; one that is late is left in its thread.

    Raises:
        TimeoutError: If it is late.
    """
    outcome: Future[T] = Future()

    def work() -> None:
        try:
            outcome.set_result(call())
        except BaseException as e:  # noqa: BLE001 (handed to whoever waits)
            outcome.set_exception(e)

    threading.Thread(target=work, daemon=True).start()
    return outcome.result(seconds)
