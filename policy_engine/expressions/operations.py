"""Which operands a sign takes, and what comes of them."""

from collections.abc import Collection, Sequence

from policy_engine.expressions.failure import ExpressionError
from policy_engine.expressions.schema import Kind, ListOf, Type
from policy_engine.expressions.syntax import Literal, Node, Operation

NUMBERS = frozenset({Kind.WHOLE, Kind.NUMBER})
ORDERED = frozenset({Kind.WHOLE, Kind.NUMBER, Kind.TEXT})


def due(kind: Type, allowed: Collection[Kind], node: Node, what: str) -> None:
    """Refuse a value of another kind than is allowed here."""
    if kind not in allowed:
        raise ExpressionError(f"expected {what}, got {kind}", node.at)


def comparable(left: Type, right: Type) -> bool:
    """Say whether two values could ever be equal."""
    if isinstance(left, ListOf) and isinstance(right, ListOf):
        return comparable(left.of, right.of)
    return left == right or (left in NUMBERS and right in NUMBERS)


def unlike(left: Type, right: Type) -> str:
    """Return why two values cannot be compared, and what would help."""
    message = f"{left} cannot be compared with {right}"
    kinds = {left, right}
    if Kind.TEXT in kinds and kinds & NUMBERS:
        message += "; parameters and tags are texts: write double(…)"
    return message


def operation(node: Operation, kinds: Sequence[Type]) -> Type:
    """Return what an operation gives, all but `in`.

    Raises:
        ExpressionError: If CEL would refuse the operands, or the result could mislead.
    """
    if node.sign in {"&&", "||", "!"}:
        for kind, operand in zip(kinds, node.operands, strict=True):
            due(kind, {Kind.TRUTH}, operand, "a condition")
        return Kind.TRUTH
    if node.sign == "?:":
        return _choice(node, kinds)
    if len(kinds) == 1:
        due(kinds[0], NUMBERS, node.operands[0], "a number")
        return kinds[0]
    left, right = kinds
    if node.sign in {"+", "-", "*", "/", "%"}:
        return _arithmetic(node, left, right)
    if not comparable(left, right):
        raise ExpressionError(unlike(left, right), node.at)
    if node.sign not in {"==", "!="}:
        due(left, ORDERED, node.operands[0], "a number or a text")
    return Kind.TRUTH


def _choice(node: Operation, kinds: Sequence[Type]) -> Type:
    condition, _, no = node.operands
    due(kinds[0], {Kind.TRUTH}, condition, "a condition")
    if kinds[1] != kinds[2]:
        raise ExpressionError(f"'? :' gives {kinds[1]} or {kinds[2]}; both must be alike", no.at)
    return kinds[1]


def _arithmetic(node: Operation, left: Type, right: Type) -> Type:
    if node.sign == "+" and left is right is Kind.TEXT:
        return Kind.TEXT
    for kind, operand in zip((left, right), node.operands, strict=True):
        due(kind, NUMBERS, operand, "a number")
    if left is not right:
        whole = node.operands[0 if left is Kind.WHOLE else 1]
        how = f"{whole.value}.0" if isinstance(whole, Literal) else "double(…)"
        raise ExpressionError(
            f"CEL does not calculate with numbers of two kinds; write {how}", whole.at
        )
    if node.sign in {"/", "%"}:
        _check_divisor(node, left)
    return left


def _check_divisor(node: Operation, kind: Type) -> None:
    """Refuse a divisor that evidence could make 0: infinity is above any limit."""
    if node.sign == "%" and kind is not Kind.WHOLE:
        raise ExpressionError("'%' is of whole numbers", node.at)
    divisor = node.operands[1]
    if not (isinstance(divisor, Literal) and divisor.value):
        raise ExpressionError(
            "a divisor is a number of the text, and not 0; multiply the other side instead: "
            "`a >= 1.1 * b`, not `a / b >= 1.1`",
            divisor.at,
        )
