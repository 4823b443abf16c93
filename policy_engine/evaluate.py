"""Pure judgement: policies and evidence in, report out. No I/O, no environment, no clock.

The same policies, evidence and `now` give the same report, byte for byte. Whatever a policy does
wrong (it raises, exits, yields nothing, passes a value over its own limit) is an `error` finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import localcontext
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Self, TypedDict

from policy_engine.errors import PluginError
from policy_engine.evidence import (
    Case,
    InvalidEvidence,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    NotApplicable,
    UndeclaredNeed,
    UnreadableEvidence,
    resolve_metric,
)
from policy_engine.policy import Finding, Level, Limit, Outcome, Policy
from policy_engine.policy_file import Binding, PolicyFile, PolicySet
from policy_engine.quantities import EXACT
from policy_engine.records import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
    Invalid,
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

COMMIT_TAGS = ("policy_engine.head_sha", "mlflow.source.git.commit")
"""The tags that say which commit a run was trained on; the first that a run has counts."""

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
    """Judge every candidate by every policy file that applies to it."""
    here = _Here.of(evidence, context)
    subjects = [s for file in policies.files for s in _subjects(_File.of(file, here), here)]
    subjects += _unjudged(policies, evidence, subjects)
    verdict = min((s.verdict for s in subjects), key=_HIDES.index)
    return Report(
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        subjects=tuple(subjects),
        policies=context.source,
        evidence_digest=evidence.digest,
        engine=context.engine,
        evaluated_at=context.now,
    )


def findings_of(policy: Policy, case: Case) -> tuple[Finding, ...]:
    """Return the policy's findings on the case; what goes wrong inside is a finding too.

    Decimals are exact inside, whatever another plugin made of the process's decimal context.
    """
    found: list[Finding] = []
    try:
        with localcontext(EXACT):
            for finding in policy.evaluate(case):
                found.append(_checked(finding, found))
        found = found or [_broken("the policy yielded no finding")]
    except NotApplicable as e:
        found.append(Finding(outcome=Outcome.NOT_APPLICABLE, message=str(e)))
    except MissingEvidence as e:
        found.append(Finding(outcome=Outcome.MISSING, message=str(e), remedy=e.remedy))
    except InvalidEvidence as e:
        found.append(Finding(outcome=Outcome.FAIL, message=str(e), remedy=e.remedy))
    except (UnreadableEvidence, UndeclaredNeed) as e:
        found.append(Finding(outcome=Outcome.ERROR, message=str(e), remedy=e.remedy))
    except PluginError as e:
        found.append(_broken(str(e)))
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # noqa: BLE001 (whatever a plugin raises blocks the merge)
        found.append(_broken(f"the policy raised {type(e).__name__}: {e}"))
    return tuple(found)


def needs_run(file: PolicyFile, change: ChangeRecord | None) -> bool:
    """Say whether a change owes this policy file a run.

    It owes none when git can tell what it touches, and that is nothing of `candidate.paths`, or
    nothing outside the policy file's own folder.
    """
    if change is None or change.paths is None:
        return True
    if file.candidate_paths:
        return _touches(change.paths, file.candidate_paths)
    folder = PurePosixPath(file.path).parent
    if folder == PurePosixPath():
        return any(path != file.path for path in change.paths)
    return any(folder not in PurePosixPath(path).parents for path in change.paths)


def is_current(file: PolicyFile, commit: str, change: ChangeRecord) -> bool:
    """Say whether a run of this commit stands for the head of the change, as the file sees it."""
    if commit in {change.head_sha, change.merge_sha}:
        return True
    later = change.later_paths.get(commit)
    return (
        later is not None
        and bool(file.candidate_paths)
        and not _touches(later, file.candidate_paths)
    )


def commit_of(run: RunRecord) -> str | None:
    """Return the commit that a run says it was trained on."""
    for tag in COMMIT_TAGS:
        value = run.tags.get(tag)
        if isinstance(value, str):
            return value
    return None


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
    mine = [c for c in evidence.candidates if _is_for(file, c, change)]
    for candidate in mine:
        unknown = _unknown_model(file, candidate.run)
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


def _is_for(file: PolicyFile, candidate: CandidateRecord, change: ChangeRecord | None) -> bool:
    if candidate.model_name != file.model_name or not _applies(file, candidate.run):
        return False
    commit = commit_of(candidate.run)
    return change is None or (commit is not None and is_current(file, commit, change))


def _unknown_model(file: PolicyFile, run: RunRecord) -> str | None:
    """Say why nobody can tell whether the file is for the run's model; None where it is."""
    if file.applies_to is None or file.applies_to.model is None:
        return None
    if not isinstance(run.model, Invalid | Unreadable):
        return None
    why = run.model.invalid if isinstance(run.model, Invalid) else run.model.unreadable
    return f"run {run.run_id}: its model is not known, so nobody can tell whether it applies: {why}"


def _applies(file: PolicyFile, run: RunRecord) -> bool:
    """Say whether a file is for a run; what the run does not let be read excludes nothing."""
    rule = file.applies_to
    if rule is None:
        return True
    if rule.model is not None and not isinstance(run.model, Invalid | Unreadable):
        names = {run.model.name, *(v.name for v in run.model.versions)} if run.model else set()
        if not any(fnmatchcase(name, rule.model) for name in names):
            return False
    if rule.experiment is not None and not fnmatchcase(run.experiment or "", rule.experiment):
        return False
    return all(
        isinstance(value := run.tags.get(key), Invalid)
        or (value is not None and fnmatchcase(value, glob))
        for key, glob in rule.tags.items()
    )


