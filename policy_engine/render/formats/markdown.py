"""The report as GitHub's Markdown, for a pull-request comment, a check run or a job's summary.

The verdict and its reasons stand above everything else, then what changed, then what to do.
Sentences are prose; what others could have chosen stands in code. Blocks are written in HTML: no
text in them is read as Markdown.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import partial

from policy_engine.policy_file.waiver import LONGEST
from policy_engine.quantities.words import count, listed
from policy_engine.render import champions, edits, rows
from policy_engine.render.blocks import (
    Block,
    blocks,
    by_policy,
    change_cells,
    is_minded,
    reasons,
)
from policy_engine.render.escape import LONG, code, html_code, html_prose, html_text
from policy_engine.render.fitting import Part, fitted, size
from policy_engine.render.gain_picture import as_gain_picture
from policy_engine.render.limits_picture import as_limits_picture
from policy_engine.render.links import NO_LINKS, Links
from policy_engine.render.remedies import steps
from policy_engine.render.way_out import COMMAND, waive_lines, waiver_file, way_out
from policy_engine.report import (
    Champion,
    Change,
    Changed,
    Edit,
    Effect,
    Judged,
    Proposal,
    Report,
    Subject,
    Verdict,
)

_CHANGES = "<tr><th></th><th>baseline → candidate</th><th>change</th></tr>"
_CHANGED = "<tr><th>policy</th><th>policy file</th><th>run</th><th>now</th><th>proposed</th></tr>"
_EDITS = f"<tr>{''.join(f'<th>{name}</th>' for name in edits.HEAD)}</tr>"
_NAMES = 12
_FILES_NAMED = 5
_PICTURES = 3
_REVIEWER = "whoever reviews the change decides"
_NEXT = {
    Verdict.PASS: f"nothing more for this check; ask for a review: {_REVIEWER} the rest.",
    Verdict.WARN: f"read the warnings below, which do not stop the merge: {_REVIEWER}.",
    Verdict.NOT_EVALUATED: "train a run of this change, or name the one that was trained.",
}
_MARKS = {Effect.BLOCK: "❌", Effect.WARN: "⚠️", Effect.WAIVED: "☑️", Effect.NONE: "✅"}
_MEANINGS = {
    Effect.BLOCK: "a policy forbids it",
    Effect.WARN: "a policy warns of it",
    Effect.WAIVED: "waived",
    Effect.NONE: "within what the policies allow",
}
"""What the mark of a change says, however the number moved."""
_STOPS = ("error", "blocking")
_TITLES = {
    "error": "could not be judged",
    "blocking": "blocks the merge",
    "warning": "warns",
    "waived": "waived",
}


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
    """Return the verdict with its reasons, and who decides."""
    why = "; ".join(html_prose(reason) for reason in reasons(report))
    decision = rows.DECISIONS[report.verdict] + (f": {why}" if why else "")
    source = report.policies
    ref = f" of {code(source.ref)}" if source.ref else ""
    doubt, trust = "", f"Decided by the trusted policies{ref}"
    if not source.trusted:
        doubt = " (policies not trusted: they are not the default branch's)"
        trust = f"Decided by policies{ref} that are not the default branch's own"
    counts = rows.tally(rows.every_finding(report))
    return (
        f"<h2>{rows.SYMBOLS[report.verdict]} {decision}{doubt}</h2>\n\n"
        f"{_way_out(report)}{trust}: {counts} (exit code {int(report.exit_code)}).\n"
    )


def _way_out(report: Report) -> str:
    """Say what to do: of a merge that is blocked how it can still be had, and who decides that."""
    out = way_out(rows.every_finding(report))
    if out.blocking and not out.waivable:
        told = "fix what blocks, train again and push: none of it can be waived."
    elif out.blocking:
        which = "it" if len(out.blocking) == 1 else "all" if out.is_whole else "what can have one"
        folders = dict.fromkeys(waiver_file(s).rpartition("/")[0] for s in report.subjects)
        owned = [code(f"{folder}/") if folder else "the policies" for folder in folders]
        command = code(f"{COMMAND} --all" if len(out.waivable) > 1 else COMMAND)
        told = (
            f"fix what blocks and push; or ask for a waiver of {which} with {command} (lines to "
            f"copy stand below): the owners of {listed(owned[:_FILES_NAMED])} decide that, never "
            "the pull request's author."
        )
    else:
        told = _NEXT.get(report.verdict, "")
    return f"**What to do:** {told}\n\n" if told else ""


def _parts(report: Report, links: Links) -> Iterator[Part]:
    subjects = sorted(report.subjects, key=lambda subject: list(Verdict).index(subject.verdict))
    if report.proposal:
        yield Part(0, "note", [f"\n{_proposed(report.proposal)}"])
        yield from _edits(report.proposal, links)
        yield from map(_champion, report.proposal.champions)
    for number, subject in enumerate(subjects):
        yield from _subject(subject, report, links, has_picture=number < _PICTURES)
    if report.proposal:
        yield from _proposal(report.proposal)
    yield from _waivers(report)


def _subject(
    subject: Subject, report: Report, links: Links, *, has_picture: bool
) -> Iterator[Part]:
    yield Part(0, "policy file", ["\n".join(_introduction(subject, links))])
    changes = [_change(each) for each in subject.changes]
    closing = f"</table>{_legend(subject.changes)}"
    yield Part(0, "change", changes, f"\n<table>\n{_CHANGES}", closing)
    findings = rows.ordered(subject.findings)
    stops, rest = _stops_first(blocks(findings))
    yield Part(1, "finding", [_block(block, links) for block in stops], "\n<ul>", "</ul>")
    yield _to_waive(subject, report)
    told = [_block(block, links, is_whole=not stops) for block in rest]
    yield Part(1, "finding", told, "\n<ul>", "</ul>")
    for draw in (as_gain_picture, as_limits_picture) if has_picture else ():
        picture = draw(subject)
        if picture:
            yield Part(0, "picture", [f"\n```mermaid\n{picture}\n```"])
    others = [f for f in findings if not rows.is_problem(f)]
    lines = [_other(several) for several in by_policy(others).values()]
    title = f"{rows.tally(others)}, of {count(len(lines), 'policy')}"
    yield _folded(2, "policy", title, lines, "ul")
    passed_over = [f"- {code(p.rule)}: {code(p.why, LONG)}" for p in subject.passed_over]
    yield _folded(3, "note", "Passed over as the baseline", passed_over)
    yield _folded(3, "note", "Notes", [f"- {code(note, LONG)}" for note in subject.notes])


def _to_waive(subject: Subject, report: Report) -> Part:
    """Return commands to copy that write the waivers of what blocks."""
    commands = waive_lines(subject, report)
    file = code(waiver_file(subject))
    one = "For one alone, write `--id ID --part PART` instead of `--all`. " * (
        " --all " in "".join(commands)
    )
    return Part(
        1,
        "waive command",
        commands,
        "\n**To ask for a waiver,** run in the repository, with `MLFLOW_TRACKING_URI` set and your "
        "own words for those in capitals:\n\n```sh",
        "```\n\n"
        f"The first makes the report again; this job's JSON report will do as well. {one}Propose "
        f"{file} in a pull request of its own: there an owner, not the author of this one, fills "
        f"in `approved_by`; once it is merged, run this check again. DAY (YYYY-MM-DD) is at most "
        f"{LONGEST.days} days ahead.",
    )


def _stops_first(found: Sequence[Block]) -> tuple[list[Block], list[Block]]:
    """Return the blocks that stop the merge, and the others."""
    stops = [block for block in found if block.kind in _STOPS]
    return stops, [block for block in found if block.kind not in _STOPS]


def _legend(changes: Sequence[Change]) -> str:
    """Return what the marks of the changes mean: of those that stand there."""
    effects = {change.effect for change in changes}
    told = [f"{_MARKS[each]} {meaning}" for each, meaning in _MEANINGS.items() if each in effects]
    if told and None in effects:
        told.append("no mark: no policy looks at it")
    return f"\n\n<sub>{'; '.join(told)}</sub>" if told else ""


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


def _change(change: Change) -> str:
    """Return a quantity of both sides; what a policy minds carries its mark."""
    before, after, difference = map(html_prose, change_cells(change, on=True))
    mark = "" if change.effect is None else f"{_MARKS[change.effect]} "
    if is_minded(change):
        told = html_prose(change.difference)
        difference = f"<b>{told}</b>{difference.removeprefix(told)}"
    sides = f"{before} → {after}" if before else after
    return f"<tr><td>{mark}{html_prose(change.what)}</td><td>{sides}</td><td>{difference}</td></tr>"


def _block(block: Block, links: Links, *, is_whole: bool = True) -> str:
    """Return what is the case and what to do; what checks it by hand is folded.

    Beside something that blocks, what to do first about a warning is enough: the rest is folded.
    """
    finding = block.first
    named = _all_named(block.names(worst=True))
    symbol = rows.KIND_SYMBOLS[block.kind]
    lines = [f"<li>{symbol} {named} {_TITLES[block.kind]}: {html_prose(finding.message)}"]
    if others := block.names(worst=False):
        lines.append(f"<br>Also warns: {_all_named(others)}.")
    first, *rest = map(html_prose, steps(finding.remedy or ""))
    if first:
        lines.append(f"<br><b>Fix:</b> {first}")
    if rest and is_whole:
        lines.append(f"<ul>{''.join(f'<li>{each}</li>' for each in rest)}</ul>")
    if finding.waiver:
        lines.append(f"<br><b>Waiver:</b> {html_code(rows.waiver_words(finding.waiver), LONG)}")
    facts = [html_prose(detail) for detail in block.details[:_NAMES]]
    if rest and not is_whole:
        facts.insert(0, f"<b>Fix:</b> {'; '.join([first, *rest])}")
    numbers = dict.fromkeys(map(rows.numbers, block.findings[:_NAMES]))
    facts += [html_prose(told) for told in numbers if told]
    rules = dict.fromkeys((f.where, rows.rule_words(f)) for f in block.findings[:_NAMES])
    for where, words in rules:
        facts.append(f"Rule: {html_code(words, LONG)}{_link(links.line(where), 'see the rule')}")
    lines.append(f"<details><summary>numbers and rule</summary>{'<br>'.join(facts)}</details></li>")
    return "".join(lines)


def _all_named(names: Sequence[tuple[str, str | None]]) -> str:
    more = len(names) - _NAMES
    named = [_named(*each) for each in names[:_NAMES]] + ([f"{more} more"] if more > 0 else [])
    return ", ".join(named)


def _named(id_: str, part: str | None) -> str:
    return f"<b>{html_code(id_)}</b>" + (f" ({html_code(part)})" if part else "")


def _other(findings: Sequence[Judged]) -> str:
    """Return what passed, or does not apply, as one line a policy."""
    first = findings[0]
    symbol = rows.KIND_SYMBOLS[rows.kind(first)]
    told = html_prose(first.message)
    if len(findings) > 1:
        told = ", ".join(html_code(f.part or "") for f in findings)
    return f"<li>{symbol} {html_code(first.id)}: {told}</li>"


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
    yield _folded(2, "edit", title, [_edit(each, links) for each in others], "table", _EDITS)


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


def _champion(each: Champion) -> Part:
    quote = partial(code, longest=LONG)
    told = champions.words(each, quote)
    problems = [f"  - {champions.problem_words(f, quote)}" for f in champions.problems(each)]
    return Part(1, "note", [f"- {told[0].upper()}{told[1:]}", *problems], "\n")


def _proposal(proposal: Proposal) -> Iterator[Part]:
    if proposal.problem:
        lines = "\n".join(html_text(line, LONG) for line in rows.problem_lines(proposal))
        title = "Why the proposed policies could not judge"
        yield _folded(2, "note", title, [f"<pre>{lines}</pre>"])
    changed = [_changed(each) for each in proposal.changed]
    count = f"{len(changed)} of {proposal.findings}"
    title = f"What the proposed policies would change: {count}"
    yield _folded(2, "changed finding", title, changed, "table", _CHANGED)


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


def _folded(
    rank: int, noun: str, title: str, lines: Sequence[str], within: str = "", table: str = ""
) -> Part:
    opening = f"\n<details><summary>{title}</summary>\n"
    if within:
        opening += f"\n<{within}>{table and chr(10)}{table}"
    return Part(rank, noun, lines, opening, f"{f'</{within}>' if within else ''}\n</details>")


def _foot(report: Report) -> str:
    source = report.policies
    files = sorted({subject.policy_file for subject in report.subjects})
    named = [code(file) for file in files[:_FILES_NAMED]]
    if len(files) > _FILES_NAMED:
        named.append(f"{len(files) - _FILES_NAMED} more")
    ref = f" at {code(source.ref)}" if source.ref else ""
    trust = "trusted" if source.trusted else "not trusted"
    server = rows.server_version(report)
    facts = (
        f"policies {', '.join([*named, code(rows.short(source.digest))])}{ref}, {trust}",
        f"evidence {code(rows.short(report.evidence_digest))}"
        + (f" from MLflow {code(server)}" if server else ""),
        f"evaluated at {report.evaluated_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"policy-engine {code(report.engine.version)}",
    )
    return f"\n<sub>{' · '.join(facts)}</sub>\n"
