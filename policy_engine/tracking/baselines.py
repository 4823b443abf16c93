"""The baseline rules, tried in order; what is passed over is named, with its reason."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from policy_engine.errors import PolicyEngineError, UsageError
from policy_engine.evidence import MissingEvidence, Needs, Run, resolve_metric
from policy_engine.evidence.evaluations import any_evaluation
from policy_engine.evidence.record import (
    BaselineRecord,
    Gap,
    Metric,
    ModelRecord,
    PassedOver,
    RunRecord,
)
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.http.showing import shown
from policy_engine.quantities.words import listed
from policy_engine.tracking.baseline_rules import RULES, Hit, PassOver, in_a_line
from policy_engine.tracking.models import only_output
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.registered import without_registration
from policy_engine.tracking.store import InRun, Json, NotFound, ReadFailed, TooOld, Unsupported
from policy_engine.tracking.translate import model_record, run_record
from policy_engine.tracking.versions import run_of_version

MOST_HISTORY = 200
"""Earlier runs that are looked at, newest first."""
MOST_TAGGED = 50
LONGEST_WINDOW_S = 100 * 365 * 86400.0
"""A window of `best` beyond this is as good as endless (seconds)."""

Resolver = Callable[[Mapping[str, Any], Run, "Finder"], Run | None]


@dataclass(slots=True)
class BaselineSearch:
    """One list of rules for one candidate and one metric.

    Attributes:
        reads: The reads of this check.
        candidate: The run that must be beaten by nobody but itself.
        model: Its model, asked for only by the rules that need the registered name.
        metric: The metric that a baseline must have; None: none.
        goal: The direction of the metric.
        ancestors: The merge base of the change and its first-parent ancestors, nearest first.
        resolve: What plugins make of a rule that is not built in.
        own_name: The user's own name of the metric, tried first; None: there is none.
        at: The moment of collection (UTC); None: nobody says it.
        ahead: Begins to read the run and model of a version before anybody knows whether they fit.
        passed_over: What was not taken so far, and why.
        label: The rule that is being tried, in a line.
    """

    reads: Reads
    candidate: RunRecord
    model: Callable[[], ModelRecord | Gap | None]
    metric: str | None
    goal: str | None
    ancestors: Sequence[str]
    resolve: Resolver
    at: datetime | None = None
    own_name: str | None = None
    ahead: Callable[[str, str | None], None] = lambda _run_id, _model_id: None
    passed_over: list[PassedOver] = field(default_factory=list)
    label: str = ""

    def find(self, rules: Sequence[Mapping[str, Any]]) -> tuple[BaselineRecord, Hit | None]:
        """Return the record of the search, without the run's own evidence, and the hit."""
        for rule in rules:
            self.label = _label(rule)
            try:
                hit = self._hit(rule)
            except PassOver as e:
                self.passed_over.append(PassedOver(rule=self.label, why=str(e)))
            except TooOld:
                raise
            except ReadFailed as e:
                return self._record(rules, None, UnreadableRecord(unreadable=str(e))), None
            else:
                return self._record(rules, self.label, None, hit.among), hit
        return self._record(rules, None, None), None

    def _record(
        self,
        rules: Sequence[Mapping[str, Any]],
        found_by: str | None,
        run: UnreadableRecord | None,
        among: int | None = None,
    ) -> BaselineRecord:
        return BaselineRecord(
            rules=tuple(dict(rule) for rule in rules),
            metric=self.metric,
            found_by=found_by,
            among=among,
            passed_over=tuple(self.passed_over),
            run=run,
        )

    def _hit(self, rule: Mapping[str, Any]) -> Hit:
        key, value = next(iter(rule.items()))
        try:
            if key in RULES:
                return RULES[key].find(value, self)
            return self._by_plugin(rule)
        except (NotFound, Unsupported) as e:
            raise PassOver(str(e)) from e

    def _by_plugin(self, rule: Mapping[str, Any]) -> Hit:
        finder = Finder(self)
        try:
            found = self.resolve(rule, Run(self.candidate, Needs.RUN), finder)
        except MissingEvidence as e:
            raise PassOver(str(e)) from e
        except (PolicyEngineError, NotFound, ReadFailed):
            raise
        except (Exception, SystemExit) as e:  # a plugin raises anything
            raise ReadFailed(
                f"baseline rule '{self.label}': a plugin's resolve_baseline raised "
                f"{type(e).__name__}: {e}{''.join(getattr(e, '__notes__', ()))}"
            ) from e
        if found is None:
            raise unknown_rule(rule)
        if found.run_id == self.candidate.run_id:
            raise PassOver("the plugin names the candidate itself")
        if found.run_id not in finder.seen:
            raise ReadFailed(
                f"baseline rule '{self.label}': a plugin's resolve_baseline returned a run that "
                "`tracking` did not give it"
            )
        return self.only(Hit(finder.seen[found.run_id]))

    def begin(self, tags: tuple[tuple[str, str], ...]) -> "Future[list[Json]]":
        """Begin to look for FINISHED, active runs of the candidate's experiment, newest first.

        Raises:
            ValueError: If a tag cannot be written in MLflow's language.
        """
        return self.reads.start(
            self.reads.store.runs,
            (self.candidate.experiment_id or "",),
            Query(tags=tags, finished=True),
            limit=MOST_TAGGED,
        )

    def newest(self, tags: tuple[tuple[str, str], ...]) -> Hit:
        """Return the newest run of the candidate's experiment that has these tags."""
        try:
            begun = self.begin(tags)
        except ValueError as e:
            raise UsageError(f"baseline rule '{self.label}': {e}") from e
        runs = self.reads.wait(begun)
        hit = self.first(runs)
        if hit is None:
            other = "other " if runs else ""
            raise PassOver(f"no {other}FINISHED run of the experiment has it")
        return hit

    def earlier(self, window_s: float, until: datetime | None) -> list[Json]:
        """Return FINISHED runs of the candidate's experiment, newest first.

        Args:
            window_s: How long before the candidate began they may have begun (seconds).
            until: The second in which they must have ended (UTC); None: before it began.
        """
        if self.candidate.start_time is None:
            raise PassOver("the candidate run has no start time, so nothing is earlier")
        return self.reads.get(
            self.reads.store.runs,
            (self.candidate.experiment_id or "",),
            earlier_runs(self.candidate.start_time, min(window_s, LONGEST_WINDOW_S), until),
            limit=MOST_HISTORY,
        )

    def first(self, runs: list[Json]) -> Hit | None:
        """Return the first run that may be the baseline; the others before it are named."""
        for run in runs:
            why = self.refusal(run, only_output(run))
            if why is None:
                return Hit(run)
            self.passed_over.append(PassedOver(rule=self.label, why=why))
        return None

    def only(self, hit: Hit) -> Hit:
        """Return the hit if its run may be the baseline; it is the only one that the rule names."""
        why = self.refusal(hit.run, hit.model_id or only_output(hit.run))
        if why is not None:
            raise PassOver(why)
        return hit

    def _evaluated(self, run: Json, model_id: str) -> Metric | None:
        """Return the metric that another run logged for a model of the run."""
        if InRun.of(model_id) is not None:
            return None
        model = model_record(self.reads.get(self.reads.store.model, model_id))
        seen = run_record(run, None).model_copy(update={"model": model})
        for name in filter(None, (self.own_name, self.metric)):
            value = any_evaluation(seen, name)
            if value is not None:
                return value
        return None

    def refusal(self, run: Json, model_id: str | None = None) -> str | None:
        """Say why a run may not be the baseline, or None if it may."""
        info = run["info"]
        label = f"run {shown(info.get('run_name') or 'without a name')} ({info['run_id'][:8]})"
        if info["run_id"] == self.candidate.run_id:
            return f"{label} is the candidate itself"
        if info.get("lifecycle_stage") == "deleted":
            return f"{label} was deleted"
        if info.get("status") != "FINISHED":
            return f"{label} is {info.get('status')}, not FINISHED"
        if self.metric is None:
            return None
        value = self._metric_of(run)
        if value is None and model_id is not None:
            value = self._evaluated(run, model_id)
        if value is None:
            return f"{label} has no metric {self.metric}"
        return None if isinstance(value, float) else f"{label} has {self.metric} = {value.invalid}"

    def _metric_of(self, run: Json) -> Metric | None:
        metrics = run_record(run, None).metrics
        name = self.own_name if self.own_name in metrics else self.metric
        return metrics.get(name or "")

    def value(self, run: Json) -> float:
        """Return the metric of a run; NaN where it has none."""
        value = self._metric_of(run)
        return value if isinstance(value, float) else float("nan")

    def registered_name(self, alias: str) -> str:
        """Return the name that the candidate's model is registered under, to look for an alias."""
        model = self.model()
        if isinstance(model, UnreadableRecord):
            raise ReadFailed(model.unreadable)
        if isinstance(model, ModelRecord):
            names = sorted({version.name for version in model.versions})
            if len(names) == 1:
                return names[0]
            if names:
                raise PassOver(f"the model is registered under several names: {', '.join(names)}")
        raise PassOver(without_registration(self.reads, self.candidate, alias))


