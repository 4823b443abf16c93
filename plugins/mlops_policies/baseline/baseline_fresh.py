"""Whether the baseline is young enough to be what a change is compared with."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from policy_engine.evidence import Case, Grade, InvalidEvidence, Measurement, Needs
from policy_engine.policy import Finding, Policy, part
from policy_engine.quantities import Duration, Tighter

_CLOCK = timedelta(hours=24)
"""How far ahead the training client's clock may be."""
_REMEDY = (
    "move the alias to the model that is in use, or train the baseline again on the default branch"
)


class BaselineFresh(Policy, name="baseline-fresh"):
    """The baseline is not so old that a comparison with it is about something else.

    A champion that nobody replaced for a year was trained on other data, by other code. A gain over
    it is that of every change since then, not of this one.

    - `age`: with `max_age`, the time from the end of the baseline's training run (its start where
      it has no end) to the moment of judgement (s).
    - `commits`: with `max_commits`, the commits that the candidate's commit has and the baseline's
      has not (`git rev-list --count baseline..candidate`). They are known where the check runs in a
      clone with the whole history and both runs say their commit; else the part is missing.

    How long it has had its alias is not asked: MLflow keeps no such date, neither with the alias
    nor as the version's last update.

    A baseline that ended more than 24 h after the moment of judgement is invalid.

    Source: "ML Test Score" (Breck et al. 2017), test Model 4, the impact of model staleness is
    known. The numbers of the packs are starting points of ours.
    """

    needs = Needs.BASELINE

    max_age: Annotated[Duration | None, Tighter.LOWER] = Field(
        default=None, description="How long ago the baseline may have been trained (duration)."
    )
    max_commits: Annotated[int | None, Tighter.LOWER] = Field(
        default=None,
        ge=0,
        description="How many commits may lie between baseline and candidate (count).",
    )

    @model_validator(mode="after")
    def _something_is_limited(self) -> Self:
        if self.max_age is None and self.max_commits is None:
            raise ValueError("set max_age or max_commits: without one nothing is limited")
        return self

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `age` and `commits`, each where it is limited."""
        max_age, max_commits = self.max_age, self.max_commits
        if max_age is not None:
            yield part("age", lambda: _age(case, max_age))
        if max_commits is not None:
            yield part("commits", lambda: _commits(case, max_commits))


def _age(case: Case, limit: Decimal) -> Finding:
    trained = case.baseline.trained
    age = case.now - trained
    if age < -_CLOCK:
        raise InvalidEvidence(
            f"the baseline was trained on {trained:%Y-%m-%d}, after the moment of judgement",
            "set the clock of the machine that trains",
        )
    return Finding.judge(
        Measurement(_seconds(age), "s", Grade.LOGGED, "end of the baseline's run"),
        "<=",
        limit,
        "the age of the baseline",
        part="age",
        note=f" (trained on {trained:%Y-%m-%d})",
        remedy=f"{_REMEDY}, or raise max_age and say why",
    )


def _commits(case: Case, limit: int) -> Finding:
    return Finding.judge(
        Measurement(Decimal(case.commits_since_baseline), "commits", Grade.LOGGED, "git"),
        "<=",
        Decimal(limit),
        "the distance of the baseline from the candidate",
        part="commits",
        remedy=f"{_REMEDY}, or raise max_commits and say why",
    )


def _seconds(span: timedelta) -> Decimal:
    return max(Decimal(0), Decimal(span.days * 86400 + span.seconds))
