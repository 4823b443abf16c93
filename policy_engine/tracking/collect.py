"""From what the policies need to the evidence: everything independent is asked for at once."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policy_engine.evidence import Needs
from policy_engine.evidence.record import (
    NAMED_BASELINE,
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
    RunRecord,
)
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.log import progress
from policy_engine.policy_file import PolicyFile, PolicySet
from policy_engine.policy_file.scope import needs_run
from policy_engine.quantities.words import count
from policy_engine.tracking.baseline_rules import Hit
from policy_engine.tracking.baselines import (
    MOST_HISTORY,
    BaselineSearch,
    Resolver,
    earlier_runs,
    later_runs,
    metric_goal,
)
from policy_engine.tracking.candidates import Found, Named, candidates_of, named_candidates
from policy_engine.tracking.query import PARENT_TAG, Query, tagged
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.run_reading import MOST_TRIES, Begun, Scope
from policy_engine.tracking.store import Json, ReadFailed, TooOld
from policy_engine.tracking.tables import TABLE_CAP
from policy_engine.tracking.translate import run_record

_NAME_ONE = "name a run with --run, --model or --commit"

HISTORY_S = 180 * 86400.0
"""How far back the history goes (seconds): 180 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to collect.

    Attributes:
        named: The candidates that flags name; None: those of the change's commits.
        baseline: A run id that stands for every baseline rule.
        change: The pull request, or the commit alone.
        ancestors: The merge base and its first-parent ancestors, nearest first.
        at: The moment of collection (UTC).
        no_commit: Why there is no commit to look for, and what to do, where git says.
    """

    named: Named | None
    baseline: str | None
    change: ChangeRecord | None
    ancestors: tuple[str, ...]
    at: datetime
    no_commit: str | None = None


def collect_evidence(
    reads: Reads, policies: PolicySet, request: Request, resolve: Resolver
) -> EvidenceRecord:
    """Read what the policies need about every candidate; what was read is not read again.

    Args:
        reads: Where MLflow keeps it, and when to give up.
        policies: Whose needs, baseline rules and model names are served.
        request: The candidates.
        resolve: What plugins make of baseline rules that are not built in.

    Raises:
        UsageError: If a baseline rule is unknown.
    """
    collector = _Collector(reads, policies, request, resolve)
    try:
        return collector.collect(without_candidates(policies, request))
    except ReadFailed as e:
        return without_candidates(policies, request, str(e))
    except _WRONG_SHAPE as e:
        return without_candidates(
            policies,
            request,
            f"MLflow sent an answer of an unexpected shape ({type(e).__name__}); "
            "check that the tracking URI leads to MLflow",
        )


def serves(evidence_of: PolicySet, other: PolicySet) -> bool:
    """Say whether the evidence that some policies need is, to the letter, what others need too."""
    return other.needs in evidence_of.needs and _plan(other) <= _plan(evidence_of)


def _plan(policies: PolicySet) -> set[str]:
    """Return, of each policy file, all that decides what is read, and how."""
    cap = _largest_table(policies)
    return {f"{cap} {_reads(file)}" for file in policies.files}


def _reads(file: PolicyFile) -> str:
    metric = (file.metric.name, file.metric.goal, file.metric.take) if file.metric else None
    own = [rules for binding in file.bindings for rules in binding.policy.rules()]
    compares = Needs.BASELINE in file.needs
    runs = (file.path, file.candidate.paths, file.candidate.model_name)
    return repr((*runs, compares, file.baseline, own, metric, sorted(file.evidence.names.items())))


def _metrics(policies: PolicySet) -> tuple[tuple[str, str], ...]:
    """Return the metrics that count, each with the value that is taken of several."""
    found = {
        (f.evidence.names.get(f.metric.name, f.metric.name), f.metric.take)
        for f in policies.files
        if f.metric
    }
    return tuple(sorted(found))


def _largest_table(policies: PolicySet) -> int:
    """Return the largest table (bytes): one read serves all files."""
    caps = [cap for file in policies.files if (cap := file.evidence.max_text) is not None]
    return max(caps, default=TABLE_CAP)


def needs_runs(policies: PolicySet, request: Request) -> bool:
    """Say whether anything has to be read: not where no policy file needs a run of the change."""
    if request.named is not None:
        return True
    return any(needs_run(file, request.change) for file in policies.files)


def without_candidates(
    policies: PolicySet, request: Request, unreadable: str | None = None
) -> EvidenceRecord:
    """Return the evidence before anything was read, or the reason why nothing could be."""
    return EvidenceRecord(
        needs=policies.needs.names,
        collected_at=request.at,
        named=request.named is not None,
        change=request.change,
        unreadable=unreadable,
    )


# What a key that is not there, or a value of another type, comes to; pydantic's is a ValueError.
_WRONG_SHAPE = (LookupError, TypeError, AttributeError, ValueError, OverflowError)


class _Collector:
    def __init__(
        self, reads: Reads, policies: PolicySet, request: Request, resolve: Resolver
    ) -> None:
        self._reads = reads
        self._policies = policies
        self._request = request
        self._resolve = resolve
        self._scope = Scope(policies.needs, _largest_table(policies), _metrics(policies))

    def collect(self, empty: EvidenceRecord) -> EvidenceRecord:
        request = self._request
        if request.named is not None:
            search = named_candidates(self._reads, request.named)
        elif request.change is None:
            why = f": {request.no_commit}, or" if request.no_commit else ";"
            absent = f"there is no commit to look for{why} {_NAME_ONE}"
            return empty.model_copy(update={"absent": absent})
        else:
            files = [f for f in self._policies.files if needs_run(f, request.change)]
            if not files:
                return empty
            search = candidates_of(self._reads, request.change, files)
        tasks = [
            self._reads.spawn(self._candidate, found, name)
            for found in search.found
            for name in dict.fromkeys(f.candidate.model_name for f in self._policies.files)
        ]
        candidates = [c for c in self._waited(tasks) if c is not None]
        notes = self._reads.notes
        return empty.model_copy(
            update={
                "candidates": tuple(
                    c.model_copy(update={"notes": (*c.notes, *notes)}) for c in candidates
                ),
                "absent": "; ".join((*search.absent, *notes)) if search.absent else None,
                "mlflow": self._reads.store.server,
            }
        )

    def _waited(
        self, tasks: "Sequence[Future[CandidateRecord | None]]"
    ) -> Iterator[CandidateRecord | None]:
        with progress() as say:
            for number, task in enumerate(tasks):
                say(f"reading MLflow: {number} of {count(len(tasks), 'candidate')} read")
                yield self._reads.wait(task)

    def _candidate(self, found: Found, model_name: str | None) -> CandidateRecord | None:
        """Return all evidence of one run and logged-model name; None if the name does not fit."""
        begun = Begun(self._reads, found.run, self._scope, model_name, found.model_id)
        history, later = self._history(found.run), self._later(found.run)
        baselines = [
            self._reads.spawn(self._baseline, begun, model_name, *spec)
            for spec in self._baseline_specs(model_name)
        ]
        tries = self._tries(found.run)
        run = begun.record()
        if found.unknown is not None:
            run = run.model_copy(update={"model": UnreadableRecord(unreadable=found.unknown)})
        if tries is not None:
            run = run.model_copy(update={"tries": reading(self._count, tries, run)})
        if found.model_id and model_name and getattr(run.model, "name", model_name) != model_name:
            return None
        return CandidateRecord(
            run=run,
            model_name=model_name,
            baselines=tuple(self._reads.wait(task) for task in baselines),
            history=self._others(history, run) if history else None,
            later=self._others(later, run) if later else None,
            notes=found.notes,
            policy_files=found.policy_files,
        )

    def _baseline_specs(
        self, model_name: str | None
    ) -> Iterator[tuple[tuple[dict[str, Any], ...], str | None, str | None, Mapping[str, str]]]:
        """Return each distinct (rules, metric name, goal, own names) where a baseline is needed."""
        seen: list[tuple[tuple[dict[str, Any], ...], str | None]] = []
        for file in self._policies.files:
            if file.candidate.model_name != model_name or Needs.BASELINE not in file.needs:
                continue
            name, goal = (file.metric.name, file.metric.goal) if file.metric else (None, None)
            own = [rules for binding in file.bindings for rules in binding.policy.rules()]
            for rules in (file.baseline, *own):
                if (rules, name) not in seen:
                    seen.append((rules, name))
                    yield rules, name, goal, file.evidence.names

    def _baseline(
        self,
        begun: Begun,
        model_name: str | None,
        rules: tuple[dict[str, Any], ...],
        metric: str | None,
        goal: str | None,
        names: Mapping[str, str],
    ) -> BaselineRecord:
        candidate = begun.facts()
        primary = candidate.primary_metric
        judged_by = metric or (primary.name if primary else None)
        search = BaselineSearch(
            reads=self._reads,
            candidate=candidate,
            model=begun.model,
            metric=judged_by,
            goal=metric_goal(judged_by, goal or (primary.goal if primary and not metric else None)),
            ancestors=self._request.ancestors,
            resolve=self._resolve,
            at=self._request.at,
            own_name=names.get(judged_by or ""),
            ahead=begun.ahead,
        )
        # A flag stands for the files' own rules, not for those that a policy brings along.
        own = any(rules == file.baseline for file in self._policies.files)
        named = self._request.baseline if own else None
        record, hit = search.find(({"run": named},) if named else rules)
        update: dict[str, object] = {"metric": metric}
        if named:
            update |= {"rules": rules, "found_by": NAMED_BASELINE if hit else None}
        if hit is not None:
            update["run"] = self._baseline_run(hit, begun, model_name)
        return record.model_copy(update=update)

    def _baseline_run(
        self, hit: Hit, begun: Begun, model_name: str | None
    ) -> RunRecord | UnreadableRecord:
        try:
            return Begun(
                self._reads,
                hit.run,
                self._scope,
                model_name,
                hit.model_id,
                beside=begun,
            ).record()
        except TooOld:
            raise
        except ReadFailed as e:
            return UnreadableRecord(unreadable=str(e))

    def _tries(self, run: Json) -> "list[Future[list[Json]]] | None":
        """Begin to look for the runs of the pull request in the experiment, deleted ones too."""
        number = self._request.change.pull_request if self._request.change else None
        if number is None or Needs.CHANGE not in self._policies.needs:
            return None
        mine = tagged("policy_engine.pull_request", str(number))
        experiments = (run["info"]["experiment_id"],)
        return [
            self._reads.start(
                self._reads.store.runs, experiments, mine, limit=MOST_TRIES, deleted=deleted
            )
            for deleted in (False, True)
        ]

    def _count(self, tries: "list[Future[list[Json]]]", candidate: RunRecord) -> int:
        """Count the tries on the candidate's data; one whose data is not known counts.

        A search is one try: its runs are those of one parent.
        """
        data = {d.digest for d in candidate.datasets}
        runs = [run_record(run, None) for future in tries for run in self._reads.wait(future)]
        mine = [r for r in runs if not (data and r.datasets and data.isdisjoint(_digests(r)))]
        return max(1, len({r.tags.get(PARENT_TAG) or r.run_id for r in mine}))

    def _history(self, run: Json) -> "Future[list[Json]] | None":
        """Begin to look for the runs that ended before the candidate began, where one is needed."""
        began = run_record(run, None).start_time
        if began is None or Needs.HISTORY not in self._policies.needs:
            return None
        return self._beside(run, earlier_runs(began, HISTORY_S))

    def _later(self, run: Json) -> "Future[list[Json]] | None":
        """Begin to look for the runs that ended after it, up to now, where one is needed."""
        began = run_record(run, None).start_time
        if began is None or Needs.LATER not in self._policies.needs:
            return None
        return self._beside(run, later_runs(began, self._request.at))

    def _beside(self, run: Json, query: Query) -> "Future[list[Json]]":
        experiments = (run["info"]["experiment_id"] or "",)
        return self._reads.start(self._reads.store.runs, experiments, query, limit=MOST_HISTORY)

    def _others(
        self, runs: "Future[list[Json]]", candidate: RunRecord
    ) -> tuple[RunRecord, ...] | UnreadableRecord | None:
        return reading(
            lambda: tuple(
                run_record(run, None)
                for run in self._reads.wait(runs)
                if run["info"]["run_id"] != candidate.run_id
            )
        )


def _digests(run: RunRecord) -> set[str | None]:
    return {dataset.digest for dataset in run.datasets}
