"""One past run, judged by one set of policies as if it were the candidate of that day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import NamedTuple

from policy_engine.evidence import EVERYTHING, Needs
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    RunRecord,
    Unreadable,
)
from policy_engine.history import unknown
from policy_engine.history.reading import Reader, facts_alone
from policy_engine.history.sought import Rules, sought
from policy_engine.history.then import Asked, baseline_then
from policy_engine.history.timeline import Timeline
from policy_engine.judging.bindings_today import BoundFile, Context, EvaluationFacts
from policy_engine.judging.evaluate import judged_findings
from policy_engine.judging.reading import Reading
from policy_engine.judging.waiving import Waiving
from policy_engine.policy import Finding, Outcome
from policy_engine.policy_file import PolicyFile, PolicySet
from policy_engine.policy_file.scope import applies
from policy_engine.report import Effect, Engine, Judged, PolicySource
from policy_engine.tracking.baselines import metric_goal

NOT_REPLAYED = "not-replayed"
"""What a policy comes to on a run where it would need what nobody can know of the past."""
_RANK = ("fail", "error", NOT_REPLAYED, "missing", "inconclusive", "pass", "not-applicable")
"""Of several findings of a policy, the first outcome in this list is the policy's."""
_KNOWN_TAKE = "last"


class Number(NamedTuple):
    """A measured number beside its limit.

    Attributes:
        part: The part of the policy.
        op: How it must stand to the limit.
        unit: Of both.
        value: The number.
        limit: The limit on that day.
    """

    part: str | None
    op: str
    unit: str
    value: float
    limit: float


class Said(NamedTuple):
    """What a policy said of a run.

    Attributes:
        outcome: An outcome of findings, or `not-replayed`.
        blocks: Whether it would have blocked that day, waivers aside.
        why: Why it was not replayed; else what it says, where it does not pass.
        numbers: What it measured.
    """

    outcome: str
    blocks: bool
    why: str | None
    numbers: tuple[Number, ...]


Verdicts = dict[tuple[str, str], Said]
"""What each binding said, by policy file and id."""


@dataclass(frozen=True, slots=True)
class Past:
    """A past run with what stood beside it.

    Attributes:
        run: The run.
        then: When it was judged: when it ended.
        timeline: The runs of its experiment.
        find: Returns a run by its id; None where there is none.
    """

    run: RunRecord
    then: datetime
    timeline: Timeline
    find: Callable[[str], RunRecord | None]


