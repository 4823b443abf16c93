"""A remedy as steps: what to do first, then what else helps or has to be known."""

from policy_engine.quantities.words import is_closed

_MOST = 6  # a text that we did not write may hold any number


def steps(remedy: str) -> list[str]:
    """Return the clauses of a remedy, which `; ` parts; what a bracket or quotation holds is whole.

    This is the one place that splits a remedy.
    """
    told: list[str] = []
    held: list[str] = []
    for clause in remedy.split("; "):
        held.append(clause)
        step = "; ".join(held)
        if step.strip() and is_closed(step) and len(told) < _MOST - 1:
            told.append(step)
            held = []
    return told if not held else [*told, "; ".join(held)]
