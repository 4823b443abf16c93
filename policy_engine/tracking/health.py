"""Whether a store can be read: its version, who asks, its clock, and each kind of read once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from policy_engine.evidence.record import ModelRecord
from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import shown, without_secrets
from policy_engine.tracking.models import MLMODEL_CAP, models_of
from policy_engine.tracking.opening import open_store, spoken_to_directly
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.run_models import MLMODEL
from policy_engine.tracking.store import Json, NotFound, ReadFailed, Unsupported

_CAP = 64 * 1024  # bytes; a version has a dozen
_TRIED = 5  # the newest runs, among which a model is looked for


@dataclass(frozen=True, slots=True)
class Health:
    """A store that can be read.

    Attributes:
        address: Where it is, without user and password.
        version: What a server says of itself; None where it says nothing, or there is none.
        experiments: How many active experiments whoever asks may see.
        clock: The server's time (UTC), read at `asked`; None where there is no server.
        asked: Our own time then (UTC).
        done: The kinds of read that were tried and went well.
        failed: For each kind that did not, its name and why.
    """

    address: str
    version: str | None
    experiments: int
    clock: datetime | None
    asked: datetime
    done: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()


def health(uri: str, deadline: Deadline, registry_uri: str | None = None) -> Health:
    """Return what a store says of itself, and how each kind of read went.

    Args:
        uri: The tracking URI.
        deadline: When to give up.
        registry_uri: Where the registered models are, as `open_store` takes it.

    Raises:
        NoSuchStore: If the URI names no store.
        Unreadable: If it does not answer, or does not let us read.
    """
    version, clock = None, None
    store = open_store(uri, deadline, registry_uri)
    asked = datetime.now(UTC)
    if spoken_to_directly(uri):
        # Imported here: only a server needs `requests`.
        from policy_engine.tracking.transport import Asked, Transport  # noqa: PLC0415

        answer = Transport(uri, deadline).send("GET", "/version", Asked("the version", _CAP))
        version = shown(answer.body.decode(errors="replace").strip()) or None
        clock = _moment(answer.headers.get("Date"))
    reads = Reads(store, deadline)
    experiments = [each["experiment_id"] for each in reads.get(store.experiments)]
    done: list[str] = []
    failed: list[tuple[str, str]] = []
    for kind, read in _kinds_of_read(reads, experiments):
        try:
            reads.wait(reads.spawn(read))
        except Unsupported as e:
            failed.append((kind, f"{e}; what it would tell is missing in every check"))
        except (ReadFailed, NotFound) as e:
            failed.append((kind, str(e)))
        else:
            done.append(kind)
    return Health(
        without_secrets(uri), version, len(experiments), clock, asked, tuple(done), tuple(failed)
    )


def _kinds_of_read(
    reads: Reads, experiments: Sequence[str]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield a read of each kind that a check makes, as far as there is something to read."""
    store, found, models = reads.store, list[Json](), list[ModelRecord]()
    query = Query(finished=True, roots=True)
    yield "a search for runs", lambda: found.extend(store.runs(experiments, query, limit=_TRIED))
    if not found:
        return
    run_id = found[0]["info"]["run_id"]
    yield "a listing of a run's files", lambda: store.list_run(run_id)
    yield "the models of a run", lambda: models.extend(_first_models(reads, found))
    if not models:
        return
    model_id = models[0].model_id
    yield "a listing of a model's files", lambda: store.list_model(model_id)
    yield "a file of a model", lambda: store.model_text(model_id, MLMODEL, MLMODEL_CAP)


def _first_models(reads: Reads, runs: Iterable[Json]) -> list[ModelRecord]:
    """Return the models of the first run that has one."""
    return next((models for run in runs if (models := models_of(reads, run))), [])


def _moment(text: str | None) -> datetime | None:
    """Return what a `Date` header says."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC) if text else None
    except ValueError:
        return None
