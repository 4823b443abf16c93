"""Steps of which none keeps another from being taken, and what went wrong in them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from policy_engine.errors import PolicyEngineError
from policy_engine.render.escape import LONG, terminal


class Steps:
    """Takes steps, and says on stderr what came of none.

    Args:
        name: Whose sentences they are.
    """

    def __init__(self, name: str) -> None:
        self.problems: list[str] = []
        self._name = name

    def take(self, what: str, step: Callable[[], str | None]) -> bool:
        """Take a step, and say whether it was done; whatever goes wrong becomes a sentence.

        Args:
            what: What it writes.
            step: Returns why it was not written, or raises; None: it was.
        """
        try:
            problem = step()
        except PolicyEngineError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 -- the decision stands, whatever breaks here
            problem = f"it broke down: {type(error).__name__}"
        if problem is None:
            return True
        self.problems.append(f"{what} was not written: {problem}")
        sys.stderr.write(f"{self._name}: {terminal(self.problems[-1], LONG)}\n")
        return False
