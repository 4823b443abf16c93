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
        goal: The metric's better direction; None: not known.
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


def taken_words(
    run: RunRecord, name: str, take: str, goal: Goal | None, *, percent: bool = False
) -> str | None:
    """Say which of several values counts, as the end of "it is the"; None if there is one.

    Args:
        run: The run, with what is known of the metric's history.
        name: The metric, as the run has it.
        take: `last`, `best` or `at-model`.
        goal: The metric's better direction; None: not known.
        percent: Whether it is logged in percent, and said as a fraction.
    """
    series = (run.series or {}).get(name)
    if series is None or series.count < 2:  # noqa: PLR2004 -- one value is no choice
        return None
    best = _point(series, BEST, goal)
    at = "none"
    if best and isinstance(best.value, float):
        at = f"{best.value / 100 if percent else best.value:g} at step {best.step}"
    if take == BEST:
        return f"best of {series.count} values: {at}"
    if take == LAST:
        return f"last of {series.count} values; the best was {at}"
    where = f"of step {series.at_model.step}," if series.at_model else "unknown"
    return f"one {where} at its model, of {series.count} values; the best was {at}"


def _point(series: SeriesRecord, take: str, goal: Goal | None) -> PointRecord | None:
    if take != BEST:
        return series.at_model
    return series.lowest if goal == "minimize" else series.highest
