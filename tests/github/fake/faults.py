"""What can go wrong on the way to GitHub and back, once or several times."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fault:
    """What happens to the next requests of a method and path.

    Attributes:
        method: `GET` for example.
        path: A regular expression for the path from the repository on: `issues/7/comments`.
        times: How often it happens.
        status: What is answered instead; None: what is asked for.
        headers: Headers of that answer.
        message: Its message.
        after_commit: Whether the request has its effect all the same.
        stall_s: How long nothing is said first (seconds).
        hang_up: Whether the connection is closed without an answer.
        page: An answer that is no JSON, of status 200.
        action: What happens on GitHub just before: another job, a person.
    """

    method: str
    path: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "fault"
    after_commit: bool = False
    stall_s: float = 0.0
    hang_up: bool = False
    page: bytes | None = None
    action: Callable[[], object] | None = None

    def strikes(self, method: str, path: str) -> bool:
        """Say whether it happens to this request, and count it."""
        if self.times < 1 or method != self.method or not re.fullmatch(self.path, path):
            return False
        self.times -= 1
        return True
