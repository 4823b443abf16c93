"""Pure judgement: policies and evidence in, report out. No I/O, no environment, no clock.

The same policies, evidence and `now` give the same report, byte for byte. Whatever a policy does
wrong (it raises, exits, yields nothing, passes a value over its own limit) is an `error` finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Self, TypedDict

from policy_engine.errors import UsageError
from policy_engine.evidence import (
    Case,
    Metric,
    Needs,
    resolve_metric,
)
from policy_engine.judgement import findings_of
from policy_engine.policy import Finding, Level, Outcome
from policy_engine.policy_file import Binding, PolicyFile, PolicySet
from policy_engine.records import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    ModelRecord,
    RunRecord,
    Unreadable,
)
from policy_engine.report import (
    EXIT_CODES,
    BaselineRef,
    Effect,
    Engine,
    Judged,
    PassedOver,
    PolicySource,
    Report,
    RunRef,
    Subject,
    Verdict,
)
from policy_engine.scope import commit_of, is_for, needs_run, unknown_model

_HIDES = list(Verdict)


class Identity(TypedDict):
    """The fields of a `RunRef`."""

    run_id: str
    run_name: str | None
    experiment: str | None
    model_id: str | None
    model: str | None
    registered: str | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class Context:
    """What a report says beside the judgement itself."""

    now: datetime
    source: PolicySource
    engine: Engine


def evaluate(policies: PolicySet, evidence: EvidenceRecord, context: Context) -> Report:
    """Judge every candidate by every policy file that applies to it.

    Raises:
        UsageError: If two policy files bind the same id for one candidate.
    """
    digest = evidence.digest  # before any plugin has seen it
    here = _Here.of(evidence, context)
    subjects = [s for file in policies.files for s in _subjects(_File.of(file, here), here)]
    subjects += _unjudged(policies, evidence, subjects)
    _refuse_two_bindings(subjects)
    verdict = min((s.verdict for s in subjects), key=_HIDES.index)
    return Report(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        subjects=tuple(subjects),
        policies=context.source,
        evidence_digest=digest,
        engine=context.engine,
        evaluated_at=context.now,
    )


@dataclass(frozen=True, slots=True)
class _Here:
    """What is the same for every subject of one evaluation."""

    evidence: EvidenceRecord
    collected: Needs
    now: datetime
    is_untrusted_proposal: bool

    @classmethod
    def of(cls, evidence: EvidenceRecord, context: Context) -> Self:
        change = evidence.change
        proposed = change is not None and change.pull_request is not None
        return cls(
            evidence=evidence,
            collected=Needs.of(evidence.needs),
            now=context.now,
            is_untrusted_proposal=proposed and not context.source.trusted,
        )


@dataclass(frozen=True, slots=True)
class _Bound:
    """A binding with what it comes to today, whoever the candidate is."""

    binding: Binding
    needs: Needs
    reads: tuple[str, ...]
    needs_baseline: bool
    level: Level
    refusal: Finding | None

    @classmethod
    def of(cls, binding: Binding, here: _Here) -> Self:
        needs = binding.policy.reads() | Needs.RUN
        absent = needs & ~here.collected & ~Needs.RUN
        message = f"the evidence was collected without {', '.join(absent.names)}"
        return cls(
            binding=binding,
            needs=needs,
            reads=needs.names,  # as a key: hashing a flag is slow
            needs_baseline=Needs.BASELINE in needs,
            level=_level(binding, here.now),
            refusal=_collect_again(message) if absent else None,
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A policy file with what it comes to today, whoever the candidate is."""

    file: PolicyFile
    bound: tuple[_Bound, ...]
    metric: Metric | None

    @classmethod
    def of(cls, file: PolicyFile, here: _Here) -> Self:
        return cls(file, tuple(_Bound.of(b, here) for b in file.bindings), _metric_setting(file))

    def case(
        self, record: CandidateRecord, needs: Needs, baseline: BaselineRecord | None, here: _Here
    ) -> Case:
        return Case(
            evidence=record,
            needs=needs,
            metric_setting=self.metric,
            found=baseline,
            prices=self.file.prices,
            first_run=self.file.first_run,
            change_record=here.evidence.change,
            now=here.now,
        )


def _collect_again(message: str) -> Finding:
    remedy = "collect the evidence again with the policies that judge it"
    return Finding(outcome=Outcome.ERROR, message=message, remedy=remedy)


_OTHER_RULES = _collect_again(
    "the evidence was collected with other baseline rules than the policy file's"
)


