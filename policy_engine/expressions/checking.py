"""What an expression is about, and whether it can be evaluated at all: before any evidence.

CEL itself finds out at evaluation, and sometimes not even then: a text is never equal to a number,
`has()` of a mistyped name is false. Here each of those is an error of the text.
"""

from policy_engine.expressions.failure import ExpressionError
from policy_engine.expressions.operations import ORDERED, comparable, due, operation, unlike
from policy_engine.expressions.schema import ROOTS, Fields, Kind, ListOf, MapOf, Type
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
from policy_engine.source.problems import near_or_all

MACROS = frozenset({"all", "exists", "exists_one", "filter"})
"""Macros that go over a list, or over the names of a map."""
DEEPEST_MACRO = 2
"""Macros within macros."""
LONGEST_PATTERN = 100
"""Characters of the pattern of `matches`: what a library makes of it is not bounded by its use."""
EACH = "*"
"""In a path: any entry of the list."""

Path = tuple[str, ...]
"""What is read: `("candidate", "metrics", "auc")`; shorter where it is read as a whole."""
Place = tuple[Type, Path | None]

_ON_TEXT = frozenset({"startsWith", "endsWith", "contains", "matches"})
_CONVERSIONS = {"double": Kind.NUMBER, "int": Kind.WHOLE, "string": Kind.TEXT}
_FUNCTIONS = (*sorted(_ON_TEXT), *_CONVERSIONS, "size", "has", *sorted(MACROS))


