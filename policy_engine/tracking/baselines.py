"""The baseline rules, tried in order; what is passed over is named, with its reason."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from policy_engine.errors import PolicyEngineError, UsageError
from policy_engine.evidence import MissingEvidence, Needs, Run, resolve_metric
from policy_engine.evidence.commit import COMMIT_TAGS
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
from policy_engine.quantities import parse_duration
from policy_engine.tracking.models import only_output
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.registered import without_registration
from policy_engine.tracking.store import InRun, Json, NotFound, ReadFailed, TooOld, Unsupported
from policy_engine.tracking.translate import model_record, run_record, tagged_commit, tags_of
from policy_engine.tracking.versions import model_of_version, run_of_version

MOST_HISTORY = 200
"""Earlier runs that are looked at, newest first."""
MOST_TAGGED = 50
LONGEST_WINDOW_S = 100 * 365 * 86400.0
"""A window of `best` beyond this is as good as endless (seconds)."""
AT_ONCE = 8
"""Commits whose runs are asked for at the same time."""
COLLECTION = "collection"
"""Up to when a policy's own `best` rule may look, in place of the candidate's start: `until`."""

Resolver = Callable[[Mapping[str, Any], Run, "Finder"], Run | None]


@dataclass(frozen=True, slots=True)
class Hit:
    """A run that a rule proposes, the model if the rule fixed it, and among how many it is best."""

    run: Json
    model_id: str | None = None
    among: int | None = None


class PassOver(Exception):  # noqa: N818 (not an error: the next rule is tried)
    """The rule found nothing; the message says why."""


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
        ahead: Begins to read the run and model of a version before anybody knows whether they fit.
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

    def find(self, rules: Sequence[Mapping[str, Any]]) -> tuple[BaselineRecord, Hit | None]:
        """Return the record of the search, without the run's own evidence, and the hit."""
        for rule in rules:
            label = _label(rule)
            try:
                hit = self._hit(rule, label)
            except PassOver as e:
                self.passed_over.append(PassedOver(rule=label, why=str(e)))
            except TooOld:
                raise
            except ReadFailed as e:
                return self._record(rules, None, UnreadableRecord(unreadable=str(e))), None
            else:
                return self._record(rules, label, None, hit.among), hit
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

    def _hit(self, rule: Mapping[str, Any], label: str) -> Hit:
        kind, value = next(iter(rule.items()))
        built_in: dict[str, Callable[[Any, str], Hit]] = {
            "run": self._by_run,
            "alias": self._by_alias,
            "commit": self._by_commit,
            "tag": self._by_tag,
            "best": self._best,
        }
        find = built_in.get(kind)
        try:
            if find is not None:
                return find(value, label)
            return self._by_plugin(rule, label)
        except (NotFound, Unsupported) as e:
            raise PassOver(str(e)) from e

    def _by_run(self, run_id: str, _label: str) -> Hit:
        return self._only(Hit(self.reads.get(self.reads.store.run, run_id)))

    def _by_alias(self, alias: str, _label: str) -> Hit:
        # A registered name may hold an @, an alias may not.
        name, at, short = alias.removeprefix("models:/").rpartition("@")
        if not at:
            name, short = self._registered_name(alias), alias
        version = self.reads.get(self.reads.store.version_by_alias, name, short)
        if version.get("run_id"):
            self.ahead(version["run_id"], model_of_version(version))
        run, model_id = run_of_version(self.reads, version)
        return self._only(Hit(run, model_id))

    def _by_commit(self, _value: str, label: str) -> Hit:
        if not self.ancestors:
            raise PassOver("git knows no merge base with the default branch here")
        for start in range(0, len(self.ancestors), AT_ONCE):
            batch = self.ancestors[start : start + AT_ONCE]
            asked = [(sha, [self.begin(((tag, sha),)) for tag in COMMIT_TAGS]) for sha in batch]
            for sha, futures in asked:
                found = [run for future in futures for run in self.reads.wait(future)]
                # By id: a run with both tags is found twice.
                runs = {run["info"]["run_id"]: run for run in found if tagged_commit(run) == sha}
                hit = self._first(list(runs.values()), label)
                if hit is not None:
                    return hit
        raise PassOver(
            f"no run of the merge base {self.ancestors[0][:12]} or its "
            f"{len(self.ancestors) - 1} first-parent ancestors"
        )

    def _by_tag(self, tags: Mapping[str, str], label: str) -> Hit:
        try:
            begun = self.begin(tuple(tags.items()))
        except ValueError as e:
            raise UsageError(f"baseline rule '{label}': {e}") from e
        runs = self.reads.wait(begun)
        hit = self._first(runs, label)
        if hit is None:
            other = "other " if runs else ""
            raise PassOver(f"no {other}FINISHED run of the experiment has it")
        return hit

    def _best(self, within: Mapping[str, Any], _label: str) -> Hit:
        if self.metric is None or self.goal is None:
            raise PassOver("nobody says which metric counts")
        if self.candidate.start_time is None:
            raise PassOver("the candidate run has no start time, so nothing is earlier")
        window = parse_duration(within["within"])
        until = self.at if within.get("until") == COLLECTION else None
        runs = self.reads.get(
            self.reads.store.runs,
            (self.candidate.experiment_id or "",),
            earlier_runs(self.candidate.start_time, min(float(window), LONGEST_WINDOW_S), until),
            limit=MOST_HISTORY,
        )
        if not runs:
            by = "the candidate began" if until is None else "the evidence was collected"
            raise PassOver(f"no FINISHED run began within it and ended before {by}")
        word = "earlier " if until is None else ""
        fitting = [run for run in runs if self._fits(run, within)]
        if not fitting:
            raise PassOver(
                f"none of the {len(runs)} {word}FINISHED run(s) has tags and data as asked for"
            )
        known = [(self._value(run), run) for run in fitting if self._refusal(run) is None]
        if not known:
            raise PassOver(
                f"none of the {len(runs)} {word}FINISHED run(s) has a finite {self.metric}"
            )
        best = (max if self.goal == "maximize" else min)(known, key=lambda pair: pair[0])
        return Hit(best[1], among=len(known))

    def _fits(self, run: Json, asked: Mapping[str, Any]) -> bool:
        """Say whether a run is one that `best` may choose from, by what a policy asks for.

        `tags` maps names to globs; one tag that fits, as written or in lower case, is enough. With
        `same_data`, runs whose datasets all have other digests than the candidate's do not fit.
        """
        globs: Mapping[str, Sequence[str]] = asked.get("tags") or {}
        tags = tags_of(run) if globs else {}
        if globs and not any(
            fnmatchcase(value, glob) or fnmatchcase(value.lower(), glob)
            for name, each in globs.items()
            if (value := tags.get(name, "").strip())
            for glob in each
        ):
            return False
        if not asked.get("same_data"):
            return True
        mine = {data.digest for data in self.candidate.datasets}
        theirs = {data.digest for data in run_record(run, None).datasets}
        return not (mine and theirs) or not mine.isdisjoint(theirs)

    def _by_plugin(self, rule: Mapping[str, Any], label: str) -> Hit:
        finder = Finder(self)
        try:
            found = self.resolve(rule, Run(self.candidate, Needs.RUN), finder)
        except MissingEvidence as e:
            raise PassOver(str(e)) from e
        except (PolicyEngineError, NotFound, ReadFailed):
            raise
        except (Exception, SystemExit) as e:
            raise ReadFailed(
                f"baseline rule '{label}': a plugin's resolve_baseline raised "
                f"{type(e).__name__}: {e}"
            ) from e
        if found is None:
            raise unknown_rule(rule)
        if found.run_id == self.candidate.run_id:
            raise PassOver("the plugin names the candidate itself")
        if found.run_id not in finder.seen:
            raise ReadFailed(
                f"baseline rule '{label}': a plugin's resolve_baseline returned a run that "
                "`tracking` did not give it"
            )
        return self._only(Hit(finder.seen[found.run_id]))

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

    def _first(self, runs: list[Json], label: str) -> Hit | None:
        """Return the first run that may be the baseline; the others before it are named."""
        for run in runs:
            why = self._refusal(run, only_output(run))
            if why is None:
                return Hit(run)
            self.passed_over.append(PassedOver(rule=label, why=why))
        return None

    def _only(self, hit: Hit) -> Hit:
        why = self._refusal(hit.run, hit.model_id or only_output(hit.run))
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

    def _refusal(self, run: Json, model_id: str | None = None) -> str | None:
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

    def _value(self, run: Json) -> float:
        value = self._metric_of(run)
        return value if isinstance(value, float) else float("nan")

    def _registered_name(self, alias: str) -> str:
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
        "built in are alias, commit, tag, best and run"
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
    # What a policy asks of the runs would fill a page: the window alone says which rule it is.
    shown_rule = {"best": {"within": rule["best"]["within"]}} if "best" in rule else rule
    return ", ".join(f"{key}: {_said(value)}" for key, value in shown_rule.items())


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)
