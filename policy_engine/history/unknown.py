"""What a backtest cannot know, so that no policy takes it for missing.

It stands in the evidence as what could not be read. A policy that comes upon it ends there, and
its finding is counted as not replayed, with the reason.
"""

from policy_engine.evidence.record import Unreadable
from policy_engine.report import Judged

MARK = "not replayed: "
"""What the reason begins with, wherever it is quoted."""
NO_CHANGE = "there is no pull request to read"
"""How evidence says that no change is known."""


def unknown(reason: str) -> Unreadable:
    """Return what stands in the evidence for something that is not known of the past."""
    return Unreadable(unreadable=MARK + reason)


NOT_READ = "files and rows are not read"
MODEL, ROWS, FILES = (unknown(f"{NOT_READ}: {what}") for what in ("the model", "rows", "files"))
IMPORTANCE = unknown(f"{NOT_READ}: feature importances")
REGISTRY = unknown("the registry has no history")
REPEATS = unknown("runs of the commit that were deleted are not known")


def reason_in(finding: Judged) -> str | None:
    """Return why a finding judged nothing of the past; None where it did."""
    _, found, reason = finding.whole.partition(MARK)
    if found:
        said = reason.split(";")[0].strip()
        while said.endswith(")") and said.count(")") > said.count("("):  # it was quoted in brackets
            said = said[:-1].rstrip()
        return said
    if finding.whole.startswith(NO_CHANGE):
        return "the pull request of a past run is not known"
    return None
