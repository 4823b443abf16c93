"""Which run and which model a registered version is: the model stands in its source alone."""

import re

from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import InRun, Json, NotFound

_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


def model_of_version(version: Json) -> str | None:
    """Return the id of a registered version's model, or its place among a run's artifacts.

    The source is `models:/m-…`, `runs:/ID/model`, or a path of the artifact store: of a logged
    model, or one that ends in the run's id, `artifacts` and the model's folder.
    """
    source = str(version.get("model_id") or version.get("source") or "")
    place = place_of_source(source, version.get("run_id"))
    if place is not None:
        return place.model_id
    found = _MODEL_ID.search(source)
    return found[0] if found else None


def place_of_source(source: str, run_id: object) -> InRun | None:
    """Return the place among a run's artifacts that a version's source names, if it names one."""
    named = InRun.of(source)
    if named is not None:
        return named
    if not isinstance(run_id, str) or not run_id:
        return None
    _, found, folder = source.partition(f"/{run_id}/artifacts/")
    return InRun(run_id, folder.strip("/")) if found else None


def run_of_version(reads: Reads, version: Json) -> tuple[Json, str | None]:
    """Return the run that logged a registered version, and the id of its model if it is told.

    Raises:
        NotFound: If no run is told, or the tracking store does not have it.
        Unreadable: If it cannot be read.
    """
    label = f"{version.get('name')} version {version.get('version')}"
    model_id = model_of_version(version)
    run_id = version.get("run_id")
    if not run_id and model_id is not None and InRun.of(model_id) is None:
        run_id = reads.get(reads.store.model, model_id)["info"].get("source_run_id")
    if not run_id:
        raise NotFound(f"{label} has no run that logged it")
    try:
        return reads.get(reads.store.run, run_id), model_id
    except NotFound as e:
        raise NotFound(
            f"{label} was logged by run {run_id}, which the tracking store does not have: it was "
            "logged in another one"
        ) from e
