"""One thing that the doctor looked at."""

from collections.abc import Sequence
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


def next_step(lines: Sequence[Line]) -> str:
    """Return the one thing to do next: about the first problem, or, without one, a check."""
    problem = next((line for line in lines if line.state is State.PROBLEM), None)
    if problem is None:
        return "`policy-engine check`"
    return f"{problem.name}: {problem.remedy or problem.said}"


FIRST = "fix what is said above first"
"""What is said of a thing that another one stands before."""
