"""What a report shows beside its findings: what changed, gain against cost. It judges nothing."""

from dataclasses import replace

from policy_engine.evidence import Needs
from policy_engine.evidence.record import CandidateRecord, EvidenceRecord
from policy_engine.judging.bindings_today import BoundFile, Context, EvaluationFacts, baseline_for
from policy_engine.judging.changes import changes_of
from policy_engine.judging.reading import Reading
from policy_engine.judging.trade_off import trade_off_of
from policy_engine.policy_file import PolicyFile, PolicySet
from policy_engine.policy_file.scope import is_for
from policy_engine.report import Report, Subject

_NEEDS = Needs.MODEL | Needs.BASELINE | Needs.HISTORY | Needs.CHILDREN


def with_comparisons(
    report: Report, policies: PolicySet, evidence: EvidenceRecord, context: Context
) -> Report:
    """Return the report with what each candidate changed, brought and cost, beside its baseline.

    Nothing more is collected for it: what no policy asked for is left out.

    Args:
        report: What the policies decided.
        policies: They.
        evidence: What they judged.
        context: As it was for them.
    """
    here = EvaluationFacts.of(evidence, context)
    files = {file.path: file for file in policies.files}
    subjects = tuple(_compared(s, files[s.policy_file], here) for s in report.subjects)
    return replace(report, subjects=subjects)


def _compared(subject: Subject, file: PolicyFile, here: EvaluationFacts) -> Subject:
    candidate = _candidate(subject, file, here.evidence)
    if candidate is None:
        return subject
    reading = Reading.of(file)
    baseline = reading.baseline(baseline_for(file, candidate))
    record = reading.candidate(candidate)
    case = BoundFile.of(file, here).case(record, _NEEDS, baseline, here)
    return replace(
        subject, trade_off=trade_off_of(case), changes=changes_of(case, subject.findings)
    )


def _candidate(
    subject: Subject, file: PolicyFile, evidence: EvidenceRecord
) -> CandidateRecord | None:
    judged = subject.candidate
    if judged is None:
        return None
    change = None if evidence.named else evidence.change
    found = (c for c in evidence.candidates if c.run.run_id == judged.run_id)
    return next((c for c in found if is_for(file, c, change)), None)
