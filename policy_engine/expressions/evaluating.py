"""From the tree of an expression to a function of what its names stand for, by the rules of CEL.

The tree has been checked, so each sign meets values of the kinds that it takes. What may still be
wrong depends on the evidence: `&&`, `||`, `all` and `exists` are decided without it where they can.
"""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from math import isfinite, trunc
from typing import Any

from policy_engine.expressions.failure import ExpressionError
from policy_engine.expressions.syntax import (
    Call,
    Entries,
    Index,
    Literal,
    Member,
    Name,
    Node,
    Operation,
)

MOST_STEPS = 3_000_000
"""Steps of one evaluation; a step takes 0.1 to 0.5 microseconds."""
NOT_COMPUTED = (KeyError, IndexError, ValueError, OverflowError)
"""A member that is not there, an entry that is not there, a value that cannot be computed with."""

_STEP_OF_TEXT = 100  # characters that are copied, compared or searched in one step
_STEP_OF_PATTERN = 100  # characters times instructions of the pattern
_LONGEST_SHOWN = 60  # characters of a text in a message
_WIDEST = 2**63
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INT = re.compile(r"[+-]?[0-9]+")


class TooManySteps(Exception):  # noqa: N818 (an end, which no part of an expression can absorb)
    """The evaluation was given up."""


