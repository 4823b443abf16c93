"""GitHub's expressions, as far as our action and workflows use them; anything else is an error.

The rules are those of GitHub's documentation: only `''`, `null`, `false` and 0 are false, two texts
are equal whatever their case, and a property that is not there is `null`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*)|(?P<sign>==|!=|&&|\|\||!|\(|\)))"
)
_PLACE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}
STATUS = frozenset({"always", "success", "failure"})


class UnknownSyntaxError(Exception):
    """The runner does not know this; it must be taught before a test may rely on it."""


def evaluate(expression: str, contexts: Mapping[str, Any], *, failed: bool = False) -> Any:
    """Return the value of one expression, without its `${{ }}`.

    Args:
        expression: What GitHub would evaluate.
        contexts: `inputs`, `steps`, `github` and the like.
        failed: Whether a step before has failed: what `success()` and `failure()` look at.
    """
    return _Reading(expression, contexts, failed=failed).whole()


def render(text: Any, contexts: Mapping[str, Any], *, failed: bool = False) -> str:
    """Return a text with every `${{ }}` in it replaced by its value."""

    def value(found: re.Match[str]) -> str:
        return as_text(evaluate(found[1], contexts, failed=failed))

    return _PLACE.sub(value, as_text(text))


def holds(condition: Any, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    """Say whether a step with this `if` runs; without a status function it also needs success."""
    text = as_text(condition).strip()
    whole = _PLACE.fullmatch(text)
    expression = whole[1] if whole else text
    asks_status = any(f"{name}()" in expression for name in STATUS)
    value = evaluate(expression, contexts, failed=failed)
    return bool(value) and (asks_status or not failed)


def as_text(value: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise UnknownSyntaxError(f"an object where a text is needed: {value!r}")


class _Reading:
    """Reads `or` of `and` of comparisons of values."""

    def __init__(self, expression: str, contexts: Mapping[str, Any], *, failed: bool) -> None:
        self.expression, self.contexts, self.failed = expression, contexts, failed
        self.tokens = self._split(expression)

    def _split(self, expression: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        rest = expression.rstrip()
        while at < len(rest):
            found = _TOKEN.match(rest, at)
            if found is None or found.lastgroup is None:
                raise UnknownSyntaxError(f"{expression!r} at {rest[at:]!r}")
            tokens.append((found.lastgroup, found[found.lastgroup]))
            at = found.end()
        return tokens

    def whole(self) -> Any:
        value = self._or()
        if self.tokens:
            raise UnknownSyntaxError(f"{self.expression!r}: what is {self.tokens[0][1]!r}?")
        return value

    def _next(self, *signs: str) -> str | None:
        """Take the next token if it is one of these signs."""
        if self.tokens and self.tokens[0][0] == "sign" and self.tokens[0][1] in signs:
            return self.tokens.pop(0)[1]
        return None

    def _or(self) -> Any:
        value = self._and()
        while self._next("||"):
            other = self._and()
            value = value or other
        return value

    def _and(self) -> Any:
        value = self._comparison()
        while self._next("&&"):
            other = self._comparison()
            value = value and other
        return value

    def _comparison(self) -> Any:
        value = self._value()
        sign = self._next("==", "!=")
        if sign is None:
            return value
        other = self._value()
        if value is None and isinstance(other, str):
            value, other = other, value
        if isinstance(value, str) and isinstance(other, str):
            value, other = value.casefold(), other.casefold()
        elif isinstance(value, str) and other is None:
            value = value or None  # both become numbers: '' is 0 as null is, a word is none
        elif type(value) is not type(other):
            raise UnknownSyntaxError(f"{self.expression!r} compares {value!r} with {other!r}")
        return (value == other) == (sign == "==")

    def _value(self) -> Any:
        if self._next("!"):
            return not self._value()
        if self._next("("):
            value = self._or()
            if not self._next(")"):
                raise UnknownSyntaxError(f"{self.expression!r}: no closing parenthesis")
            return value
        if not self.tokens or self.tokens[0][0] == "sign":
            raise UnknownSyntaxError(f"{self.expression!r}: a value is missing")
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if self._next("("):
            return self._call(text)
        return _WORDS[text] if text in _WORDS else self._property(text)

    def _call(self, name: str) -> bool:
        if name not in STATUS or not self._next(")"):
            raise UnknownSyntaxError(f"{self.expression!r}: the function {name}")
        return {"always": True, "success": not self.failed, "failure": self.failed}[name]

    def _property(self, path: str) -> Any:
        context, *keys = path.split(".")
        if context not in self.contexts:
            raise UnknownSyntaxError(f"{self.expression!r}: no context {context}")
        value = self.contexts[context]
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value
