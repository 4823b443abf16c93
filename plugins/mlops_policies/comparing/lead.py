"""Whether the lead of the best of many earlier runs is more than its luck."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlops_policies.comparing.amounts import (
    Wanted,
    amount,
    have,
    more_needed,
    p_value,
    still_needed,
)
from mlops_policies.comparing.comparison import Plan, compare
from mlops_policies.comparing.same_data import evaluation_data
from mlops_policies.comparing.tested import Tested, Untested
from mlops_policies.comparing.words import Against, change, evidence
from policy_engine.evidence import Case, InvalidEvidence, Metric, Run
from policy_engine.policy import Outcome
from policy_engine.quantities import Margin, exact, show
from policy_engine.statistics import best_of, chance_of_a_better_one

_SEVERAL = 2
DIFFERING = 0.08
"""The share of rows on which two equal models differ, where it is unknown."""


class Verdict(NamedTuple):
    """What is said of a lead: the outcome, why as the end of a sentence, and what would tell.

    `doubt` says in a few words why it decides nothing.
    """

    outcome: Outcome
    because: str
    remedy: str | None = None
    doubt: str = "whether by luck is untested"


def run_found(case: Case, rules: tuple[dict[str, Any], ...]) -> Run | None:
    """Return the run that rules of a policy's own found; None where they found none."""
    found = next((each for each in case.evidence.baselines if each.rules == rules), None)
    if found is None or found.run is None:
        return None
    return case.against(rules)


@dataclass(frozen=True, slots=True)
class Lead:
    """The lead of the best of some runs over the candidate.

    Attributes:
        metric: The metric in which it leads.
        looked_at: Of how many runs it is the best (count).
        alpha: The share of equal candidates that may fail.
        least: How large a lead counts.
    """

    metric: Metric
    looked_at: int
    alpha: float
    least: Margin

    def tested(self, candidate: Run, leader: Run) -> Verdict:
        """Return whether the leader is shown to be better, by rows or seeds."""
        try:
            found = compare(candidate, leader, self.metric, Plan())
        except InvalidEvidence as e:  # rows that tell nothing of each other
            return self.by_numbers(candidate, str(e))
        if isinstance(found, Untested):
            if found.gain is None:
                return self.by_numbers(candidate, found.why)
            return Verdict(Outcome.INCONCLUSIVE, f"; untested: {found.why}", found.remedy)
        return self._shown(found)

    def unread(self) -> Verdict:
        """Return what is said of a leader whose rows nobody read."""
        why = "; untested: of the earlier runs, only the rows of the best one that costs no more "
        return Verdict(Outcome.INCONCLUSIVE, f"{why}are read, and it is another", _LOOK)

    def by_numbers(self, candidate: Run, why: str) -> Verdict:
        """Return the verdict by the logged values, and how likely it is for an equal run."""
        luck = self._luck(candidate)
        return Verdict(Outcome.FAIL, f"; {self.metric.name} is compared as a number ({why}){luck}")

    def _shown(self, found: Tested) -> Verdict:
        level, p = best_of(self.alpha, self.looked_at), found.p_below()
        shown = p < level
        metric, lead = self.metric, -found.gain
        truth = f"if it is truly {amount(metric, lead)} better"
        wanted = Wanted(lead, "that the earlier run is better", truth, of_none=True)
        more = "" if shown else still_needed(found, wanted, level)
        against = Against.loss(metric, found, note=self._corrected(p))
        is_shown = "shown" if shown else "not shown"
        because = (
            f"; {change(metric, found)}, {is_shown} to be more than chance{more} "
            f"{evidence(metric, found, level, against)}"
        )
        if shown:
            return Verdict(Outcome.FAIL, because)
        luck = (
            f"as the best of {self.looked_at} runs it may be luck"
            if self.looked_at > 1
            else f"{have(found)} do not show that it is no luck"
        )
        remedy = more_needed(found, wanted, level)
        return Verdict(Outcome.INCONCLUSIVE, because, remedy, luck)

    def _corrected(self, p: float) -> str:
        """Return the p-value of the best of so many runs, as a sentence's end."""
        if self.looked_at < _SEVERAL:
            return ""
        return (
            f" = {show(exact(self.alpha), '')}/{self.looked_at}, as it is the best of "
            f"{self.looked_at} runs: {self.looked_at} x p = {p_value(min(1.0, p * self.looked_at))}"
        )

    def _luck(self, candidate: Run) -> str:
        rows = [each.rows for each in evaluation_data(candidate) if each.rows]
        name = self.metric.name
        if len(rows) != 1 or "accuracy" not in name or "balanced" in name:
            return ""
        deviation = math.sqrt(DIFFERING / 2 / rows[0])
        margin = float(self.metric.distance(self.least)) - 0.5 / rows[0]  # whole rows
        chance = chance_of_a_better_one(margin, deviation, self.looked_at)
        return (
            f"; by luck alone the best of {self.looked_at} equal runs leads so far in "
            f"{show(exact(round(chance, 2)), '%')} of cases ({rows[0]:,} rows, two runs differ on "
            f"{show(exact(DIFFERING), '%')} of them)"
        )


_LOOK = "compare the candidate with that run: policy-engine check --baseline <its run id>"
