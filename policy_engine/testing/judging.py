"""One policy on one case, and what it must have found."""

from collections.abc import Iterable
from typing import Any, TypeVar

from policy_engine.evidence import Case
from policy_engine.judging.judgement import findings_of
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.testing.evidence import case

P = TypeVar("P", bound=Policy)


def bind(policy: type[P], **settings: Any) -> P:
    """Return the policy with settings as a policy file writes them (`max_size="200MB"`).

    Raises:
        pydantic.ValidationError: If a setting is wrong.
    """
    return policy.model_validate(settings)


def judge(policy: Policy, of: Case | None = None, **facts: Any) -> list[Finding]:
    """Return the policy's findings, as the engine gets them.

    Args:
        policy: The policy with its settings.
        of: What `case` returned; None: it is made of `facts`.
        **facts: What `case` takes.
    """
    return list(findings_of(policy, case(policy, **facts) if of is None else of))


def assert_outcome(
    findings: Iterable[Finding],
    outcome: Outcome | str,
    *,
    part: str | None = None,
    message: str | None = None,
) -> Finding:
    """Check one finding, and return it for more.

    Args:
        findings: What `judge` returned.
        outcome: What it must have found: `pass`, `fail`, `missing`, `inconclusive`,
            `not-applicable` or `error`.
        part: Which of the findings; needed where there are several.
        message: What its message or its detail must hold, as in a policy test of YAML.

    Raises:
        AssertionError: If it is otherwise; lists all findings.
    """
    found = list(findings)
    mine = [f for f in found if f.part == part] if part is not None else found
    listed = "\n".join(f"  {f.outcome.value} [{f.part or '-'}] {_told(f)}" for f in found)
    if len(mine) != 1:
        which = f"part '{part}'" if part is not None else "the only one (say `part=`)"
        raise AssertionError(f"{len(mine)} findings are {which}; all of them:\n{listed}")
    finding = mine[0]
    if finding.outcome != Outcome(outcome):
        raise AssertionError(f"expected {Outcome(outcome).value}; the findings are:\n{listed}")
    if message is not None and not finding.holds(message):
        raise AssertionError(f"expected the message\n  {message}\nbut it is\n  {finding.whole}")
    return finding


def _told(finding: Finding) -> str:
    """Return a finding in a line; a mistake of the policy with the line that it comes from."""
    return finding.whole if finding.outcome is Outcome.ERROR else finding.message