def _subjects(bound: _File, here: _Here) -> Iterator[Subject]:
    file, evidence = bound.file, here.evidence
    if evidence.unreadable is not None:
        yield _without_candidate(file.path, Verdict.ERROR, evidence.unreadable)
        return
    change = None if evidence.named else evidence.change
    if not needs_run(file, change):
        paths = ", ".join(file.candidate_paths) or "anything but policies"
        reason = f"the change does not touch {paths}: it needs no run"
        yield _without_candidate(file.path, Verdict.NOT_APPLICABLE, reason)
        return
    mine = [c for c in evidence.candidates if is_for(file, c, change)]
    for candidate in mine:
        unknown = unknown_model(file, candidate.run)
        if unknown is None:
            yield _subject(bound, candidate, here)
        else:
            yield _without_candidate(file.path, Verdict.ERROR, unknown)
    if evidence.named and evidence.absent is not None:
        yield _without_candidate(file.path, Verdict.NOT_EVALUATED, evidence.absent)
    elif not mine and (change is not None or not evidence.candidates):
        reason = evidence.absent or "no run of this change is one that this policy file applies to"
        yield _without_candidate(file.path, Verdict.NOT_EVALUATED, reason)


def _unjudged(
    policies: PolicySet, evidence: EvidenceRecord, subjects: list[Subject]
) -> Iterator[Subject]:
    """Yield a subject for each named candidate that no policy file applies to.

    For a change it is the policy files that owe a verdict, and they gave it.
    """
    if not evidence.named and evidence.change is not None:
        return
    judged = {s.candidate.run_id for s in subjects if s.candidate is not None}
    left = dict.fromkeys(c.run.run_id for c in evidence.candidates)
    for run_id in left:
        if run_id not in judged:
            reason = f"no policy file applies to run {run_id}"
            yield _without_candidate(policies.files[0].path, Verdict.NOT_EVALUATED, reason)


def _subject(file: "_File", candidate: CandidateRecord, here: "_Here") -> Subject:
    baseline = _baseline_for(file.file, candidate)
    record = _all_renamed(candidate, file.file.names)
    if file.file.names and baseline is not None and isinstance(baseline.run, RunRecord):
        renamed = _renamed(baseline.run, file.file.names)
        baseline = baseline.model_copy(update={"run": renamed})
    cases: dict[tuple[str, ...], Case] = {}
    findings: list[Judged] = []
    idle = 0
    for bound in file.bound:
        if bound.refusal is not None:
            found: tuple[Finding, ...] = (bound.refusal,)
        elif bound.needs_baseline and baseline is None:
            found = (_OTHER_RULES,)
        else:
            case = cases.get(bound.reads)
            if case is None:
                case = cases[bound.reads] = file.case(record, bound.needs, baseline, here)
            found = findings_of(bound.binding.policy, case)
        for finding in found:
            judged = _judged(bound, finding)
            idle += judged.effect is Effect.NONE and finding.outcome is not Outcome.PASS
            findings.append(judged)
    passed_over = baseline.passed_over if baseline else ()
    return Subject(
        policy_file=file.file.path,
        verdict=_verdict(findings, idle, here)
        if not isinstance(candidate.run.model, Unreadable)
        else Verdict.ERROR,
        reason=None,
        candidate=RunRef(**_identity(candidate.run)),
        baseline=_baseline_ref(baseline),
        passed_over=tuple(PassedOver(p.rule, p.why) for p in passed_over),
        notes=(*candidate.notes, *_notes(file.file, candidate, baseline)),
        findings=tuple(findings),
    )


def _refuse_two_bindings(subjects: list[Subject]) -> None:
    """Refuse two policy files that bind one id for one candidate: which limit would hold?"""
    seen: dict[tuple[str, str | None, str], Judged] = {}
    for subject in subjects:
        run = subject.candidate
        for finding in subject.findings if run else ():
            assert run is not None  # noqa: S101 (findings have a candidate)
            first = seen.setdefault((run.run_id, run.model_id, finding.id), finding)
            if first.where.file != finding.where.file:
                raise UsageError(
                    f"{first.where.file}:{first.where.line} and {finding.where.file}:"
                    f"{finding.where.line} both bind '{finding.id}' for run {run.run_id}; "
                    "tell the files apart with `applies_to:`, or give one binding another id"
                )


def _judged(bound: "_Bound", finding: Finding) -> Judged:
    binding = bound.binding
    return Judged(
        binding.id,
        finding.part,
        binding.policy_name,
        binding.plugin,
        bound.level,
        finding.outcome,
        _effect(binding, bound.level, finding.outcome),
        finding.message,
        finding.measured,
        finding.limit,
        finding.baseline,
        finding.remedy,
        None,
        binding.where,
    )


