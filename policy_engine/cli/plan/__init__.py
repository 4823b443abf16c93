"""How many rows or seeds a rule needs, what those that there are could show, and a picture."""

from policy_engine.cli.plan.asked import Asked
from policy_engine.cli.plan.basis import assumed
from policy_engine.cli.plan.telling import told

__all__ = ["Asked", "planned"]


def planned(asked: Asked, width: int) -> str:
    """Return the answer as text.

    Args:
        asked: The question.
        width: No line is wider (columns).

    Raises:
        UsageError: If the question names nothing to learn from, or too much.
        EvidenceError: If the runs do not tell how far a gain varies.
    """
    asked.check()
    if asked.run is None:
        return told(asked, assumed(asked), width)
    from policy_engine.cli.plan.learning import learned  # it reads MLflow

    return told(asked, learned(asked), width)
