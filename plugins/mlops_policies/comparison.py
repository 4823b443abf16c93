"""Which test: from a case to what its evidence shows of the gain over a baseline.

| evidence | test |
|---|---|
| rows of both; an unweighted mean of 0/1 rows | exact McNemar, Tango's bounds |
| rows of both, any other metric, or weights, or clusters | paired bootstrap (clusters whole) |
| a column named as the metric | the same two, on its values |
| no such rows; repeated seeds of both recipes | Welch's t; the paired t for equal seeds |
| none of these | untested: only the logged values speak |

Weights that are all equal and clusters of one row each say nothing: such rows are plain ones.

A bootstrap is seeded by SHA-256 of the metric's name and the ids of the two runs that logged the
tables, so that a verdict repeats, whoever checks it, and whatever the order of the rows.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Literal, Protocol

from mlops_policies.row_metric import Class, meant, outputs_of, targets_of
from mlops_policies.seeds import Recipe, recipe_of
from policy_engine.evidence import (
    InvalidEvidence,
    Joined,
    Metric,
    MissingEvidence,
    Predictions,
    Run,
    UnreadableEvidence,
    join,
)
from policy_engine.quantities import divide, exact, show
from policy_engine.statistics import (
    InvalidRows,
    MeanTest,
    NotComputable,
    Outputs,
    PairedRows,
    Resampled,
    StatisticsUnavailable,
    TooFewOfClass,
    count_wins,
    mcnemar_exact,
    paired_bootstrap,
    paired_t,
    recompute,
    rows_needed,
    rows_needed_for_counts,
    seeds_needed,
    shortfall,
    tango_bounds,
    tango_p,
    welch_t,
)
from policy_engine.statistics import Metric as Definition

Method = Literal["auto", "bca", "seeds"]
RESAMPLES = 10_000
_SMALL = 1e-4
POWER = 0.8
"""The chance that the stated number of rows or seeds decides."""
INSTALL = "pip install policy-engine[stats]"
_LOG = "log per-row predictions of both: training.log_predictions(row_id=…, target=…, prediction=…)"
_ROW_MEAN = Definition("row_mean")


class TwoBounds(Protocol):
    """A lower and an upper one-sided bound of the gain, and whether they decide anything."""

    @property
    def lower(self) -> float:
        """The lower one-sided bound."""

    @property
    def upper(self) -> float:
        """The upper one-sided bound."""

    @property
    def decides(self) -> bool:
        """Whether they say anything at all."""


class Tested(Protocol):
    """A gain with a test behind it; all numbers are in the metric's units, above 0 is better."""

    @property
    def gain(self) -> float:
        """The gain in the data themselves."""

    @property
    def before(self) -> float:
        """The baseline's metric on the rows or runs that were compared."""

    @property
    def after(self) -> float:
        """The candidate's."""

    @property
    def where(self) -> str:
        """On what they were compared, such as `1,000 shared rows`."""

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the one-sided bounds at alpha each."""

    def p_above(self, difference: float = 0.0) -> float:
        """Return the p-value that the true gain is at most `difference`."""

    def p_below(self, difference: float = 0.0) -> float:
        """Return the p-value that the true gain is at least `difference`."""

    def words(self, difference: float = 0.0) -> str:
        """Return the test's name and what it counted."""

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return how many are needed to see `delta` 4 times in 5, how many there are, of what."""

    @property
    def standard_error(self) -> float:
        """Of the gain."""


@dataclass(frozen=True, slots=True)
class Untested:
    """Why no test could be made, and what would allow one."""

    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows that are right or wrong, unweighted and independent of each other.

    Attributes:
        wins: Rows that only the candidate has right (count), McNemar's b.
        losses: Rows that only the baseline has right (count), McNemar's c.
        n: All rows (count).
        after: The candidate's metric.
        before: The baseline's.
        left_out: Rows that only the candidate's table has (count).
    """

    wins: int
    losses: int
    n: int
    after: float
    before: float
    left_out: int = 0

    @property
    def gain(self) -> float:
        """The gain, as a fraction of rows."""
        return (self.wins - self.losses) / self.n

    @property
    def where(self) -> str:
        """The rows."""
        return _rows(self.n, self.left_out)

    @property
    def standard_error(self) -> float:
        """Of the gain, from the rows on which the models differ (at least one)."""
        return math.sqrt(max(self.wins + self.losses, 1)) / self.n

    def bounds(self, alpha: float) -> TwoBounds:
        """Return Tango's score bounds."""
        return tango_bounds(self.wins, self.losses, self.n, alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return exact McNemar's p; Tango's where the difference is not 0."""
        if difference == 0:
            return mcnemar_exact(self.wins, self.losses)
        return tango_p(self.wins, self.losses, self.n, difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the opposite test's p."""
        if difference == 0:
            return mcnemar_exact(self.losses, self.wins)
        return tango_p(self.losses, self.wins, self.n, -difference)

    def words(self, difference: float = 0.0) -> str:
        """Return the test and its counts."""
        name = "exact McNemar" if difference == 0 else "Tango's score test"
        return (
            f"{name}, only the candidate right b = {self.wins:,}, "
            f"only the baseline c = {self.losses:,}"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows."""
        rows = rows_needed_for_counts(self.wins, self.losses, self.n, delta, alpha)
        return rows, self.n, "rows"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The gain in a metric of rows, and its resamples."""

    resampled: Resampled
    definition: Definition
    n: int
    clusters: int | None
    seed: int
    after: float
    before: float
    left_out: int = 0

    @property
    def gain(self) -> float:
        """The gain, in the metric's units."""
        return self.resampled.estimate

    @property
    def where(self) -> str:
        """The rows, and the clusters that they lie in."""
        within = "" if self.clusters is None else f" in {self.clusters:,} clusters"
        return _rows(self.n, self.left_out, within)

    @property
    def standard_error(self) -> float:
        """The standard deviation over the resamples."""
        return self.resampled.standard_error

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the bootstrap's bounds."""
        return self.resampled.interval(alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return the share of resamples at or below the difference, (1 + k)/(1 + R)."""
        return self.resampled.p_above(difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the share of resamples at or above the difference, (1 + k)/(1 + R)."""
        return self.resampled.p_below(difference)

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same test for any)
        """Return the test, its resamples and its seed."""
        of = "rows" if self.clusters is None else "whole clusters"
        metric = "" if self.definition.kind == "row_mean" else f" of the {self.definition}"
        kind = "BCa" if self.resampled.method == "bca" else "percentile"
        return (
            f"paired {kind} bootstrap of {of}{metric}, {len(self.resampled.values):,} resamples, "
            f"seed {self.seed}"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the rows; clusters have to grow in number alike."""
        return rows_needed(self.n, self.standard_error, delta, alpha), self.n, "rows"


@dataclass(frozen=True, slots=True)
class Seeds:
    """Two recipes, each trained with several seeds."""

    mean: MeanTest
    goal: Literal["maximize", "minimize"]
    candidate: Recipe
    baseline: Recipe
    is_paired: bool

    @property
    def gain(self) -> float:
        """The gain in the mean over seeds."""
        return self.mean.estimate

    @property
    def after(self) -> float:
        """The candidate recipe's mean."""
        return self.candidate.mean

    @property
    def before(self) -> float:
        """The baseline recipe's mean."""
        return self.baseline.mean

    @property
    def where(self) -> str:
        """The seeds of both recipes."""
        mine, theirs = len(self.candidate.values), len(self.baseline.values)
        return f"the means over {mine} and {theirs} seeds (the recipe, on this test set)"

    @property
    def standard_error(self) -> float:
        """Of the difference of means."""
        return self.mean.standard_error

    def bounds(self, alpha: float) -> TwoBounds:
        """Return the bounds by Student's t."""
        return self.mean.bounds(alpha)

    def p_above(self, difference: float = 0.0) -> float:
        """Return the t test's p."""
        return self.mean.p_above(difference)

    def p_below(self, difference: float = 0.0) -> float:
        """Return the opposite test's p."""
        return self.mean.p_below(difference)

    def words(self, difference: float = 0.0) -> str:  # noqa: ARG002 (the same test for any)
        """Return the test, its standard error and its degrees of freedom."""
        name = "paired t over equal seeds" if self.is_paired else "Welch's t"
        error, degrees = self.mean.standard_error, self.mean.degrees
        if not self.mean.decides:
            return f"{name}, nothing varies over the seeds"
        return (
            f"{name}, standard error {show(exact(error), '')}, "
            f"{show(exact(degrees), '')} degrees of freedom"
        )

    def needed(self, delta: float, alpha: float) -> tuple[int, int, str]:
        """Return the seeds a side."""
        sizes = len(self.candidate.values), len(self.baseline.values)
        # What each side's standard deviation is, if both are equal: se² = sd²(1/m + 1/n).
        deviation = self.standard_error / math.sqrt(1 / sizes[0] + 1 / sizes[1])
        return seeds_needed(deviation, delta, alpha), min(sizes), "seeds a side"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to compare.

    Attributes:
        method: `auto`: the table above; `bca`: with BCa bounds for the bootstrap; `seeds`: no rows.
        resamples: Of a bootstrap (count).
        min_seeds: Least seeds a side (count).
    """

    method: Method = "auto"
    resamples: int = RESAMPLES
    min_seeds: int = 5


def compare(candidate: Run, baseline: Run, metric: Metric, plan: Plan) -> Tested | Untested:
    """Return the tested gain of the candidate, by rows, else by seeds; or why there is none.

    Raises:
        InvalidEvidence: If rows are there and unusable, or the candidate lacks some.
        UnreadableEvidence: If evidence could not be read, or SciPy is not installed.
    """
    with scipy_needed():
        if plan.method == "seeds":
            return _by_seeds(candidate, baseline, metric, plan)
        by_rows = _by_rows(candidate, baseline, metric, plan)
        if not isinstance(by_rows, Untested):
            return by_rows
        by_seeds = _by_seeds(candidate, baseline, metric, plan)
    if not isinstance(by_seeds, Untested):
        return by_seeds
    return Untested(f"{by_rows.why}, and {by_seeds.why}", by_rows.remedy)


@contextmanager
def scipy_needed() -> Iterator[None]:
    """Turn the absence of SciPy into evidence that cannot be read, with the way to install it."""
    try:
        yield
    except StatisticsUnavailable as e:
        raise UnreadableEvidence(str(e), f"install it where the gate runs: {INSTALL}") from e


def _by_rows(candidate: Run, baseline: Run, metric: Metric, plan: Plan) -> Tested | Untested:
    try:
        mine, theirs = candidate.predictions, baseline.predictions
        joined = join(mine, theirs)
        return compare_rows(
            mine, theirs, joined, definition_of(metric, candidate, mine), metric, plan
        )
    except MissingEvidence as e:
        return Untested(str(e), e.remedy or _LOG)
    except NotComputable as e:
        return Untested(str(e), f"log a column {metric.name} with the metric of each row")


def definition_of(metric: Metric, run: Run, table: Predictions) -> Definition:
    """Return how a metric is computed from a table: by its name, else as the mean of a column.

    Raises:
        NotComputable: If neither is possible.
    """
    try:
        return meant(metric, run, table)
    except NotComputable as e:
        if values_column(metric, table) is None:
            raise NotComputable(f"{e}, and there is no column {metric.name} of row values") from e
        return _ROW_MEAN


def values_column(metric: Metric, table: Predictions) -> str | None:
    """Return the column of the metric's row values, by its name or as MLflow's evaluation has it.

    `mlflow.models.evaluate` logs the mean of a metric `hit` as `hit/mean`, its rows as `hit/score`.
    """
    names = (metric.name, f"{metric.name.removesuffix('/mean')}/score")
    return next((name for name in names if name in table.names), None)


def compare_rows(  # noqa: PLR0913 (one comparison's own parts)
    mine: Predictions,
    theirs: Predictions,
    joined: Joined,
    definition: Definition,
    metric: Metric,
    plan: Plan,
    *,
    only: Sequence[int] | None = None,
) -> Tested | Untested:
    """Return the tested gain on joined rows, or on some of them.

    Args:
        mine: The candidate's table.
        theirs: The baseline's.
        joined: Both, joined.
        definition: What is computed.
        metric: Its name and direction.
        plan: How.
        only: The places of a slice's rows among the joined ones; None: all.

    Raises:
        InvalidEvidence: If the rows hold what no metric can be computed from.
        NotComputable: If the rows do not allow the metric.
    """
    places = range(len(joined)) if only is None else only
    rows = _paired(mine, theirs, joined, definition, metric, places)
    left_out = joined.left_out if only is None else 0
    try:
        counts = _counts(rows, definition, metric, left_out)
        if counts is not None:
            return counts
        short = shortfall(definition, rows)
        if short is not None:
            return Untested(f"there are {short}", "evaluate both on more rows")
        return _bootstrapped(mine, theirs, rows, definition, metric, plan, left_out=left_out)
    except InvalidRows as e:
        raise InvalidEvidence(
            f"{metric.name} cannot be computed from the rows of the predictions tables: {e}",
            "log rows that it can be computed from: training.log_predictions(…)",
        ) from e
    except TooFewOfClass as e:
        return Untested(str(e), "evaluate both on more rows")


def _paired(
    mine: Predictions,
    theirs: Predictions,
    joined: Joined,
    definition: Definition,
    metric: Metric,
    places: Sequence[int],
) -> PairedRows:
    targets: Sequence[Class] = (0,) * len(places)
    if definition.kind != "row_mean":
        said = targets_of(definition, theirs)
        targets = tuple(said[joined.baseline_rows[i]] for i in places)
    new, old = ([rows[i] for i in places] for rows in (joined.candidate_rows, joined.baseline_rows))
    return PairedRows(
        targets=targets,
        candidate=outputs_of_places(mine, new, definition, metric),
        baseline=outputs_of_places(theirs, old, definition, metric),
        weights=None if joined.weights is None else [joined.weights[i] for i in places],
        clusters=None if joined.clusters is None else [str(joined.clusters[i]) for i in places],
    )


def outputs_of_places(
    table: Predictions, places: Sequence[int], definition: Definition, metric: Metric
) -> Outputs:
    """Return what the model said of some rows of its table, in the columns that the metric reads.

    Raises:
        InvalidEvidence: If a score or a row value is no finite number.
        NotComputable: If the metric is of row values and the table has none.
    """
    if definition.kind != "row_mean":
        return _taken(outputs_of(definition, table), places)
    column = values_column(metric, table)
    if column is None:
        raise NotComputable(f"only one of the tables has a column {metric.name} of row values")
    return _taken(Outputs(values=table.numbers(column)), places)


def _taken(outputs: Outputs, rows: Sequence[int]) -> Outputs:
    scores: Sequence[float] | Mapping[Class, Sequence[float]] | None = None
    if isinstance(outputs.scores, Mapping):
        scores = {label: [column[i] for i in rows] for label, column in outputs.scores.items()}
    elif outputs.scores is not None:
        scores = [outputs.scores[i] for i in rows]
    said, values = outputs.predictions, outputs.values
    return Outputs(
        predictions=None if said is None else [said[i] for i in rows],
        scores=scores,
        values=None if values is None else [values[i] for i in rows],
    )


def _counts(
    rows: PairedRows, definition: Definition, metric: Metric, left_out: int
) -> Counts | None:
    """Return the counts where the metric is an unweighted mean of independent 0/1 rows."""
    if not _are_plain(rows):
        return None
    truth, new, old = rows.targets, rows.candidate.predictions, rows.baseline.predictions
    if definition.kind == "row_mean":
        new, old = rows.candidate.values or (), rows.baseline.values or ()
        if not {*new, *old} <= {0, 1}:
            return None
        truth = (1 if metric.goal == "maximize" else 0,) * len(new)
    elif definition.kind != "accuracy":
        return None
    wins, losses, n = count_wins(truth, new or (), old or ())
    right = [
        sum(cell == said for cell, said in zip(truth, side or (), strict=True))
        for side in (new, old)
    ]
    is_of_right = definition.kind == "accuracy" or metric.goal == "maximize"
    after, before = ((count if is_of_right else n - count) / n for count in right)
    return Counts(wins, losses, n, after, before, left_out)


def _are_plain(rows: PairedRows) -> bool:
    """Say whether all rows count alike and none belongs with another.

    A column of ones must not buy the bootstrap, which is the weaker test where few rows differ.
    """
    weights, clusters = rows.weights, rows.clusters
    weigh_alike = weights is None or 0 < min(weights) == max(weights)
    return weigh_alike and (clusters is None or len(set(clusters)) == len(clusters))


def _bootstrapped(  # noqa: PLR0913 (what a bootstrap is made of)
    mine: Predictions,
    theirs: Predictions,
    rows: PairedRows,
    definition: Definition,
    metric: Metric,
    plan: Plan,
    *,
    left_out: int,
) -> Bootstrapped:
    seed = seed_of(metric.name, mine.run_id, theirs.run_id)
    resampled = paired_bootstrap(
        definition,
        rows,
        goal=metric.goal,
        seed=seed,
        resamples=plan.resamples,
        method="bca" if plan.method == "bca" else "percentile",
    )
    after, before = (
        recompute(definition, rows.targets, side, rows.weights)
        for side in (rows.candidate, rows.baseline)
    )
    clusters = None if rows.clusters is None else len(set(rows.clusters))
    return Bootstrapped(
        resampled, definition, len(rows.targets), clusters, seed, after, before, left_out
    )


def seed_of(metric: str, candidate: str, baseline: str) -> int:
    """Return the seed of a bootstrap: the first 32 bits of SHA-256 over what is compared.

    Args:
        metric: Its name.
        candidate: The id of the run that logged the candidate's rows.
        baseline: The id of the run that logged the baseline's.
    """
    text = f"{metric}\n{candidate}\n{baseline}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def _by_seeds(candidate: Run, baseline: Run, metric: Metric, plan: Plan) -> Tested | Untested:
    mine, theirs = recipe_of(candidate, metric), recipe_of(baseline, metric)
    for recipe in (mine, theirs):
        if recipe.lost and len(recipe.values) >= plan.min_seeds:
            return Untested(
                f"{recipe.lost} of the {len(recipe.values) + recipe.lost} seeds of the "
                f"{recipe.role} have no {metric.name} (failed, killed or not finished): leaving "
                "them out might hide bad ones",
                "train these seeds again, to the end, with the same commit and parameters",
            )
    have = len(mine.values), len(theirs.values)
    if min(have) < max(plan.min_seeds, 2):
        return Untested(
            f"{have[0]} and {have[1]} seeds are there, under {plan.min_seeds} a side",
            f"{_LOG}; or train both with at least {plan.min_seeds} seeds, all of them logged",
        )
    sign = 1 if metric.goal == "maximize" else -1
    paired = mine.seeds is not None and mine.seeds == theirs.seeds
    sides = [[sign * value for value in recipe.values] for recipe in (mine, theirs)]
    test = paired_t(*sides) if paired else welch_t(*sides)
    return Seeds(test, metric.goal, mine, theirs, paired)


def amount(
    metric: Metric, value: float | Decimal, apart_from: float | Decimal | None = None
) -> str:
    """Return a difference of metric values as people read it: in points, where there are any."""
    if not isinstance(value, Decimal) and value - value != 0:
        return "not a number"
    number, other = exact(value), None if apart_from is None else exact(apart_from)
    if metric.point is None:
        return show(number, "", other)
    point = metric.point
    return show(divide(number, point), "pt", None if other is None else divide(other, point))


def detectable(tested: Tested, alpha: float) -> float:
    """Return the true difference (metric's units) that a test at alpha would see 4 times in 5."""
    normal = NormalDist()
    factor = normal.inv_cdf(1 - alpha) + normal.inv_cdf(POWER)
    error = tested.standard_error
    if isinstance(tested, Counts):
        # To lose d, a model has to differ on d of the rows: error² >= d/n, though fewer differ now.
        error = max(error, factor / tested.n)
    return factor * error


def difference_to_see(metric: Metric, delta: float, above: float = 0.0) -> str:
    """Return in words which true difference would be seen: `delta` more than what is to exceed."""
    said = f"a true difference of {amount(metric, above + delta)}"
    return f"{said} as more than {amount(metric, above)}" if above else said


def still_needed(
    metric: Metric, tested: Tested, delta: float, alpha: float, *, above: float = 0.0
) -> str:
    """Return, as a sentence's end, how many rows or seeds would decide.

    Args:
        metric: For its units.
        tested: What is there.
        delta: By how much the true difference exceeds `above` (the metric's units).
        alpha: The one-sided error of the test.
        above: The difference to exceed (the metric's units).
    """
    if not (delta > 0 and tested.standard_error > 0):
        return ""
    need, have, what = tested.needed(delta, alpha)
    if need <= have:
        return (
            f"; {have:,} {what} are enough to show {difference_to_see(metric, delta, above)} "
            "4 times in 5"
        )
    return (
        f"; to show {difference_to_see(metric, delta, above)} 4 times in 5, "
        f"n ≈ {need:,} {what} are needed"
    )


def p_value(p: float) -> str:
    """Return a p-value as people read it."""
    return show(exact(p), "") if p >= _SMALL else f"{p:.1e}"


def _rows(n: int, left_out: int, within: str = "") -> str:
    extra = f" ({left_out:,} that only the candidate has are left out)" if left_out else ""
    return f"{n:,} shared rows{within}{extra}"
