"""From the text of an expression to its tree, by CEL's own precedence.

What is left out of CEL on purpose: maps, `map()`, messages, bytes, unsigned numbers, `null`. None
of it is needed to judge a run, and without it no value can grow while it is evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from policy_engine.expressions.failure import ExpressionError
from policy_engine.expressions.tokens import Token, tokens

DEEPEST = 20
"""Levels of nesting: brackets, signs, conditional branches."""
MOST_SIGNS = 150
"""Signs other than `&&` and `||`: as many may stand in one row, each a level of the tree."""

_RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace null "
    "package return true var void while".split()
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number or a boolean that stands in the expression."""

    at: int
    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Name:
    """A root (`candidate`), or what a macro goes over."""

    at: int
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """`base.name`, or `base["name"]`: a member named in the text."""

    at: int
    base: "Node"
    name: str
    dotted: bool


@dataclass(frozen=True, slots=True)
class Index:
    """`base[key]` with a key that is not text of the expression."""

    at: int
    base: "Node"
    key: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """`function(…)` or `target.function(…)`."""

    at: int
    function: str
    target: "Node | None"
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One sign with its operands: one, two, three for `? :`, or a whole row of `&&` or `||`."""

    at: int
    sign: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entries:
    """A list that stands in the expression."""

    at: int
    nodes: tuple["Node", ...]


Node = Literal | Name | Member | Index | Call | Operation | Entries

_ROWS = ("||", "&&")
_LEVELS = (
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)


def parse_expression(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        ExpressionError: If it is none, with the place where reading stopped.
    """
    parser = _Parser(list(tokens(text)))
    node = parser.choice()
    parser.expect_end()
    return node


def _one_level_down(method: Callable[["_Parser"], Node]) -> Callable[["_Parser"], Node]:
    @wraps(method)
    def counted(self: "_Parser") -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(f"nested deeper than {DEEPEST} levels", self.token.start)
        node = method(self)
        self.depth -= 1
        return node

    return counted


class _Parser:
    """Reads from the left; each method takes the words of one kind of node."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._next = 0
        self._signs = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self._words[self._next]

    @_one_level_down
    def choice(self) -> Node:
        condition = self._row(0)
        at = self.token.start
        if not self._take("?"):
            return condition
        yes = self._row(0)
        self._expect(":")
        return Operation(at, "?:", (condition, yes, self.choice()))

    def expect_end(self) -> None:
        if self.token.sort != "end":
            raise self._unexpected("the end")

    def _row(self, level: int) -> Node:
        if level == len(_ROWS):
            return self._binary(0)
        sign = _ROWS[level]
        operands = [self._row(level + 1)]
        at = self.token.start
        while self._take(sign):
            operands.append(self._row(level + 1))
        return Operation(at, sign, tuple(operands)) if len(operands) > 1 else operands[0]

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._is_one_of(_LEVELS[level]):
            self._count()
            token = self._advance()
            left = Operation(token.start, token.value, (left, self._binary(level + 1)))
        return left

    @_one_level_down
    def _unary(self) -> Node:
        token = self.token
        if self._take("!"):
            return Operation(token.start, "!", (self._unary(),))
        if self._take("-"):
            return Operation(token.start, "-", (self._unary(),))
        return self._members()

    def _members(self) -> Node:
        node = self._primary()
        while True:
            at = self.token.start
            if self._take("."):
                self._count()
                name = self._name()
                node = (
                    Call(name.start, name.value, node, self._arguments())
                    if self._take("(")
                    else Member(name.start, node, name.value, dotted=True)
                )
            elif self._take("["):
                self._count()
                node = _indexed(node, self.choice(), at)
                self._expect("]")
            else:
                return node

    def _count(self) -> None:
        self._signs += 1
        if self._signs > MOST_SIGNS:
            raise ExpressionError(f"more than {MOST_SIGNS} signs", self.token.start)

    def _primary(self) -> Node:
        token = self.token
        if token.sort == "name" and token.value in {"true", "false"}:
            self._advance()
            return Literal(token.start, token.value == "true")
        if token.sort == "name":
            name = self._name()
            if self._take("("):
                return Call(name.start, name.value, None, self._arguments())
            return Name(name.start, name.value)
        if self._take("("):
            node = self.choice()
            self._expect(")")
            return node
        if self._take("["):
            return Entries(token.start, self._list("]"))
        return self._literal()

    def _literal(self) -> Node:
        token = self.token
        if token.sort == "text":
            return Literal(self._advance().start, token.value)
        if token.sort == "whole":
            return Literal(self._advance().start, int(token.value))
        if token.sort == "number":
            return Literal(self._advance().start, float(token.value))
        raise self._unexpected("a value")

    def _arguments(self) -> tuple[Node, ...]:
        return self._list(")")

    def _list(self, end: str) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while not self._take(end):
            if nodes:
                self._expect(",")
            nodes.append(self.choice())
        return tuple(nodes)

    def _name(self) -> Token:
        token = self.token
        if token.sort != "name":
            raise self._unexpected("a name")
        if token.value in _RESERVED:
            why = f"'{token.value}' is a word of CEL"
            if token.value == "null":
                why = "nothing is null here: ask `has(…)` whether it is there"
            raise ExpressionError(why, token.start)
        return self._advance()

    def _is_one_of(self, signs: frozenset[str]) -> bool:
        token = self.token
        sort = "name" if token.value == "in" else "sign"
        return token.sort == sort and token.value in signs

    def _take(self, sign: str) -> bool:
        if self.token.sort == "sign" and self.token.value == sign:
            self._next += 1
            return True
        return False

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._unexpected(f"'{sign}'")

    def _advance(self) -> Token:
        token = self.token
        self._next += 1
        return token

    def _unexpected(self, due: str) -> ExpressionError:
        return ExpressionError(f"expected {due}, got {self.token}", self.token.start)


def _indexed(base: Node, key: Node, at: int) -> Node:
    if isinstance(key, Literal) and isinstance(key.value, str):
        return Member(key.at, base, key.value, dotted=False)
    return Index(at, base, key)
