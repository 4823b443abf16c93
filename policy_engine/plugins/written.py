"""What can be seen in a plugin's source before it judges: findings and numbers that cannot work."""

import ast
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from policy_engine.evidence import Measurement
from policy_engine.policy import OPS, Finding, Limit, Outcome
from policy_engine.quantities.units import measure_of
from policy_engine.source.code import place, tree

_UNKNOWN = object()
_REMEDY_AT = Finding._fields.index("remedy")
_NO_REMEDY = (
    "this finding can fail and has no remedy: say what to do first, "
    'as in `remedy="train on approved data"`'
)


def mistakes_written(module: ModuleType) -> Iterator[str]:
    """Yield each mistake in the calls of a module, with its place, in the order of its lines."""
    written = tree(module)
    calls = [node for node in ast.walk(written) if isinstance(node, ast.Call)] if written else []
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        for mistake in _Call(call, module).mistakes():
            yield f"{place(module, call.lineno)}: {mistake}"


class _Call:
    """One call, and what its arguments are as far as the source alone tells."""

    def __init__(self, call: ast.Call, module: ModuleType) -> None:
        self._call = call
        self._module = module
        self._is_open = any(isinstance(arg, ast.Starred) for arg in call.args) or any(
            keyword.arg is None for keyword in call.keywords
        )

    def mistakes(self) -> Iterator[str]:
        called = self._value(self._call.func)
        if called is Finding:
            yield from self._of_finding()
        elif called == Finding.judge:
            yield from self._of_judge()
        elif called is Measurement:
            yield from self._of_number("value", 0)
            yield from self._of_unit(1)
        elif called is Limit:
            yield from self._of_number("value", 0)
            yield from self._of_unit(1)
            yield from self._of_op(2)

    def _of_finding(self) -> Iterator[str]:
        outcome = self._argument("outcome", 0)
        if isinstance(outcome, str) and not isinstance(outcome, Outcome):
            known = outcome.upper().replace("-", "_")
            right = known if known in Outcome.__members__ else "FAIL"
            yield f"the outcome is the text '{outcome}': write Outcome.{right}"
        lacks = not self._has("remedy", _REMEDY_AT)
        if lacks and {Outcome.FAIL, "fail"} & {outcome, *self._choices("outcome", 0)}:
            yield _NO_REMEDY

    def _of_judge(self) -> Iterator[str]:
        yield from self._of_op(1)
        limit = self._argument("limit", 2)
        if isinstance(limit, float):
            yield (
                f'the limit {limit} is a float, which is not exact: write Decimal("{limit}"), '
                "or make it a setting of the type Number"
            )
        if not self._has("remedy", None):
            yield _NO_REMEDY

    def _of_op(self, at: int) -> Iterator[str]:
        op = self._argument("op", at)
        if op is not _UNKNOWN and op not in OPS:
            yield f"there is no operator {op!r}: choose from {', '.join(OPS)}"

    def _of_number(self, name: str, at: int) -> Iterator[str]:
        value = self._argument(name, at)
        if isinstance(value, (int, float)):
            right = f'Decimal("{value}")' if isinstance(value, float) else f"Decimal({value})"
            yield f"{value} is of the type {type(value).__name__}: write {right}"
        elif value is float:
            yield "float(…) is not exact: write `exact(…)` of policy_engine.quantities"

    def _of_unit(self, at: int) -> Iterator[str]:
        unit = self._argument("unit", at)
        if isinstance(unit, str) and (kept := measure_of(unit)) is not None:
            yield (
                f"the unit is '{unit}', in which no waiver can have a ceiling: "
                f"give the value in '{kept}'; messages show it in the unit that fits"
            )

    def _has(self, name: str, at: int | None) -> bool:
        named = any(keyword.arg == name for keyword in self._call.keywords)
        return self._is_open or named or (at is not None and len(self._call.args) > at)

    def _argument(self, name: str, at: int) -> Any:
        """Return what an argument is: its value, `float` for a call of it, or `_UNKNOWN`."""
        node = self._node(name, at)
        if node is None:
            return _UNKNOWN
        if isinstance(node, ast.Call):
            return float if self._value(node.func) is float else _UNKNOWN
        return self._value(node)

    def _choices(self, name: str, at: int) -> Iterator[Any]:
        """Yield what an argument may be, where it is written as `one if … else other`."""
        node = self._node(name, at)
        if isinstance(node, ast.IfExp):
            yield from map(self._value, (node.body, node.orelse))

    def _node(self, name: str, at: int) -> ast.expr | None:
        given = {keyword.arg: keyword.value for keyword in self._call.keywords}
        if name in given:
            return given[name]
        return self._call.args[at] if len(self._call.args) > at and not self._is_open else None

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._value(node.operand)
            return -value if isinstance(value, (int, float)) else _UNKNOWN
        if isinstance(node, ast.Name):
            known = vars(self._module).get(node.id, float if node.id == "float" else _UNKNOWN)
            # A number or text of this name may be another one, inside a function.
            return known if isinstance(known, (type, ModuleType, Outcome)) else _UNKNOWN
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            is_plain = isinstance(owner, (type, ModuleType))
            return getattr(owner, node.attr, _UNKNOWN) if is_plain else _UNKNOWN
        return _UNKNOWN
