"""A saved report, read back: whole and consistent, or refused with a sentence.

The file may come from a job that ran somebody else's code. So nothing in it is believed that can
be checked: it must be what `to_dict` writes, to the last key, and its verdicts must follow from its
findings. What cannot be checked, the numbers and who judged, stays a claim: see `as_claimed`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from policy_engine.errors import UsageError
from policy_engine.evidence import InvalidEvidence
from policy_engine.judging.effects import verdict_of
from policy_engine.judging.moment_of_judgement import YEARS
from policy_engine.judging.oddities import oddity
from policy_engine.report import EXIT_CODES, SCHEMA, Judged, Proposal, Report, Subject, Verdict
from policy_engine.source.foreign import Twice, once

LARGEST = 16 * 1024 * 1024
"""The largest report file that is read (bytes)."""
MOST_SUBJECTS = 1_000
"""More subjects than any change has."""
MOST_FINDINGS = 50_000
"""More findings than any report has, all subjects together."""

_HIDES = list(Verdict)
_WITHOUT_CANDIDATE = frozenset({Verdict.ERROR, Verdict.NOT_EVALUATED, Verdict.NOT_APPLICABLE})
_READER = TypeAdapter(Report)


class ReportFileError(UsageError):
    """A report file is not a report of ours (exit 2)."""


def read_report(path: Path) -> Report:
    """Return a saved report.

    Raises:
        ReportFileError: If it is not there, too large, no report, or at odds with itself.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        written = f"`policy-engine check --format json={path}` writes it"
        raise ReportFileError(f"report file {path} is not there; {written}") from None
    except OSError as e:
        raise ReportFileError(f"report file {path}: {e.strerror}") from None
    try:
        return report_of(data)
    except ReportFileError as e:
        raise ReportFileError(f"report file {path}: {e}") from None


def report_of(data: bytes) -> Report:
    """Return the report that these bytes hold.

    Raises:
        ReportFileError: If they are too many, hold no report, or one at odds with itself.
    """
    if len(data) > LARGEST:
        raise ReportFileError(f"it is larger than {LARGEST // 1024 // 1024} MiB")
    content = _object(data)
    if content.get("schema") != SCHEMA:
        raise ReportFileError(f"its schema is not {SCHEMA}; write it with --format json=FILE")
    _refuse_many(content)
    report = _parsed(content)
    if report.evaluated_at.year not in YEARS:
        years = f"{YEARS[0]} to {YEARS[-1]}"
        raise ReportFileError(f"evaluated_at lies outside the years {years}")
    if report.to_dict() != content:
        raise ReportFileError("it is not what this version writes: a key is unknown or missing")
    _refuse_odds(report)
    return report


def as_claimed(report: Report) -> Report:
    """Return a report as what it is when a job wrote it that ran the change's own code: a claim.

    Its policies count as not trusted, its values as logged, and it passes with a warning at best.
    """
    subjects = tuple(map(_claimed, report.subjects))
    verdict = _at_best_warn(report.verdict)
    return replace(
        report,
        verdict=verdict,
        exit_code=EXIT_CODES[verdict],
        subjects=subjects,
        policies=replace(report.policies, trusted=False),
        proposal=report.proposal and _claimed_proposal(report.proposal),
    )


def _claimed(subject: Subject) -> Subject:
    findings = tuple(map(Judged.as_claim, subject.findings))
    return replace(subject, verdict=_at_best_warn(subject.verdict), findings=findings)


def _claimed_proposal(proposal: Proposal) -> Proposal:
    champions = (replace(c, proposed=_claimed(c.proposed)) for c in proposal.champions)
    return replace(proposal, champions=tuple(champions))


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data, parse_constant=_no_constant, object_pairs_hook=once)
    except RecursionError:
        raise ReportFileError("it is nested too deeply") from None
    except Twice as e:
        raise ReportFileError(str(e)) from None
    except ValueError as e:  # also bytes that are not text, and whole numbers of too many digits
        raise ReportFileError(f"it is not JSON: {e}") from None
    if not isinstance(content, dict):
        raise ReportFileError("it holds no report")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _refuse_many(content: Mapping[str, Any]) -> None:
    subjects = content.get("subjects")
    if not isinstance(subjects, list):
        raise ReportFileError("subjects: a list is needed")
    subjects = [*subjects, *_champions(content.get("proposal"))]
    findings = [s.get("findings") for s in subjects if isinstance(s, dict)]
    count = sum(len(each) for each in findings if isinstance(each, list))
    if len(subjects) > MOST_SUBJECTS or count > MOST_FINDINGS:
        raise ReportFileError(f"it has {len(subjects)} subjects and {count} findings: too many")


