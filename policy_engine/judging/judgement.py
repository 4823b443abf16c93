"""One policy on one case: its findings, and what it does wrong as a finding too."""

import logging
from collections.abc import Coroutine
from decimal import localcontext
from types import GeneratorType, NoneType
from typing import TYPE_CHECKING, Any

from policy_engine.errors import PluginError
from policy_engine.evidence import Case, EvidenceError, Measurement, UndeclaredNeed
from policy_engine.judging.clock import NO_CLOCK, Clock, OutOfTime
from policy_engine.judging.contradictions import contradiction
from policy_engine.policy import Finding, Interval, Limit, Outcome, Policy, finding_of
from policy_engine.quantities import EXACT
from policy_engine.quantities.units import measure_of
from policy_engine.source.code import place_of_yield, place_within

if TYPE_CHECKING:
    from policy_engine.expressions import Condition

_LOG = logging.getLogger("policy_engine.policies")
"""Tracebacks of policies that broke: pytest shows them, and `--debug` writes them to stderr."""
_LOG.addHandler(logging.NullHandler())
MOST_FINDINGS = 1_000
"""More findings than anybody reads of one policy."""
_TEXT = (str, NoneType)
_MEASUREMENT = (Measurement, NoneType)
_LIMIT = (Limit, NoneType)
_INTERVAL = (Interval, NoneType)


def findings_of(policy: Policy, case: Case, clock: Clock = NO_CLOCK) -> tuple[Finding, ...]:
    """Return the policy's findings on the case; what goes wrong inside is a finding too.

    Decimals are exact inside, whatever another plugin made of the process's decimal context.
    """
    found: list[Finding] = []
    parts: set[str | None] = set()
    answer: Any = None
    try:
        with localcontext(EXACT), clock.running():
            answer = policy.evaluate(case)
            _refuse_answer(answer)
            for finding in answer:
                _refuse_misuse(finding, parts)
                _refuse_more(found)
                found.append(finding)
                parts.add(finding.part)
                clock.check()
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # noqa: BLE001 (whatever a plugin raises blocks the merge)
        found.append(_located(_ended(e), e, policy, answer))
    return tuple(found) or (
        _broken("the policy yielded no finding; a model that passes needs one too"),
    )


def _located(finding: Finding, error: BaseException, policy: Policy, answer: Any) -> Finding:
    """Return the finding with the line of the policy that it comes from, if it is a mistake."""
    is_evidence = isinstance(error, EvidenceError) and not isinstance(error, UndeclaredNeed)
    if finding.outcome is not Outcome.ERROR or is_evidence or isinstance(error, OutOfTime):
        return finding
    _LOG.error("policy %s: %s", policy.policy_name, finding.message, exc_info=error)
    package = type(policy).__module__.partition(".")[0]
    at = place_of_yield(answer, package) or place_within(error, package)
    return finding.saying(f" ({at})") if at else finding


def turned_off(condition: "Condition", case: Case, clock: Clock = NO_CLOCK) -> Finding | None:
    """Return the finding instead of the policy's, unless the condition of its binding holds."""
    try:
        with clock.running():
            held = condition.of(case)
    except (Exception, OutOfTime) as e:  # noqa: BLE001 (what cannot be decided is a finding, never a false)
        return _ended(e)
    if held.holds:
        return None
    message = f"`when` does not hold: {condition.text}{condition.told(held)}"
    return Finding(outcome=Outcome.NOT_APPLICABLE, message=message)


def _ended(error: BaseException) -> Finding:
    """Return the finding that a policy ended in by raising."""
    finding = finding_of(error)
    if finding is not None:
        return finding
    if isinstance(error, UndeclaredNeed):
        return Finding(outcome=Outcome.ERROR, message=str(error), remedy=error.remedy)
    if isinstance(error, OutOfTime):
        return Finding(outcome=Outcome.ERROR, message=str(error), remedy=error.remedy)
    if isinstance(error, PluginError):
        return _broken(str(error))
    return _broken(f"the policy raised {type(error).__name__}: {error}")


def _refuse_more(found: list[Finding]) -> None:
    if len(found) == MOST_FINDINGS:
        raise PluginError(f"the policy yielded more than {MOST_FINDINGS:,} findings")


def _refuse_answer(answer: object) -> None:
    """Refuse what `evaluate` returned, if no findings can be in it."""
    if type(answer) is GeneratorType:
        return  # as nearly always; to find that it is no coroutine takes longer
    if isinstance(answer, Finding):
        raise PluginError("the policy returned a finding: yield it")
    if answer is None:
        raise PluginError("the policy returned None: yield at least one finding")
    if isinstance(answer, Coroutine):
        answer.close()  # else Python warns that nobody awaited it
        raise PluginError("the policy's evaluate is async, and nobody awaits it: make it plain")


def _refuse_misuse(finding: object, parts: set[str | None]) -> None:
    """Refuse what no output could show, and what contradicts itself or repeats an earlier part."""
    if isinstance(finding, Finding) and isinstance(finding.outcome, str):
        _refuse_text(finding.outcome)
    if not isinstance(finding, Finding) or not isinstance(finding.outcome, Outcome):
        raise PluginError(
            f"the policy yielded {finding!r:.200}, which is not a Finding with an Outcome"
        )
    untyped: tuple[Any, ...] = finding  # its plugin may be written without types
    outcome, message, part, measured, limit, baseline, remedy, detail, about, interval = untyped
    if not (
        isinstance(message, str)
        and type(measured) in _MEASUREMENT
        and type(limit) in _LIMIT
        and type(baseline) in _MEASUREMENT
        and isinstance(part, _TEXT)
        and all(isinstance(each, _TEXT) for each in (remedy, detail, about))
        and type(interval) in _INTERVAL
    ):
        raise PluginError(f"the policy yielded a finding of wrong types: {finding!r:.300}")
    if not message or message.isspace():
        raise PluginError("the policy yielded a finding without a message")
    if part in parts:
        what = "two findings without a part" if part is None else f"'{part}' twice"
        raise PluginError(f"the policy yielded {what}")
    if limit is not None and (kept := measure_of(limit.unit)) is not None:
        raise PluginError(
            f"the policy has a limit in '{limit.unit}', in which no waiver can have a ceiling: "
            f"measure in '{kept}'"
        )
    if (odd := contradiction(outcome, measured, limit)) is not None:
        raise PluginError(f"the policy {odd}: {message}")


def _refuse_text(outcome: str) -> None:
    """Refuse an outcome that is a mere text."""
    if not isinstance(outcome, Outcome):
        name = outcome.upper().replace("-", "_")
        right = name if name in Outcome.__members__ else "FAIL"
        raise PluginError(f"the policy yielded the text '{outcome}': write Outcome.{right}")


def _broken(message: str) -> Finding:
    return Finding(
        outcome=Outcome.ERROR,
        message=message,
        remedy="report it to the policy's author; until then the candidate counts as not judged",
    )
