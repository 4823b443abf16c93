"""The results of a read that are not a value, each with its own exception."""

from collections.abc import Iterable
from types import NoneType
from typing import TypeVar

from policy_engine.errors import PolicyEngineError
from policy_engine.evidence.record import Invalid, Unreadable
from policy_engine.quantities.words import nearest

T = TypeVar("T")
_NO_VALUE = (NoneType, Invalid, Unreadable)


class EvidenceError(PolicyEngineError):
    """Evidence that is not a value; `remedy` says what would make it one."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        """Say what is wrong in one sentence, and how to fix it in another."""
        super().__init__(message)
        self.remedy = remedy


class MissingEvidence(EvidenceError):  # noqa: N818 (a state, named in the contract)
    """It concerns this model and is not there."""


class InvalidEvidence(EvidenceError):  # noqa: N818
    """It is there and is not a usable value."""


class UnreadableEvidence(EvidenceError):  # noqa: N818
    """It could not be read, so nothing can be said."""


class UndeclaredNeed(EvidenceError):  # noqa: N818
    """A policy read evidence that its `needs` do not name: a fault of the policy."""


class NotApplicable(PolicyEngineError):  # noqa: N818
    """The evidence or the policy file shows that this does not concern the model."""


def value_of(reading: T | Invalid | Unreadable | None, what: str) -> T:
    """Return the value of a read, or raise what it is instead."""
    if not isinstance(reading, _NO_VALUE):
        return reading
    if reading is None:
        raise MissingEvidence(f"{what} is not recorded", "log the run again")
    if isinstance(reading, Invalid):
        raise InvalidEvidence(f"{what} is invalid: {reading.invalid}", "log it again")
    raise UnreadableEvidence(
        f"{what} could not be read: {reading.unreadable}",
        "this says nothing about the model: fix that, or wait for the server, then run the check "
        "again",
    )


def present(value: T | None, message: str, remedy: str) -> T:
    """Return a value that is there, or raise `MissingEvidence` with these words."""
    if value is None:
        raise MissingEvidence(message, remedy)
    return value


def near_names(name: str, names: Iterable[str]) -> str:
    """Return the known names that are most like this one, as the end of a sentence."""
    near = nearest(name, names, most=3, alike=0.5)
    return f"; nearest names: {', '.join(near)}" if near else ""
