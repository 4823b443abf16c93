"""Conditions in policy files: a small, checked part of CEL over what one case holds.

    condition = compiled('candidate.tags["region"] == "eu"')
    condition.needs          # what it reads
    condition.of(case).holds # True or False; evidence that is not a value is raised

The text is read once. `syntax` makes a tree of it; `checking` refuses what could be misread, says
where, and knows what is read; `evaluating` makes a function of the tree.
"""

from policy_engine.expressions.condition import Condition, ConditionText, Held, compiled
from policy_engine.expressions.failure import ExpressionError, ExpressionFailed

__all__ = ["Condition", "ConditionText", "ExpressionError", "ExpressionFailed", "Held", "compiled"]
