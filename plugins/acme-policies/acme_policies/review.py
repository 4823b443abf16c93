"""Who must have looked at a model whose risk is high."""

from collections.abc import Iterator
from typing import Annotated

from policy_engine import Case, Field, Finding, MissingEvidence, Needs, Outcome, Policy
from policy_engine.quantities import Tighter


class HighRiskReview(Policy, name="acme-high-risk-review"):
    """A model of high risk was reviewed by somebody else than the author of the change.

    The tag `risk` of the run says how much harm the model can do: a word of `high_risk` asks for a
    review, any other word does not. A run that states no risk is missing evidence: silence must not
    be the way around a review. The tag `reviewed_by` names who reviewed it; a review by the author
    of the pull request is none.

    Both tags are claims of whoever may write to the run; Acme lets only its reviewers set
    `reviewed_by`.

    Log it: `mlflow.set_tag("risk", "high")`; the reviewer then sets the tag `reviewed_by`.
    """

    needs = Needs.CHANGE

    high_risk: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=("high", "critical"),
        min_length=1,
        strict=False,
        description="Words of the tag `risk` that ask for a review.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding: the risk asks for no review, or there is one."""
        risk = _word(case.candidate.tag("risk"))
        if risk not in {_word(each) for each in self.high_risk}:
            yield Finding(
                outcome=Outcome.PASS, message=f"its risk is {risk}: no review is asked for"
            )
            return
        reviewer = case.candidate.tags.get("reviewed_by", "").strip()
        if not reviewer:
            raise MissingEvidence(
                f"its risk is {risk}, and nobody reviewed it",
                "ask a reviewer to look at it and to set the tag `reviewed_by` of the run",
            )
        author = case.change_record.author if case.change_record else None
        yield _judged(risk, reviewer, author)


def _judged(risk: str, reviewer: str, author: str | None) -> Finding:
    if author is not None and _login(reviewer) == _login(author):
        return Finding(
            outcome=Outcome.FAIL,
            message=f"its risk is {risk}, and only its author {author} reviewed it",
            remedy="have somebody else review it",
        )
    known = "" if author else " (outside a pull request: its author is not known)"
    return Finding(
        outcome=Outcome.PASS, message=f"its risk is {risk}, and {reviewer} reviewed it{known}"
    )


def _word(text: str) -> str:
    return text.strip().casefold()


def _login(name: str) -> str:
    return name.strip().removeprefix("@").casefold()
