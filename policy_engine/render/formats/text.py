"""The report for a terminal and a job's log: what blocks stands first, the verdict last."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from policy_engine.evidence import Measurement
from policy_engine.policy import Outcome
from policy_engine.render import champions, edits, rows
from policy_engine.render.blocks import Block, by_policy, change_cells
from policy_engine.render.blocks import blocks as blocks_of
from policy_engine.render.columns import paragraph, table_lines, together, width_of
from policy_engine.render.escape import LONG, terminal
from policy_engine.render.remedies import steps
from policy_engine.render.way_out import COMMAND, way_out
from policy_engine.report import (
    Change,
    Effect,
    Judged,
    Proposal,
    Report,
    Subject,
    Verdict,
    WaiverUse,
)

NARROWEST = 40
"""The smallest width that is kept (columns)."""

_STOPS = ("error", "blocking")
_MOST_FIX = 2  # lines of a warning's remedy; `-v` has all
_HEAD = ("policy", "verdict", "measured", "limit", "baseline")
_RED, _GREEN, _YELLOW, _FAINT = "31", "32", "33", "2"
_VERDICT_COLOURS = {
    Verdict.ERROR: f"1;{_RED}",
    Verdict.NOT_EVALUATED: f"1;{_RED}",
    Verdict.FAIL: f"1;{_RED}",
    Verdict.WARN: f"1;{_YELLOW}",
    Verdict.PASS: f"1;{_GREEN}",
    Verdict.NOT_APPLICABLE: "1",
}
_ROW_COLOURS = {
    "error": _RED,
    "blocking": _RED,
    "warning": _YELLOW,
    "waived": _YELLOW,
    "skipped": _FAINT,
    "passed": _GREEN,
    "not applicable": _FAINT,
}
_EFFECT_COLOURS = {Effect.BLOCK: _RED, Effect.WARN: _YELLOW, Effect.WAIVED: _YELLOW}
_MARKS = {Effect.BLOCK: "x", Effect.WARN: "!", Effect.WAIVED: "~"}
_KIND_MARKS = {"error": "x", "blocking": "x", "warning": "!", "waived": "~"}

_sentence = partial(terminal, longest=LONG)


def as_text(report: Report, *, width: int = 80, colour: bool = False, verbose: bool = False) -> str:
    """Return the report as plain text: what blocks first, what passed in one line.

    Args:
        report: The report.
        width: No line is longer (columns; at least 40).
        colour: Whether to colour it for a terminal; that changes nothing else.
        verbose: Whether to show every finding in a table, with all that checks it by hand.
    """
    width = max(width, NARROWEST)
    view = _View(width, colour=colour, verbose=verbose, is_alone=len(report.subjects) == 1)
    told = "\n\n".join("\n".join(_subject(s, view)) for s in report.subjects)
    end = "\n".join(_end(report, width, colour))
    is_one = view.is_alone and not verbose and report.proposal is None
    apart = "\n" if is_one else "\n\n"
    return f"{told}{apart if told else ''}{end}\n"


class _View(NamedTuple):
    """How a report is shown; `is_alone`: it has one subject, whose counts are the whole's."""

    width: int
    colour: bool
    verbose: bool
    is_alone: bool


def _subject(subject: Subject, view: _View) -> Iterator[str]:
    width, colour = view.width, view.colour
    is_counted = subject.findings and not view.is_alone
    counts = f": {rows.tally(subject.findings)}" if is_counted else ""
    told = _sentence(f"{subject.policy_file}{counts}")
    yield from _headed(subject.verdict, " ", told, width, colour)
    if subject.reason:
        yield from paragraph("  why: ", _sentence(subject.reason), width)
    if subject.candidate:
        yield from paragraph("  candidate: ", rows.run_words(subject.candidate, terminal), width)
        yield from paragraph("  baseline:  ", _baseline(subject, view), width)
    if subject.baseline or not subject.candidate or view.verbose:
        for passed in subject.passed_over:
            told = _sentence(f"{passed.rule}: {passed.why}")
            yield from paragraph("  passed over: ", told, width)
    for note in subject.notes:
        yield from paragraph("  note: ", _sentence(note), width)
    if subject.baseline or view.verbose:
        yield from _changes(subject.changes, width, colour)
    else:
        yield from _alone(subject.changes, width)
    if not subject.findings:
        return
    yield ""
    findings = rows.ordered(subject.findings)
    if view.verbose:
        yield from _findings([f for f in findings if not rows.is_skipped(f)], width, colour)
    else:
        for block in blocks_of(findings):
            yield from _block(block, width, colour)
        yield from _others([f for f in findings if not rows.is_problem(f)], width)
    skipped = [f for f in findings if rows.is_skipped(f)]
    yield from _skipped(skipped, width, is_whole=view.verbose)


