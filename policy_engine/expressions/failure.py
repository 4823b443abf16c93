"""What can be wrong with an expression: its text, before; its evaluation, later."""

from policy_engine.evidence import UnreadableEvidence


class ExpressionError(ValueError):
    """The text is not a condition: nothing was evaluated.

    A `ValueError`, so that a policy's setting of this kind complains like any other.
    """

    def __init__(self, message: str, at: int | None = None) -> None:
        """Say what is wrong, and from which character on (from 0)."""
        super().__init__(message if at is None else f"character {at + 1}: {message}")


class ExpressionFailed(UnreadableEvidence):
    """It could not be evaluated on this case, so nothing can be said (finding `error`)."""
