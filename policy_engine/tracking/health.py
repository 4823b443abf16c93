"""Whether a store can be read at all: its version, who asks, and what its clock says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from policy_engine.tracking.opening import open_store, spoken_to_directly
from policy_engine.tracking.store import Deadline, shown, without_secrets

_CAP = 64 * 1024  # bytes; a version has a dozen


@dataclass(frozen=True, slots=True)
class Health:
    """A store that can be read.

    Attributes:
        address: Where it is, without user and password.
        version: What a server says of itself; None where it says nothing, or there is none.
        experiments: How many active experiments whoever asks may see.
        clock: The server's time (UTC), read at `asked`; None where there is no server.
        asked: Our own time then (UTC).
    """

    address: str
    version: str | None
    experiments: int
    clock: datetime | None
    asked: datetime


def health(uri: str, deadline: Deadline) -> Health:
    """Return what a store says of itself, once it has let us look at its experiments.

    Raises:
        NoSuchStore: If the URI names no store.
        Unreadable: If it does not answer, or does not let us read.
    """
    version, clock = None, None
    store = open_store(uri, deadline)
    asked = datetime.now(UTC)
    if spoken_to_directly(uri):
        # Imported here: only a server needs `requests`.
        from policy_engine.tracking.transport import Transport  # noqa: PLC0415

        answer = Transport(uri, deadline).send("GET", "/version", cap=_CAP, what="the version")
        version = shown(answer.body.decode(errors="replace").strip()) or None
        clock = _moment(answer.headers.get("Date"))
    experiments = len(store.experiments())
    return Health(without_secrets(uri), version, experiments, clock, asked)


def _moment(text: str | None) -> datetime | None:
    """Return what a `Date` header says."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
