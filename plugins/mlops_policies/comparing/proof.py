"""What the rules that demand proof share: their settings and their levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlops_policies.comparing.amounts import with_a_point
from mlops_policies.comparing.comparison import RESAMPLES, Method, Plan, compare
from mlops_policies.comparing.tested import Untested
from mlops_policies.comparing.tries import recipes_searched, tries_before, tries_of
from policy_engine.evidence import Case, Metric, MissingEvidence, Needs, resolve_metric
from policy_engine.policy import Field, GainSpread, Policy
from policy_engine.quantities import Number, exact, show
from policy_engine.statistics import best_of, spend

_MANY = 1_000_000


class Proof(Policy):
    """A rule that passes what is shown, fails what is shown to be otherwise, and else says so."""

    # MODEL: an evaluation run of its own may hold a model's rows, and only the model names it.
    needs = (
        Needs.BASELINE
        | Needs.PREDICTIONS
        | Needs.MODEL
        | Needs.REPEATS
        | Needs.DATASETS
        | Needs.CHANGE
        | Needs.CHILDREN
        | Needs.HISTORY
    )

    alpha: Number = Field(
        default=Decimal("0.05"),
        gt=0,
        le=Decimal("0.5"),
        description="One-sided error of the test (a chance, above 0 to 0.5).",
    )
    method: Method = Field(
        default="auto",
        description="auto: the test that fits the metric and the rows; bca: with BCa bounds where "
        "it is a bootstrap; seeds: over repeated seeds, even where rows are logged.",
    )
    resamples: int = Field(
        default=RESAMPLES, ge=1000, le=_MANY, description="Resamples of a bootstrap (count)."
    )
    min_seeds: int = Field(
        default=5, ge=2, description="Least seeds of each recipe, where seeds are compared (count)."
    )
    spend: bool = Field(
        default=False,
        description="Whether try k of a pull request must pass at alpha/(k(k+1)), so that retrying "
        "does not help. Tries of other pull requests on the same evaluation data count.",
    )

    def reads(self) -> Needs:
        """Leave out the rows where only seeds are compared, and the past where nothing is spent."""
        needs = self.needs if self.spend else self.needs & ~Needs.HISTORY
        return needs & ~Needs.PREDICTIONS if self.method == "seeds" else needs

    def gain_spread(self, case: Case) -> GainSpread:
        """Return how far the gain in the file's metric varies, by the test that judges it.

        Raises:
            MissingEvidence: If nothing can be tested, or how far it varies is not known.
        """
        tested = compare(case.candidate, case.baseline, case.metric, self.plan)
        if isinstance(tested, Untested):
            raise MissingEvidence(tested.why, tested.remedy)
        if tested.spread is None or not tested.standard_error > 0:
            raise MissingEvidence(f"nothing varies in {case.metric.name}", tested.more)
        metric, _ = with_a_point(case.metric, exact(tested.before))
        return GainSpread(metric, tested.spread, tested.words(), tested.where)

    @property
    def plan(self) -> Plan:
        """How to compare."""
        return Plan(method=self.method, resamples=self.resamples, min_seeds=self.min_seeds)


@dataclass(frozen=True, slots=True)
class Levels:
    """At which alpha a pass and a fail must be shown.

    Attributes:
        plain: The setting.
        shown: For what the candidate has to show; smaller with each try, where alpha is spent, and
            for the winner of a search.
        opposite: For a fail; smaller where the baseline is the best of many runs. Never spent: a
            candidate must not become harder to fail by being tried again.
        notes: Why, as the end of a sentence.
    """

    plain: float
    shown: float
    opposite: float
    notes: str

    @classmethod
    def of(
        cls, policy: Proof, case: Case, among: int | None, metrics: Sequence[Metric]
    ) -> "Levels":
        """Return the levels for a case.

        Args:
            policy: Its alpha, and whether tries spend it.
            case: Which try it is, and of which search.
            among: Of how many runs the baseline is the best; None or 1: it was not picked so.
            metrics: What is judged.
        """
        plain = float(policy.alpha)
        shown, notes = _spent(policy, case)
        recipes = recipes_searched(case, metrics)
        if recipes > 1:
            shown = best_of(shown, recipes)
            notes += (
                f"; the candidate is one of {recipes} recipes of a search, so a pass must be shown "
                f"at a level {recipes} times smaller: {show(exact(shown), '')}"
            )
        opposite = plain
        if among is not None and among > 1:
            opposite = best_of(plain, among)
            notes += (
                f"; the baseline is the best of {among} runs, so a fail must be shown at "
                f"alpha/{among} = {show(exact(opposite), '', exact(plain))}"
            )
        return cls(plain, shown, opposite, notes)


def _spent(policy: Proof, case: Case) -> tuple[float, str]:
    """Return the alpha of this try, and what there is to say of it."""
    plain, tries = float(policy.alpha), tries_of(case)
    if not policy.spend:
        later = tries is not None and tries > 1
        return plain, (
            f"; this is try {tries} of the pull request, alpha is for one" if later else ""
        )
    before = tries_before(case)
    number = (tries or 1) + before
    level = spend(plain, number)
    counted = f"try {tries}" if tries else "the first try (outside a pull request)"
    if before:
        counted = f"try {number} on these evaluation data, {before} of other pull requests,"
    return level, f"; {counted} must pass at alpha/(k(k+1)) = {show(exact(level), '')}"


def among_of(case: Case, rules: tuple[dict[str, Any], ...] | None = None) -> int | None:
    """Return of how many runs a baseline is the best; None where it was not picked as that.

    Args:
        case: Its baselines.
        rules: One of the lists of a policy's own; None: the policy file's.
    """
    if rules is None:
        return case.found.among if case.found else None
    found = next((each for each in case.evidence.baselines if each.rules == rules), None)
    return found.among if found else None


def metrics_of(case: Case, names: Sequence[str]) -> tuple[Metric, ...]:
    """Return the metrics of these names, or the file's metric where there are none."""
    if not names:
        return (case.metric,)
    own = case.metric_setting
    return tuple(
        own if own and own.name == name else resolve_metric(name, None, None, "the policy")
        for name in dict.fromkeys(names)
    )
