"""A condition, compiled once: what it reads, and whether it holds of a case."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator

from policy_engine.evidence import Case, Measurement, MissingEvidence, Needs
from policy_engine.expressions.checking import Checker, Path
from policy_engine.expressions.evaluating import (
    MOST_STEPS,
    Builder,
    Evaluation,
    TooManySteps,
    Value,
    quoted,
)
from policy_engine.expressions.failure import ExpressionFailed
from policy_engine.expressions.syntax import Literal, Node, Operation, parse_expression
from policy_engine.expressions.values import values
from policy_engine.policy import Op
from policy_engine.quantities import exact, show

_NEEDS = {"baseline": Needs.BASELINE, "history": Needs.HISTORY, "change": Needs.CHANGE}
_MOST_TOLD = 5  # values in a message


_MEND = "fix the expression; the values that it meets are not what it expects"
_SIGNS: Mapping[str, Op] = {"<=": "<=", ">=": ">=", "<": "<", ">": ">"}


class Held(NamedTuple):
    """Whether a condition holds, and the single values that it was decided on, by their names."""

    holds: bool
    values: Mapping[str, str | float | bool]


class Bound(NamedTuple):
    """A condition that is one number against its limit: `candidate.metrics.auc >= 0.9`."""

    path: Path
    op: Op
    limit: Decimal


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression that is true or false.

    Attributes:
        text: As it is written.
        reads: What it reads, in the order of the text.
        needs: The evidence that holds it.
        bound: The limit that it is, where it is nothing else.
    """

    text: str
    reads: tuple[Path, ...]
    needs: Needs
    bound: Bound | None
    _value: Value = field(repr=False)

    def of(self, case: Case) -> Held:
        """Return whether it holds of a case.

        Raises:
            MissingEvidence: If it depends on something that is not there; names it.
            InvalidEvidence, UnreadableEvidence, NotApplicable: As the evidence that it names.
            ExpressionFailed: If it cannot be evaluated on these values.
        """
        found = values(case, self.reads)
        try:
            holds = self._value(Evaluation(found))
        except KeyError as e:
            raise self._missing(case, found, str(e.args[0])) from e
        except IndexError as e:
            raise MissingEvidence(f"`{self.text}` asks for an entry that is not there: {e}") from e
        except (ValueError, OverflowError) as e:
            raise ExpressionFailed(f"`{self.text}`: {e}", _MEND) from e
        except TooManySteps as e:
            raise ExpressionFailed(
                f"`{self.text}` takes more than {MOST_STEPS:,} steps",
                "name the metrics, parameters or tags instead of going over all of them",
            ) from e
        return Held(holds, self._single(found))

    def measured(self, case: Case) -> Measurement | None:
        """Return the number that the limit is of, with unit and grade; None without a limit.

        Raises:
            MissingEvidence, InvalidEvidence, UnreadableEvidence: As `of`.
        """
        return _measured(case, self.bound.path) if self.bound else None

    def told(self, held: Held) -> str:
        """Return the values that it was decided on, as the end of a sentence; "" for none."""
        shown = [f"{name} is {_shown(value)}" for name, value in held.values.items()]
        return f" ({'; '.join(shown[:_MOST_TOLD])})" if shown else ""

    def _single(self, found: Mapping[str, Any]) -> dict[str, str | float | bool]:
        told = {".".join(path): _resolved(found, path) for path in self.reads}
        return {k: v for k, v in told.items() if isinstance(v, (str, int, float))}

    def _missing(self, case: Case, found: Mapping[str, Any], key: str) -> MissingEvidence:
        """Return what is missing, in the words of the evidence where it has some."""
        for path in self.reads:
            to_key = path[: path.index(key) + 1] if key in path else ()
            if to_key and path[0] != "history" and _resolved(found, to_key) is None:
                return _absent(case, path)
        return MissingEvidence(
            f"`{self.text}` reads '{key}', which an entry does not have",
            "ask first: has(run.metrics.auc) && run.metrics.auc > 0.5",
        )


@lru_cache(maxsize=1024)
def compiled(text: str) -> Condition:
    """Return the condition that a text is.

    Raises:
        ExpressionError: If it is none; says where and why.
    """
    tree = parse_expression(text)
    checker = Checker()
    checker.condition(tree)
    reads = tuple(checker.reads)
    return Condition(text, reads, _needs(reads), _bound(tree), Builder().value(tree))


def _bound(tree: Node) -> Bound | None:
    """Return the limit that an expression is, if it is one."""
    if not isinstance(tree, Operation) or tree.sign not in _SIGNS:
        return None
    left, right = tree.operands
    checker = Checker()
    path = checker.path(left)
    is_number = isinstance(right, Literal) and not isinstance(right.value, (str, bool))
    if path is None or not is_number or not _has_unit(path):
        return None
    assert isinstance(right, Literal)  # noqa: S101 (mypy does not follow `is_number`)
    return Bound(path, _SIGNS[tree.sign], Decimal(str(right.value)))


def _has_unit(path: Path) -> bool:
    return path[0] in {"candidate", "baseline"} and (
        path[1:] in {("duration_s",), ("model", "size")} or path[1] == "metrics"
    )


def _measured(case: Case, path: Path) -> Measurement:
    run = case.candidate if path[0] == "candidate" else case.baseline
    if path[1] == "metrics":
        return run.metric(path[2])
    return run.duration if path[1] == "duration_s" else run.model.size


def _needs(reads: tuple[Path, ...]) -> Needs:
    needs = Needs.RUN
    for path in reads:
        needs |= _NEEDS.get(path[0], Needs.RUN)
        if path[1:2] == ("model",):
            needs |= Needs.MODEL
    return needs


def _resolved(found: Mapping[str, Any], path: Path) -> Any:
    value: Any = found
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _shown(value: str | float | bool) -> str:
    if isinstance(value, str):
        return quoted(value)
    return show(exact(value), "") if not isinstance(value, bool) else str(value).lower()


def _absent(case: Case, path: Path) -> MissingEvidence:
    """Return the missing evidence at a path, as the views on the evidence say it."""
    try:
        _read(case, path)
    except MissingEvidence as e:
        return e
    return MissingEvidence(f"{'.'.join(path)} is not recorded")


def _read(case: Case, path: Path) -> None:
    """Read one value of a run, to hear how it is missing."""
    if path[0] not in {"candidate", "baseline"}:
        return
    run = case.candidate if path[0] == "candidate" else case.baseline
    match path[1:]:
        case ("params", name):
            run.param(name)
        case ("tags", name):
            run.tag(name)
        case ("metrics", _) | ("duration_s",) | ("model", "size"):
            _measured(case, path)
        case ("model", *_):
            _ = run.model


def _checked(text: str) -> str:
    compiled(text)
    return text


ConditionText = Annotated[str, AfterValidator(_checked)]
"""A setting that is a condition; `compiled` returns it compiled, once."""