def _subject(file: "_File", candidate: CandidateRecord, here: "_Here") -> Subject:
    baseline = _baseline_for(file.file, candidate)
    record = _all_renamed(candidate, file.file.names)
    if file.file.names and baseline is not None and isinstance(baseline.run, RunRecord):
        renamed = _renamed(baseline.run, file.file.names)
        baseline = baseline.model_copy(update={"run": renamed})
    cases: dict[Needs, Case] = {}
    findings: list[Judged] = []
    idle = 0
    for bound in file.bound:
        if bound.refusal is not None:
            found: tuple[Finding, ...] = (bound.refusal,)
        elif bound.needs_baseline and baseline is None:
            found = (_OTHER_RULES,)
        else:
            case = cases.get(bound.needs)
            if case is None:
                case = cases[bound.needs] = file.case(record, bound.needs, baseline, here)
            found = findings_of(bound.binding.policy, case)
        for finding in found:
            judged = _judged(bound, finding)
            idle += judged.effect is Effect.NONE and finding.outcome is not Outcome.PASS
            findings.append(judged)
    passed_over = baseline.passed_over if baseline else ()
    return Subject(
        policy_file=file.file.path,
        verdict=_verdict(findings, idle, here),
        reason=None,
        candidate=RunRef(**_identity(candidate.run)),
        baseline=_baseline_ref(baseline),
        passed_over=tuple(PassedOver(p.rule, p.why) for p in passed_over),
        notes=(*candidate.notes, *_first_run_notes(file.file, baseline)),
        findings=tuple(findings),
    )


def _judged(bound: "_Bound", finding: Finding) -> Judged:
    binding = bound.binding
    return Judged(
        id=binding.id,
        part=finding.part,
        policy=binding.policy_name,
        plugin=binding.plugin,
        level=bound.level,
        outcome=finding.outcome,
        effect=_effect(binding, bound.level, finding.outcome),
        message=finding.message,
        measured=finding.measured,
        limit=finding.limit,
        baseline=finding.baseline,
        remedy=finding.remedy,
        waiver=None,
        where=binding.where,
    )


def _level(binding: Binding, now: datetime) -> Level:
    day = binding.enforce_from
    if day is not None and now < datetime.combine(day, time(), tzinfo=UTC):
        return Level.ADVISORY
    return binding.level


def _effect(binding: Binding, level: Level, outcome: Outcome) -> Effect:
    if outcome in {Outcome.PASS, Outcome.NOT_APPLICABLE}:
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


def _checked(finding: object, earlier: list[Finding]) -> Finding:
    if not isinstance(finding, Finding) or not isinstance(finding.outcome, Outcome):
        raise PluginError(
            f"the policy yielded {finding!r:.200}, which is no Finding with an Outcome"
        )
    if not _is_well_typed(finding):
        raise PluginError(f"the policy yielded a finding of wrong types: {finding!r:.300}")
    if not finding.message.strip():
        raise PluginError("the policy yielded a finding without a message")
    if any(other.part == finding.part for other in earlier):
        what = "two findings without a part" if finding.part is None else f"'{finding.part}' twice"
        raise PluginError(f"the policy yielded {what}")
    if (
        finding.outcome is Outcome.PASS
        and finding.limit is not None
        and finding.measured is not None
    ):
        if finding.measured.unit != finding.limit.unit:
            raise PluginError(
                f"'{finding.message}' compares {finding.measured.unit} with {finding.limit.unit}"
            )
        if not finding.limit.holds(finding.measured.value):
            raise PluginError(
                f"the policy passed a value that its own limit refuses: {finding.message}"
            )
    return finding


def _is_well_typed(finding: Any) -> bool:
    """Say whether every output can show the finding: a plugin may be written without types."""
    return (
        isinstance(finding.message, str)
        and isinstance(finding.measured, Measurement | None)
        and isinstance(finding.limit, Limit | None)
        and isinstance(finding.baseline, Measurement | None)
        and isinstance(finding.part, str | None)
        and isinstance(finding.remedy, str | None)
    )


def _broken(message: str) -> Finding:
    return Finding(
        outcome=Outcome.ERROR,
        message=message,
        remedy="report it to the policy's author; until then the candidate counts as not judged",
    )


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
    return resolve_metric(setting.name, setting.goal, setting.point, file.path)


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


def _first_run_notes(file: PolicyFile, baseline: BaselineRecord | None) -> Iterator[str]:
    if not file.first_run:
        return
    if baseline is not None and baseline.run is not None:
        yield "a baseline exists now: remove `first_run: true` from the policy file"
    else:
        yield "first_run: nothing was compared with a baseline; this is a rubber stamp, once"


def _touches(paths: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    return any(matches(path, glob) for path in paths for glob in globs)


def matches(path: str, glob: str) -> bool:
    """Say whether a repository path lies at or beneath what a glob names; `**` spans folders.

    A glob that names a folder covers all of it: `training` must not silently match nothing.
    """
    return _matches(PurePosixPath(path).parts, PurePosixPath(glob.lstrip("/")).parts)


def _matches(parts: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    if not globs:
        return True
    if globs[0] == "**":
        return any(_matches(parts[i:], globs[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _matches(parts[1:], globs[1:])
