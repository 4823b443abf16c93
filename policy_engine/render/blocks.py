"""What a reader takes in: findings of one cause as one block, and the reasons of a verdict."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from policy_engine.policy import Outcome
from policy_engine.quantities import show, show_both
from policy_engine.quantities.words import count
from policy_engine.render import rows
from policy_engine.report import Change, Effect, Judged, Report, Verdict

_MOST_REASONS = 4
_LIMIT = re.compile(r"; it must (be|gain|cost|save) ((?:at (?:most|least)|above|below) [^;]+)$")
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
    """Return why the verdict is what it is, shortest form, the first three and a count."""
    kinds = _DECIDING.get(report.verdict, ())
    deciding = [
        block.first
        for subject in report.subjects
        for block in blocks(subject.findings)
        if block.kind in kinds
    ]
    doubted = {
        change.what
        for subject in report.subjects
        for change in subject.changes
        if change.interval is not None and not change.interval.shown
    }
    told = [_reason(several[0], doubted) for several in by_policy(deciding).values()]
    told += [s.reason for s in report.subjects if s.reason and s.verdict is report.verdict]
    if report.verdict is Verdict.PASS:
        first = [c for s in report.subjects for c in s.changes[:1] if c.baseline is not None]
        told = [f"{change.what} {change.difference}" for change in first]
    several = list(dict.fromkeys(told))
    more = len(several) - _MOST_REASONS
    return several[:_MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])


def _reason(finding: Judged, doubted: Collection[str]) -> str:
    """Return a message as one of several reasons: the limit in brackets, and a gain that is none.

    Args:
        finding: The finding.
        doubted: The metrics whose difference may be chance.
    """
    said = _LIMIT.sub(_in_brackets, finding.message)
    is_doubted = finding.about in doubted and " gains " in said
    return f"{said}, which may be chance" if is_doubted else said


def _in_brackets(limit: re.Match[str]) -> str:
    """Return a limit in brackets: its verb stays where the number is of another one (`loses`)."""
    verb, least = limit.groups()
    is_same = f" {verb}s " in limit.string[: limit.start()]
    return f" (must {'be' if is_same else verb} {least})"


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
