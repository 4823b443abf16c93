"""What a policy file's baseline rules would have found then.

Aliases, tags and merge bases are kept without their history: what they say today may come from the
run's own future. A rule that rests on them is not replayed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import filterfalse
from typing import Any

from policy_engine.evidence.record import BaselineRecord, PassedOver, RunRecord, Unreadable
from policy_engine.history.timeline import Timeline
from policy_engine.history.unknown import unknown
from policy_engine.quantities import parse_duration
from policy_engine.tracking.baseline_rules import RULES, in_a_line, taking_more
from policy_engine.tracking.baselines import LONGEST_WINDOW_S

WITHOUT_HISTORY = {
    "alias": "aliases have no history",
    "tag": "tags have no history",
    "commit": "the merge base of that day is not known",
}
"""Why a rule cannot be replayed, by its key."""


class _NotReplayed(Exception):  # noqa: N818 (not an error: it is counted)
    """A rule rests on what has no history; the message says on what."""


class _PassOver(Exception):  # noqa: N818 (as above)
    """A rule would have found nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a baseline is looked for.

    Attributes:
        candidate: The run, as the policy file reads runs.
        then: When it was judged: when it ended.
        timeline: The runs of its experiment.
        metric: The name of the metric that counts, as runs log it; None: nobody says one.
        goal: Its direction that is better.
        run: Returns a run by its id; None where there is none.
        skips: Whether a rule without history is passed over instead.
    """

    candidate: RunRecord
    then: datetime
    timeline: Timeline
    metric: str | None
    goal: str | None
    run: Callable[[str], RunRecord | None]
    skips: bool = False


@dataclass(frozen=True, slots=True)
class _Hit:
    run: RunRecord
    among: int | None = None


def baseline_then(
    rules: tuple[dict[str, Any], ...], name: str | None, asked: Asked
) -> BaselineRecord:
    """Return what rules would have found; its run is unknown where one cannot be replayed.

    Args:
        rules: The rules, tried in order.
        name: The metric's name in the policy file, by which the record is found again.
        asked: For whom.
    """
    passed: list[PassedOver] = []

    def outcome(run: RunRecord | Unreadable | None, **more: Any) -> BaselineRecord:
        # Not checked once more: a policy file's rules were, and the rest is ours.
        return BaselineRecord.model_construct(
            rules=rules, metric=name, passed_over=tuple(passed), run=run, **more
        )

    for rule in rules:
        key, value = next(iter(rule.items()))
        label = f"{key}: {RULES[key].said(value) if key in RULES else in_a_line(value)}"
        try:
            hit = _hit(key, value, asked)
        except _PassOver as e:
            passed.append(PassedOver(rule=label, why=str(e)))
        except _NotReplayed as e:
            if not asked.skips:
                return outcome(unknown(f"{e} ({label})"))
            passed.append(PassedOver(rule=label, why=f"{e}, so it was passed over"))
        else:
            return outcome(hit.run, found_by=label, among=hit.among)
    return outcome(None)


def _hit(key: str, value: Any, asked: Asked) -> _Hit:
    if key == "best":
        return _best(value, asked)
    if key == "run":
        return _named(value, asked)
    raise _NotReplayed(WITHOUT_HISTORY.get(key, "a plugin's rule is not replayed"))


def _best(value: Mapping[str, Any], asked: Asked) -> _Hit:
    if asked.metric is None or asked.goal is None:
        raise _PassOver("nobody says which metric counts")
    if value.get("tags"):
        raise _NotReplayed(WITHOUT_HISTORY["tag"])
    began = asked.candidate.start_time
    assert began is not None  # noqa: S101 (only such runs are candidates)
    window = timedelta(seconds=min(float(parse_duration(value["within"])), LONGEST_WINDOW_S))
    until = asked.then if value.get("until") else began
    runs = asked.timeline.earlier(asked.candidate, until, min(window, began - _BEGIN))
    if not runs:
        raise _PassOver("no FINISHED run began within it and ended before the candidate began")
    if value.get("same_data"):
        runs = _sharing_data(runs, asked.candidate)
    if limited := value.get("no_more"):
        runs = tuple(filterfalse(taking_more(asked.candidate, limited), runs))
    metric = asked.metric
    known = [(number, run) for run in runs if isinstance(number := run.metrics.get(metric), float)]
    if not known:
        raise _PassOver(
            f"none of the {len(runs)} earlier FINISHED run(s) has a finite {asked.metric}"
        )
    best = (max if asked.goal == "maximize" else min)(known, key=lambda pair: pair[0])
    return _Hit(best[1], among=len(known))


def _named(run_id: str, asked: Asked) -> _Hit:
    run = asked.run(run_id)
    label = f"run {run_id[:8]}"
    if run is None:
        raise _PassOver(f"there is no {label}")
    if run.run_id == asked.candidate.run_id:
        raise _PassOver(f"{label} is the candidate itself")
    if run.status != "FINISHED" or run.lifecycle != "active":
        raise _PassOver(f"{label} is {run.status} or deleted")
    if run.end_time is None or run.end_time > asked.then:
        raise _PassOver(f"{label} ended after the candidate: it is of its future")
    if asked.metric is not None and not isinstance(run.metrics.get(asked.metric), float):
        raise _PassOver(f"{label} has no finite {asked.metric}")
    return _Hit(run)


def _sharing_data(runs: tuple[RunRecord, ...], candidate: RunRecord) -> tuple[RunRecord, ...]:
    """Return the runs on the candidate's data; one that says none may be."""
    mine = {data.digest for data in candidate.datasets}
    if not mine:
        return runs
    return tuple(
        run
        for run in runs
        if not (theirs := run.datasets) or not mine.isdisjoint([data.digest for data in theirs])
    )


_BEGIN = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
