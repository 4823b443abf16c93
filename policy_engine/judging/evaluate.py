"""Pure judgement: policies and evidence in, report out. No I/O, no environment, no clock.

The same policies, evidence and `now` give the same report, byte for byte. Whatever a policy does
wrong (it raises, exits, yields nothing, passes a value over its own limit) is an `error` finding.
"""

from collections.abc import Iterator
from dataclasses import replace

from policy_engine.errors import UsageError
from policy_engine.evidence import Case
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    Unreadable,
)
from policy_engine.judging.bindings_today import (
    OTHER_RULES,
    BoundFile,
    BoundPolicy,
    Context,
    EvaluationFacts,
    baseline_for,
)
from policy_engine.judging.brief import in_brief
from policy_engine.judging.effects import effect_of, verdict_of
from policy_engine.judging.judgement import findings_of, turned_off
from policy_engine.judging.reading import Reading
from policy_engine.judging.subjects import (
    baseline_ref,
    notes_on,
    run_ref,
    saying_which_value,
    unclaimed,
    without_candidate,
)
from policy_engine.policy import Finding
from policy_engine.policy_file import PolicySet
from policy_engine.policy_file.outdated import refuse_outdated
from policy_engine.policy_file.scope import is_for, needs_run, uncollected_model, unknown_model
from policy_engine.policy_file.waiver import refuse_too_far_ahead
from policy_engine.report import (
    EXIT_CODES,
    Effect,
    Judged,
    Report,
    Subject,
    Verdict,
)

__all__ = ["Context", "evaluate", "judged_findings"]

A_CLAIM = "all evidence is the claim of the workflow that wrote it: every value counts as logged"
"""The note on a subject whose evidence another workflow left."""
_HIDES = list(Verdict)


def evaluate(policies: PolicySet, evidence: EvidenceRecord, context: Context) -> Report:
    """Judge every candidate by every policy file that applies to it.

    Raises:
        UsageError: If two policy files bind the same id for one candidate.
        PolicyFileError: If a waiver expires too far ahead, or an old name's last day is over.
    """
    refuse_too_far_ahead(policies.waivers, context.now)
    refuse_outdated(policies.outdated, context.now)
    digest = evidence.digest  # before any plugin has seen it
    here = EvaluationFacts.of(evidence, context, policies.waivers)
    subjects = [s for file in policies.files for s in _subjects(BoundFile.of(file, here), here)]
    subjects += _unjudged(policies, evidence, subjects)
    notes = [*unclaimed(policies.files, evidence), *policies.to_look_after()]
    subjects[0] = replace(subjects[0], notes=(*subjects[0].notes, *notes))
    if len(policies.files) > 1:
        _refuse_two_bindings(subjects, policies.required_ids)
    verdict = min((s.verdict for s in subjects), key=_HIDES.index)
    return Report(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        subjects=tuple(subjects),
        policies=replace(context.source, texts=policies.texts, profile=policies.profile),
        evidence_digest=digest,
        mlflow=evidence.mlflow,
        engine=context.engine,
        evaluated_at=context.now,
        waivers=here.waiving.use(),
    )


def _subjects(bound: BoundFile, here: EvaluationFacts) -> Iterator[Subject]:
    file, evidence = bound.file, here.evidence
    if evidence.unreadable is not None:
        yield without_candidate(file.path, Verdict.ERROR, evidence.unreadable)
        return
    change = None if evidence.named else evidence.change
    if not needs_run(file, change):
        paths = ", ".join(file.candidate.paths) or "anything but policies"
        reason = f"the change does not touch {paths}: it needs no run"
        yield without_candidate(file.path, Verdict.NOT_APPLICABLE, reason)
        return
    mine = [c for c in evidence.candidates if _is_active(c) and is_for(file, c, change)]
    for candidate in mine:
        unknown = unknown_model(file, candidate.run)
        if unknown is None:
            yield _subject(bound, candidate, here)
        else:
            yield without_candidate(file.path, Verdict.ERROR, unknown)
    uncollected = uncollected_model(file, evidence.candidates) if evidence.named else None
    if uncollected is not None:
        yield without_candidate(file.path, Verdict.ERROR, uncollected)
    elif evidence.named and evidence.absent is not None:
        yield without_candidate(file.path, Verdict.NOT_EVALUATED, evidence.absent)
    elif not mine and (change is not None or not evidence.candidates):
        reason = evidence.absent or "no run of this change is one that this policy file applies to"
        yield without_candidate(file.path, Verdict.NOT_EVALUATED, reason)


def _unjudged(
    policies: PolicySet, evidence: EvidenceRecord, subjects: list[Subject]
) -> Iterator[Subject]:
    """Yield a subject for each named candidate that no policy file applies to.

    For a change it is the policy files that need a verdict, and they gave it.
    """
    if not evidence.named and evidence.change is not None:
        return
    judged = {s.candidate.run_id for s in subjects if s.candidate is not None}
    left = {c.run.run_id: _is_active(c) for c in evidence.candidates}
    for run_id, is_active in left.items():
        if run_id not in judged:
            reason = (
                f"no policy file applies to run {run_id}"
                if is_active
                else f"{run_id}: the run was deleted"
            )
            yield without_candidate(policies.files[0].path, Verdict.NOT_EVALUATED, reason)