def _champions(proposal: Any) -> list[Any]:
    champions = proposal.get("champions") if isinstance(proposal, dict) else None
    several = champions if isinstance(champions, list) else []
    return [each.get("proposed") for each in several if isinstance(each, dict)]


def _parsed(content: Mapping[str, Any]) -> Report:
    evidence = content.get("evidence")
    flat = {key: value for key, value in content.items() if key not in {"schema", "evidence"}}
    told = evidence if isinstance(evidence, dict) else {}
    flat["evidence_digest"], flat["mlflow"] = told.get("digest"), told.get("mlflow")
    try:
        return _READER.validate_python(flat)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReportFileError(f"{where}: {first['msg']}") from None
    except (InvalidEvidence, ArithmeticError, RecursionError):
        raise ReportFileError("a value is not a finite number") from None


def _refuse_odds(report: Report) -> None:
    """Refuse verdicts that do not follow: a report says `pass` because its findings do."""
    if not report.subjects:
        raise ReportFileError("it judges nothing")
    champions = report.proposal.champions if report.proposal else ()
    for subject in (*report.subjects, *(each.proposed for each in champions)):
        _refuse_odd_subject(subject, report)
    if report.proposal is not None:
        _refuse_odd_proposal(report.proposal)
    verdict = min((s.verdict for s in report.subjects), key=_HIDES.index)
    if report.verdict is not verdict or report.exit_code is not EXIT_CODES[verdict]:
        raise ReportFileError(
            f"it says {report.verdict.value} and exit code {int(report.exit_code)} "
            f"where its subjects come to {verdict.value}"
        )


def _refuse_odd_subject(subject: Subject, report: Report) -> None:
    if subject.verdict not in _possible(subject):
        raise ReportFileError(
            f"it says {subject.verdict.value} where its findings do not come to that"
        )
    if not _is_of(subject):
        raise ReportFileError("its trade_off is not that of candidate and baseline")
    if (subject.candidate is None) is (subject.reason is None):
        raise ReportFileError("a subject has a candidate or a reason why there is none")
    for finding in subject.findings:
        odd = oddity(finding, report.evaluated_at)
        if odd is not None:
            raise ReportFileError(f"the finding '{finding.id}' {odd}")


def _possible(subject: Subject) -> frozenset[Verdict]:
    """Return the verdicts that a subject may have."""
    if subject.candidate is None:
        return frozenset() if subject.findings else _WITHOUT_CANDIDATE
    # An unreadable model is an error whatever the findings; untrusted policies let nothing pass.
    return frozenset({Verdict.ERROR}) | {
        verdict_of(subject.findings, at_best=best) for best in (Verdict.PASS, Verdict.WARN)
    }


def _is_of(subject: Subject) -> bool:
    """Say whether the points of the trade-off are those that the subject names, each once."""
    if subject.trade_off is None:
        return True
    named = {"candidate": subject.candidate, "baseline": subject.baseline}
    points = [p for p in subject.trade_off.points if p.role != "earlier"]
    ids = [(p.role, p.run_id) for p in points]
    known = [(role, run.run_id) for role, run in named.items() if run is not None]
    return bool(ids) and ids == known[: len(ids)] and ids[0][0] == "candidate"


def _refuse_odd_proposal(proposal: Proposal) -> None:
    if (proposal.verdict is None) is (proposal.problem is None):
        raise ReportFileError("the proposal has a verdict or a problem, not both")
    if not len(proposal.changed) <= proposal.findings or proposal.more_edits < 0:
        raise ReportFileError("the proposal changes more findings than were compared")
    for edit in proposal.edits:
        is_new, is_gone = edit.change == "added", edit.change == "removed"
        if ((edit.before is None) is not is_new) or ((edit.after is None) is not is_gone):
            raise ReportFileError(f"the edit of '{edit.key}' is not {edit.change}")


def _at_best_warn(verdict: Verdict) -> Verdict:
    return Verdict.WARN if verdict is Verdict.PASS else verdict
