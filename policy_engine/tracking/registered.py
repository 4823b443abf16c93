"""Which registered model a candidate's experiment leads to, where the candidate itself has none."""

from policy_engine.evidence.record import RunRecord
from policy_engine.http.showing import shown
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import NotFound, ReadFailed

MOST_RUNS = 200
"""FINISHED runs of the experiment whose registered versions are looked for, newest first."""
_AT_ONCE = 50  # run ids in one question: they stand in its address


def without_registration(reads: Reads, candidate: RunRecord, alias: str) -> str:
    """Return why a bare alias names nothing, with the line to write where one can be told."""
    name = _only_name(reads, candidate, alias)
    if name is None:
        return (
            "the candidate's model is not registered; write `alias: name@champion` "
            "if it is registered only after the merge"
        )
    return (
        f"the candidate's model is not registered; write `alias: {shown(name)}@{shown(alias)}`: "
        f"{shown(name)} is the only model that is registered from this experiment"
    )


def _only_name(reads: Reads, candidate: RunRecord, alias: str) -> str | None:
    """Return the one name that the experiment's models have, if it carries the alias.

    It is a proposal: that it cannot be looked for is not an error.
    """
    try:
        runs = reads.get(
            reads.store.runs,
            (candidate.experiment_id or "",),
            Query(finished=True),
            limit=MOST_RUNS,
        )
        ids = [run["info"]["run_id"] for run in runs]
        asked = [
            reads.start(reads.store.versions_of_runs, tuple(ids[start : start + _AT_ONCE]))
            for start in range(0, len(ids), _AT_ONCE)
        ]
        names = {str(version["name"]) for each in asked for version in reads.wait(each)}
        if len(names) != 1:
            return None
        (name,) = names
        reads.get(reads.store.version_by_alias, name, alias)
    except (NotFound, ReadFailed):
        return None
    return name
