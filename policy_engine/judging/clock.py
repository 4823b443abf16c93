"""How long judging may take. Whoever asks for it brings the clock: judging itself has none."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import NoReturn, Protocol

_LEAST_S = 1e-6
_LONGEST_S = 1e6
"""More than a system's timer may be set to, on some (seconds)."""


class OutOfTime(BaseException):
    """Judging takes too long. No plugin takes it for an error of its own and goes on."""

    remedy = "see which policy takes so long; if it is worth it, give more with --timeout"


class Clock(Protocol):
    """What ends a judgement that takes too long."""

    def check(self) -> None:
        """Raise `OutOfTime` if it does."""

    def running(self) -> AbstractContextManager[None]:
        """Return the context of one policy: it is ended too where it comes to nothing."""


class _NoClock:
    """Judging may take as long as it does."""

    def check(self) -> None:
        """Raise nothing."""

    def running(self) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return _NOTHING


_NOTHING = nullcontext()
NO_CLOCK: Clock = _NoClock()


class WallClock:
    """A wall-clock budget of all policies together; it starts with the first one.

    In the main thread, where the system has signals, a policy is ended wherever it is, and again
    every second if it swallows that; elsewhere only between two findings.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end: float | None = None
        self._is_inside = False  # a policy, not our own code around it

    def check(self) -> None:
        """Raise `OutOfTime` if nothing is left."""
        if self._left() <= 0:
            self._ring()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Raise `OutOfTime` in the middle of what is done inside."""
        self.check()
        if not (
            hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        ):
            yield
            return
        began, before = time.monotonic(), signal.signal(signal.SIGALRM, self._interrupt)
        left = min(max(self._left(), _LEAST_S), _LONGEST_S)
        others = again = 0.0
        try:
            self._is_inside = True
            others, again = signal.setitimer(signal.ITIMER_REAL, left, 1.0)
            try:
                yield
            finally:
                self._is_inside = False
        finally:
            # Somebody else's timer, as that of a test, goes on where it was.
            rest = max(others - (time.monotonic() - began), _LEAST_S) if others else 0.0
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, rest, again)

    def _left(self) -> float:
        now = time.monotonic()
        if self._end is None:
            self._end = now + self._seconds
        return self._end - now

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        if self._is_inside:
            self._ring()

    def _ring(self) -> NoReturn:
        raise OutOfTime(f"judging took longer than the {self._seconds:g} s that it has")
