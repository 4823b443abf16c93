"""The report as GitHub's Markdown, for a pull-request comment, a check run or a job's summary.

The verdict stands above everything that others wrote, and what others wrote stands in code. Tables
are written in HTML: an explanation then gets a row of its own, as wide as the table.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC

from policy_engine.evidence import Measurement
from policy_engine.policy import Outcome
from policy_engine.render import edits, rows
from policy_engine.render.escape import LONG, code, html_code, html_text
from policy_engine.render.fitting import Part, fitted, size
from policy_engine.render.gain_picture import as_gain_picture
from policy_engine.render.limits_picture import as_limits_picture
from policy_engine.render.links import NO_LINKS, Links
from policy_engine.report import Changed, Edit, Judged, Proposal, Report, Subject, Verdict

_HEAD = "<tr><th>policy</th><th>verdict</th><th>measured</th><th>limit</th><th>baseline</th></tr>"
_CHANGED = "<tr><th>policy</th><th>policy file</th><th>run</th><th>now</th><th>proposed</th></tr>"
_EDITS = f"<tr>{''.join(f'<th>{name}</th>' for name in edits.HEAD)}</tr>"
_FILES_NAMED = 5
_PICTURES = 3


def as_markdown(
    report: Report,
    *,
    limit: int = 60_000,
    elsewhere: str = "the job summary and the JSON report",
    links: Links = NO_LINKS,
) -> str:
    """Return the report as GitHub's Markdown.

    Args:
        report: The report.
        limit: The size that is never passed (bytes of UTF-8, so characters neither); the verdict
            is shown whole all the same. GitHub takes 65,536 characters a comment, 65,535 bytes a
            check run and 1 MiB a job summary.
        elsewhere: Where to find what there was no room for, in our own words.
        links: Where runs and lines of policy files lead.
    """
    head, foot = _headline(report), _foot(report)
    room = limit - size(head) - size(foot)
    return head + fitted(list(_parts(report, links)), room, elsewhere) + foot


def _headline(report: Report) -> str:
    word, meaning = rows.WORDS[report.verdict], rows.MEANINGS[report.verdict]
    source = report.policies
    ref = f" of {code(source.ref)}" if source.ref else ""
    doubt, trust = "", f"judged by the trusted policies{ref}"
    if not source.trusted:
        doubt = " (policies not trusted)"
        trust = f"judged by policies{ref} that are not the default branch's own"
    counts = rows.tally(rows.every_finding(report))
    return (
        f"## {rows.SYMBOLS[report.verdict]} {word}: {meaning}{doubt}\n\n"
        f"**{counts}** (exit code {int(report.exit_code)}), {trust}\n"
    )


def _parts(report: Report, links: Links) -> Iterator[Part]:
    subjects = sorted(report.subjects, key=lambda subject: list(Verdict).index(subject.verdict))
    if report.proposal:
        yield Part(0, "note", [f"\n{_proposed(report.proposal)}"])
        yield from _edits(report.proposal, links)
    for number, subject in enumerate(subjects):
        yield from _subject(subject, links, has_picture=number < _PICTURES)
    if report.proposal:
        yield from _proposal(report.proposal)
    yield from _waivers(report)


def _subject(subject: Subject, links: Links, *, has_picture: bool) -> Iterator[Part]:
    yield Part(0, "policy file", ["\n".join(_introduction(subject, links))])
    findings = rows.ordered(subject.findings)
    problems = [f for f in findings if rows.is_problem(f)]
    yield Part(1, "finding", [_row(f, links) for f in problems], f"\n<table>\n{_HEAD}", "</table>")
    for draw in (as_gain_picture, as_limits_picture) if has_picture else ():
        picture = draw(subject)
        if picture:
            yield Part(0, "picture", [f"\n```mermaid\n{picture}\n```"])
    others = [f for f in findings if not rows.is_problem(f)]
    title = rows.tally(others)
    yield _folded(2, "finding", title, [_row(f, links) for f in others], f"<table>\n{_HEAD}")
    passed_over = [f"- {code(p.rule)}: {code(p.why, LONG)}" for p in subject.passed_over]
    yield _folded(3, "note", "Passed over as the baseline", passed_over)
    yield _folded(3, "note", "Notes", [f"- {code(note, LONG)}" for note in subject.notes])


def _introduction(subject: Subject, links: Links) -> Iterator[str]:
    yield f"\n### {rows.SYMBOLS[subject.verdict]} {code(subject.policy_file)}\n"
    if subject.reason:
        yield f"{rows.WORDS[subject.verdict]}: {code(subject.reason, LONG)}"
    if subject.candidate:
        link = _link(links.run(subject.candidate), "open in MLflow")
        yield f"- candidate: {rows.run_words(subject.candidate, code)}{link}"
        yield f"- baseline: {_baseline(subject, links)}"


def _baseline(subject: Subject, links: Links) -> str:
    if subject.baseline is None:
        return "none"
    link = _link(links.run(subject.baseline), "open in MLflow")
    return f"{rows.baseline_words(subject.baseline, code)}{link}"


def _link(address: str | None, text: str) -> str:
    return f' · <a href="{html_text(address, LONG)}">{text}</a>' if address else ""


def _row(finding: Judged, links: Links) -> str:
    """Return a row of numbers, and below it one that says why and how to fix it."""
    numbers = (
        _graded(rows.measured_cell(finding), finding.measured),
        _graded(rows.limit(finding)),
        _graded(rows.baseline(finding), finding.baseline),
    )
    part = f" {html_code(finding.part)}" if finding.part else ""
    symbol = rows.KIND_SYMBOLS[rows.kind(finding)]
    first = f"<td>{symbol} {html_code(finding.id)}{part}</td><td>{rows.verdict_words(finding)}</td>"
    words = "<br>".join(_words(finding, links))
    if not rows.is_problem(finding) and not any(numbers):
        return f"<tr>{first}<td colspan=3>{words}</td></tr>"
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    return f"<tr>{first}{cells}</tr>\n<tr><td colspan=5>{words}</td></tr>"


def _graded(amount: str | None, value: Measurement | None = None) -> str:
    if amount is None:
        return ""
    return f"{html_code(amount)} {value.grade.value}" if value else html_code(amount)


def _words(finding: Judged, links: Links) -> Iterator[str]:
    yield html_code(finding.message, LONG)
    if finding.remedy and finding.outcome is not Outcome.PASS:
        yield f"<b>Fix:</b> {html_code(finding.remedy, LONG)}"
    if finding.waiver:
        yield f"<b>Waiver:</b> {html_code(rows.waiver_words(finding.waiver), LONG)}"
    if rows.is_problem(finding):
        link = _link(links.line(finding.where), "see the rule")
        yield f"<sub>Rule: {html_code(rows.rule_words(finding), LONG)}{link}</sub>"


def _proposed(proposal: Proposal) -> str:
    words, tally = rows.proposal_words(proposal), edits.tally(proposal)
    told = f" **{tally[0].upper()}{tally[1:]}.**" if tally else ""
    return f"**Proposal:** {words}. They decide nothing before the merge.{told}"


def _edits(proposal: Proposal, links: Links) -> Iterator[Part]:
    """Yield the edits of the policies; those that loosen a rule are not folded away."""
    looser, others = edits.looser_first(proposal)
    rows_of = [_edit(each, links) for each in looser]
    yield Part(1, "edit", rows_of, f"\n<table>\n{_EDITS}", "</table>")
    title = f"Other edits of the policies: {len(others)}"
    yield _folded(2, "edit", title, [_edit(each, links) for each in others], f"<table>\n{_EDITS}")


def _edit(each: Edit, links: Links) -> str:
    at = edits.place(each)
    link = _link(links.line(at), "see the rule") if each.where is None else ""
    values = (
        "" if value is None else html_code(value, LONG) for value in (each.before, each.after)
    )
    cells = (
        edits.WORDS[each.strictness],
        html_code(edits.rule(each)),
        html_code(f"{at.file}:{at.line}") + link,
        *values,
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _proposal(proposal: Proposal) -> Iterator[Part]:
    if proposal.problem:
        lines = "\n".join(html_text(line, LONG) for line in rows.problem_lines(proposal))
        title = "Why the proposed policies could not judge"
        yield _folded(2, "note", title, [f"<pre>{lines}</pre>"])
    changed = [_changed(each) for each in proposal.changed]
    count = f"{len(changed)} of {proposal.findings}"
    title = f"What the proposed policies would change: {count}"
    yield _folded(2, "changed finding", title, changed, f"<table>\n{_CHANGED}")


def _changed(each: Changed) -> str:
    part = f" {html_code(each.part)}" if each.part else ""
    cells = (
        html_code(each.id) + part,
        html_code(each.policy_file),
        html_code(each.run_id[:8]),
        rows.changed_words(each.outcome, each.effect),
        rows.changed_words(each.proposed_outcome, each.proposed_effect),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _waivers(report: Report) -> Iterator[Part]:
    lines = [f"- {word}: {code(told, LONG)}" for word, told in rows.waivers(report)]
    yield _folded(3, "note", rows.waiver_tally(report), lines)


def _folded(rank: int, noun: str, title: str, lines: Sequence[str], table: str = "") -> Part:
    opening = f"\n<details><summary>{title}</summary>\n" + (f"\n{table}" if table else "")
    return Part(rank, noun, lines, opening, f"{'</table>' if table else ''}\n</details>")


def _foot(report: Report) -> str:
    source = report.policies
    files = sorted({subject.policy_file for subject in report.subjects})
    named = [code(file) for file in files[:_FILES_NAMED]]
    if len(files) > _FILES_NAMED:
        named.append(f"{len(files) - _FILES_NAMED} more")
    ref = f" at {code(source.ref)}" if source.ref else ""
    trust = "trusted" if source.trusted else "not trusted"
    facts = (
        f"policies {', '.join([*named, code(rows.short(source.digest))])}{ref}, {trust}",
        f"evidence {code(rows.short(report.evidence_digest))}"
        + (f" from MLflow {code(report.mlflow)}" if report.mlflow is not None else ""),
        f"evaluated at {report.evaluated_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"policy-engine {code(report.engine.version)}",
    )
    return f"\n<sub>{' · '.join(facts)}</sub>\n"
