"""Annotations on the lines of the policy file: for a check run, and for a job's log.

An annotation stands where the rule stands, at the user's own line. No path comes from MLflow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

from policy_engine.render import champions, edits, rows
from policy_engine.render.escape import LONG, annotation, repository_path
from policy_engine.report import Edit, Judged, Report, Strictness, Subject, Verdict

Severity = Literal["failure", "warning", "notice"]

LONGEST_TITLE = 255
"""GitHub's limit of an annotation's title (characters)."""
NOWHERE = ".github"
"""The path for what is in no file of the repository; GitHub's runner takes the same."""

_SEVERITIES: dict[str, Severity] = {
    "error": "failure",
    "blocking": "failure",
    "warning": "warning",
    "waived": "notice",
}
_UNJUDGED = (Verdict.ERROR, Verdict.NOT_EVALUATED)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One remark on a line of a policy file, in plain text.

    Attributes:
        path: POSIX, from the repository's root; `NOWHERE` if the line is in no file of it.
        line: From 1.
        severity: What GitHub calls the annotation's level.
        title: One line, at most 255 characters.
        message: A few lines, far below GitHub's 64 KB.
    """

    path: str
    line: int
    severity: Severity
    title: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as GitHub's API takes it."""
        return {
            "path": self.path,
            "start_line": self.line,
            "end_line": self.line,
            "annotation_level": self.severity,
            "title": self.title,
            "message": self.message,
        }


def annotate(report: Report) -> tuple[Annotation, ...]:
    """Return what blocks, warns, is waived, unjudged or edited: failures, warnings, notices."""
    found = [each for subject in report.subjects for each in _of_subject(subject)]
    found += [_of_edit(each) for each in report.proposal.edits] if report.proposal else []
    found += map(_of_champion, champions.lines(report.proposal, partial(annotation, longest=LONG)))
    order: Sequence[Severity] = get_args(Severity)
    return tuple(sorted(found, key=lambda each: order.index(each.severity)))


def _of_subject(subject: Subject) -> Iterator[Annotation]:
    if subject.reason and subject.verdict in _UNJUDGED:
        title = f"{rows.WORDS[subject.verdict]}: {annotation(subject.policy_file)}"
        yield _placed(subject.policy_file, 1, "failure", title, [annotation(subject.reason, LONG)])
    for finding in rows.ordered(subject.findings):
        if rows.is_problem(finding):
            yield _of_finding(finding, subject)


def _of_edit(edit: Edit) -> Annotation:
    severity: Severity = "warning" if edit.strictness is Strictness.LOOSER else "notice"
    at = edits.place(edit)
    title = f"proposed policies, {edits.WORDS[edit.strictness]}: {annotation(edits.rule(edit))}"
    return _placed(at.file, at.line, severity, title, [annotation(edits.words(edit), LONG)])


def _of_champion(told: champions.Told) -> Annotation:
    title = "proposed policies, tried on the champion"
    return _placed(told.where.file, told.where.line, "notice", title, [told.text])


def _of_finding(finding: Judged, subject: Subject) -> Annotation:
    part = f" ({annotation(finding.part)})" if finding.part else ""
    severity = _SEVERITIES[rows.kind(finding)]
    if finding.effect.value == "warn":
        severity = "warning"  # an advisory error fails nothing
    title = f"{annotation(finding.id)}{part}: {rows.verdict_words(finding)}"
    lines = list(_lines(finding, subject))
    return _placed(finding.where.file, finding.where.line, severity, title, lines)


def _placed(
    file: str, line: int, severity: Severity, title: str, lines: Sequence[str]
) -> Annotation:
    path = repository_path(annotation(file, LONG))
    if path is None or path != file:
        path, line, lines = NOWHERE, 1, [*lines, f"Rule: {annotation(f'{file}:{line}', LONG)}"]
    return Annotation(path, max(line, 1), severity, _cut(title), "\n".join(lines))


def _lines(finding: Judged, subject: Subject) -> Iterator[str]:
    yield annotation(finding.message, LONG)
    if numbers := rows.numbers(finding):
        yield annotation(numbers, LONG)
    if finding.remedy:
        yield f"Fix: {annotation(finding.remedy, LONG)}"
    if finding.waiver:
        yield f"Waiver: {annotation(rows.waiver_words(finding.waiver), LONG)}"
    if subject.candidate:
        yield f"Candidate: {rows.run_words(subject.candidate, annotation)}"


def _cut(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