class Evaluation:
    """What names stand for, and how many steps are left.

    Attributes:
        names: The roots that the expression reads; within a macro, its entry too.
    """

    __slots__ = ("_left", "names")

    def __init__(self, names: Mapping[str, Any]) -> None:
        """Begin with all steps."""
        self.names = dict(names)
        self._left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Count steps before they are taken.

        Raises:
            TooManySteps: If there are not so many left.
        """
        self._left -= steps
        if self._left < 0:
            raise TooManySteps


Value = Callable[[Evaluation], Any]
"""The value of a node; raises one of `NOT_COMPUTED` where it has none."""


class Builder:
    """Goes through a checked tree once."""

    def __init__(self) -> None:
        """Start with no node."""
        self._nodes = 0

    def value(self, node: Node) -> Value:
        """Return what computes the value of a node.

        Raises:
            ExpressionError: If a pattern is none.
        """
        self._nodes += 1
        match node:
            case Literal(value=value):
                return lambda _: value
            case Entries():
                entries = self._values(node.nodes)
                return lambda now: [entry(now) for entry in entries]
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
            case _:
                return self._named(node)

    def _named(self, node: Name | Member | Index) -> Value:
        match node:
            case Name(name=name):
                return lambda now: now.names[name]
            case Member(name=name):
                base = self.value(node.base)
                return lambda now: base(now)[name]
            case Index():
                return _entry(self.value(node.base), self.value(node.key))

    def _values(self, nodes: Iterable[Node]) -> tuple[Value, ...]:
        return tuple(self.value(node) for node in nodes)

    def _operation(self, node: Operation) -> Value:
        operands = self._values(node.operands)
        if node.sign in _DECISIVE:
            decisive = _DECISIVE[node.sign]
            return lambda now: _decided(decisive, now, operands)
        if node.sign == "?:":
            condition, yes, no = operands
            return lambda now: yes(now) if condition(now) else no(now)
        if len(operands) == 1:
            (only,) = operands
            return (lambda now: not only(now)) if node.sign == "!" else _negative(only)
        left, right = operands
        compute = _SIGNS[node.sign]
        if node.sign in _SPENDING:
            return lambda now: compute(now, left(now), right(now))
        return lambda now: compute(left(now), right(now))

    def _call(self, node: Call) -> Value:
        name = node.function
        if name == "has":
            return self._has(node.arguments[0])
        if name == "matches" and node.target:
            return self._matches(node.target, node.arguments[0])
        if name in _MACROS and node.target:
            return self._macro(node, node.target)
        values = self._values((node.target, *node.arguments) if node.target else node.arguments)
        compute = _FUNCTIONS[name]

        def call(now: Evaluation) -> Any:
            found = [value(now) for value in values]
            if isinstance(found[0], str):
                now.spend(len(found[0]) // _STEP_OF_TEXT)
            return compute(*found)

        return call

    def _has(self, member: Node) -> Value:
        assert isinstance(member, Member)  # noqa: S101 (as checked)
        base, name = self.value(member.base), member.name
        return lambda now: name in base(now)

    def _matches(self, target: Node, pattern: Node) -> Value:
        assert isinstance(pattern, Literal)  # noqa: S101 (as checked)
        text, compiled = self.value(target), _pattern(str(pattern.value), pattern.at)
        size = compiled.programsize

        def matches(now: Evaluation) -> bool:
            searched: str = text(now)
            now.spend(len(searched) * size // _STEP_OF_PATTERN)
            return bool(compiled.search(searched))

        return matches

    def _macro(self, node: Call, target: Node) -> Value:
        variable, body = node.arguments
        assert isinstance(variable, Name)  # noqa: S101 (as checked)
        name, over, before = variable.name, self.value(target), self._nodes
        inner = self.value(body)
        steps = 1 + self._nodes - before

        def each(now: Evaluation) -> Iterator[Value]:
            for entry in over(now):
                now.names[name] = entry
                now.spend(steps)
                yield inner

        compute = _MACROS[node.function]
        return lambda now: compute(now, name, each(now))


def _decided(decisive: bool, now: Evaluation, parts: Iterable[Value]) -> bool:
    """Return what one part decides, or all; a part that has no value stops only what needs it."""
    failed = None
    for part in parts:
        try:
            found: bool = part(now)
            if found is decisive:
                return found
        except NOT_COMPUTED as error:
            failed = error
    if failed is not None:
        raise failed
    return not decisive


def _entry(base: Value, key: Value) -> Value:
    def entry(now: Evaluation) -> Any:
        found, at = base(now), key(now)
        if isinstance(found, list) and not 0 <= at < len(found):
            raise IndexError(f"index out of bounds: {at}")
        return found[at]

    return entry


def _pattern(text: str, at: int) -> Any:
    """Return a pattern whose search takes time in proportion to the text, whatever the pattern."""
    import re2  # noqa: PLC0415 (only an expression with a pattern pays for it)

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(text, options)
    except re2.error as error:
        why = error.args[0].decode(errors="replace")
        raise ExpressionError(f"{text!r} is not a pattern that RE2 reads: {why}", at) from error


# --- signs ------------------------------------------------------------------------------------


def _negative(only: Value) -> Value:
    return lambda now: _within_bounds(-only(now))


def _within_bounds(number: Any) -> Any:
    if type(number) is int and not -_WIDEST <= number < _WIDEST:
        raise ValueError(f"{number} is beyond the whole numbers, which have 64 bits")
    return number


def _plus(now: Evaluation, left: Any, right: Any) -> Any:
    if isinstance(left, str):
        now.spend((len(left) + len(right)) // _STEP_OF_TEXT)
    return _within_bounds(left + right)


def _divided(left: Any, right: Any) -> Any:
    """Divide; of whole numbers, towards 0 (a divisor is positive: it stands in the text)."""
    if type(left) is not int:
        return left / right
    return left // right if left >= 0 else -(-left // right)


def _equal(now: Evaluation, left: Any, right: Any) -> bool:
    now.spend(_weight(left))
    return bool(left == right)


def _weight(value: Any) -> int:
    """Return the steps that it takes to compare a value."""
    if isinstance(value, str):
        return len(value) // _STEP_OF_TEXT
    if not isinstance(value, (dict, list)):
        return 0
    return len(value) + sum(map(_weight, value.values() if isinstance(value, dict) else value))


def _is_in(now: Evaluation, item: Any, container: Any) -> bool:
    if isinstance(container, list):
        now.spend(_weight(container))
    return item in container


_DECISIVE: Mapping[str, bool] = {"&&": False, "||": True}
_SPENDING = frozenset({"+", "==", "!=", "in"})
_SIGNS: Mapping[str, Callable[..., Any]] = {
    "+": _plus,
    "-": lambda left, right: _within_bounds(left - right),
    "*": lambda left, right: _within_bounds(left * right),
    "/": _divided,
    "%": lambda left, right: left - right * _divided(left, right),
    "==": _equal,
    "!=": lambda now, left, right: not _equal(now, left, right),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": _is_in,
}

# --- functions and macros ---------------------------------------------------------------------


def _double(value: Any) -> float:
    if isinstance(value, str):
        number = float(value) if _DOUBLE.fullmatch(value) else float("nan")
        if not isfinite(number):  # infinity would respect any limit from below or above
            raise ValueError(f"double() expects a finite number such as 0.5, not {quoted(value)}")
        return number
    return float(value)


def _int(value: Any) -> int:
    if isinstance(value, str):
        if not _INT.fullmatch(value) or len(value) > _LONGEST_SHOWN:
            raise ValueError(f"int() expects a whole number such as 3, not {quoted(value)}")
        value = int(value)
    return int(_within_bounds(trunc(value)))


def _string(value: Any) -> str:
    """Return the text of a number as decimals without an exponent."""
    if isinstance(value, float) and isfinite(value):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return str(value)


def quoted(text: str) -> str:
    """Return a text as a message quotes it."""
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")


def _filtered(now: Evaluation, name: str, each: Iterator[Value]) -> list[Any]:
    return [now.names[name] for inner in each if inner(now)]


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "contains": operator.contains,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "double": _double,
    "int": _int,
    "string": _string,
    "size": len,
}
_MACROS: Mapping[str, Callable[[Evaluation, str, Iterator[Value]], Any]] = {
    "all": lambda now, _, each: _decided(decisive=False, now=now, parts=each),
    "exists": lambda now, _, each: _decided(decisive=True, now=now, parts=each),
    "exists_one": lambda now, name, each: len(_filtered(now, name, each)) == 1,
    "filter": _filtered,
}
