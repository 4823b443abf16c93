"""Runs as policies see them: their model's evaluations, and own names under the documented ones."""

from collections.abc import Mapping

from policy_engine.evaluated import with_evaluations
from policy_engine.records import BaselineRecord, CandidateRecord, RunRecord


def renamed_candidate(candidate: CandidateRecord, names: Mapping[str, str]) -> CandidateRecord:
    """Return the candidate, and the runs beside it, under the documented names (ours to theirs)."""
    update: dict[str, object] = {"run": _renamed(with_evaluations(candidate.run), names)}
    if not names:
        return candidate.model_copy(update=update)
    for field in ("history", "later"):
        if isinstance(runs := getattr(candidate, field), tuple):
            update[field] = tuple(_renamed(run, names) for run in runs)
    return candidate.model_copy(update=update)


def renamed_baseline(
    baseline: BaselineRecord | None, names: Mapping[str, str]
) -> BaselineRecord | None:
    """Return the baseline, where one was found, under the documented names (ours to theirs)."""
    if baseline is None or not isinstance(baseline.run, RunRecord):
        return baseline
    return baseline.model_copy(update={"run": _renamed(with_evaluations(baseline.run), names)})


def _renamed(run: RunRecord, names: Mapping[str, str]) -> RunRecord:
    if not names:
        return run
    update = {
        field: {
            **values,
            **{ours: values[theirs] for ours, theirs in names.items() if theirs in values},
        }
        for field in ("metrics", "params", "tags")
        if (values := getattr(run, field))
    }
    return run.model_copy(update=update)
