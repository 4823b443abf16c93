"""The report as JUnit XML: a suite for each subject, a case for each finding.

| what a finding does | case |
|---|---|
| blocks, its outcome is `error` | error |
| blocks | failure |
| warns, is waived, is skipped or not applicable | skipped, with the reason |
| passes | passed |

JUnit knows no warning, and a case that fails would fail the job: a warning is `skipped`, never a
plain pass. A subject that may not merge without a finding that says so has a case `verdict`. What a
pull request edits in the policies is a suite `proposed policies` of skipped cases: it decides
nothing yet.
"""

from collections.abc import Iterator

from policy_engine.render import champions, edits, rows
from policy_engine.render.junit_xml import JunitCase, JunitResult, Suite, as_junit_xml
from policy_engine.report import EXIT_CODES, Edit, Effect, Judged, Report, Subject

_RESULTS: dict[str, JunitResult] = {"error": "error", "blocking": "failure", "passed": "passed"}


def as_junit(report: Report) -> str:
    """Return the report as JUnit XML."""
    suites = [_suite(report, subject) for subject in report.subjects]
    proposal = report.proposal
    if proposal and (proposal.edits or proposal.champions):
        cases = [_edit(each) for each in proposal.edits]
        cases += map(_champion, champions.lines(proposal, str))
        suites.append(Suite(name="proposed policies", cases=cases, at=report.evaluated_at))
    if report.exit_code and not report.subjects:
        case = JunitCase(group="policy-engine", name="verdict", result="error", kind=report.verdict)
        suites.append(Suite(name="policy-engine", cases=[case], at=report.evaluated_at))
    return as_junit_xml("policy-engine", suites)


def _suite(report: Report, subject: Subject) -> Suite:
    run = f" ({rows.run_words(subject.candidate, str)})" if subject.candidate else ""
    return Suite(
        name=f"{subject.policy_file}{run}",
        cases=[*_verdict(subject), *map(_case, subject.findings)],
        properties=dict(_properties(report, subject)),
        at=report.evaluated_at,
    )


def _properties(report: Report, subject: Subject) -> Iterator[tuple[str, str]]:
    yield "verdict", subject.verdict.value
    yield "policies", f"{report.policies.digest} {report.policies.ref or ''}".strip()
    yield "policies trusted", "true" if report.policies.trusted else "false"
    yield "evidence", report.evidence_digest
    if report.mlflow is not None:
        yield "mlflow", report.mlflow
    if subject.candidate:
        yield "candidate", subject.candidate.run_id
    if subject.baseline:
        yield "baseline", subject.baseline.run_id


def _verdict(subject: Subject) -> Iterator[JunitCase]:
    """Yield a case where no finding says why the subject may not merge, or why none is needed."""
    stops = {Effect.BLOCK} & {finding.effect for finding in subject.findings}
    if EXIT_CODES[subject.verdict] and not stops:
        result: JunitResult = "error"
    elif not subject.findings:
        result = "skipped"
    else:
        return
    yield JunitCase(
        group=subject.policy_file,
        name="verdict",
        result=result,
        kind=subject.verdict.value,
        message=subject.reason or rows.MEANINGS[subject.verdict],
    )


def _case(finding: Judged) -> JunitCase:
    kind = rows.kind(finding)
    result = _RESULTS.get(kind, "skipped")
    if result == "error" and finding.effect is not Effect.BLOCK:
        result = "skipped"  # an advisory error fails nothing
    return JunitCase(
        group=finding.where.file,
        name=f"{finding.id} ({finding.part})" if finding.part else finding.id,
        result=result,
        kind=finding.outcome.value,
        message=f"{rows.verdict_words(finding)}: {finding.message}",
        details=list(_details(finding)),
        file=(finding.where.file, finding.where.line),
    )


def _edit(edit: Edit) -> JunitCase:
    at = edits.place(edit)
    return JunitCase(
        group=at.file,
        name=edits.rule(edit),
        result="skipped",
        kind=edit.strictness.value,
        message=f"{edits.WORDS[edit.strictness]}: {edits.words(edit)}",
        file=(at.file, at.line),
    )


def _champion(told: champions.Told) -> JunitCase:
    return JunitCase(
        group=told.where.file,
        name="champion",
        result="skipped",
        kind="champion",
        message=told.text,
        file=(told.where.file, told.where.line),
    )


def _details(finding: Judged) -> Iterator[str]:
    yield finding.message
    numbers = rows.numbers(finding)
    if numbers:
        yield numbers
    if finding.remedy and rows.kind(finding) != "passed":
        yield f"Fix: {finding.remedy}"
    if finding.waiver:
        yield f"Waiver: {rows.waiver_words(finding.waiver)}"
    yield f"Rule: {rows.rule_words(finding)}"
