"""Which value of a metric counts that was logged several times: last, best, or the model's."""

from policy_engine.evidence.metrics import Goal, known
from policy_engine.evidence.record import Invalid, PointRecord, RunRecord, SeriesRecord

LAST, BEST = "last", "best"


def goal_of(name: str, said: Goal | None) -> Goal | None:
    """Return a metric's better direction: as the policy file says, else as its name does."""
    kind = known(name)
    return said or (kind.goal if kind else None)


def with_taken(run: RunRecord, name: str, take: str, goal: Goal | None) -> RunRecord:
    """Return a run whose metric has the value that counts.

    Args:
        run: The run, with what is known of the metric's history.
        name: The metric.
        take: `last`, `best` or `at-model`.
        goal: The metric's better direction; None: nobody knows it.
    """
    if take == LAST or name not in run.metrics:
        return run
    series = (run.series or {}).get(name)
    point = _point(series, take, goal) if series else None
    if point is not None:
        return run.model_copy(update={"metrics": {**run.metrics, name: point.value}})
    why = "its history was not collected: collect the evidence again"
    if series is not None:
        why = "without a finite value" if take == BEST else "without a value at its model's step"
    return run.model_copy(update={"metrics": {**run.metrics, name: Invalid(invalid=why)}})


def taken_notes(run: RunRecord, name: str, take: str, goal: Goal | None) -> tuple[str, ...]:
    """Return the sentence that says which of several values counts, if there are several."""
    series = (run.series or {}).get(name)
    if series is None or series.count < 2:  # noqa: PLR2004 -- one value is no choice
        return ()
    label = f"{name} of run {run.run_id[:8]}"
    best = _point(series, BEST, goal)
    at = f"{best.value:g} at step {best.step}" if best and isinstance(best.value, float) else "none"
    if take == LAST:
        return (f"{label} is the last of {series.count} values; the best was {at}",)
    if take == BEST:
        return (f"{label} is the best of {series.count} values: {at}",)
    model = series.at_model
    where = f"that of step {model.step}, at its model," if model else "unknown at its model,"
    return (f"{label} is {where} of {series.count} values; the best was {at}",)


def _point(series: SeriesRecord, take: str, goal: Goal | None) -> PointRecord | None:
    if take != BEST:
        return series.at_model
    return series.lowest if goal == "minimize" else series.highest
