"""What proposed policies would make of the champion, in words; the same in every format."""

from collections.abc import Iterator
from typing import NamedTuple

from policy_engine.render.rows import WORDS, Quote, is_problem, ordered, run_words, verdict_words
from policy_engine.report import Champion, Judged, Proposal, Where


class Told(NamedTuple):
    """A line on the champion, and where the proposed rule stands."""

    text: str
    where: Where


def words(each: Champion, quote: Quote) -> str:
    """Return what a proposed policy file would make of the champion, in one sentence."""
    subject = each.proposed
    told = f"under {quote(subject.policy_file)} as proposed the champion"
    if subject.candidate is not None:
        found = "" if each.found_by is None else f", found by {quote(each.found_by)}"
        told = f"{told} ({run_words(subject.candidate, quote)}{found})"
    told = f"{told} would come to: {WORDS[subject.verdict].lower()}"
    if each.today is not None:
        told = f"{told}, today: {WORDS[each.today].lower()}"
    if subject.reason is not None:
        told = f"{told}; {quote(subject.reason)}"
    if each.left_out:
        names = ", ".join(quote(name) for name in each.left_out)
        told = f"{told}; not asked, since they compare models or read the change: {names}"
    return told


def problems(each: Champion) -> list[Judged]:
    """Return the findings that block the champion or warn of it, the worst first."""
    return [finding for finding in ordered(each.proposed.findings) if is_problem(finding)]


def problem_words(finding: Judged, quote: Quote) -> str:
    """Return which policy says what of the champion."""
    part = f" ({quote(finding.part)})" if finding.part else ""
    return f"{quote(finding.id)}{part}: {verdict_words(finding)}: {quote(finding.message)}"


def lines(proposal: Proposal | None, quote: Quote) -> Iterator[Told]:
    """Yield a line for each champion, and one for each policy that it does not pass."""
    for each in proposal.champions if proposal else ():
        yield Told(words(each, quote), Where(each.proposed.policy_file, 1))
        for finding in problems(each):
            yield Told(f"champion, {problem_words(finding, quote)}", finding.where)
