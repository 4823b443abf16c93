"""Which run and model an address of MLflow names: `models:/…` or `runs:/…`, as users write them."""

import re

from policy_engine.http.showing import shown
from policy_engine.tracking.models import models_of
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import InRun, Json, NotFound
from policy_engine.tracking.versions import run_of_version

_ID = re.compile(r"models:/(m-[0-9a-f]+)/?\Z")
_ALIAS = re.compile(r"models:/([^/]+)@([^/@]+)/?\Z")
_SUFFIX = re.compile(r"models:/([^/]+)/([^/]+)/?\Z")
_LATEST = "latest"
_FORMS = (
    "write models:/name/3, models:/name@alias, models:/name/latest, models:/m-… or "
    "runs:/RUN_ID/model"
)


def run_of_uri(reads: Reads, uri: str) -> tuple[Json, str | None]:
    """Return the run that logged a model, and the id of the model if it is told.

    Raises:
        NotFound: If it is none of MLflow's addresses, or MLflow has no such model.
        Unreadable: If it cannot be read.
    """
    if (found := _ID.match(uri)) is not None:
        run_id = reads.get(reads.store.model, found[1])["info"].get("source_run_id")
        if not run_id:
            raise NotFound(f"{uri} has no run that logged it")
        return reads.get(reads.store.run, run_id), found[1]
    if (place := InRun.of(uri)) is not None and place.folder.strip("/"):
        return _of_run(reads, place)
    if (found := _ALIAS.match(uri)) is not None:
        return run_of_version(reads, reads.get(reads.store.version_by_alias, found[1], found[2]))
    if (found := _SUFFIX.match(uri)) is not None:
        number = found[2] if found[2].isdecimal() else _newest(reads, found[1], found[2])
        return run_of_version(reads, reads.get(reads.store.version, found[1], number))
    raise NotFound(f"{uri} is not a model URI; {_FORMS}")


def _of_run(reads: Reads, place: InRun) -> tuple[Json, str]:
    """Return the run and its model of that name; logged again under one name, the last counts."""
    run, name = reads.get(reads.store.run, place.run_id), place.folder.strip("/")
    models = models_of(reads, run)
    fitting = [model for model in models if model.name == name]
    if not fitting:
        others = ", ".join(dict.fromkeys(model.name for model in models)) or "none"
        raise NotFound(
            f"run {place.run_id} has no READY model named '{shown(name)}'; its models: {others}"
        )
    known = [model for model in fitting if model.created is not None] or fitting[-1:]
    return run, max(known, key=lambda m: m.created.timestamp() if m.created else 0.0).model_id


def _newest(reads: Reads, name: str, stage: str) -> str:
    """Return the newest version of a registered model, of all or of one stage, as MLflow does."""
    model = reads.get(reads.store.registered_model, name)
    versions = [v for v in model.get("latest_versions") or () if str(v.get("version")).isdecimal()]
    if stage.lower() != _LATEST:
        versions = [v for v in versions if str(v.get("current_stage")).lower() == stage.lower()]
    if versions:
        return max((str(v["version"]) for v in versions), key=int)
    what = "no version" if stage.lower() == _LATEST else f"no version in the stage '{shown(stage)}'"
    aliases = sorted(str(each.get("alias")) for each in model.get("aliases") or ())
    instead = f"models:/{name}@{aliases[0]}" if aliases else f"models:/{name}/3"
    raise NotFound(
        f"the registered model '{shown(name)}' has {what}: name a version or an alias, such as "
        f"{shown(instead)}"
    )
