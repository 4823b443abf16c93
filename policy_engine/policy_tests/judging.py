"""What a policy file finds on each case, and where that differs from what is expected."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from policy_engine import __version__
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy import Outcome
from policy_engine.policy_tests.model import Expected, PolicyTest, PolicyTestCase
from policy_engine.report import Engine, Judged, PolicySource

_WORST_FIRST = (
    Outcome.ERROR,
    Outcome.FAIL,
    Outcome.MISSING,
    Outcome.INCONCLUSIVE,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)
"""Of several findings of one binding the first of these is its outcome."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An expectation that a case does not meet: what differs, and all that was found."""

    expected: Expected
    why: str
    found: tuple[Judged, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """A case, what was found, and where that differs from what is expected."""

    test: PolicyTest
    case: PolicyTestCase
    differences: tuple[Difference, ...]


def judged(test: PolicyTest) -> Iterator[Result]:
    """Yield the result of each case of a test."""
    for case in test.cases:
        found = findings_of_case(test, case)
        compared = ((each, _difference(each, found)) for each in case.expected)
        differences = tuple(
            Difference(each, why, tuple(f for f in found if f.id == each.id))
            for each, why in compared
            if why is not None
        )
        yield Result(test, case, differences)


def findings_of_case(test: PolicyTest, case: PolicyTestCase) -> tuple[Judged, ...]:
    """Return what the policy file finds on a case; waivers change nothing here."""
    policies = replace(test.loaded.policies, waivers=())
    engine = Engine(__version__, tuple(str(plugin) for plugin in test.loaded.plugins.loaded))
    source = PolicySource(policies.digest, trusted=True)
    report = evaluate(policies, case.evidence, Context(case.at, source, engine))
    return tuple(finding for subject in report.subjects for finding in subject.findings)


def worst(found: Sequence[Judged]) -> Judged:
    """Return the finding that says what a binding came to."""
    return min(found, key=lambda finding: _WORST_FIRST.index(finding.outcome))


def _difference(expected: Expected, found: Sequence[Judged]) -> str | None:
    """Return how the findings differ from what is expected; None: they do not."""
    mine = [
        finding
        for finding in found
        if finding.id == expected.id and expected.part in (None, finding.part)
    ]
    if not mine:
        if not found:
            return "nothing was judged: the policy file does not apply to the candidate"
        return f"it found nothing of the part '{expected.part}'"
    finding = worst(mine)
    if finding.outcome is not expected.outcome:
        return f"expected {expected.outcome.value}, found {finding.outcome.value}"
    if expected.effect is not None and finding.effect is not expected.effect:
        return f"expected the effect {expected.effect.value}, found {finding.effect.value}"
    told = [each for each in mine if each.outcome is expected.outcome]
    text = expected.message
    if text is not None and not any(each.holds(text) for each in told):
        return f"expected a message with '{expected.message}'"
    return None
