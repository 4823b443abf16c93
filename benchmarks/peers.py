"""The same six comparisons in other ways to write policies; each is compiled once.

A judge takes one case, and returns for each policy whether it is passed, in the order of `ORDER`.
They only compare: none of them says what it measured, why it refuses, or what would fix it.
"""

import re
from collections.abc import Callable
from typing import Any

import cel
import regopy

from benchmarks.cases import Pair
from benchmarks.scripts.verdict import passed

ORDER = (
    "run-finished",
    "baseline-logged",
    "model-size-budget",
    "min-useful-gain",
    "cost-per-point",
    "metric-threshold",
)
Json = dict[str, dict[str, Any]]

_CEL = (
    (
        'candidate.status == "FINISHED" && candidate.lifecycle == "active" '
        '&& candidate.model_status == "READY"'
    ),
    'baseline.status == "FINISHED" && baseline.lifecycle == "active"',
    # CEL has no variables and no max().
    (
        "candidate.size <= 200000000.0 && candidate.logged_size <= 200000000.0 "
        "&& ((candidate.size < 10000.0 && candidate.logged_size < 10000.0) "
        "|| (candidate.size > candidate.logged_size ? candidate.size : candidate.logged_size) <= "
        "1.1 * (baseline.size > baseline.logged_size ? baseline.size : baseline.logged_size))"
    ),
    "(candidate.accuracy - baseline.accuracy) * 100.0 >= 0.5",
    (
        "(candidate.seconds - baseline.seconds) / 7200.0 <= 1.0 "
        "|| candidate.seconds <= 1.25 * baseline.seconds "
        "|| (candidate.accuracy > baseline.accuracy "
        "&& (candidate.seconds - baseline.seconds) / 7200.0 "
        "/ ((candidate.accuracy - baseline.accuracy) * 100.0) <= 5.0)"
    ),
    "candidate.accuracy >= 0.9",
)

_REGO = """
package gate

run_finished if {
    input.candidate.status == "FINISHED"
    input.candidate.lifecycle == "active"
    input.candidate.model_status == "READY"
}
baseline_logged if {
    input.baseline.status == "FINISHED"
    input.baseline.lifecycle == "active"
}
size := max([input.candidate.size, input.candidate.logged_size])
model_size_budget if {
    size <= 200000000
    grew_little
}
grew_little if size < 10000
grew_little if size <= 1.1 * max([input.baseline.size, input.baseline.logged_size])
points := (input.candidate.accuracy - input.baseline.accuracy) * 100
min_useful_gain if points >= 0.5
old_cost := input.baseline.seconds / 3600 * 0.5
dearer := input.candidate.seconds / 3600 * 0.5 - old_cost
cost_per_point if dearer <= max([0.25 * old_cost, 1])
cost_per_point if {
    points > 0
    dearer / points <= 5
}
metric_threshold if input.candidate.accuracy >= 0.9
"""


def by_python(pair: Pair) -> tuple[bool, ...]:
    """Compare in plain Python."""
    return tuple(passed(pair.candidate, pair.baseline).values())


def cel_with_dicts() -> Callable[[Json], tuple[bool, ...]]:
    """Return a judge that gives each program the case as a dict, as CEL's documentation does."""
    programs = [cel.compile(each) for each in _CEL]
    return lambda case: tuple(program.execute(case) for program in programs)


def cel_with_evidence() -> Callable[[Json], tuple[bool, ...]]:
    """Return a judge that gives each program both runs as the evidence file has them.

    It judges what we judge, rather than seven numbers that somebody picked out of it before.
    """
    programs = [cel.compile(_on_evidence(each)) for each in _CEL]
    return lambda case: tuple(program.execute(case) for program in programs)


def _on_evidence(program: str) -> str:
    places = {
        ".model_status": ".model.status",
        ".accuracy": ".metrics.val_accuracy",
    }
    for short, long in places.items():
        program = program.replace(short, long)
    # The evidence file holds whole bytes, and CEL compares no whole number with a fraction.
    return re.sub(r"(candidate|baseline)\.(size|logged_size)", r"double(\1.model.\2)", program)


def cel_with_context() -> Callable[[Json], tuple[bool, ...]]:
    """Return a judge that turns the case into one CEL context, which all programs share."""
    programs = [cel.compile(each) for each in _CEL]

    def judge(case: Json) -> tuple[bool, ...]:
        context = cel.Context(variables=case)
        return tuple(program.execute(context) for program in programs)

    return judge


def rego_by_query() -> Callable[[Json], tuple[bool, ...]]:
    """Return a judge that queries a module, as regopy's documentation does first."""
    interpreter = regopy.Interpreter()
    interpreter.add_module("gate.rego", _REGO)

    def judge(case: Json) -> tuple[bool, ...]:
        interpreter.set_input(case)
        return _answers(interpreter.query("data.gate"))

    return judge


def rego_by_bundle() -> Callable[[Json], tuple[bool, ...]]:
    """Return a judge that queries a bundle, which is Rego compiled beforehand."""
    compiler = regopy.Interpreter()
    compiler.add_module("gate.rego", _REGO)
    bundle = compiler.build("data.gate")
    interpreter = regopy.Interpreter()

    def judge(case: Json) -> tuple[bool, ...]:
        interpreter.set_input(case)
        return _answers(interpreter.query_bundle(bundle))

    return judge


def _answers(output: Any) -> tuple[bool, ...]:
    """Return what is true; Rego leaves out what is not."""
    gate = output[0][0]
    return tuple(policy.replace("-", "_") in gate for policy in ORDER)