def _is_active(candidate: CandidateRecord) -> bool:
    """Say whether nobody deleted the run; a reader of MLflow leaves those out, a file may not."""
    return candidate.run.lifecycle == "active"


def _subject(bound: BoundFile, candidate: CandidateRecord, here: EvaluationFacts) -> Subject:
    file = bound.file
    reading = Reading.of(file)
    baseline = reading.baseline(baseline_for(file, candidate))
    record = reading.candidate(candidate)
    findings = tuple(judged_findings(bound, record, baseline, here))
    if here.claimed:
        findings = tuple(map(Judged.as_claim, findings))
    unreadable = isinstance(candidate.run.model, Unreadable)
    return Subject(
        policy_file=file.path,
        verdict=Verdict.ERROR if unreadable else verdict_of(findings, at_best=here.at_best),
        reason=None,
        candidate=run_ref(candidate.run),
        baseline=baseline_ref(baseline),
        passed_over=baseline.passed_over if baseline else (),
        notes=(
            *notes_on(file, candidate, baseline_for(file, candidate)),
            *here.waiving.notes(findings),
            *((A_CLAIM,) if here.claimed else ()),
        ),
        findings=findings,
    )


def judged_findings(
    bound: BoundFile,
    record: CandidateRecord,
    baseline: BaselineRecord | None,
    here: EvaluationFacts,
) -> Iterator[Judged]:
    """Yield the findings of every binding; a binding that may not be asked says why instead.

    Args:
        bound: The policy file, today.
        record: The candidate, as the policy file reads runs.
        baseline: What its baseline rules found, so read.
        here: What is the same for every subject.
    """
    cases: dict[tuple[str, ...], Case] = {}  # policies of the same needs see the same case
    for policy in bound.policies:
        found: tuple[Finding, ...]
        if policy.refusal is not None:
            found = (policy.refusal,)
        elif policy.needs_baseline and baseline is None:
            found = (OTHER_RULES,)
        else:
            when = policy.binding.keys.when
            off = when and turned_off(
                when, bound.case(record, when.needs, baseline, here), here.clock
            )
            case = cases.get(policy.reads)
            if case is None:
                case = cases[policy.reads] = bound.case(record, policy.needs, baseline, here)
            found = (off,) if off else findings_of(policy.binding.policy, case, here.clock)
        for finding in found:
            told = in_brief(saying_which_value(finding, bound.file, record.run))
            judged = _judged(policy, told)
            if judged.effect is Effect.BLOCK:
                waiver = here.waiving.waiver_for(
                    bound.file.path, policy.binding.id, policy.level, finding, record.run
                )
                if waiver is not None:
                    judged = judged._replace(effect=Effect.WAIVED, waiver=waiver.to_dict())
            yield judged


def _judged(policy: BoundPolicy, finding: Finding) -> Judged:
    """Return the finding with its binding's effect."""
    binding = policy.binding
    outcome, message, part, measured, limit, baseline, remedy, detail, about, interval = finding
    level = binding.keys.level
    effect = effect_of(outcome, policy.level, binding)
    later = effect if policy.level is level else effect_of(outcome, level, binding)
    return Judged(
        binding.id,
        part,
        binding.policy_name,
        binding.plugin,
        policy.level,
        outcome,
        effect,
        message,
        measured,
        limit,
        baseline,
        _remedy(remedy, policy, effect, later),
        None,
        binding.where,
        detail,
        about,
        interval,
        binding.keys.owner,
        binding.keys.enforce_from,
    )


def _remedy(said: str | None, policy: BoundPolicy, now: Effect, later: Effect) -> str | None:
    """Return the remedy with what every format says behind it: until when, and whom to ask.

    Args:
        said: The policy's own.
        policy: The binding, today.
        now: What the finding does today.
        later: What it does at the level that the binding has in the end.
    """
    keys, more = policy.binding.keys, []
    if later is Effect.BLOCK and now is not later:
        more.append(f"blocks from {keys.enforce_from} on")
    if keys.owner is not None and now is not Effect.NONE:
        more.append(f"owner: {keys.owner}")
    if not more:
        return said
    return f"{said or 'the policy names no remedy'} ({'; '.join(more)})"


def _refuse_two_bindings(subjects: list[Subject], required: frozenset[str]) -> None:
    """Refuse two policy files that bind one id for one candidate: which limit would hold?

    What a required pack binds lies beneath every file, and each of them holds.
    """
    seen: dict[tuple[str, str | None, str], Judged] = {}
    for subject in subjects:
        run = subject.candidate
        for finding in subject.findings if run else ():
            assert run is not None  # noqa: S101 (findings have a candidate)
            first = seen.setdefault((run.run_id, run.model_id, finding.id), finding)
            if first.where.file != finding.where.file and finding.id not in required:
                raise UsageError(
                    f"{first.where.file}:{first.where.line} and {finding.where.file}:"
                    f"{finding.where.line} both bind '{finding.id}' for run {run.run_id}; "
                    "tell the files apart with `applies_to:`, or give one binding another id"
                )
