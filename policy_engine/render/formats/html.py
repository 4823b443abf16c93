"""The report as one HTML page: to read, to print, to keep as the record of a decision.

It asks for nothing from elsewhere and runs no script; what checks a number by hand is folded.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from decimal import Decimal
from functools import partial

from policy_engine.evidence import Measurement
from policy_engine.policy import Outcome
from policy_engine.render import champions, edits, rows
from policy_engine.render.blocks import change_cells, is_minded, reasons
from policy_engine.render.escape import LONG, html_code, html_prose, html_text
from policy_engine.render.html_style import STYLE
from policy_engine.render.limits_picture import share_of
from policy_engine.render.plots.section import as_plots
from policy_engine.render.remedies import steps
from policy_engine.render.way_out import COMMAND, waive_lines, waiver_file, way_out
from policy_engine.report import (
    BaselineRef,
    Change,
    Changed,
    Edit,
    Judged,
    Proposal,
    Report,
    RunRef,
    Subject,
    Verdict,
)

_HEAD = ("policy", "verdict", "measured", "limit", "baseline")
_CHANGES = ("quantity", "baseline", "candidate", "change", "policies")
_CHANGED = ("policy", "policy file", "run", "now", "proposed")
_PLOTTED = 20  # subjects: drawing takes time, and nobody looks at hundreds
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(report: Report) -> str:
    """Return the report as one self-contained page."""
    title = rows.DECISIONS[report.verdict]
    subjects = sorted(report.subjects, key=lambda subject: list(Verdict).index(subject.verdict))
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style></head><body>",
        *_headline(report, title),
        "<main>",
        *(line for number, each in enumerate(subjects) for line in _subject(each, report, number)),
        *(_proposal(report.proposal) if report.proposal else ()),
        *_waivers(report),
        "</main>",
        *_record(report),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _headline(report: Report, title: str) -> Iterator[str]:
    source = report.policies
    ref = f" of {html_code(source.ref)}" if source.ref else ""
    trust = (
        f"Judged by the trusted policies{ref}."
        if source.trusted
        else f"<strong>Not trusted:</strong> judged by policies{ref} that are not the default "
        "branch's own."
    )
    counts = rows.tally(rows.every_finding(report))
    why = "; ".join(html_prose(reason) for reason in reasons(report))
    yield f'<header><h1 class="{report.verdict.value}">{title}{why and f": {why}"}</h1>'
    yield f"<p>{counts} (exit code {int(report.exit_code)}). {trust}</p>{_to_do(report)}</header>"


def _to_do(report: Report) -> str:
    """Say how what is blocked can still merge."""
    out = way_out(rows.every_finding(report))
    if not out.blocking:
        return ""
    command = f": <code>{COMMAND}</code>" if out.waivable else ""
    return f"<p><b>To do:</b> {out.words}{command}.</p>"


def _subject(subject: Subject, report: Report, number: int) -> Iterator[str]:
    word = rows.WORDS[subject.verdict]
    verdict = f'<span class="{subject.verdict.value}">{word}:</span>'
    yield f"<section><h2>{verdict} {html_text(subject.policy_file)}</h2>"
    if subject.reason:
        yield f"<p>{html_text(subject.reason, LONG)}</p>"
    if subject.candidate:
        yield _facts(_runs(subject, subject.candidate))
    yield from _changes(subject.changes)
    if number < _PLOTTED:
        yield from as_plots(subject, f"plot-{number + 1}")
    yield from _table(subject)
    if lines := waive_lines(subject, report):
        yield _to_waive(lines, waiver_file(subject))
    yield "</section>"


def _to_waive(lines: Sequence[str], file: str) -> str:
    return (
        "<details><summary>lines to copy that have it waived</summary>"
        f"<p>Fill in what is in capitals; they add to {html_code(file)}. Somebody "
        "else fills in <code>approved_by</code> there, in a pull request of its own.</p>"
        f"<pre>{html.escape(chr(10).join(lines))}</pre></details>"
    )


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        return
    yield f'<table class="changes"><caption>What changed</caption>{_head(_CHANGES)}<tbody>'
    for change in changes:
        before, after, difference = map(html_prose, change_cells(change, on=True))
        weight = f"<b>{difference}</b>" if is_minded(change) else difference
        told = "" if change.effect is None else rows.EFFECTS[change.effect]
        yield (
            f'<tr><th scope="row">{html_text(change.what)}</th><td>{before}</td><td>{after}</td>'
            f"<td>{weight}</td><td>{told}</td></tr>"
        )
    yield "</tbody></table>"


def _runs(subject: Subject, candidate: RunRef) -> Iterator[tuple[str, str]]:
    yield "candidate", _run(candidate)
    yield "baseline", _baseline(subject.baseline) if subject.baseline else "none"
    for passed in subject.passed_over:
        yield "passed over", html_text(f"{passed.rule}: {passed.why}", LONG)
    for note in subject.notes:
        yield "note", html_text(note, LONG)


def _baseline(run: BaselineRef) -> str:
    return f"{_run(run)}, {rows.found_words(run, html_code)}"


def _run(run: RunRef) -> str:
    return f"{rows.run_words(run, html_code)}; run id {html_code(run.run_id)}"


def _table(subject: Subject) -> Iterator[str]:
    if not subject.findings:
        return
    yield f"<table><caption>{rows.tally(subject.findings)}</caption>"
    yield _head(_HEAD)
    yield from map(_finding, rows.ordered(subject.findings))
    yield "</table>"


def _finding(finding: Judged) -> str:
    kind = rows.kind(finding).replace(" ", "-")
    part = f' <span class="part">{html_text(finding.part)}</span>' if finding.part else ""
    first = (
        f'<th scope="row">{html_text(finding.id)}{part}</th>'
        f'<td class="{kind}">{rows.verdict_words(finding)}</td>'
    )
    numbers = (
        _graded(rows.measured_cell(finding), finding.measured) + _bar(finding),
        _graded(rows.limit(finding)),
        _graded(rows.baseline(finding), finding.baseline),
    )
    words = "".join(_words(finding))
    if not rows.is_problem(finding) and not any(numbers):
        return f'<tbody><tr>{first}<td colspan="3">{words}</td></tr></tbody>'
    opening = '<tbody class="problem">' if rows.is_problem(finding) else "<tbody>"
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    return f'{opening}<tr>{first}{cells}</tr><tr><td colspan="5">{words}</td></tr></tbody>'


def _words(finding: Judged) -> Iterator[str]:
    yield f"<p>{html_prose(finding.message)}</p>"
    if finding.remedy and finding.outcome is not Outcome.PASS:
        first, *others = map(html_prose, steps(finding.remedy))
        yield f"<p><b>Fix:</b> {first}</p>"
        if others:
            yield f"<ul>{''.join(f'<li>{each}</li>' for each in others)}</ul>"
    if finding.waiver:
        yield f"<p><b>Waiver:</b> {html_text(rows.waiver_words(finding.waiver), LONG)}</p>"
    if finding.detail:
        yield f"<details><summary>in full</summary>{html_prose(finding.detail)}</details>"
    yield f'<p><span class="rule">Rule: {html_text(rows.rule_words(finding), LONG)}</span></p>'


def _graded(amount: str | None, value: Measurement | None = None) -> str:
    if amount is None:
        return ""
    grade = f' <span class="grade">{value.grade.value}</span>' if value else ""
    return f"{html_text(amount)}{grade}"


def _bar(finding: Judged) -> str:
    """Draw how much of its limit a number uses: the middle of the bar is the limit."""
    share = share_of(finding, finding.measured)
    if share is None:
        return ""
    within = int(min(share, Decimal(1)) * 50)
    over = int(min(max(share - 1, Decimal(0)), Decimal(1)) * 50)
    beyond = f'<i class="over" style="width:{over}%"></i>' if over else ""
    return f'<span class="bar" aria-hidden="true"><i style="width:{within}%"></i>{beyond}</span>'


def _proposal(proposal: Proposal) -> Iterator[str]:
    words = rows.proposal_words(proposal)
    yield "<section><h2>Proposed policies</h2>"
    yield f"<p>{words[0].upper()}{words[1:]}. They decide nothing before the merge.</p>"
    yield from (f"<p>{html_text(line, LONG)}</p>" for line in rows.problem_lines(proposal))
    if tally := edits.tally(proposal):
        yield f"<p>{tally[0].upper()}{tally[1:]}.</p>"
        yield f"<table>{_head(edits.HEAD)}<tbody>"
        yield from map(_edit, proposal.edits)
        yield "</tbody></table>"
    if proposal.changed:
        yield f"<table>{_head(_CHANGED)}<tbody>"
        yield from map(_changed, proposal.changed)
        yield "</tbody></table>"
    for line in champions.lines(proposal, partial(html_text, longest=LONG)):
        yield f"<p>{line.text[0].upper()}{line.text[1:]}.</p>"
    yield "</section>"


def _edit(each: Edit) -> str:
    at = edits.place(each)
    values = (
        "" if value is None else html_code(value, LONG) for value in (each.before, each.after)
    )
    cells = (html_code(edits.rule(each)), html_text(f"{at.file}:{at.line}"), *values)
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{edits.WORDS[each.strictness]}</th>{row}</tr>'


def _changed(each: Changed) -> str:
    part = f' <span class="part">{html_text(each.part)}</span>' if each.part else ""
    cells = (
        html_text(each.policy_file),
        html_code(each.run_id[:8]),
        rows.changed_words(each.outcome, each.effect),
        rows.changed_words(each.proposed_outcome, each.proposed_effect),
    )
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{html_text(each.id)}{part}</th>{row}</tr>'


def _waivers(report: Report) -> Iterator[str]:
    told = [(state, html_text(words, LONG)) for state, words in rows.waivers(report)]
    if told:
        yield f"<section><h2>{rows.waiver_tally(report)}</h2>{_facts(told)}</section>"


def _record(report: Report) -> Iterator[str]:
    at, server = report.evaluated_at.astimezone(UTC), rows.server_version(report)
    yield "<footer>"
    yield _facts(
        [
            ("policies", html_code(report.policies.digest)),
            ("evidence", html_code(report.evidence_digest)),
            *([("MLflow", html_text(server))] if server else []),
            ("evaluated at", f"{at:%Y-%m-%d %H:%M:%S} UTC"),
            ("policy-engine", html_text(report.engine.version)),
            ("plugins", ", ".join(map(html_text, report.engine.plugins)) or "none"),
        ]
    )
    yield "</footer>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{told}</dd>' for name, told in facts)}</dl>"


def _head(names: Sequence[str]) -> str:
    cells = "".join(f'<th scope="col">{name}</th>' for name in names)
    return f"<thead><tr>{cells}</tr></thead>"