def _alone(changes: Sequence[Change], width: int) -> Iterator[str]:
    """Say what is known of a candidate that has no baseline, in one paragraph."""
    told = [f"{_mark(c)} {terminal(c.what)} {terminal(_amount(c))}".lstrip() for c in changes]
    if told:
        yield from paragraph("  it has:    ", ", ".join(told), width)


def _amount(change: Change) -> str:
    """Return what is known of the candidate, or why nothing is."""
    _, candidate, difference = change_cells(change)
    return candidate or difference


def _changes(changes: Sequence[Change], width: int, colour: bool) -> Iterator[str]:
    if not changes:
        return
    cells = [(_mark(c), terminal(c.what), *map(terminal_cell, change_cells(c))) for c in changes]
    head, *lines = table_lines(("", "", "baseline", "candidate", "change"), cells, width)
    yield head[0]
    for change, several in zip(changes, lines, strict=True):
        for line in several:
            yield _painted(
                line, _EFFECT_COLOURS.get(change.effect or Effect.NONE) if colour else None
            )


def _mark(change: Change) -> str:
    return _MARKS.get(change.effect or Effect.NONE, "")


def terminal_cell(text: str) -> str:
    """Return a cell of the list of changes; an amount is not broken from its unit."""
    if not text:
        return ""
    return together(terminal(text)) if text[:1].isdigit() else terminal(text)


def _block(block: Block, width: int, colour: bool) -> Iterator[str]:
    """Say of one cause what is the case, and what to do first."""
    finding = block.first
    named = _listed(block.names(worst=True))
    label = f"{_KIND_MARKS[block.kind]} "
    first, *rest = paragraph(label, f"{named}: {_sentence(finding.message)}", width)
    yield _painted(first, _ROW_COLOURS[block.kind] if colour else None)
    yield from rest
    if others := block.names(worst=False):
        yield from paragraph("  also: ", f"{_listed(others)} (warns)", width)
    if finding.remedy:
        yield from _fix(_sentence(finding.remedy), width, is_whole=block.kind in _STOPS)
    if finding.waiver:
        yield from paragraph("  waiver: ", _sentence(rows.waiver_words(finding.waiver)), width)


def _fix(remedy: str, width: int, *, is_whole: bool) -> list[str]:
    """Say how to fix it; of what stops nothing only what to do first, where that takes lines."""
    lines = paragraph("  fix: ", remedy, width)
    clauses = steps(remedy)
    while not is_whole and len(lines) > _MOST_FIX and len(clauses) > 1:
        clauses.pop()
        lines = paragraph("  fix: ", "; ".join(clauses) + "; …", width)
    return lines


def _listed(names: Iterable[tuple[str, str | None]]) -> str:
    return ", ".join(
        terminal(id_) + (f" ({terminal(part)})" if part else "") for id_, part in names
    )


def _others(findings: list[Judged], width: int) -> Iterator[str]:
    """Name what passed in a line, and count what does not apply."""
    passed, beside = (
        [terminal(id_) for id_ in by_policy(f for f in findings if rows.kind(f) == kind)]
        for kind in ("passed", "not applicable")
    )
    if passed:
        end = f"; {len(beside)} not applicable" if beside else ""
        yield _line("passed: ", passed, width, end)
    elif beside:
        yield _line("not applicable: ", beside, width)


def _line(label: str, names: Sequence[str], width: int, end: str = "") -> str:
    """Return as many names as fit into a line, and how many more there are."""
    for shown in range(len(names), 0, -1):
        more = len(names) - shown
        line = label + ", ".join(names[:shown]) + (f" and {more} more" if more else "") + end
        if width_of(line) <= width:
            return line
    return f"{label}{len(names)}{end}"


def _baseline(subject: Subject, view: _View) -> str:
    """Say which run it is; where there is none why, as far as the clauses in full do not."""
    if subject.baseline is None:
        if view.verbose:
            return "none"
        whys = [_sentence(f"{p.rule}: {p.why.split('; ')[0]}") for p in subject.passed_over]
        return "; ".join(["none", *whys])
    return rows.baseline_words(subject.baseline, terminal)


def _findings(findings: list[Judged], width: int, colour: bool) -> Iterator[str]:
    if not findings:
        return
    head, *blocks = table_lines(_HEAD, [_cells(finding) for finding in findings], width)
    yield from head
    told: dict[tuple[str, str | None], str] = {}
    for finding, lines in zip(findings, blocks, strict=True):
        for line in lines:
            yield _painted(line, _ROW_COLOURS[rows.kind(finding)] if colour else None)
        first = told.setdefault((rows.why(finding), finding.remedy), finding.id)
        yield from _details(finding, None if first == finding.id else first, width)


