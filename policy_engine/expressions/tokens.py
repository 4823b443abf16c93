"""From the text of an expression to its words, each with its place."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from policy_engine.expressions.failure import ExpressionError

LONGEST = 1000
"""Characters of one expression."""

Sort = Literal["name", "text", "whole", "number", "sign", "end"]


class Token(NamedTuple):
    """A word: its sort, its value as CEL reads it, where it begins and ends (from 0)."""

    sort: Sort
    value: str
    start: int
    end: int

    def __str__(self) -> str:
        if self.sort == "end":
            return "the end"
        return f"the text '{self.value}'" if self.sort == "text" else f"'{self.value}'"


_WORD = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>r?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
      | (?P<number>\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+))
      | (?P<whole>\d+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}
_ESCAPE = re.compile(r"\\(.)")
_WIDEST = 2**63 - 1


def tokens(text: str) -> Iterator[Token]:
    """Yield the words of an expression, and its end.

    Raises:
        ExpressionError: If it is too long, or holds what no word begins with.
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"an expression of {len(text)} characters; {LONGEST} are allowed")
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise ExpressionError(_unknown(text[at]), at)
        sort, word = str(found.lastgroup), found.group()
        if sort != "space":
            yield _token(sort, word, at, found.end())
        at = found.end()
    yield Token("end", "", at, at)


def _token(sort: str, word: str, start: int, end: int) -> Token:
    if sort == "text":
        return Token("text", _plain(word, start), start, end)
    if sort == "number":
        return Token("number", word, start, end)
    if sort == "whole":
        if int(word) > _WIDEST:
            raise ExpressionError(f"{word} is too large for a whole number; write {word}.0", start)
        return Token("whole", word, start, end)
    return Token("name" if sort == "name" else "sign", word, start, end)


def _plain(word: str, start: int) -> str:
    """Return what a quoted text means."""
    if word.startswith("r"):
        return word[2:-1]

    def meant(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise ExpressionError(
                f"'{found[0]}' is not read in a text; write a raw text: r'…'", start
            )
        return _ESCAPES[found[1]]

    return _ESCAPE.sub(meant, word[1:-1])


def _unknown(character: str) -> str:
    if character in {"'", '"'}:
        return "a text begins here and does not end on its line"
    if character in "&|=":
        return f"'{character}' alone means nothing; write '{character * 2}'"
    if character in "{}":
        return "maps are not read; name what you compare"
    return f"the character {character!a} is not read here"
