"""Models among the artifacts of a run: all of them before MLflow 3, and some ever since.

MLflow 2's `log_model` puts them there and says so in a tag; Java, R, and whoever writes with
`save_model` and `log_artifacts` leave only the MLmodel file.
"""

import posixpath
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from policy_engine.evidence.record import ModelRecord, VersionRecord
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.source.foreign import json_value
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.store import InRun, Json, ReadFailed, Unsupported, checked_folder
from policy_engine.tracking.translate import moment_of, tags_of
from policy_engine.tracking.versions import model_of_version, place_of_source

HISTORY_TAG = "mlflow.log-model.history"
"""What clients before MLflow 3 wrote of each model that they logged."""
MLMODEL = "MLmodel"
MOST_FOLDERS = 100
MOST_LEVELS = 4
"""How far a model is looked for that no tag tells of."""


def models_in_run(reads: Reads, run: Json) -> list[ModelRecord]:
    """Return the models among the artifacts of a run, by folder, without their files.

    Raises:
        Unreadable: If the artifacts cannot be listed.
    """
    run_id = run["info"]["run_id"]
    folders = _logged(run) or dict.fromkeys(_found(reads, run_id))
    if not folders:
        return []
    registered = reading(reads.get, reads.store.versions_of_run, run_id)
    if isinstance(registered, UnreadableRecord):
        reads.tell(
            f"which versions of run {run_id} are registered is not known: {registered.unreadable}"
        )
        registered = None
    return [
        ModelRecord(
            model_id=InRun(run_id, folder).model_id,
            name=folder or ".",
            versions=_versions(registered or (), run_id, folder, only=len(folders) == 1),
            created=created or moment_of(run["info"].get("end_time")),
        )
        for folder, created in sorted(folders.items())
    ]


def model_in_run(reads: Reads, place: InRun) -> ModelRecord | None:
    """Return one model by its place; None if the run has none there."""
    models = models_in_run(reads, reads.get(reads.store.run, place.run_id))
    return next((model for model in models if model.model_id == place.model_id), None)


def _versions(
    registered: Iterable[Json], run_id: str, folder: str, *, only: bool
) -> tuple[VersionRecord, ...]:
    """Return the versions of the model in one folder, oldest first.

    A version whose source cannot be read as a place is the model's where the run has no other.
    """
    mine = []
    for each in registered:
        place = place_of_source(str(each.get("source") or ""), run_id)
        if place == InRun(run_id, folder) or (
            only and place is None and model_of_version(each) is None
        ):
            mine.append(VersionRecord(name=str(each["name"]), version=str(each["version"])))
    return tuple(sorted(mine, key=lambda v: int(v.version) if v.version.isdecimal() else 0))


def _logged(run: Json) -> dict[str, datetime | None]:
    """Return the folders that the tag names, each with when it was last logged (UTC)."""
    try:
        listed = json_value(tags_of(run).get(HISTORY_TAG, "[]"))
        return {_folder(each): _created(each) for each in listed}
    except (ValueError, TypeError, KeyError, AttributeError, ReadFailed):
        return {}


def _folder(entry: Mapping[str, object]) -> str:
    path = entry["artifact_path"]
    if not isinstance(path, str):
        raise TypeError(path)
    return checked_folder(path.strip("/"))


def _created(entry: Mapping[str, object]) -> datetime | None:
    try:
        return datetime.fromisoformat(str(entry.get("utc_time_created"))).replace(tzinfo=UTC)
    except ValueError:
        return None


def _found(reads: Reads, run_id: str) -> list[str]:
    """Return the folders that hold an MLmodel file; what lies below such a folder is its own."""
    found: list[str] = []
    level, seen = [""], 0
    for _ in range(MOST_LEVELS):
        level = level[: MOST_FOLDERS - seen]
        seen += len(level)
        try:
            answers = [reads.start(reads.store.list_run, run_id, folder) for folder in level]
            listed = list(zip(level, map(reads.wait, answers), strict=True))
        except Unsupported:
            return found
        level = []
        for folder, entries in listed:
            if any(posixpath.basename(e.path) == MLMODEL and not e.is_dir for e in entries):
                found.append(folder)
            else:
                level += [entry.path for entry in entries if entry.is_dir]
        if not level:
            break
    return found
