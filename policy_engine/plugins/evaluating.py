"""What can be wrong with how a policy judges, before it does."""

import ast
import inspect
from collections.abc import Iterator

from policy_engine.policy import Policy
from policy_engine.source.code import definition, place

_RIGHT = "write def evaluate(self, case)"
_GIVEN = 2  # the policy and the case


def mistakes_of_evaluate(policy: type[Policy]) -> Iterator[str]:
    """Yield each mistake of `evaluate` as it is written, with its place."""
    evaluate = policy.evaluate
    what = f"{place(evaluate)}: evaluate of '{policy.policy_name}'"
    if isinstance(inspect.getattr_static(policy, "evaluate"), (staticmethod, classmethod)):
        yield f"{what} is no method: {_RIGHT}"
    elif inspect.iscoroutinefunction(evaluate) or inspect.isasyncgenfunction(evaluate):
        yield f"{what} is async, and nobody awaits it: {_RIGHT}"
    elif (taken := _signature(policy)) is not None:
        yield f"{what} takes {taken}: {_RIGHT}"
    elif not inspect.isgeneratorfunction(evaluate):
        yield from (f"{what} {mistake}" for mistake in _of_returns(policy))


def _signature(policy: type[Policy]) -> str | None:
    """Return how `evaluate` takes its arguments, if the case alone cannot be given to it."""
    signature = inspect.signature(policy.evaluate)
    try:
        signature.bind(*range(_GIVEN))
    except TypeError:
        return str(signature)
    return None


def _of_returns(policy: type[Policy]) -> Iterator[str]:
    """Yield what is returned in vain; a list of findings, or another's generator, is well."""
    written = definition(policy.evaluate, inspect.getmodule(policy))
    if written is None:
        return
    returns = [node for node in ast.walk(written) if isinstance(node, ast.Return)]
    if not returns and not isinstance(written.body[-1], ast.Raise):
        yield "yields nothing: yield at least one finding"
    for node in returns:
        if node.value is None or (
            isinstance(node.value, ast.Constant) and node.value.value is None
        ):
            yield f"returns None (line {node.lineno}): yield at least one finding"
        elif _makes_a_finding(node.value):
            yield f"returns a finding (line {node.lineno}): yield it"


def _makes_a_finding(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    return ast.unparse(value.func).removesuffix(".judge").rpartition(".")[2] == "Finding"
