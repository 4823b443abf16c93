"""What a reader takes in: findings of one cause as one block, and the reasons of a verdict."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from policy_engine.policy import Outcome
from policy_engine.quantities import show, show_both
from policy_engine.quantities.words import count
from policy_engine.render import rows
from policy_engine.report import Change, Effect, Judged, Report, Verdict

_HEADLINE = 250  # characters of reasons: two lines of a comment
_LIMIT = re.compile(
    r"; it (?:must (?P<verb>be|gain|cost|save) (?P<bound>at most|at least|above|below)|may grow by)"
    r" (?P<limit>[^;]+)$"
)
_UNKNOWN = frozenset({Outcome.MISSING, Outcome.ERROR})
_DECIDING = {
    Verdict.ERROR: ("error", "blocking"),
    Verdict.FAIL: ("blocking",),
    Verdict.WARN: ("error", "warning"),
}


class Block(NamedTuple):
    """Findings that say the same, or that lack the same: they are read once.

    Attributes:
        findings: One or more, the worst first.
    """

    findings: tuple[Judged, ...]

    @property
    def first(self) -> Judged:
        """The finding that speaks for all: of the worst, the one with least to say beside it."""
        worst = rows.kind(self.findings[0])
        return min((f for f in self.findings if rows.kind(f) == worst), key=lambda f: len(f.whole))

    @property
    def kind(self) -> str:
        """What the worst of them counts as (see `rows.kind`)."""
        return rows.kind(self.findings[0])

    def names(self, *, worst: bool) -> list[tuple[str, str | None]]:
        """Return each binding with its part, once: those of the worst kind, or the others."""
        mine = (f for f in self.findings if (rows.kind(f) == self.kind) is worst)
        return list(dict.fromkeys((f.id, f.part) for f in mine))

    @property
    def details(self) -> list[str]:
        """What the findings say in full, as far as it is more than the message."""
        told = self.first.message
        wholes = (f.whole if f.message == told else rows.why(f) for f in self.findings)
        return [whole for whole in dict.fromkeys(wholes) if whole != told]


def blocks(findings: Iterable[Judged]) -> list[Block]:
    """Return the findings to look at, worst first, those of one cause together."""
    grouped: dict[tuple[object, ...], list[Judged]] = {}
    for finding in rows.ordered(findings):
        if rows.is_problem(finding):
            grouped.setdefault(_cause(finding), []).append(finding)
    return [Block(tuple(several)) for several in grouped.values()]


def _cause(finding: Judged) -> tuple[object, ...]:
    """Return what two findings of one cause have in common: lacking evidence has one remedy."""
    if finding.outcome in _UNKNOWN and finding.remedy and not finding.waiver:
        return (finding.outcome, finding.remedy)
    waiver = finding.waiver.get("id") if finding.waiver else None
    return (rows.kind(finding), finding.outcome, waiver, finding.message, finding.remedy)


def by_policy(findings: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return findings by their binding: one line each is enough for what passed."""
    found: dict[str, list[Judged]] = {}
    for finding in findings:
        found.setdefault(finding.id, []).append(finding)
    return found


def reasons(report: Report) -> list[str]:
    """Return why the verdict is what it is, shortest form: as much as fits, and a count."""
    kinds = _DECIDING.get(report.verdict, ())
    deciding = [
        block.first
        for subject in report.subjects
        for block in blocks(subject.findings)
        if block.kind in kinds
    ]
    told = [one for several in by_policy(deciding).values() for one in _reasons(several)]
    told += [s.reason for s in report.subjects if s.reason and s.verdict is report.verdict]
    if report.verdict is Verdict.PASS:
        first = [c for s in report.subjects for c in s.changes[:1] if c.baseline is not None]
        told = [f"{change.what} {change.difference}" for change in first]
    return _fitting(list(dict.fromkeys(told)))


def _reasons(findings: Sequence[Judged]) -> list[str]:
    """Return what blocks of one policy, as one reason where it is about one number.

    `size is 9 MB; it must be at most 5 MB` and `size is 9 MB and the baseline's 1 MB; it may grow
    by 10%` are one.
    """
    first, *others = (finding.message for finding in findings)
    told = [_LIMIT.sub(_in_brackets, first)]
    for message in others:
        more = message.removeprefix(first.partition("; ")[0])
        if more != message and more.startswith(" and "):
            told[0] += _LIMIT.sub(_in_brackets, more)
        else:
            told.append(_LIMIT.sub(_in_brackets, message))
    return told


def _fitting(told: Sequence[str]) -> list[str]:
    """Return the reasons that a headline has room for, one at least, and how many more."""
    room, shown = _HEADLINE, 0
    for reason in told:
        room -= len(reason) + len("; ")
        if shown and room < 0:
            break
        shown += 1
    more = len(told) - shown
    return [*told[:shown], *([f"and {more} more"] if more else [])]


def _in_brackets(found: re.Match[str]) -> str:
    """Return a limit in brackets: its verb stays where the number is of another one (`loses`)."""
    verb, bound, limit = found["verb"], found["bound"], found["limit"]
    if verb is None:
        return f" (may grow by {limit})"
    is_same = verb == "be" or f" {verb}s " in found.string[: found.start()]
    if is_same and bound == "at most":
        return f" (limit {limit})"
    return f" (must {'be' if is_same else verb} {bound} {limit})"


def change_cells(change: Change, *, on: bool = False) -> tuple[str, str, str]:
    """Return baseline, candidate and difference of a change, with units; `on` says on what."""
    before, after = change.baseline, change.candidate
    difference = change.difference
    interval = change.interval
    if interval is not None and before is not None:
        low, high = show_both(interval.low, interval.high, interval.unit)
        low = low.removesuffix(f" {interval.unit}")
        level = show(interval.confidence, "%")
        where = f" on {interval.on}" if on else ""
        difference += f" ({level} interval {low} to {high}{where})"
    if after is None:
        return "", "", difference
    if before is None:
        return "", show(after, change.unit), difference
    return (*show_both(before, after, change.unit), difference)


def is_minded(change: Change) -> bool:
    """Say whether a policy objects to a change."""
    return change.effect in {Effect.BLOCK, Effect.WARN, Effect.WAIVED}


def passed_words(findings: Sequence[Judged]) -> str:
    """Return what passed as one line: `11 passed: run-finished, dataset-identity`."""
    return f"{count(len(findings), 'passed', 'passed')}: {', '.join(by_policy(findings))}"
