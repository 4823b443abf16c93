"""What is wrong in a policy file, said so that its author can fix it without asking.

policies/fraud.yaml:14:18: policies.model-size-budget.max_sise: unknown setting
  did you mean 'max_size'?
1 problem found; nothing was evaluated.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from policy_engine.errors import PolicyEngineError
from policy_engine.quantities.words import count, did_you_mean

_LONGEST_SHOWN = 80  # characters of what the user wrote; the line number tells the rest


class Spot(NamedTuple):
    """A place in a text: file as messages name it, line and column from 1; of a flag both are 0."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake and its place.

    Attributes:
        file: The file, or the pack, as messages name it.
        line: From 1; 0 where the file is a flag of the command.
        column: From 1: of the key where the key is wrong, of the value where the value is.
        key: The path of keys to it, such as `policies.model-size-budget.max_size`; "" for the file.
        value: What was written there, as it was written; None where nothing was.
        message: What is wrong.
        remedy: What to write instead.
    """

    file: str
    line: int
    column: int
    key: str
    value: str | None
    message: str
    remedy: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: " + (f"{self.key}: " if self.key else "") + self.message
        return printable(text) + (f"\n  {printable(self.remedy)}" if self.remedy else "")


class PolicyFileError(PolicyEngineError):
    """Policy files are wrong: nothing was judged (exit 2).

    Attributes:
        problems: Every problem of every file, in the order of files and lines.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Say all of them, each once, however many files extend the one that holds it."""
        once = dict.fromkeys(problems)
        self.problems = tuple(sorted(once, key=lambda p: (p.file, p.line, p.column, p.key)))
        end = f"{count(len(self.problems), 'problem')} found; nothing was evaluated."
        super().__init__("\n".join([*map(str, self.problems), end]))


class Problems:
    """Gathers problems while files are read on, so that all of them are said at once."""

    def __init__(self) -> None:
        """Start with none."""
        self.found: list[Problem] = []
        self._explained: set[tuple[str, str]] = set()

    def add(
        self,
        at: Spot,
        key: str,
        message: str,
        remedy: str | None = None,
        value: str | None = None,
    ) -> None:
        """Note a problem, unless all was said of this key already."""
        if (at.file, key) not in self._explained:
            self.found.append(Problem(at.file, at.line, at.column, key, value, message, remedy))

    def add_last(self, at: Spot, key: str, message: str, remedy: str | None = None) -> None:
        """Note a problem after which nothing else about this key is worth saying."""
        self.add(at, key, message, remedy)
        self._explained.add((at.file, key))

    def raise_any(self) -> None:
        """Stop here if there is one.

        Raises:
            PolicyFileError: With all of them.
        """
        if self.found:
            raise PolicyFileError(self.found)


def near_or_all(word: str, known: Iterable[str], what: str) -> str:
    """Return the nearest known word as a question, else all of them, introduced by `what`."""
    names = list(known)
    return did_you_mean(word, names) or f"{what}: {', '.join(names) or 'none'}"


def excerpt(text: str) -> str:
    """Return what the user wrote in quotes, cut off where it is long."""
    return f"'{cut_off(text)}'"


def cut_off(text: str) -> str:
    """Return a text short enough for a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def printable(text: str) -> str:
    r"""Return the text with control characters as escapes: a file cannot steer the terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
