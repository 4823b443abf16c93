"""A condition of your own, where no policy says what you mean."""

from collections.abc import Iterator

from pydantic import Field

from policy_engine.evidence import Case, Needs
from policy_engine.expressions import Condition, ConditionText, Held, compiled
from policy_engine.policy import Finding, Outcome, Policy


class Expression(Policy, name="expression"):
    """A condition of your own holds of the candidate.

    The condition is a checked part of CEL over `candidate`, `baseline`, `history` and `change`:
    `candidate.metrics.auc >= 0.9 && candidate.tags["region"] == "eu"`. What it can name, and what
    it refuses, stands in `docs/reference/expressions.md`. A name that is not there is `missing`,
    unless the condition is decided without it; what is invalid fails, wherever the condition names
    it.

    It compares in doubles, and so may decide otherwise than exact decimals within the last digit of
    a difference. Where `metric-threshold` can say the same, it says it exactly, and with a better
    message.

    Source: https://github.com/google/cel-spec.
    """

    needs = Needs.MODEL | Needs.BASELINE | Needs.HISTORY | Needs.CHANGE

    that: ConditionText = Field(
        description="The condition that must hold.",
        examples=["candidate.metrics.val_f1 >= baseline.metrics.val_f1"],
    )
    message: str | None = Field(
        default=None, min_length=1, description="What to say where it does not hold."
    )

    def reads(self) -> Needs:
        """Leave out what the condition does not name."""
        return compiled(self.that).needs

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield whether the condition holds."""
        condition = compiled(self.that)
        held = condition.of(case)
        bound = condition.bound
        if bound is None:
            yield self._finding(condition, held)
            return
        measured = condition.measured(case)
        assert measured is not None  # noqa: S101 (a bound is of a measured number)
        what = ".".join(bound.path)
        judged = Finding.judge(measured, bound.op, bound.limit, what, remedy=_REMEDY)
        if self.message is not None and judged.outcome is Outcome.FAIL:
            judged = judged._replace(
                message=self.message, detail=f"{self.message}: {judged.message}"
            )
        yield judged

    def _finding(self, condition: Condition, held: Held) -> Finding:
        if held.holds:
            said, outcome, remedy = f"it holds that {self.that}", Outcome.PASS, None
        else:
            said = self.message or f"it does not hold that {self.that}"
            outcome, remedy = Outcome.FAIL, _REMEDY
        told = condition.told(held)
        return Finding(
            outcome=outcome, message=said, remedy=remedy, detail=said + told if told else None
        )


_REMEDY = "bring the run to where it holds, or change the expression and say why"
