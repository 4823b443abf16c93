"""Asking again, as long as there is time for it."""

from __future__ import annotations

import itertools
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policy_engine.http.deadline import Deadline

T = TypeVar("T")


def repeated(
    ask: Callable[[], T], pause: Callable[[T, int], float | None], deadline: Deadline
) -> tuple[T, float | None]:
    """Ask until the outcome stands, or no time is left to ask again.

    Args:
        ask: Asks once.
        pause: How long to wait (s) after an outcome of so many tries; None: it stands.
        deadline: Of all tries and pauses.

    Returns:
        The last outcome, and the pause for which too little time was left; None if it stands.
    """
    for tries in itertools.count(1):
        outcome = ask()
        wait = pause(outcome, tries)
        if wait is None or wait >= deadline.remaining():
            return outcome, wait
        time.sleep(wait)
    raise AssertionError  # a count has no end


def asked_pause(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for, a number or a date; None: it asks nothing."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