class Finder:
    """The read-only finder that baseline plugins get: frozen runs, no client, no token."""

    def __init__(self, search: BaselineSearch) -> None:
        """Look for runs on behalf of one search."""
        self._search = search
        self.seen: dict[str, Json] = {}

    def run(self, run_id: str) -> Run:
        """Return a run by id."""
        reads = self._search.reads
        return self._shown(reads.get(reads.store.run, run_id))

    def by_alias(self, name: str, alias: str) -> Run:
        """Return the run of the registered version that carries the alias."""
        reads = self._search.reads
        run, _ = run_of_version(reads, reads.get(reads.store.version_by_alias, name, alias))
        return self._shown(run)

    def by_tag(self, key: str, value: str) -> tuple[Run, ...]:
        """Return FINISHED runs of the candidate's experiment with this tag, newest first."""
        runs = self._search.reads.wait(self._search.begin(((key, value),)))
        return tuple(self._shown(run) for run in runs)

    def _shown(self, run: Json) -> Run:
        self.seen[run["info"]["run_id"]] = run
        return Run(run_record(run, None), Needs.RUN, "baseline")


def unknown_rule(rule: Mapping[str, Any]) -> UsageError:
    """Return the error for a rule that neither we nor a loaded plugin know."""
    return UsageError(
        f"baseline rule '{_label(rule)}': no built-in rule and no loaded plugin knows it; "
        f"built in are {listed(list(RULES))}"
    )


