"""What a finding does to the merge: outcome and level to effect, effects to verdict."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import get_args

from policy_engine.policy import Level, Outcome
from policy_engine.policy_file import Binding
from policy_engine.policy_file.keys import SOFT, Treatment
from policy_engine.report import Effect, Judged, Verdict

_SAID_BY = {Outcome.MISSING: "on_missing", Outcome.INCONCLUSIVE: "on_inconclusive"}
"""The key of a binding that says what a finding of an outcome does; any other blocks."""


def level_on(now: datetime, binding: Binding) -> Level:
    """Return the level that a binding has at this moment: advisory before `enforce_from`."""
    day = binding.keys.enforce_from
    if day is not None and now < datetime.combine(day, time(), tzinfo=UTC):
        return Level.ADVISORY
    return binding.keys.level


def effect_of(outcome: Outcome, level: Level, binding: Binding) -> Effect:
    """Return what a finding of this outcome does, its binding being at this level."""
    name = _SAID_BY.get(outcome)
    return _effect(outcome, level, "block" if name is None else getattr(binding.keys, name))


def possible_effects(outcome: Outcome, level: Level) -> frozenset[Effect]:
    """Return what a finding of this outcome can do, whatever its binding says and is waived."""
    name, words = _SAID_BY.get(outcome), ["block"]
    if name is not None:
        refused = SOFT[name] if level is Level.MANDATORY else ()
        words = [word for word in get_args(Treatment) if word not in refused]
    effects = {_effect(outcome, level, word) for word in words}
    if Effect.BLOCK in effects and is_waivable(outcome, level):
        effects.add(Effect.WAIVED)
    return frozenset(effects)


def is_waivable(outcome: Outcome, level: Level) -> bool:
    """Say whether a waiver can let such a finding pass."""
    return level is not Level.MANDATORY and outcome is not Outcome.ERROR


def _effect(outcome: Outcome, level: Level, word: str) -> Effect:
    if outcome is Outcome.PASS or outcome is Outcome.NOT_APPLICABLE or word == "skip":
        return Effect.NONE
    return Effect.WARN if word == "warn" or level is Level.ADVISORY else Effect.BLOCK


def verdict_of(findings: Sequence[Judged], *, at_best: Verdict = Verdict.PASS) -> Verdict:
    """Return what the findings on one subject come to.

    Args:
        findings: All of them.
        at_best: What is said where nothing speaks against the candidate.
    """
    effects = {f.effect for f in findings}
    blocked = Effect.BLOCK in effects
    if blocked and any(f.outcome is Outcome.ERROR and f.effect is Effect.BLOCK for f in findings):
        return Verdict.ERROR
    if all(f.effect is Effect.NONE and f.outcome is not Outcome.PASS for f in findings):
        return Verdict.NOT_EVALUATED
    if blocked:
        return Verdict.FAIL
    if Effect.WARN in effects or Effect.WAIVED in effects:
        return Verdict.WARN
    return at_best
