"""Counting, listing and suggesting, in the words of a message."""

import difflib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice

_LONGEST = 200  # characters of a word that are compared
_KEPT = 128
"""Answers that are remembered: past runs lack the same thing, one after the other."""
_MOST_KNOWN = 1000  # words that it is compared with


def count(number: int, noun: str, several: str | None = None, *, none: str = "0") -> str:
    """Return "1 run" or "1,234 runs".

    Args:
        number: How many there are (count).
        noun: What one of them is called.
        several: What several are called, where it is not the regular plural.
        none: What to say instead of 0.
    """
    what = noun if number == 1 else several or plural(noun)
    return f"{number:,} {what}" if number else f"{none} {what}"


def plural(noun: str, number: int = 2) -> str:
    """Return what so many of them are called: runs, policies."""
    if number == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("cy") else f"{noun}s"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Return "a", "a and b" or "a, b and c"."""
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def first_few(words: Iterable[str], most: int) -> str:
    """Return "a, b, c", or "a, b and 3 more" where `most` is 2."""
    named = list(words)
    more = len(named) - most
    return ", ".join(named[:most]) + (f" and {more} more" if more > 0 else "")


def is_closed(text: str) -> bool:
    """Say whether no bracket or quotation is left open."""
    pairs = (text.count("(") == text.count(")"), text.count("[") == text.count("]"))
    return all(pairs) and text.count('"') % 2 == 0 and text.count("`") % 2 == 0


def nearest(word: str, known: Iterable[str], most: int = 1, alike: float = 0.6) -> list[str]:
    """Return the known words that are most like this one, the nearest first.

    Args:
        word: What was written.
        known: What could have been meant; of more than 1,000 the first.
        most: How many are wanted (count).
        alike: How alike they must be, from 0 to 1 (the same).
    """
    return list(_nearest(word[:_LONGEST], tuple(islice(known, _MOST_KNOWN)), most, alike))


@lru_cache(_KEPT)
def _nearest(word: str, known: tuple[str, ...], most: int, alike: float) -> tuple[str, ...]:
    return tuple(difflib.get_close_matches(word, known, most, alike))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean 'x'?" for the known word that is most like this one, or None."""
    found = nearest(word, known)
    return f"did you mean '{found[0]}'?" if found else None