def _level(binding: Binding, now: datetime) -> Level:
    day = binding.enforce_from
    if day is not None and now < datetime.combine(day, time(), tzinfo=UTC):
        return Level.ADVISORY
    return binding.level


def _effect(binding: Binding, level: Level, outcome: Outcome) -> Effect:
    if outcome is Outcome.PASS or outcome is Outcome.NOT_APPLICABLE:
        return Effect.NONE
    word = "block"
    if outcome is Outcome.MISSING:
        word = binding.on_missing
    elif outcome is Outcome.INCONCLUSIVE:
        word = binding.on_inconclusive
    if word == "skip":
        return Effect.NONE
    return Effect.WARN if word == "warn" or level is Level.ADVISORY else Effect.BLOCK


def _verdict(findings: list[Judged], idle: int, here: "_Here") -> Verdict:
    effects = {f.effect for f in findings}
    if any(f.outcome is Outcome.ERROR and f.effect is Effect.BLOCK for f in findings):
        return Verdict.ERROR
    if idle == len(findings):
        return Verdict.NOT_EVALUATED
    if Effect.BLOCK in effects:
        return Verdict.FAIL
    if here.is_untrusted_proposal or Effect.WARN in effects or Effect.WAIVED in effects:
        return Verdict.WARN
    return Verdict.PASS


def _without_candidate(path: str, verdict: Verdict, reason: str) -> Subject:
    return Subject(
        policy_file=path,
        verdict=verdict,
        reason=reason,
        candidate=None,
        baseline=None,
        passed_over=(),
        notes=(),
        findings=(),
    )


def _baseline_for(file: PolicyFile, candidate: CandidateRecord) -> BaselineRecord | None:
    """Return what was collected for the file's rules, or for a baseline that a flag named."""
    metric = file.metric.name if file.metric else None
    for record in candidate.baselines:
        if record.rules == file.baseline and record.metric == metric:
            return record
    named = [r for r in candidate.baselines if r.found_by == NAMED_BASELINE]
    return named[0] if named else None


NAMED_BASELINE = "--baseline"
"""`found_by` of a baseline that the command named; it serves every policy file."""


def _metric_setting(file: PolicyFile) -> Metric | None:
    setting = file.metric
    if setting is None:
        return None
    metric = resolve_metric(setting.name, setting.goal, setting.point, file.path)
    return replace(metric, positive=setting.positive)


def _renamed(run: RunRecord, names: Mapping[str, str]) -> RunRecord:
    """Return the run with the user's own evidence names under the documented ones."""
    update = {
        field: {
            **values,
            **{ours: values[theirs] for ours, theirs in names.items() if theirs in values},
        }
        for field in ("metrics", "params", "tags")
        if (values := getattr(run, field))
    }
    return run.model_copy(update=update)


def _all_renamed(candidate: CandidateRecord, names: Mapping[str, str]) -> CandidateRecord:
    """Return the candidate, its history too, under the documented names."""
    if not names:
        return candidate
    update: dict[str, object] = {"run": _renamed(candidate.run, names)}
    if isinstance(candidate.history, tuple):
        update["history"] = tuple(_renamed(run, names) for run in candidate.history)
    return candidate.model_copy(update=update)


def _baseline_ref(baseline: BaselineRecord | None) -> BaselineRef | None:
    if baseline is None or not isinstance(baseline.run, RunRecord):
        return None
    return BaselineRef(found_by=baseline.found_by or "", **_identity(baseline.run))


def _identity(run: RunRecord) -> Identity:
    model = run.model if isinstance(run.model, ModelRecord) else None
    version = model.versions[-1] if model and model.versions else None
    return {
        "run_id": run.run_id,
        "run_name": run.run_name,
        "experiment": run.experiment,
        "model_id": model.model_id if model else None,
        "model": model.name if model else None,
        "registered": f"{version.name}/{version.version}" if version else None,
        "commit": commit_of(run),
    }


def _notes(
    file: PolicyFile, candidate: CandidateRecord, baseline: BaselineRecord | None
) -> Iterator[str]:
    model = candidate.run.model
    if isinstance(model, Unreadable):
        yield f"the candidate's model could not be read: {model.unreadable}"
    if not file.first_run:
        return
    if baseline is not None and baseline.run is not None:
        yield "a baseline exists now: remove `first_run: true` from the policy file"
    else:
        yield "first_run: nothing was compared with a baseline; this is a rubber stamp, once"
