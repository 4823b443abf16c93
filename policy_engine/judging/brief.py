"""A long message in short: people read its first clause, and unfold the rest."""

from functools import lru_cache

from policy_engine.policy import Finding
from policy_engine.quantities.words import is_closed

LONGEST = 100
"""The longest message that is read at a glance (characters)."""
_LEAST = 11  # `no baseline`
_ENDS = ("; ", ": ", " (", ", ")
_FEW = 2  # with a comma between them, they are rather clauses than things that are listed


def in_brief(finding: Finding) -> Finding:
    """Return the finding with a message of at most 100 characters; its detail has all of it.

    A policy that says a detail of its own chose its message: that stays, unless it is too long.
    """
    if len(finding.message) <= LONGEST:
        return finding
    return finding._replace(message=brief(finding.message), detail=finding.whole)


@lru_cache(1024)
def brief(text: str) -> str:
    """Return the clauses of a text that fit into 100 characters, or as many words as do."""
    for end in _ENDS:
        clauses = text.split(end)
        for count in range(len(clauses) - 1, 0, -1):
            part = end.join(clauses[:count])
            if _LEAST <= len(part) <= LONGEST and is_closed(part):
                return _with_some(part, text) if end == ": " else part
    words = text[: LONGEST - 1]
    cut = words.rfind(" ")
    return (words[:cut] if cut >= _LEAST else words) + "…"


def _with_some(part: str, text: str) -> str:
    """Return a clause with as many as fit of the things that the text lists after its colon."""
    listed = text[len(part) + 2 :].partition("; ")[0].split(", ")
    for count in range(len(listed) - 1, 0, -1):
        some = f"{part}: {', '.join(listed[:count])}, …"
        if len(listed) > _FEW and len(some) <= LONGEST and is_closed(some):
            return some
    return part
