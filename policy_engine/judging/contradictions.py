"""What no finding can be: its outcome at odds with the number and the limit that it states."""

from policy_engine.evidence import Measurement
from policy_engine.policy import Limit, Outcome


def contradiction(
    outcome: Outcome, measured: Measurement | None, limit: Limit | None, *, rounded: bool = False
) -> str | None:
    """Return what contradicts itself; None: nothing does.

    A fail may stand at its limit: a model that is as good and costs more, for one.

    Args:
        outcome: What was found.
        measured: The value that was judged.
        limit: Its bound.
        rounded: Whether both were written as JSON, which rounds them.
    """
    if measured is None or limit is None or outcome not in {Outcome.PASS, Outcome.FAIL}:
        return None
    if measured.unit != limit.unit:
        is_pass = outcome is Outcome.PASS
        return f"compares {measured.unit} with {limit.unit}" if is_pass else None
    if rounded and float(measured.value) == float(limit.value):
        return None
    if outcome is Outcome.PASS:
        holds = limit.holds(measured.value)
        return None if holds else "passed a value that its own limit refuses"
    is_within = limit.holds(measured.value) and measured.value != limit.value
    return "failed a value that its own limit admits" if is_within else None
