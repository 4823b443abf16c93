"""What training left in files: predictions by row, feature importances, a model's small texts."""

import math
import posixpath
from collections.abc import Callable, Mapping
from contextlib import suppress

from policy_engine.evidence.record import Gap, ImportanceRecord, Invalid, ModelRecord, TableRecord
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.source.foreign import json_value
from policy_engine.tracking.models import list_files
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.store import Json, NotFound, OverCap, ReadFailed
from policy_engine.tracking.translate import (
    importance_values,
    run_record,
    table_columns,
    tags_of,
)

PREDICTIONS = "policy_engine/predictions.json"
IMPORTANCE = "policy_engine/importance.json"
AUTOLOGGED = tuple(f"feature_importance_{kind}.json" for kind in ("gain", "weight", "split"))
"""Where autologging of the boosting libraries leaves importances, the scale-free kind first."""
MODEL_TEXTS = (
    "requirements.txt",
    "python_env.yaml",
    "input_example.json",
    "serving_input_example.json",
    "modelscan.json",
    "modelaudit.json",
)
TABLE_CAP = 64 * 1024 * 1024
TEXT_CAP = 1024 * 1024
"""The largest table, and the largest other text, that is read (bytes)."""

OUTPUTS = "outputs"
"""What `mlflow.models.evaluate` calls the predictions of a model that it calls itself. The target
keeps the name that the data have for it, so only a column `target` can be known as that."""

EVALUATION_WORDS = frozenset("eval evaluation val validation test testing holdout".split())
TRAINING_WORDS = frozenset("train training fit".split())
"""Contexts of a dataset input, which are free text."""
MOST_EVALUATIONS = 20
"""Runs of one model, its own aside, in which a table is looked for."""

EVALUATION = "eval_results_table.json"
"""How the tables of `mlflow.models.evaluate` end."""

_PICTURES = (".png", ".svg", ".jpg")


def read_predictions(
    reads: Reads,
    run: Json,
    model: ModelRecord | Gap | None,
    cap: int,
    rather: Callable[[], str | None] = lambda: None,
) -> TableRecord | Gap | None:
    """Return the predictions table of a run, else of an evaluation run of its model.

    A run's own table goes first, unless an evaluation of the model is known to be on the dataset
    that is asked for and the run's own is not: a baseline that was evaluated again on renewed test
    data is compared on these.

    Args:
        reads: The reads of this check.
        run: MLflow's answer about the run.
        model: Its model; the metrics logged for it name its evaluation runs.
        cap: The largest table that is read (bytes).
        rather: Gives the digest of the dataset that the table should be of, if there is one.
    """
    run_id = run["info"]["run_id"]
    digests = _digests(run, model)
    owners = list(dict.fromkeys([run_id, *digests]))
    if len(owners) > 1 and (wanted := rather()) is not None:
        owners.sort(key=lambda owner: wanted not in digests[owner])  # else as they stand
    for owner in owners[: MOST_EVALUATIONS + 1]:
        table = reading(_table_of, reads, owner, run if owner == run_id else None, cap)
        if isinstance(table, TableRecord):
            of = digests[owner]
            return table.model_copy(update={"dataset": min(of) if len(of) == 1 else None})
        if table is not None:
            return table
    return None


def _digests(run: Json, model: ModelRecord | Gap | None) -> dict[str, set[str]]:
    """Return, of each run that evaluated the model, the digests of the data that it says."""
    digests: dict[str, set[str]] = {}
    for metric in model.metrics if isinstance(model, ModelRecord) else ():
        if metric.run_id:
            digests.setdefault(metric.run_id, set()).update(
                [metric.digest] if metric.digest else []
            )
    own = digests.setdefault(run["info"]["run_id"], set())
    by_word = [
        ((data.context or "").strip().lower(), data.digest)
        for data in run_record(run, None).datasets
        if data.digest
    ]
    own.update(digest for word, digest in by_word if word in EVALUATION_WORDS)
    own.difference_update(digest for word, digest in by_word if word in TRAINING_WORDS)
    return digests


