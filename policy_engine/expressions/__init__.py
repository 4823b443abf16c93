"""Conditions in policy files: a small, checked part of CEL over what one case holds.

    condition = compiled('candidate.tags["region"] == "eu"')
    condition.needs          # what it reads
    condition.of(case).holds # True or False; evidence that is no value is raised

The text is read twice. Our own reader (`syntax`, `checking`) refuses what could be misread or
would take long, says where, and knows what is read; a CEL library (`library`) then evaluates the
very same text. Nothing of the library is imported before an expression is compiled.
"""

from policy_engine.expressions.condition import Condition, ConditionText, Held, compiled
from policy_engine.expressions.failure import ExpressionError, ExpressionFailed

__all__ = ["Condition", "ConditionText", "ExpressionError", "ExpressionFailed", "Held", "compiled"]