def _skipped(findings: list[Judged], width: int, *, is_whole: bool) -> Iterator[str]:
    """Name what the policy file lets pass undecided or unlogged: nobody has to act on it."""
    for finding in findings:
        if finding.outcome is Outcome.INCONCLUSIVE:
            told = f"{_listed([(finding.id, finding.part)])}: {_sentence(finding.message)}"
            yield from paragraph("undecided: ", told, width)
    lacking = [(f.id, f.part) for f in findings if f.outcome is not Outcome.INCONCLUSIVE]
    if lacking and not is_whole:
        names = [terminal(id_) for id_ in dict.fromkeys(id_ for id_, _ in lacking)]
        yield _line("not logged: ", names, width)
    elif lacking:
        told = f"{_listed(lacking)}; `policy-engine explain NAME` says what to log"
        yield from paragraph("not logged: ", told, width)


def _cells(finding: Judged) -> tuple[str, ...]:
    part = f" ({terminal(finding.part)})" if finding.part else ""
    return (
        terminal(finding.id) + part,
        rows.verdict_words(finding),
        _graded(rows.measured_cell(finding), finding.measured),
        _graded(rows.limit(finding)),
        _graded(rows.baseline(finding), finding.baseline),
    )


def _graded(amount: str | None, value: Measurement | None = None) -> str:
    if amount is None:
        return ""
    told = together(terminal(amount))
    return f"{told} {value.grade.value}" if value else told


def _details(finding: Judged, as_for: str | None, width: int) -> Iterator[str]:
    """Say why and how to fix it, once for all policies that say the same; a pass needs neither."""
    if finding.outcome is Outcome.PASS:
        return
    why = rows.why(finding) if as_for is None else f"as for {as_for}"
    yield from paragraph("    why:  ", _sentence(why), width)
    if finding.remedy and as_for is None:
        yield from paragraph("    fix:  ", _sentence(finding.remedy), width)
    if finding.waiver:
        yield from paragraph("    waiver: ", _sentence(rows.waiver_words(finding.waiver)), width)
    if rows.is_problem(finding):
        yield from paragraph("    rule: ", _sentence(rows.rule_words(finding)), width)


def _end(report: Report, width: int, colour: bool) -> Iterator[str]:
    if report.proposal:
        yield from _proposal(report.proposal, width)
    yield from _waivers(report.waivers, width)
    yield from _to_do(report, width)
    source = report.policies
    ref = f"{terminal(source.ref)}, " if source.ref else ""
    trust = "trusted" if source.trusted else "not trusted"
    told = f"{ref}{terminal(rows.short(source.digest))}, {trust}"
    if server := rows.server_version(report):
        told = f"{told}; evidence from MLflow {terminal(server)}"
    yield from paragraph("policies: ", told, width)
    counts = rows.tally(rows.every_finding(report))
    told = f"(exit code {int(report.exit_code)}): {counts}"
    yield from _headed(report.verdict, "", told, width, colour)


def _to_do(report: Report, width: int) -> Iterator[str]:
    """Say how what is blocked can still merge."""
    out = way_out(rows.every_finding(report))
    if out.blocking:
        command = f": {COMMAND}" if out.waivable else ""
        yield from paragraph("to do: ", f"{out.words}{command}", width)


def _proposal(proposal: Proposal, width: int) -> Iterator[str]:
    told = f"{rows.proposal_words(proposal)} (they decide nothing before the merge)"
    yield from paragraph("proposal: ", told, width)
    for line in rows.problem_lines(proposal):
        yield from paragraph("  | ", _sentence(line), width)
    if tally := edits.tally(proposal):
        yield from paragraph("  ", tally, width)
    for edit in proposal.edits:
        at = edits.place(edit)
        told = f"{edits.words(edit)} ({at.file}:{at.line})"
        yield from paragraph(f"  {edits.WORDS[edit.strictness]}: ", _sentence(told), width)
    for each in proposal.changed:
        part = f" ({terminal(each.part)})" if each.part else ""
        place = f"{terminal(each.policy_file)}, run {terminal(each.run_id[:8])}"
        now = rows.changed_words(each.outcome, each.effect)
        then = rows.changed_words(each.proposed_outcome, each.proposed_effect)
        told = f"{terminal(each.id)}{part}: {now} -> {then} ({place})"
        yield from paragraph("  change: ", told, width)
    for champion in champions.lines(proposal, _sentence):
        yield from paragraph("  ", champion.text, width)


def _waivers(waivers: WaiverUse, width: int) -> Iterator[str]:
    kinds = {
        "waiver expires soon: ": waivers.expiring,
        "waiver expired: ": waivers.expired,
        "waiver unused: ": waivers.unused,
    }
    for label, several in kinds.items():
        for waiver in several:
            yield from paragraph(label, _sentence(rows.waiver_words(waiver)), width)


def _headed(verdict: Verdict, gap: str, told: str, width: int, colour: bool) -> Iterator[str]:
    word = rows.WORDS[verdict].upper()
    first, *rest = paragraph(f"{word}{gap} ", told, width)
    yield _painted(word, _VERDICT_COLOURS[verdict] if colour else None) + first[len(word) :]
    yield from rest


def _painted(text: str, colour: str | None) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text
