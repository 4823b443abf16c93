"""What every format for people says in the same words: order, counts, numbers, runs."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from policy_engine.evidence import Measurement
from policy_engine.policy import Limit, Outcome
from policy_engine.quantities import show
from policy_engine.quantities.words import count
from policy_engine.report import BaselineRef, Effect, Judged, Proposal, Report, RunRef, Verdict

Quote = Callable[[object], str]
"""Makes untrusted text part of one format: a function of `escape`."""

WORDS = {
    Verdict.ERROR: "Error",
    Verdict.NOT_EVALUATED: "Not evaluated",
    Verdict.FAIL: "Fail",
    Verdict.WARN: "Warn",
    Verdict.PASS: "Pass",
    Verdict.NOT_APPLICABLE: "Not applicable",
}

MEANINGS = {
    Verdict.ERROR: "it could not be decided whether this may merge",
    Verdict.NOT_EVALUATED: "nothing was judged, so this may not merge",
    Verdict.FAIL: "this may not merge",
    Verdict.WARN: "this may merge, after a look",
    Verdict.PASS: "this may merge",
    Verdict.NOT_APPLICABLE: "there is nothing to judge",
}

DECISIONS = {
    Verdict.ERROR: "May not merge, it could not be decided",
    Verdict.NOT_EVALUATED: "May not merge, nothing was judged",
    Verdict.FAIL: "May not merge",
    Verdict.WARN: "May merge, after a look",
    Verdict.PASS: "May merge",
    Verdict.NOT_APPLICABLE: "May merge, nothing to judge",
}
"""The verdict as the answer to "may it merge?"."""

SYMBOLS = {
    Verdict.ERROR: "🛑",
    Verdict.NOT_EVALUATED: "❔",
    Verdict.FAIL: "❌",
    Verdict.WARN: "⚠️",
    Verdict.PASS: "✅",
    Verdict.NOT_APPLICABLE: "⚪",
}

KIND_SYMBOLS = {
    "error": "🛑",
    "blocking": "❌",
    "warning": "⚠️",
    "waived": "☑️",
    "skipped": "⚪",
    "passed": "✅",
    "not applicable": "⚪",
}

_NUMBER = re.compile(r"\d[\d,.]*(?<![,.])")
_KINDS = ("error", "blocking", "warning", "waived", "skipped", "passed", "not applicable")
_MOST_LINES = 20
_MOST = ("<=", "<")
_NOUNS = ("error", "warning")
_EFFECTS = {Effect.BLOCK: "blocking", Effect.WARN: "warning", Effect.WAIVED: "waived"}
_VERBS = {Effect.BLOCK: "blocks", Effect.WARN: "warns", Effect.WAIVED: "waived"}
EFFECTS = {
    Effect.BLOCK: "block",
    Effect.WARN: "warn",
    Effect.WAIVED: "waived",
    Effect.NONE: "agree",
}
"""What the policies that are about a quantity make of its change."""
_OUTCOMES = {Outcome.PASS: "passed", Outcome.NOT_APPLICABLE: "not applicable"}


def kind(finding: Judged) -> str:
    """Return what a finding counts as; an error is one even where it only warns."""
    if finding.outcome is Outcome.ERROR:
        return "error"
    return _EFFECTS.get(finding.effect) or _OUTCOMES.get(finding.outcome, "skipped")


def ordered(findings: Iterable[Judged]) -> list[Judged]:
    """Return the findings worst first; those of one kind stay in the order of the policy file."""
    return sorted(findings, key=lambda finding: _KINDS.index(kind(finding)))


def is_skipped(finding: Judged) -> bool:
    """Say whether the policy file lets absent or undecided evidence pass."""
    return kind(finding) == "skipped"


def is_problem(finding: Judged) -> bool:
    """Say whether somebody should look at it: it is an error, blocks, warns or is waived."""
    return finding.effect is not Effect.NONE or finding.outcome is Outcome.ERROR


def tally(findings: Iterable[Judged]) -> str:
    """Return the counts, such as `1 blocking, 2 passed`; zeros are left out."""
    counts = Counter(map(kind, findings))
    counted = [
        count(counts[name], name, None if name in _NOUNS else name)
        for name in _KINDS
        if counts[name]
    ]
    return ", ".join(counted) or "no findings"


def every_finding(report: Report) -> list[Judged]:
    """Return the findings of all subjects."""
    return [finding for subject in report.subjects for finding in subject.findings]


def verdict_words(finding: Judged) -> str:
    """Return outcome and effect, such as `FAIL, blocks`; capitals only where it blocks."""
    verb = _VERBS.get(finding.effect)
    word = finding.outcome.value
    if finding.effect is Effect.BLOCK:
        word = word.upper()
    if verb is None and kind(finding) == "skipped":
        verb = "skipped"
    return f"{word}, {verb}" if verb else word


def why(finding: Judged) -> str:
    """Return all that is said of a finding: the message too where its detail lacks a number."""
    lacks = set(_NUMBER.findall(finding.message)) - set(_NUMBER.findall(finding.whole))
    return f"{finding.message}; {finding.whole}" if lacks else finding.whole


def measured_cell(finding: Judged) -> str | None:
    """Return the measured value with its unit, so that it never looks equal to its limit.

    A bound of a gain is said to be one: it is not what was gained.
    """
    value = finding.measured
    amount = _amount(value, finding.limit)
    is_bound = value is not None and value.unit != "p" and finding.interval is not None
    return f"at least {amount}" if is_bound and not is_drop(finding) else amount


def is_drop(finding: Judged) -> bool:
    """Say whether what was measured is a drop, of which so much is allowed: that of a slice."""
    return finding.part is not None and finding.limit is not None and finding.limit.op in _MOST


def limit(finding: Judged) -> str | None:
    """Return the bound, such as `<= 200.0 MB`."""
    bound = finding.limit
    return None if bound is None else f"{bound.op} {_amount(bound, finding.measured)}"


def baseline(finding: Judged) -> str | None:
    """Return the baseline's value with its unit."""
    return _amount(finding.baseline, finding.measured)


