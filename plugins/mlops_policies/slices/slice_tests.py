"""Each slice of joined rows under test: its drop, and whether it is under the floor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from mlops_policies.comparing.bootstrapped import seed_of
from mlops_policies.comparing.comparison import Plan, compare_rows, scipy_needed
from mlops_policies.comparing.near import Near
from mlops_policies.comparing.paired import Tables, definition_of, outputs_of_places, paired
from mlops_policies.comparing.shown import detectable, is_no_worse
from mlops_policies.comparing.tested import Tested, Untested
from mlops_policies.slices.slice_rows import Slice
from mlops_policies.slices.slice_rule import JudgedSlice, SliceRule
from policy_engine.evidence import InvalidEvidence, Metric, MissingEvidence, NotApplicable, Run
from policy_engine.quantities import count
from policy_engine.statistics import (
    InvalidRows,
    Linearized,
    NotComputable,
    OneModel,
    Resampled,
    TooFewOfClass,
    is_large,
    slice_bootstrap,
    slice_linear,
)
from policy_engine.statistics import RowMetric as Definition

_MOST_RESAMPLES = 100_000


def judge_rows(
    rule: SliceRule, runs: tuple[Run, Run], tables: Tables, slices: Collection[Slice]
) -> list[JudgedSlice]:
    """Test each slice on the rows of candidate and baseline.

    Raises:
        InvalidEvidence: If the rows hold what the metric cannot be computed from.
        MissingEvidence: If the metric cannot be computed from rows, or the runs log two of a name.
        NotApplicable: If a floor is asked of a metric that has no share.
        UnreadableEvidence: If SciPy is needed and not installed.
    """
    with scipy_needed():
        try:
            definition = definition_of(rule.metric, *runs, tables)
        except NotComputable as e:
            remedy = f"log a column {rule.metric.name}, or `score`"
            raise MissingEvidence(str(e), remedy) from e
        # At most so many tests share alpha: of a drop, and of the floor where one is asked for.
        family = len(slices) * (1 if rule.floor is None else 2)
        tests = _Tests(rule, tables, definition, family)
        return [tests.judged(each) for each in slices]


@dataclass(frozen=True, slots=True)
class _Tests:
    """The rows, what is computed of them, and how many tests share alpha."""

    rule: SliceRule
    tables: Tables
    definition: Definition
    family: int

    def judged(self, each: Slice) -> JudgedSlice:
        n = len(each.places)
        untested = partial(JudgedSlice, each.name, n, p=None, is_named=each.is_named)
        if n < self.rule.min_rows:
            values = count(each.values, "value")
            return untested(gain=0.0, test=f"{n:,} rows of {values}, under {self.rule.min_rows}")
        try:
            tested = self._compared(each)
        except NotComputable as e:
            return untested(gain=0.0, test=str(e))
        if isinstance(tested, Untested):
            return untested(gain=tested.gain or 0.0, test=tested.why)
        floor_p, short = self._under_floor(each)
        alpha = float(self.rule.alpha)
        sign = 1 if self.rule.metric.goal == "maximize" else -1
        return JudgedSlice(
            name=each.name,
            rows=n,
            gain=tested.gain,
            p=tested.p_below(),
            test=tested.words(),
            after=tested.after,
            before=tested.before,
            smallest=None
            if isinstance(tested, Near)
            else detectable(tested, alpha / self.family, float(self.rule.drop)),
            floor_p=floor_p,
            floor=tested.after + sign * short,
            is_named=each.is_named,
            bounds=tested.bounds,
        )

    def _compared(self, each: Slice) -> Tested | Untested:
        # Holm's smallest level must be no matter of how many resamples there are.
        enough = min(round(10 * self.family / float(self.rule.alpha)), _MOST_RESAMPLES)
        plan = Plan(resamples=max(self.rule.resamples, enough))
        metric = self.rule.metric
        found = compare_rows(self.tables, self.definition, metric, plan, only=each.places)
        near = found.near if isinstance(found, Untested) else None
        if near is None:
            return found
        alpha = float(self.rule.alpha) / self.family
        return near if is_no_worse(near, float(self.rule.drop), alpha) else found

    def _under_floor(self, each: Slice) -> tuple[float | None, float]:
        """Return the p-value of the candidate being at or above the floor, and what it lacks."""
        if self.rule.floor is None:
            return None, 0.0
        _check_floor(self.rule.metric)
        resamples, alpha = self.rule.resamples, float(self.rule.alpha)
        try:
            # One resample gives the estimate: at or above the floor, nothing can be shown.
            short = -self._at_floor(each, 1, is_candidate=True).estimate
            if short <= 0:
                return 1.0, short
            new = self._at_floor(each, resamples, is_candidate=True).p_below()
            if new >= alpha:
                return new, short
            old = self._at_floor(each, resamples, is_candidate=False).p_below()
        except TooFewOfClass:
            return None, 0.0
        except InvalidRows as e:
            name = self.rule.metric.name
            raise InvalidEvidence(f"{name} of {each.name}: {e}", "log other rows") from e
        return (None if old < alpha else new), short

    def _at_floor(
        self, each: Slice, resamples: int, *, is_candidate: bool
    ) -> Resampled | Linearized:
        mine, theirs, joined = self.tables.mine, self.tables.theirs, self.tables.joined
        table, places = (
            (mine, joined.candidate_rows) if is_candidate else (theirs, joined.baseline_rows)
        )
        inside = set(each.places)
        clusters = joined.clusters
        rows = OneModel(
            targets=self._targets,
            outputs=outputs_of_places(table, places, self.definition, self.rule.metric),
            members=[place in inside for place in range(len(joined))],
            weights=joined.weights,
            clusters=None if clusters is None else [str(cell) for cell in clusters],
        )
        goal, floor = self.rule.metric.goal, float(self.rule.floor or 1)
        inside_both = paired(self.tables, self.definition, self.rule.metric, each.places)
        if is_large(self.definition, inside_both):
            found = slice_linear(self.definition, rows, goal=goal, floor=floor)
            if found.is_near_normal:
                return found
        return slice_bootstrap(
            self.definition,
            rows,
            goal=goal,
            floor=floor,
            seed=seed_of(each.name, mine.run_id, theirs.run_id),
            resamples=resamples,
        )

    @property
    def _targets(self) -> Sequence[str | int | float | bool]:
        """The truth of each joined row."""
        joined = self.tables.joined
        if self.definition.kind == "row_mean":
            return [0] * len(joined)
        return [cell for cell in joined.targets if cell is not None]


def _check_floor(metric: Metric) -> None:
    """Refuse a share of a metric that has no natural zero.

    Raises:
        NotApplicable: If it is neither known to lie in [0, 1] nor an error.
    """
    if metric.perfect is None or (metric.perfect != 0 and not _lies_in_unit(metric)):
        raise NotApplicable(
            f"a share of {metric.name} means nothing: floor is for metrics in [0, 1] and errors"
        )


def _lies_in_unit(metric: Metric) -> bool:
    return not any(word in metric.name.lower() for word in ("r2", "mcc", "matthews", "kappa"))
