"""Which logged model of a run counts, and what its files say.

The order of a run's outputs means nothing, FAILED models and a SHAP explainer stand among them: a
model is chosen by its status and its name, and two that fit are no choice at all.
"""

from collections.abc import Callable
from typing import Any

from policy_engine.evidence.record import FileRecord, Gap, Invalid, ModelRecord
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.run_models import MLMODEL, model_in_run, models_in_run
from policy_engine.tracking.store import (
    Entry,
    InRun,
    Json,
    NotFound,
    ReadFailed,
    TooOld,
    Unsupported,
)
from policy_engine.tracking.translate import mlmodel_facts, model_record, plain_json

MOST_FILES = 10_000
MOST_FOLDERS = 500
MLMODEL_CAP = 1_000_000
"""Caps of one model's listing, and of its MLmodel file (bytes)."""


def read_model(
    reads: Reads,
    run: Json,
    wanted: str | None,
    *,
    files: bool,
    rather: Callable[[], str | None] = lambda: None,
) -> ModelRecord | Gap | None:
    """Return the run's model, None if no model is READY.

    Args:
        reads: The reads of this check.
        run: MLflow's answer about the run.
        wanted: The logged name to take; None: the only one.
        files: Whether to read its listing and its MLmodel file as well.
        rather: Asked only where several fit: the name that decides between them.
    """
    return reading(lambda: _chosen(reads, run, wanted, rather, files=files))


def read_model_by_id(reads: Reads, model_id: str, *, files: bool) -> ModelRecord | Gap | None:
    """Return a model, with its listing and its MLmodel file if asked for.

    Args:
        reads: The reads of this check.
        model_id: A logged model's id, or the `runs:/` address of one among a run's artifacts.
        files: Whether to read its listing and its MLmodel file as well.
    """
    place = InRun.of(model_id)
    if files:
        _begin_files(reads, model_id)

    def completed() -> ModelRecord | None:
        if place is None:
            found: ModelRecord | None = model_record(reads.get(reads.store.model, model_id))
        else:
            found = model_in_run(reads, place)
        return None if found is None else _completed(reads, found, files=files)

    return reading(completed)


def begin_model(reads: Reads, model_id: str) -> None:
    """Ask for a model and its files before it is known whether they are wanted."""
    if InRun.of(model_id) is None:
        reads.start(reads.store.model, model_id)
    _begin_files(reads, model_id)


def list_files(
    reads: Reads, call: Callable[[str, str], list[Entry]], owner: str
) -> tuple[FileRecord, ...]:
    """Return all files below a root, folders of one level at once.

    Raises:
        Unreadable: If there are more than the caps allow.
    """
    files: list[FileRecord] = []
    level, folders = [""], 1
    while level:
        answers = [reads.start(call, owner, folder) for folder in level]
        level = []
        for answer in answers:
            entries = reads.wait(answer)
            level += [entry.path for entry in entries if entry.is_dir]
            _refuse_many(folders + len(level), len(files) + len(entries))
            files += [FileRecord(path=e.path, size=e.size) for e in entries if not e.is_dir]
        folders += len(level)
    return tuple(sorted(files, key=lambda file: file.path))


def _refuse_many(folders: int, files: int) -> None:
    """Refuse a listing before more of it is kept or asked for than the caps allow."""
    if folders > MOST_FOLDERS or files > MOST_FILES:
        raise ReadFailed(
            f"more than {MOST_FOLDERS} folders or {MOST_FILES} files are stored; "
            "log fewer, larger files"
        )


def models_of(reads: Reads, run: Json, *, needed: bool = True) -> list[ModelRecord]:
    """Return the READY models of a run, by name, without their files.

    Where it has no logged model, they are those among its own artifacts. Where nobody needs a model
    and these cannot be listed, there is none, and a note says so.
    """
    records = [model_record(model) for model in _logged_models(reads, run)]
    ready = sorted((m for m in records if m.status == "READY"), key=lambda m: m.name)
    if ready:
        return ready
    try:
        return models_in_run(reads, run)
    except TooOld:
        raise
    except ReadFailed as e:
        if needed:
            raise
        reads.tell(f"whether run {run['info']['run_id'][:8]} has a model is not known: {e}")
        return []


def _logged_models(reads: Reads, run: Json) -> list[Json]:
    """Return the run's logged models, whatever their status; none before MLflow 3."""
    ids = output_ids(run)
    info = run["info"]
    if len(ids) == 1:
        model = reads.get(reads.store.model, ids[0])
        source = model["info"].get("source_run_id")
        if source and source != info["run_id"]:
            # A run may name any model as its output; whose files are measured shall be seen.
            reads.tell(
                f"run {info['run_id'][:8]} names a model as its own that run {source[:8]} logged "
                f"({ids[0]})"
            )
        return [model]
    try:
        return reads.get(reads.store.models_of_run, info["experiment_id"], info["run_id"])
    except Unsupported:
        return []