def _table_of(
    reads: Reads, run_id: str, run: Json | None, cap: int
) -> TableRecord | Invalid | None:
    """Return the table that one run logged, ours or MLflow's own; None if it has neither."""
    logged = _logged_tables(run or reads.get(reads.store.run, run_id))
    if PREDICTIONS in logged or is_stored(reads, run_id, PREDICTIONS):
        with suppress(NotFound):  # the tag of a file that was deleted since
            return _table(reads, run_id, PREDICTIONS, cap)
    for path in logged:
        if path.endswith(EVALUATION):
            with suppress(NotFound):
                return _table(reads, run_id, path, cap)
    return None


def is_stored(reads: Reads, run_id: str, path: str) -> bool:
    """Say whether a file is among the artifacts of a run, by the listing of its folder.

    Never by asking for it: before MLflow 3.12, and wherever the artifacts are in S3, a server
    answers for a file that is not there as for one that it cannot read.
    """
    listed = reads.get(reads.store.list_run, run_id, posixpath.dirname(path))
    return any(entry.path == path and not entry.is_dir for entry in listed)


def read_importance(reads: Reads, run: Json) -> ImportanceRecord | Gap | None:
    """Return the feature importances of a run; pictures where there is nothing else."""
    run_id = run["info"]["run_id"]
    stored = reading(is_stored, reads, run_id, IMPORTANCE)
    if isinstance(stored, UnreadableRecord):
        return stored
    if stored:
        return reading(_importance, reads, run_id, IMPORTANCE)
    files = reading(list_files, reads, reads.store.list_run, run_id)
    if files is None or isinstance(files, UnreadableRecord):
        return files
    paths = [file.path for file in files]
    for path in AUTOLOGGED:
        if path in paths:
            return reading(_importance, reads, run_id, path)
    pictures = tuple(p for p in paths if p.endswith(_PICTURES) and _is_explanation(p))
    return ImportanceRecord(pictures=pictures) if pictures else None


def read_texts(reads: Reads, model: ModelRecord | Gap | None) -> Mapping[str, str | Gap] | None:
    """Return the small texts of a model that its listing names."""
    if not isinstance(model, ModelRecord) or not isinstance(model.files, tuple):
        return {}
    there = {file.path for file in model.files}
    begun = {
        path: reads.start(reads.store.model_text, model.model_id, path, TEXT_CAP)
        for path in MODEL_TEXTS
        if path in there
    }
    texts = {path: reading(reads.wait, future) for path, future in begun.items()}
    return {path: text for path, text in texts.items() if text is not None}


def _logged_tables(run: Json) -> list[str]:
    """Return the tables that were logged with `mlflow.log_table`, by the tag that it leaves."""
    try:
        listed = json_value(tags_of(run).get("mlflow.loggedArtifacts", "[]"))
        return [str(each["path"]) for each in listed if each.get("type") == "table"]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _table(reads: Reads, run_id: str, path: str, cap: int) -> TableRecord | Invalid:
    try:
        columns = table_columns(reads.take(reads.store.run_text, run_id, path, cap))
    except OverCap as e:
        raise _too_large(run_id, path, cap, e.size) from None
    if isinstance(columns, Invalid):
        return Invalid(invalid=f"{path}: {columns.invalid}")
    if OUTPUTS in columns and "prediction" not in columns and path != PREDICTIONS:
        columns["prediction"] = columns.pop(OUTPUTS)
    return TableRecord(run_id=run_id, source=path, columns=columns)


def _too_large(run_id: str, path: str, cap: int, size: int | None) -> ReadFailed:
    """Return why a table is not read, and what to do; in millions of bytes, as `max_text` is."""
    most = f"{cap / 1e6:,.1f} MB"
    told = f"larger than {most}" if size is None else f"{size / 1e6:,.1f} MB"
    higher = math.ceil((size or 2 * cap) * 1.1 / 1e6)
    return ReadFailed(
        f"the table {path} of run {run_id} is {told}, and at most {most} are read: raise "
        f"`max_text` under `evidence:` in the policy file, such as `max_text: {higher}MB`, or log "
        "fewer rows, or leave out columns that no policy reads"
    )


def _importance(reads: Reads, run_id: str, path: str) -> ImportanceRecord | Invalid:
    values = importance_values(reads.get(reads.store.run_text, run_id, path, TEXT_CAP))
    if isinstance(values, Invalid):
        return Invalid(invalid=f"{path}: {values.invalid}")
    return ImportanceRecord(source=path, values=values)


def _is_explanation(path: str) -> bool:
    return any(word in path.lower() for word in ("shap", "importance", "explanation"))