class Checker:
    """Goes through a tree once.

    Attributes:
        reads: What the expression reads, in the order of its text; each once.
    """

    def __init__(self) -> None:
        """Start outside of any macro."""
        self.reads: dict[Path, None] = {}
        self._variables: dict[str, Place] = {}

    def condition(self, node: Node) -> None:
        """Check that the expression is a condition.

        Raises:
            ExpressionError: If it is not, or could not be evaluated.
        """
        kind = self._kind(node)
        if kind is not Kind.TRUTH:
            raise ExpressionError(f"expected a condition, which is true or false, got {kind}")

    def path(self, node: Node) -> Path | None:
        """Return where a node leads in the evidence, or None if it is not a plain name."""
        return self._place(node)[1]

    def _kind(self, node: Node) -> Type:
        kind, path = self._place(node)
        self._note(path)
        if isinstance(kind, Fields):
            names = ", ".join(kind.members)
            raise ExpressionError(f"{kind} is not a value; name a member: {names}", node.at)
        return kind

    def _note(self, path: Path | None) -> None:
        if path is not None:
            self.reads[path] = None

    def _place(self, node: Node) -> Place:
        """Return what a node gives, and the path to it where it is part of the evidence."""
        match node:
            case Name():
                return self._name(node)
            case Member():
                return self._member(node)
            case Index():
                return self._index(node)
            case Call():
                return self._call(node)
            case _:
                return self._value(node), None

    def _value(self, node: Literal | Entries | Operation) -> Type:
        match node:
            case Literal():
                return _kind_of(node.value)
            case Entries():
                return self._entries(node)
            case Operation():
                return self._operation(node)

    # --- what is named ------------------------------------------------------------------------

    def _name(self, node: Name) -> Place:
        if node.name in self._variables:
            return self._variables[node.name]
        if node.name not in ROOTS:
            known = near_or_all(node.name, [*ROOTS, *self._variables], "known here")
            raise ExpressionError(f"nothing is called '{node.name}'; {known}", node.at)
        return ROOTS[node.name], (node.name,)

    def _member(self, node: Member) -> Place:
        base, path = self._place(node.base)
        inner = (*path, node.name) if path is not None else None
        if isinstance(base, MapOf):
            return base.of, inner
        if not isinstance(base, Fields):
            raise ExpressionError(f"{base} has no members such as '{node.name}'", node.at)
        if node.name not in base.members:
            known = near_or_all(node.name, base.members, "known here")
            raise ExpressionError(f"{base} has no '{node.name}'; {known}", node.at)
        return base.members[node.name], inner

    def _index(self, node: Index) -> Place:
        base, path = self._place(node.base)
        self._note(path)
        if isinstance(base, ListOf):
            due(self._kind(node.key), {Kind.WHOLE}, node.key, "the position of an entry, from 0,")
            return _entry(base, path)
        if isinstance(base, MapOf):
            due(self._kind(node.key), {Kind.TEXT}, node.key, "a name")
            return base.of, None
        raise ExpressionError(f"{base} has no entries", node.at)

    # --- operations ---------------------------------------------------------------------------

    def _entries(self, node: Entries) -> Type:
        if not node.nodes:
            raise ExpressionError("the list is empty", node.at)
        kinds = [self._kind(inner) for inner in node.nodes]
        for kind, inner in zip(kinds, node.nodes, strict=True):
            if not comparable(kinds[0], kind):
                raise ExpressionError(f"a list of {kinds[0]} and of {kind}", inner.at)
        return ListOf(kinds[0])

    def _operation(self, node: Operation) -> Type:
        if node.sign == "in":
            return self._membership(node)
        return operation(node, [self._kind(operand) for operand in node.operands])

    def _membership(self, node: Operation) -> Type:
        item, container = node.operands
        left = self._kind(item)
        right, path = self._place(container)
        if isinstance(right, MapOf):
            due(left, {Kind.TEXT}, item, "a name")
            name = item.value if isinstance(item, Literal) else None
            self._note((*path, str(name)) if path and name is not None else path)
            return Kind.TRUTH
        self._note(path)
        if not isinstance(right, ListOf):
            raise ExpressionError(f"'in' asks of a list or a map, not of {right}", container.at)
        if not comparable(left, right.of):
            raise ExpressionError(unlike(left, right.of), node.at)
        return Kind.TRUTH

    # --- functions ----------------------------------------------------------------------------

    def _call(self, node: Call) -> Place:
        name, target = node.function, node.target
        if name not in _FUNCTIONS:
            known = near_or_all(name, _FUNCTIONS, "known here")
            raise ExpressionError(f"there is no function '{name}'; {known}", node.at)
        if name == "size":
            return self._size(node), None
        if name == "has" or name in _CONVERSIONS:
            if target is not None:
                raise ExpressionError(f"write it in front: {name}(…)", node.at)
            return (self._has(node) if name == "has" else self._conversion(node)), None
        if target is None:
            raise ExpressionError(f"write it behind a value: ….{name}(…)", node.at)
        return self._macro(node, target) if name in MACROS else (self._text(node, target), None)

    def _has(self, node: Call) -> Type:
        (argument,) = _arguments(node, 1, "has(candidate.metrics.auc)")
        if not isinstance(argument, Member) or not argument.dotted:
            raise ExpressionError(
                "has() asks for a member behind a dot, has(candidate.metrics.auc); of any "
                'other name ask "a-name" in candidate.metrics',
                argument.at,
            )
        self._note(self._place(argument)[1])
        return Kind.TRUTH

    def _size(self, node: Call) -> Type:
        inside = _arguments(node, 0 if node.target else 1, "size(history)")
        asked = node.target or inside[0]
        kind = self._kind(asked)
        if not isinstance(kind, (ListOf, MapOf)):
            raise ExpressionError(f"size() counts what a list or a map holds, not {kind}", asked.at)
        return Kind.WHOLE

    def _conversion(self, node: Call) -> Type:
        (argument,) = _arguments(node, 1, f"{node.function}(candidate.params.depth)")
        due(self._kind(argument), ORDERED, argument, "a number or a text")
        return _CONVERSIONS[node.function]

    def _text(self, node: Call, target: Node) -> Type:
        (argument,) = _arguments(node, 1, f'candidate.run_name.{node.function}("x")')
        due(self._kind(target), {Kind.TEXT}, target, "a text")
        due(self._kind(argument), {Kind.TEXT}, argument, "a text")
        if node.function == "matches":
            pattern = argument.value if isinstance(argument, Literal) else None
            if pattern is None or len(str(pattern)) > LONGEST_PATTERN:
                raise ExpressionError(
                    f"a pattern stands in the expression itself, {LONGEST_PATTERN} characters "
                    "at most",
                    argument.at,
                )
        return Kind.TRUTH

    def _macro(self, node: Call, target: Node) -> Place:
        variable, body = _arguments(node, 2, f"history.{node.function}(run, run.metrics.auc > 0.5)")
        if not isinstance(variable, Name):
            raise ExpressionError("a name for each entry is needed here", variable.at)
        if variable.name in ROOTS or variable.name in self._variables:
            raise ExpressionError(f"'{variable.name}' means something already", variable.at)
        if len(self._variables) == DEEPEST_MACRO:
            raise ExpressionError(f"more than {DEEPEST_MACRO} macros within one another", node.at)
        over, path = self._place(target)
        self._note(path)
        if not isinstance(over, (ListOf, MapOf)):
            raise ExpressionError(
                f"'{node.function}' goes over a list or a map, not {over}", node.at
            )
        self._variables[variable.name] = _entry(over, path)
        due(self._kind(body), {Kind.TRUTH}, body, "a condition")
        del self._variables[variable.name]
        if node.function != "filter":
            return Kind.TRUTH, None
        return (over, path) if isinstance(over, ListOf) else (ListOf(Kind.TEXT), None)


def _kind_of(value: str | float | bool) -> Kind:
    if isinstance(value, bool):
        return Kind.TRUTH
    if isinstance(value, str):
        return Kind.TEXT
    return Kind.WHOLE if isinstance(value, int) else Kind.NUMBER


def _entry(over: ListOf | MapOf, path: Path | None) -> Place:
    """Return what one entry is; a macro goes over the names of a map."""
    if isinstance(over, MapOf):
        return Kind.TEXT, None
    return over.of, (*path, EACH) if path is not None and isinstance(over.of, Fields) else None


def _arguments(node: Call, count: int, example: str) -> tuple[Node, ...]:
    if len(node.arguments) != count:
        raise ExpressionError(f"write it like {example}", node.at)
    return node.arguments
