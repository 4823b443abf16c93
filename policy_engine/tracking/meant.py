"""The run that is meant where one without a model is named: a search's best, or the evaluated one.

A parent run of a search keeps its model in a child run; `mlflow.models.evaluate` opens a run of its
own. Whoever names such a run, or finds it by its commit, means the run that made the model.
"""

from dataclasses import dataclass

from policy_engine.http.showing import shown
from policy_engine.tracking.models import models_of, output_ids
from policy_engine.tracking.query import CANDIDATE_TAG, PARENT_TAG, tagged
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.run_models import HISTORY_TAG
from policy_engine.tracking.store import Json, NotFound, Unsupported
from policy_engine.tracking.translate import tags_of

MOST_CHILDREN = 1000
MOST_ASKED = 50
"""Child runs that are asked for their models where none of them says that it has one."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A run, its model if it was known by that, what to say, and why its model is not known."""

    run: Json
    model_id: str | None = None
    note: str | None = None
    unknown: str | None = None


def meant_by(reads: Reads, run: Json) -> Meant:
    """Return the run itself if it has a model, or nothing leads to one.

    Raises:
        Unreadable: If a run or model cannot be read.
    """
    if _says_model(run) or models_of(reads, run, needed=False):
        return Meant(run)
    return _evaluated(reads, run) or _of_search(reads, run) or Meant(run)


def _says_model(run: Json) -> bool:
    return bool(output_ids(run)) or HISTORY_TAG in tags_of(run)


def _evaluated(reads: Reads, run: Json) -> Meant | None:
    """Return the run whose model this one evaluated, if it says exactly one."""
    whole = reads.get(reads.store.run, run["info"]["run_id"])  # a search leaves model inputs out
    inputs = (whole.get("inputs") or {}).get("model_inputs") or ()
    ids = {each.get("model_id") for each in inputs}
    if len(ids) != 1:
        return None
    (model_id,) = ids
    try:
        source = reads.get(reads.store.model, model_id)["info"].get("source_run_id")
        if not source or source == run["info"]["run_id"]:
            return None
        trained = reads.get(reads.store.run, source)
    except NotFound:
        return None
    note = f"{label(run)} evaluated the model of {label(trained)}, which is judged"
    return Meant(trained, model_id, note)


def _of_search(reads: Reads, run: Json) -> Meant | None:
    """Return the child run that is tagged as candidate, else the only one that has a model."""
    info = run["info"]
    query = tagged(PARENT_TAG, info["run_id"])
    children = [
        child
        for child in reads.get(
            reads.store.runs, (info["experiment_id"],), query, limit=MOST_CHILDREN
        )
        if child["info"].get("status") == "FINISHED"
    ]
    chosen = [child for child in children if tags_of(child).get(CANDIDATE_TAG) == "true"]
    if chosen:
        note = f"{label(run)} has no model; its child {label(chosen[0])} is tagged as candidate"
        return Meant(chosen[0], note=note)
    with_model = [child for child in children if _says_model(child)]
    if not with_model:
        with_model = _asked(reads, children[:MOST_ASKED])
    if not with_model:
        return None
    if len(with_model) == 1:
        note = f"{label(run)} has no model; its child {label(with_model[0])} has the only one"
        return Meant(with_model[0], note=note)
    names = ", ".join(map(label, with_model[:5]))
    return Meant(
        run,
        unknown=f"{label(run)} has no model, and {len(with_model)} of its child runs have one "
        f"({names}{', …' if len(with_model) > 5 else ''}): tag the best of them "  # noqa: PLR2004
        f'`{CANDIDATE_TAG}: "true"`, or name it with --run',
    )


def _asked(reads: Reads, children: list[Json]) -> list[Json]:
    """Return the child runs with a logged model; servers before 3.10 do not say it in a search."""
    asked = [
        reads.start(
            reads.store.models_of_run, child["info"]["experiment_id"], child["info"]["run_id"]
        )
        for child in children
    ]
    try:
        return [child for child, each in zip(children, asked, strict=True) if reads.wait(each)]
    except Unsupported:
        return []


def label(run: Json) -> str:
    """Return a run as a message names it: its own name and the beginning of its id."""
    info = run["info"]
    return f"run {shown(info.get('run_name') or 'without a name')} ({info['run_id'][:8]})"