@dataclass(slots=True)
class Judge:
    """A set of policies that judges past runs.

    Attributes:
        policies: The policies.
        skips: Whether baseline rules without history are passed over.
        read: Reads what is known of a run beside its facts.
    """

    policies: PolicySet
    skips: bool = False
    read: Reader = facts_alone
    _bound: dict[tuple[str, date], BoundFile] = field(default_factory=dict)
    _needs: dict[str, Needs] = field(default_factory=dict)
    _rules: dict[str, list[Rules]] = field(default_factory=dict)

    def files_for(self, run: RunRecord) -> Iterator[PolicyFile]:
        """Yield the policy files that are for a run, as far as its own facts tell.

        Which model it logged is not read: where a file is for some models alone, whoever named the
        experiment said that its runs are theirs.
        """
        blank = run.model_copy(update={"model": unknown.MODEL})
        yield from (file for file in self.policies.files if applies(file, blank))

    def verdicts(self, past: Past) -> Verdicts:
        """Return what each policy would have said of a run on the day when it ended."""
        verdicts: Verdicts = {}
        for file in self.files_for(past.run):
            verdicts |= self._by_file(file, past)
        return verdicts

    def _by_file(self, file: PolicyFile, past: Past) -> Verdicts:
        here = _facts(past.then)
        bound = self._bound_on(file, past.then, here)
        metric = file.metric.name if file.metric else None
        asked = self._asked(file, past)

        def found(rules: Rules) -> BaselineRecord:
            return self._known_baseline(baseline_then(rules, metric, asked), file, past)

        baselines = tuple(
            sought(rules, metric, found) if place else found(rules)  # the file's own come first
            for place, rules in enumerate(self._rules_of(file))
        )
        reading = Reading.of(file)
        record = reading.candidate(self._candidate(past, baselines, file))
        baseline = reading.baseline(baselines[0]) if baselines else None
        bound = _without_baseline(bound, baseline)
        by_id: dict[str, list[Judged]] = {}
        for finding in judged_findings(bound, record, baseline, here):
            by_id.setdefault(finding.id, []).append(finding)
        return {(file.path, id_): _said(each) for id_, each in by_id.items()}

    def _candidate(
        self, past: Past, baselines: tuple[BaselineRecord, ...], file: PolicyFile
    ) -> CandidateRecord:
        run, then, timeline, needs = past.run, past.then, past.timeline, self._needs_of(file)
        return CandidateRecord.model_construct(
            run=self._known(run, file, past),
            model_name=file.candidate.model_name,
            baselines=baselines,
            history=timeline.earlier(run, run.start_time or then)
            if Needs.HISTORY in needs
            else None,
            later=timeline.later(run, then) if Needs.LATER in needs else None,
            notes=(),
            policy_files=None,
        )

    def _known_baseline(
        self, baseline: BaselineRecord, file: PolicyFile, past: Past
    ) -> BaselineRecord:
        if not isinstance(baseline.run, RunRecord):
            return baseline
        return baseline.model_copy(update={"run": self._known(baseline.run, file, past)})

    def _known(self, run: RunRecord, file: PolicyFile, past: Past) -> RunRecord:
        """Return what is known of a run; of one that the timeline holds, its child runs too."""
        known = self.read(run, file.candidate.model_name)
        if Needs.CHILDREN not in self._needs_of(file) or not past.timeline.holds(run):
            return known
        return known.model_copy(update={"children": past.timeline.children(run, past.then)})

    def _rules_of(self, file: PolicyFile) -> list[Rules]:
        """Return the lists of baseline rules, the file's first, each once."""
        if file.path not in self._rules:
            own = [rules for binding in file.bindings for rules in binding.policy.rules()]
            each_once: list[Rules] = []
            for rules in (file.baseline, *own) if Needs.BASELINE in self._needs_of(file) else ():
                each_once += () if rules in each_once else (rules,)
            self._rules[file.path] = each_once
        return self._rules[file.path]

    def _needs_of(self, file: PolicyFile) -> Needs:
        if file.path not in self._needs:
            self._needs[file.path] = file.needs
        return self._needs[file.path]

    def _asked(self, file: PolicyFile, past: Past) -> Asked:
        setting, primary = file.metric, past.run.primary_metric
        name = setting.name if setting else (primary.name if primary else None)
        goal = setting.goal if setting else (primary.goal if primary else None)
        return Asked(
            candidate=past.run,
            then=past.then,
            timeline=past.timeline,
            metric=file.evidence.names.get(name or "", name or "") or None,
            goal=metric_goal(name, goal),
            run=past.find,
            skips=self.skips,
        )

    def _bound_on(self, file: PolicyFile, then: datetime, here: EvaluationFacts) -> BoundFile:
        """Return what the file came to on a day: `enforce_from` is a day's."""
        key = (file.path, then.date())
        bound = self._bound.get(key)
        if bound is None:
            self._bound.clear()
            bound = self._bound[key] = _refusing(BoundFile.of(file, here))
        return bound


def _facts(then: datetime) -> EvaluationFacts:
    return replace(_FACTS, now=then, waiving=Waiving((), then, None, proposed=False))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FACTS = EvaluationFacts.of(
    EvidenceRecord(needs=EVERYTHING.names, collected_at=_EPOCH, named=True),
    Context(_EPOCH, PolicySource(""), Engine("", ())),
)
"""What is the same for every run, but for the moment: nothing collected, no change, no waivers."""


def _refusing(bound: BoundFile) -> BoundFile:
    """Return a file of which no policy is asked, where last values do not tell its metric."""
    metric = bound.file.metric
    if metric is None or metric.take == _KNOWN_TAKE:
        return bound
    refusal = _refusal(f"the values of {metric.name} over time are not read")
    return replace(bound, policies=tuple(replace(p, refusal=refusal) for p in bound.policies))


def _without_baseline(bound: BoundFile, baseline: BaselineRecord | None) -> BoundFile:
    """Return a file whose policies do not ask for a baseline that is not known.

    Some would take its absence for an answer.
    """
    run = baseline.run if baseline else None
    if not isinstance(run, Unreadable):
        return bound
    refusal = _refusal(run.unreadable.removeprefix(unknown.MARK))
    return replace(
        bound,
        policies=tuple(
            replace(p, refusal=p.refusal or refusal) if p.needs_baseline else p
            for p in bound.policies
        ),
    )


def _refusal(reason: str) -> Finding:
    return Finding(outcome=Outcome.ERROR, message=unknown.MARK + reason)


def _said(findings: list[Judged]) -> Said:
    told = [(unknown.reason_in(each), each) for each in findings]
    outcomes = [NOT_REPLAYED if reason else each.outcome.value for reason, each in told]
    outcome = min(outcomes, key=_RANK.index)
    reason, first = told[outcomes.index(outcome)]
    is_silent = outcome in {"pass", "not-applicable"}
    return Said(
        outcome=outcome,
        blocks=any(not reason and each.effect is Effect.BLOCK for reason, each in told),
        why=reason or (None if is_silent else first.whole),
        numbers=tuple(number for each in findings if (number := _number(each)) is not None),
    )


def _number(finding: Judged) -> Number | None:
    measured, limit = finding.measured, finding.limit
    if measured is None or limit is None or measured.unit != limit.unit:
        return None
    return Number(finding.part, limit.op, limit.unit, float(measured.value), float(limit.value))