def earlier_runs(began: datetime, window_s: float, until: datetime | None = None) -> Query:
    """Return the question for FINISHED runs that ended before the candidate began.

    Args:
        began: When the candidate began (UTC).
        window_s: How far back their start may lie before that (seconds).
        until: The second in which they must have ended (UTC), if it may be later than that.
    """
    since = began - timedelta(seconds=window_s)
    last = _milliseconds(began) if until is None else _last_of(until)
    return Query(finished=True, ended_until=last, started_from=_milliseconds(since))


def later_runs(began: datetime, until: datetime) -> Query:
    """Return the question for FINISHED runs that ended after the candidate began.

    Args:
        began: When the candidate began (UTC).
        until: The second in which they must have ended (UTC).
    """
    return Query(finished=True, ended_after=_milliseconds(began), ended_until=_last_of(until))


def metric_goal(name: str | None, goal: str | None) -> str | None:
    """Return the direction of a metric, if its owner or its name says it."""
    if name is None:
        return None
    try:
        return resolve_metric(name, goal, None, "").goal  # type: ignore[arg-type]
    except MissingEvidence:
        return None


def _last_of(second: datetime) -> int:
    """Return the last millisecond of a second: moments of judgement are whole seconds."""
    return _milliseconds(second.replace(microsecond=0)) + 999


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _label(rule: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}: {RULES[key].said(value) if key in RULES else in_a_line(value)}"
        for key, value in rule.items()
    )
