"""The report as Markdown, for a pull-request comment or a job's summary.

The verdict stands above everything that others wrote, and what others wrote stands in code.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial

from policy_engine.evidence import Measurement
from policy_engine.policy import Outcome
from policy_engine.render import rows
from policy_engine.render.escape import LONG, code, table_code
from policy_engine.report import Judged, Report, Subject, Verdict

_SYMBOLS = {
    Verdict.ERROR: "🛑",
    Verdict.NOT_EVALUATED: "❔",
    Verdict.FAIL: "❌",
    Verdict.WARN: "⚠️",
    Verdict.PASS: "✅",
    Verdict.NOT_APPLICABLE: "⚪",
}
_KIND_SYMBOLS = {
    "error": "🛑",
    "blocking": "❌",
    "warning": "⚠️",
    "waived": "☑️",
    "skipped": "⚪",
    "passed": "✅",
    "not applicable": "⚪",
}
_RULE = "\n|---|---|---|---|---|---|"
_PROBLEMS = f"\n| policy | verdict | measured | limit | baseline | why, and how to fix it |{_RULE}"
_OTHERS = f"\n| policy | verdict | measured | limit | baseline | in words |{_RULE}"
_FILES_NAMED = 5
_NOTICE_ROOM = 200  # bytes

_sentence = partial(code, longest=LONG)
_cell_sentence = partial(table_code, longest=LONG)


@dataclass(frozen=True, slots=True)
class _Part:
    """A run of rows that is shown as far as there is room; those of a low rank go first."""

    rank: int
    noun: str
    rows: Sequence[str]
    opening: str = ""
    closing: str = ""


def as_markdown(
    report: Report, *, limit: int = 60_000, elsewhere: str = "the job summary and the JSON report"
) -> str:
    """Return the report as GitHub's Markdown.

    Args:
        report: The report.
        limit: The size that is never passed (bytes of UTF-8, so characters neither); the verdict
            is shown whole all the same. GitHub takes 65,536 characters a comment, 65,535 bytes a
            check run and 1 MiB a job summary.
        elsewhere: Where to find what there was no room for, in our own words.
    """
    head, foot = _head(report), _foot(report)
    subjects = sorted(report.subjects, key=lambda subject: list(Verdict).index(subject.verdict))
    parts = [part for subject in subjects for part in _parts(subject)]
    parts += _waivers(report)
    shown = _fitting(parts, limit - _size(head) - _size(foot) - _NOTICE_ROOM)
    body = "".join(_shown(part, count) for part, count in zip(parts, shown, strict=True))
    return head + body + _notice(parts, shown, elsewhere) + foot


def _head(report: Report) -> str:
    word = rows.WORDS[report.verdict]
    trust = ""
    if not report.policies.trusted:
        trust = ", judged by the policies of this pull request: not trusted"
    counts = rows.tally(rows.every_finding(report))
    return (
        f"## {_SYMBOLS[report.verdict]} {word}{trust}\n\n"
        f"**{counts}** (exit code {int(report.exit_code)})\n"
    )


def _parts(subject: Subject) -> Iterator[_Part]:
    yield _Part(0, "policy file", ["\n".join(_introduction(subject))])
    findings = rows.ordered(subject.findings)
    problems = [f for f in findings if rows.is_problem(f)]
    yield _Part(1, "finding", [_row(f) for f in problems], _PROBLEMS)
    others = [f for f in findings if not rows.is_problem(f)]
    yield _folded(2, "finding", rows.tally(others), [_row(f) for f in others], _OTHERS)
    passed_over = [f"- {code(p.rule)}: {_sentence(p.why)}" for p in subject.passed_over]
    yield _folded(3, "note", "Passed over as the baseline", passed_over)
    yield _folded(3, "note", "Notes", [f"- {_sentence(note)}" for note in subject.notes])


def _introduction(subject: Subject) -> Iterator[str]:
    yield f"\n### {_SYMBOLS[subject.verdict]} {code(subject.policy_file)}\n"
    if subject.reason:
        yield f"{rows.WORDS[subject.verdict]}: {_sentence(subject.reason)}"
    if subject.candidate:
        yield f"- candidate: {rows.run_words(subject.candidate, code)}"
        yield f"- baseline: {_baseline(subject)}"


def _baseline(subject: Subject) -> str:
    if subject.baseline is None:
        return "none"
    return f"{rows.run_words(subject.baseline, code)}, found by {code(subject.baseline.found_by)}"


def _row(finding: Judged) -> str:
    part = f" {table_code(finding.part)}" if finding.part else ""
    cells = (
        table_code(finding.id) + part,
        f"{_KIND_SYMBOLS[rows.kind(finding)]} {rows.verdict_words(finding)}",
        _graded(rows.measured(finding), finding.measured),
        _graded(rows.limit(finding)),
        _graded(rows.baseline(finding), finding.baseline),
        "<br>".join(_words(finding)),
    )
    return f"| {' | '.join(cells)} |"


def _graded(amount: str | None, value: Measurement | None = None) -> str:
    if amount is None:
        return ""
    return f"{table_code(amount)} {value.grade.value}" if value else table_code(amount)


def _words(finding: Judged) -> Iterator[str]:
    yield _cell_sentence(finding.message)
    if finding.remedy and finding.outcome is not Outcome.PASS:
        yield f"**Fix:** {_cell_sentence(finding.remedy)}"
    if finding.waiver:
        yield f"**Waiver:** {_cell_sentence(rows.waiver_words(finding.waiver))}"
    if rows.is_problem(finding):
        yield f"**Rule:** {_cell_sentence(rows.rule_words(finding))}"


def _waivers(report: Report) -> Iterator[_Part]:
    waivers = report.waivers
    lines = [
        f"- {word}: {_sentence(rows.waiver_words(waiver))}"
        for word, several in (
            ("expires soon", waivers.expiring),
            ("expired", waivers.expired),
            ("unused", waivers.unused),
        )
        for waiver in several
    ]
    yield _folded(3, "note", "Waivers to look after", lines)


def _folded(rank: int, noun: str, title: str, lines: Sequence[str], head: str = "") -> _Part:
    opening = f"\n<details><summary>{title}</summary>\n{head}"
    return _Part(rank, noun, lines, opening, "\n</details>")


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
        f"evidence {code(rows.short(report.evidence_digest))}",
        f"evaluated at {report.evaluated_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"policy-engine {code(report.engine.version)}",
    )
    return f"\n<sub>{' · '.join(facts)}</sub>\n"


def _fitting(parts: Sequence[_Part], room: int) -> list[int]:
    """Return how many rows of each part fit; nothing is shown behind the first that does not."""
    shown = [0] * len(parts)
    for i in sorted(range(len(parts)), key=lambda i: parts[i].rank):
        part = parts[i]
        for row in part.rows:
            room -= _size(_framed(part, [row]) if shown[i] == 0 else f"{row}\n")
            if room < 0:
                return shown
            shown[i] += 1
    return shown


def _shown(part: _Part, count: int) -> str:
    return _framed(part, part.rows[:count]) if count else ""


def _framed(part: _Part, lines: Iterable[str]) -> str:
    return "\n".join([*filter(None, [part.opening]), *lines, *filter(None, [part.closing]), ""])


def _notice(parts: Sequence[_Part], shown: Sequence[int], elsewhere: str) -> str:
    """Say what was left out, counted."""
    left_out: dict[str, int] = {}
    for part, count in zip(parts, shown, strict=True):
        left_out[part.noun] = left_out.get(part.noun, 0) + len(part.rows) - count
    counted = [
        f"{count} more {noun if count == 1 else _plural(noun)}"
        for noun, count in left_out.items()
        if count
    ]
    if not counted:
        return ""
    verb = "is" if sum(left_out.values()) == 1 else "are"
    return f"\n**{', '.join(counted)} {verb} in {elsewhere}.**\n"


def _size(text: str) -> int:
    return len(text.encode())


def _plural(noun: str) -> str:
    return "policy files" if noun == "policy file" else f"{noun}s"
