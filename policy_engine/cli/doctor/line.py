"""One thing that the doctor looked at."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one thing is."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at, how it is, and what to do about it."""

    name: str
    state: State
    said: str
    remedy: str | None = None


FIRST = "fix what is said above first"
"""What is said of a thing that another one stands before."""
