"""Past runs, each judged as if it were a candidate then: what a policy file would have done."""

import fnmatch
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from policy_engine.evidence.record import RunRecord
from policy_engine.history.reading import Reader, facts_alone, whole
from policy_engine.history.recipe import recipe_of
from policy_engine.history.replay import Judge, Past
from policy_engine.history.resuming import Judgement, Progress
from policy_engine.history.tally import Newly, PastRun, Tally
from policy_engine.history.timeline import HISTORY, Timeline
from policy_engine.http.deadline import Deadline
from policy_engine.policy_file import PolicySet
from policy_engine.tracking.oldest_first import pages_oldest_first
from policy_engine.tracking.query import is_mere_child
from policy_engine.tracking.store import Json, NotFound, ReadFailed, Store
from policy_engine.tracking.translate import run_record

MOST_AHEAD = 1_000
"""Runs that began while a candidate ran, and are waited for before it is judged."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look back on.

    Attributes:
        sides: The policies; where there are two, the second is what the first is held against.
        names: How each side is called.
        experiment: The experiment's name, or a glob of names.
        since: The first moment in which a judged run may have ended (UTC); None: any.
        limit: The most runs to judge, the oldest first; None: all.
        skips: Whether baseline rules without history are passed over.
        at: When the backtest began (UTC).
        resume: Where judged runs are noted; None: nowhere.
        concurrency: How many pages are asked for at the same time.
        whole_s: How long one run may take whose files and rows are read too (seconds); None: only
            what the pages of runs hold is read.
    """

    sides: tuple[PolicySet, ...]
    names: tuple[str, ...]
    experiment: str
    since: datetime | None
    limit: int | None
    skips: bool
    at: datetime
    resume: Path | None = None
    concurrency: int = 2
    whole_s: float | None = None


@dataclass(slots=True)
class Step:
    """How far it is: for whoever waits."""

    experiments: int = 0
    experiment: int = 0
    name: str = ""
    runs: int = 0
    judged: int = 0
    done: float = 0.0


@dataclass(slots=True)
class Backtest:
    """What past runs would have come to.

    Attributes:
        asked: What was asked.
        tallies: For each side, what its policies came to.
        newly: Runs that the first side would block, and the second, if there is one, would not.
        experiments: The names of the experiments that were looked at, and runs judged of each.
        left_out: Runs that are no candidates, by reason.
        resumed: Runs that had been judged before.
        ended: Why it ended early; None: it did not.
    """

    asked: Asked
    tallies: tuple[Tally, ...]
    newly: Newly = field(default_factory=Newly)
    experiments: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    resumed: int = 0
    ended: str | None = None
    seconds: float = 0.0


Tell = Callable[[Step], None]


def backtest(store: Store, deadline: Deadline, asked: Asked, tell: Tell) -> Backtest:
    """Judge past runs.

    Args:
        store: Where they are.
        deadline: When to give up.
        asked: Which runs, by which policies.
        tell: Is told how far it is, after each page.

    Returns:
        What they came to; where it was interrupted, or the store could no longer be read, what was
        judged until then, and why it ended.

    Raises:
        NotFound: If there is no such experiment.
        ReadFailed: If the experiments cannot be listed.
    """
    return look_at(store, deadline, asked, experiments(store, asked.experiment), tell)


def look_at(
    store: Store, deadline: Deadline, asked: Asked, found: Sequence[Json], tell: Tell
) -> Backtest:
    """Judge the past runs of some experiments, as `backtest` does."""
    began = time.monotonic()
    digests = [policies.digest for policies in asked.sides]
    progress = Progress(
        asked.resume,
        {
            "policies": digests,
            "experiment": asked.experiment,
            "pass over": asked.skips,
            "full": asked.whole_s is not None,
            "since": asked.since.isoformat() if asked.since else None,
        },
    )
    result = Backtest(asked, tuple(Tally() for _ in asked.sides))
    looking = _Looking(store, deadline, asked, progress, result, tell)
    try:
        looking.through(found)
    except KeyboardInterrupt:
        result.ended = "interrupted"
    except ReadFailed as e:
        result.ended = str(e)
    finally:
        progress.close()
    result.seconds = time.monotonic() - began
    return result


def experiments(store: Store, name: str) -> list[Json]:
    """Return the experiments of a name or glob, by name.

    Raises:
        NotFound: If there is none.
        ReadFailed: If they cannot be listed.
    """
    if not any(letter in name for letter in "*?["):
        return [store.experiment_by_name(name)]
    found = [e for e in store.experiments() if fnmatch.fnmatchcase(str(e.get("name")), name)]
    if not found:
        raise NotFound(f"no experiment's name matches '{name}'")
    return sorted(found, key=lambda each: str(each["name"]))