def numbers(finding: Judged) -> str:
    """Return measured value, limit and baseline in a line, with units and grades; maybe empty."""
    told = (
        _graded("measured", measured_cell(finding), finding.measured),
        _graded("limit", limit(finding)),
        _graded("baseline", baseline(finding), finding.baseline),
    )
    line = "; ".join(filter(None, told))
    return line[:1].upper() + line[1:]


def run_words(run: RunRef, quote: Quote) -> str:
    """Return what is known of a run: its model (as it is registered, if it is), run, commit."""
    run_id = quote(run.run_id[:8])
    model = run.registered or run.model
    words = [
        None if model is None else f"model {quote(model)}",
        f"run {run_id}" if run.run_name is None else f"run {quote(run.run_name)} ({run_id})",
        None if run.commit is None else f"commit {quote(run.commit[:7])}",
    ]
    return ", ".join(word for word in words if word is not None)


def baseline_words(run: BaselineRef, quote: Quote) -> str:
    """Return what is known of the baseline: which run it is, how it was found, how old it is."""
    return f"{run_words(run, quote)}, {found_words(run, quote)}"


def found_words(run: BaselineRef, quote: Quote) -> str:
    """Return how the baseline was found, and how old it is."""
    words = [f"found by {quote(run.found_by)}"]
    if run.trained is not None:
        words.append(f"trained on {run.trained:%Y-%m-%d}")
    if run.commits:
        words.append(f"{count(run.commits, 'commit')} before")
    return ", ".join(words)


def rule_words(finding: Judged) -> str:
    """Return where a finding's rule stands, which policy it binds, at which level."""
    where = f"{finding.where.file}:{finding.where.line}"
    named = "" if finding.policy == finding.id else f", {finding.policy}"
    return f"{where}{named}, {finding.level.value}"


def waiver_words(waiver: Mapping[str, Any]) -> str:
    """Return a waiver's fields in one line, its id first."""
    rest = (f"{key} {value}" for key, value in waiver.items() if key != "id" and value is not None)
    return ", ".join([str(waiver.get("id", "without an id")), *rest])


def proposal_words(proposal: Proposal) -> str:
    """Return in one sentence what the proposed policies would decide; they decide nothing yet."""
    if proposal.verdict is None:
        return "the policies that this pull request proposes could not judge it"
    verdict = f"their verdict would be: {WORDS[proposal.verdict].lower()}"
    if not proposal.findings:
        return f"the policies that this pull request proposes judge nothing here; {verdict}"
    changed = len(proposal.changed) or "none"
    return (
        f"the policies that this pull request proposes would change {changed} of "
        f"{proposal.findings} findings; {verdict}"
    )


def problem_lines(proposal: Proposal) -> list[str]:
    """Return why the proposed policies could not judge, in lines that hold something."""
    lines = [line for line in (proposal.problem or "").split("\n") if line.strip()]
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"… {more} more"] if more > 0 else lines


def changed_words(outcome: Outcome | None, effect: Effect | None) -> str:
    """Return outcome and effect of one side of a changed finding."""
    if outcome is None:
        return "not there"
    verb = _VERBS.get(effect) if effect else None
    return f"{outcome.value}, {verb}" if verb else outcome.value


def waivers(report: Report) -> list[tuple[str, str]]:
    """Return each waiver with its state: those to look after first, those in use last."""
    used = [finding.waiver for finding in every_finding(report) if finding.waiver]
    several = {
        "expires soon": report.waivers.expiring,
        "expired": report.waivers.expired,
        "unused": report.waivers.unused,
        "used": used,
    }
    told = ((state, waiver_words(each)) for state, group in several.items() for each in group)
    return list(dict.fromkeys(told))


def waiver_tally(report: Report) -> str:
    """Return the counts of waivers by state, such as `Waivers: 1 expired, 2 used`."""
    counts = Counter(state for state, _ in waivers(report))
    return "Waivers: " + ", ".join(f"{count} {state}" for state, count in counts.items())


def server_version(report: Report) -> str | None:
    """Return the version of the MLflow server, where more than its first number is known."""
    return report.mlflow if report.mlflow and "." in report.mlflow else None


def short(digest: str) -> str:
    """Return a digest by its algorithm and first 12 digits."""
    return digest[: len("sha256:") + 12]


def _graded(name: str, amount: str | None, value: Measurement | None = None) -> str | None:
    if amount is None:
        return None
    return f"{name} {amount} ({value.grade.value})" if value else f"{name} {amount}"


def _amount(value: Measurement | Limit | None, beside: Measurement | Limit | None) -> str | None:
    if value is None:
        return None
    same_unit = beside is not None and beside.unit == value.unit
    return show(value.value, value.unit, beside.value if beside and same_unit else None)


def verdict_line(report: Report) -> str:
    """Return the verdict as the last line of a job's log."""
    trust = "trusted" if report.policies.trusted else "not trusted"
    word, counts = WORDS[report.verdict].upper(), tally(every_finding(report))
    return f"policy-engine: {word} (exit code {int(report.exit_code)}): {counts}; policies {trust}"
