"""What a finding of a saved report cannot be, by the very rules that make one."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from policy_engine.evidence import Measurement
from policy_engine.judging.contradictions import contradiction
from policy_engine.judging.effects import possible_effects
from policy_engine.policy import Finding
from policy_engine.policy_file.keys import WaiverKeys
from policy_engine.policy_file.waiver import Waiver
from policy_engine.quantities import Quantity, parse_quantity
from policy_engine.report import Effect, Judged
from policy_engine.source.problems import Spot

_NOWHERE = Spot("", 1, 1)


def oddity(finding: Judged, now: datetime) -> str | None:
    """Return what contradicts itself in a finding that was judged at this moment; None: nothing."""
    if finding.effect not in possible_effects(finding.outcome, finding.level):
        return (
            f"has the effect {finding.effect.value}, which no {finding.outcome.value} of the level "
            f"{finding.level.value} has"
        )
    odd = contradiction(finding.outcome, finding.measured, finding.limit, rounded=True)
    if odd is not None:
        return odd
    if finding.waiver is None:
        return "is waived without a waiver" if finding.effect is Effect.WAIVED else None
    if finding.effect is not Effect.WAIVED:
        return "has a waiver and is not waived"
    return _unfit(finding, finding.waiver, now)


def _unfit(finding: Judged, written: dict[str, Any], now: datetime) -> str | None:
    """Return why a waiver cannot cover the finding that it is said to cover."""
    try:
        waiver = _waiver(written)
    except (KeyError, TypeError, ValueError):
        return "has a waiver without id, last day or ceiling as they are written"
    if waiver.keys.id != finding.id:
        return "has the waiver of another binding"
    if waiver.has_expired(now):
        return "has a waiver that had expired"
    why = waiver.why_not(_as_written(finding, waiver.keys.ceiling))
    return None if why is None else f"has a waiver that does not cover it: {why}"


def _waiver(written: dict[str, Any]) -> Waiver:
    text = written["ceiling"]
    facts: dict[str, Any] = {
        "id": written["id"],
        "part": written.get("part"),
        "ceiling": None if text is None else _quantity(text),
        "expires": date.fromisoformat(written["expires"]),
    }
    keys = WaiverKeys.model_construct(**facts)
    return Waiver(keys=keys, ceiling=text, key="", at=_NOWHERE, expires_at=_NOWHERE, files=())


def _quantity(text: str) -> Quantity:
    try:
        return parse_quantity(text)
    except ValueError:
        return parse_quantity(float(text))


def _as_written(finding: Judged, ceiling: Quantity | None) -> Finding:
    """Return the finding; JSON rounds its value, so one that rounds to the ceiling is at it."""
    measured: Measurement | None = finding.measured
    if measured and ceiling and float(measured.value) == float(ceiling.value):
        measured = replace(measured, value=ceiling.value)
    return Finding(finding.outcome, finding.message, finding.part, measured, finding.limit)
