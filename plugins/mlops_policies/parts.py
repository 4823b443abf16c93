"""A part of a policy, judged by itself: what its evidence lacks is a finding of that part."""

from collections.abc import Callable

from policy_engine.evidence import (
    EvidenceError,
    InvalidEvidence,
    MissingEvidence,
    NotApplicable,
    UnreadableEvidence,
)
from policy_engine.policy import Finding, Outcome

_OUTCOMES = {
    MissingEvidence: Outcome.MISSING,
    InvalidEvidence: Outcome.FAIL,
    UnreadableEvidence: Outcome.ERROR,
}


def part(name: str, judge: Callable[[], Finding]) -> Finding:
    """Return what `judge` finds; evidence that is no value becomes a finding of the part `name`.

    Raises:
        UndeclaredNeed: If the policy reads what it does not declare; that concerns all its parts.
    """
    try:
        return judge()
    except NotApplicable as e:
        return Finding(outcome=Outcome.NOT_APPLICABLE, part=name, message=str(e))
    except EvidenceError as e:
        for kind, outcome in _OUTCOMES.items():
            if isinstance(e, kind):
                return Finding(outcome=outcome, part=name, message=str(e), remedy=e.remedy)
        raise
