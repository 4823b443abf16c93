"""What a pull request's proposal edits in the policies, in words; the same in every format."""

from collections import Counter
from collections.abc import Sequence

from policy_engine.quantities.words import count
from policy_engine.report import Edit, Proposal, Strictness, Where

WORDS = {
    Strictness.LOOSER: "looser",
    Strictness.NEITHER: "other",
    Strictness.TIGHTER: "tighter",
}
HEAD = ("edit", "rule", "policy file", "today", "proposed")
"""The heads of a table of edits."""


def tally(proposal: Proposal) -> str | None:
    """Return how many edits there are, by what they make of the rules; None where there is none."""
    if not proposal.edits:
        return None
    counts = Counter(edit.strictness for edit in proposal.edits)
    kinds = [f"{counts[each]} {WORDS[each]}" for each in Strictness if counts[each]]
    if proposal.more_edits:
        kinds.append(f"{proposal.more_edits} more that are not listed")
    total = count(len(proposal.edits) + proposal.more_edits, "edit")
    return f"{total} of the policies: {', '.join(kinds)}"


def looser_first(proposal: Proposal) -> tuple[Sequence[Edit], Sequence[Edit]]:
    """Return the edits that loosen a rule, and all others."""
    looser = [edit for edit in proposal.edits if edit.strictness is Strictness.LOOSER]
    return looser, [edit for edit in proposal.edits if edit.strictness is not Strictness.LOOSER]


def words(edit: Edit) -> str:
    """Return what is edited: `policies.latency.max: 50ms -> 80ms`."""
    key = rule(edit)
    if edit.change == "changed":
        return f"{key}: {edit.before} -> {edit.after}"
    return f"{key} {edit.change}: {edit.after if edit.change == 'added' else edit.before}"


def rule(edit: Edit) -> str:
    """Return which rule is edited: its key, and of a binding that is not overridable the level."""
    level = edit.level.value if edit.level else "overridable"
    return (edit.key or "policy file") + ("" if level == "overridable" else f" ({level})")


def place(edit: Edit) -> Where:
    """Return where the proposed text is; where it is gone, the text that judges."""
    found = edit.where or edit.was
    return found or Where(edit.policy_file, 1)