class _Looking:
    """One look back: what is under way."""

    def __init__(
        self,
        store: Store,
        deadline: Deadline,
        asked: Asked,
        progress: Progress,
        result: Backtest,
        tell: Tell,
    ) -> None:
        self._store, self._deadline, self._asked = store, deadline, asked
        self._progress, self._result, self._tell = progress, result, tell
        self._judges = tuple(
            Judge(policies, asked.skips, self._reader(policies)) for policies in asked.sides
        )
        self._named: dict[str, RunRecord | None] = {}
        self._step = Step()

    def _reader(self, policies: PolicySet) -> Reader:
        seconds = self._asked.whole_s
        return facts_alone if seconds is None else whole(self._store, seconds, policies.needs)

    def through(self, experiments: Sequence[Json]) -> None:
        self._step.experiments = len(experiments)
        pages = self._pages_of([str(each["experiment_id"]) for each in experiments])
        for number, (experiment, its_pages) in enumerate(zip(experiments, pages, strict=True), 1):
            self._step.experiment, self._step.name = number, str(experiment["name"])
            for past in self._candidates(experiment, its_pages):
                self._judge(past)
                if self._judged == self._asked.limit:
                    self._result.ended = f"--limit {self._asked.limit} was reached"
                    return

    @property
    def _judged(self) -> int:
        return sum(self._result.experiments.values())

    def _pages_of(self, experiment_ids: Sequence[str]) -> Iterator[Iterator[list[Json]]]:
        since = self._asked.since
        first = since - HISTORY if since else _EPOCH
        milliseconds = round(first.timestamp() * 1000)
        concurrency = self._asked.concurrency
        return pages_oldest_first(
            self._store, self._deadline, experiment_ids, milliseconds, concurrency
        )

    def _candidates(self, experiment: Json, pages: Iterator[list[Json]]) -> Iterator[Past]:
        """Yield the candidates of an experiment, each once all that it may see is known."""
        timeline = Timeline()
        waiting: deque[RunRecord] = deque()
        ahead = 0
        for run in self._runs(experiment, pages):
            timeline.add(run)
            if self._is_candidate(run):
                waiting.append(run)
            ahead += 1
            while waiting and (_ended(waiting[0]) < _began(run) or ahead > MOST_AHEAD):
                yield self._past(waiting.popleft(), timeline)
                ahead = 0 if not waiting else ahead - 1
            timeline.forget(_began(waiting[0] if waiting else run))
        while waiting:
            yield self._past(waiting.popleft(), timeline)

    def _past(self, run: RunRecord, timeline: Timeline) -> Past:
        return Past(run, _ended(run), timeline, self._by_id)

    def _runs(self, experiment: Json, pages: Iterator[list[Json]]) -> Iterator[RunRecord]:
        for page in pages:
            for json in page:
                run = run_record(json, experiment)
                self._step.runs += 1
                if run.start_time is not None:
                    yield run
            self._tell_how_far(page)

    def _tell_how_far(self, page: Sequence[Json]) -> None:
        self._step.judged = self._judged
        if page:
            last = int(page[-1]["info"].get("start_time") or 0) / 1000
            first = self._asked.since.timestamp() if self._asked.since else None
            now = self._asked.at.timestamp()
            span = (last - first) / max(now - first, 1.0) if first else 0.0
            within = min(max(span, 0.0), 1.0)
            self._step.done = (self._step.experiment - 1 + within) / self._step.experiments
        self._tell(self._step)

    def _is_candidate(self, run: RunRecord) -> bool:
        why = self._no_candidate(run)
        if why is not None:
            self._result.left_out[why] = self._result.left_out.get(why, 0) + 1
        return why is None

    def _no_candidate(self, run: RunRecord) -> str | None:
        if run.status != "FINISHED" or run.end_time is None:
            return f"{run.status}, not FINISHED"
        if _ended(run) < _began(run):
            return "ends before it begins"
        if self._asked.since is not None and run.end_time < self._asked.since:
            return "before --since"
        if run.end_time > self._asked.at + timedelta(days=1):
            return "ends in the future"
        return "child of a search" if is_mere_child(run.tags) else None

    def _judge(self, past: Past) -> None:
        run = past.run
        known = self._progress.known.get(run.run_id)
        if known is None:
            known = Judgement(
                PastRun(run.run_id, run.run_name, run.experiment_id or "", past.then.isoformat()),
                recipe_of(run),
                tuple(judge.verdicts(past) for judge in self._judges),
            )
            self._progress.note(known)
        else:
            self._result.resumed += 1
        for tally, verdicts in zip(self._result.tallies, known.sides, strict=True):
            tally.add(known.run, verdicts, known.recipe)
        other = known.sides[1] if len(known.sides) > 1 else {}
        self._result.newly.add(known.run, known.sides[0], other)
        name = self._step.name
        self._result.experiments[name] = self._result.experiments.get(name, 0) + 1

    def _by_id(self, run_id: str) -> RunRecord | None:
        """Return a run that a rule names; each is asked for once."""
        if run_id not in self._named:
            try:
                self._named[run_id] = run_record(self._store.run(run_id), None)
            except NotFound:
                self._named[run_id] = None
        return self._named[run_id]


def _began(run: RunRecord) -> datetime:
    assert run.start_time is not None  # noqa: S101 (others are left out)
    return run.start_time


def _ended(run: RunRecord) -> datetime:
    assert run.end_time is not None  # noqa: S101 (as above)
    return run.end_time