def _chosen(
    reads: Reads,
    run: Json,
    wanted: str | None,
    rather: Callable[[], str | None],
    *,
    files: bool,
) -> ModelRecord | Gap | None:
    ids = output_ids(run)
    if files and len(ids) == 1:
        _begin_files(reads, ids[0])
    models = models_of(reads, run, needed=files)
    fitting = [m for m in models if wanted is None or m.name == wanted]
    if len(fitting) > 1:
        name = rather()
        fitting = [m for m in fitting if m.name == name] or fitting
    if len({m.name for m in fitting}) == 1:
        fitting = [_last(reads, run, fitting)]
    if len(fitting) > 1:
        listed = ", ".join(f"{m.name} ({m.model_id})" for m in fitting)
        return UnreadableRecord(
            unreadable=f"the run has {len(fitting)} READY models: {listed}; "
            "name one with `candidate: {model_name: …}` in the policy file"
        )
    return _completed(reads, fitting[0], files=files) if fitting else None


def _last(reads: Reads, run: Json, models: list[ModelRecord]) -> ModelRecord:
    """Return the last of several models of one name: that of the greatest step, then the newest."""
    if len(models) == 1:
        return models[0]
    steps = _steps(run) or _steps(reads.get(reads.store.run, run["info"]["run_id"]))
    last = max(models, key=lambda m: (steps.get(m.model_id, 0), str(m.created), m.model_id))
    at = f"step {steps[last.model_id]}" if last.model_id in steps else "the newest"
    reads.tell(
        f"run {run['info']['run_id'][:8]} logged {len(models)} models as '{last.name}': the last "
        f"is judged ({last.model_id}, {at})"
    )
    return last


def last_step(reads: Reads, run: Json) -> int | None:
    """Return the greatest step at which a run put out a model; None where it says none."""
    steps = _steps(run) or _steps(reads.get(reads.store.run, run["info"]["run_id"]))
    return max(steps.values(), default=None)


def _steps(run: Json) -> dict[str, int]:
    outputs = (run.get("outputs") or {}).get("model_outputs") or ()
    return {each["model_id"]: int(each.get("step") or 0) for each in outputs}


def _completed(reads: Reads, model: ModelRecord, *, files: bool) -> ModelRecord:
    """Return the model with what its stored files say, if that is asked for."""
    if not files:
        return model
    if model.status != "READY":
        # What lies there may be the half of an upload: its size would pass any budget.
        why = Invalid(invalid=f"the model is {model.status}, not READY")
        return model.model_copy(update={"files": why, "size": why, "flavors": why})
    _begin_files(reads, model.model_id)
    listed = reading(lambda: list_files(reads, reads.store.list_model, model.model_id))
    facts = reading(_mlmodel, reads, model.model_id, listed)
    update: dict[str, object] = {"files": listed, "size": _size(listed)}
    update |= {"flavors": facts, "mlmodel": facts}
    if isinstance(facts, dict):
        logged = facts.get("model_size_bytes")
        update["mlmodel"] = plain_json(facts)
        update["flavors"] = tuple(sorted(map(str, facts["flavors"])))
        update["logged_size"] = logged if type(logged) is int and logged >= 0 else None
    return model.model_copy(update=update)


def _mlmodel(
    reads: Reads, model_id: str, listed: tuple[FileRecord, ...] | UnreadableRecord | None
) -> dict[str, Any]:
    """Return what the MLmodel file says.

    It was asked for ahead of the listing. A server that fails to read it says the same of a file
    that is not there, so the listing decides which it is.
    """
    try:
        text = reads.get(reads.store.model_text, model_id, MLMODEL, MLMODEL_CAP)
    except ReadFailed:
        if isinstance(listed, tuple) and MLMODEL not in {file.path for file in listed}:
            raise NotFound(f"model {model_id} has no {MLMODEL} file") from None
        raise
    return mlmodel_facts(text)


def only_output(run: Json) -> str | None:
    """Return the id of the only model that a run says it put out."""
    ids = output_ids(run)
    return ids[0] if len(ids) == 1 else None


def output_ids(run: Json) -> list[str]:
    """Return the ids of the models that a run put out, each once, whatever their status."""
    outputs = (run.get("outputs") or {}).get("model_outputs") or ()
    return sorted({output["model_id"] for output in outputs})


def _begin_files(reads: Reads, model_id: str) -> None:
    """Ask for the listing and the MLmodel file before anybody waits for the model itself."""
    reads.start(reads.store.list_model, model_id, "")
    reads.start(reads.store.model_text, model_id, MLMODEL, MLMODEL_CAP)


def _size(files: tuple[FileRecord, ...] | UnreadableRecord | None) -> int | Gap | None:
    """Return the sum of all files; a file of unknown size makes it unreadable, never smaller."""
    if isinstance(files, UnreadableRecord) or files is None:
        return files
    unsized = [file.path for file in files if file.size is None]
    if unsized:
        return UnreadableRecord(unreadable=f"the store does not say the size of {unsized[0]}")
    return sum(file.size or 0 for file in files)
