"""Which test: from a case to what its evidence shows of the gain over a baseline.

| evidence | test |
|---|---|
| rows of both; an unweighted mean of 0/1 rows | exact McNemar, Tango's bounds |
| the same of one class (recall, specificity) | the same, on the rows of that class alone |
| precision of one class | a score test on the rows that either predicts |
| rows of both, any other metric, or weights, or clusters | paired bootstrap (clusters whole) |
| the same on 5,000 rows and more (`is_large`) | DeLong's test for ROC AUC, else the jackknife |
| a column named as the metric | as one of these, on its values |
| no such rows; repeated seeds of both recipes | Welch's t; the paired t for equal seeds |
| none of these | untested: only the logged values speak |

Rows on which too few differ for a bootstrap leave an `Untested` with a bound of how far so few can
move the metric (`near`); `no-regression` passes what lies within its margin even so.

Weights that are all equal and clusters of one row each say nothing: such rows are plain ones.

A bootstrap is seeded by SHA-256 of the metric's name and the ids of the two runs that logged the
tables, so that a verdict repeats, whoever checks it, and whatever the order of the rows.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from mlops_policies.comparing.bootstrapped import (
    Bootstrapped,
    How,
    bootstrapped,
    resampled_values,
    seed_of,
)
from mlops_policies.comparing.counted import Counts, are_plain, counted
from mlops_policies.comparing.doubts import belong_together
from mlops_policies.comparing.near import Near
from mlops_policies.comparing.paired import Tables, definition_of, paired, tables_of
from mlops_policies.comparing.precise import Precise, precise
from mlops_policies.comparing.row_metric import OtherMetric
from mlops_policies.comparing.seeded import by_seeds
from mlops_policies.comparing.tested import LOG_ROWS, MORE_ROWS, Tested, Untested
from policy_engine.evidence import (
    InvalidEvidence,
    Metric,
    MissingEvidence,
    Run,
    UnreadableEvidence,
)
from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    PairedRows,
    Shortfall,
    StatisticsUnavailable,
    TooFewOfClass,
    nearly_equal,
    shortfall,
)
from policy_engine.statistics import RowMetric as Definition

Method = Literal["auto", "bca", "seeds"]
RESAMPLES = 10_000
INSTALL = "pip install policy-engine[stats]"
NO_ROWS_HELP = (
    "no number of rows decides it while the models say the same of all of them: judge by a metric "
    "whose change has a known bound, on rows without weights and clusters (accuracy, F1, balanced "
    "accuracy, MCC, kappa, ROC AUC, log-loss, RMSE, MAE, R²)"
)


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
        MissingEvidence: If the two runs log different metrics under one name.
        UnreadableEvidence: If evidence could not be read, or SciPy is not installed.
    """
    with scipy_needed():
        if plan.method == "seeds":
            return by_seeds(candidate, baseline, metric, plan.min_seeds)
        by_rows = _by_rows(candidate, baseline, metric, plan)
        if not isinstance(by_rows, Untested):
            return by_rows
        seeds = by_seeds(candidate, baseline, metric, plan.min_seeds)
    if not isinstance(seeds, Untested):
        return seeds
    return replace(by_rows, why=f"{by_rows.why}, and {seeds.why}")


def compare_by_rows(candidate: Run, baseline: Run, metric: Metric, plan: Plan) -> Tested | Untested:
    """Return the tested gain of the candidate by rows alone; or why there is none.

    Raises:
        InvalidEvidence: As `compare`.
        MissingEvidence: As `compare`.
        UnreadableEvidence: As `compare`.
    """
    with scipy_needed():
        return _by_rows(candidate, baseline, metric, plan)


@contextmanager
def scipy_needed() -> Iterator[None]:
    """Turn the absence of SciPy into evidence that cannot be read, with the way to install it."""
    try:
        yield
    except StatisticsUnavailable as e:
        raise UnreadableEvidence(str(e), f"install it where the gate runs: {INSTALL}") from e


def _by_rows(candidate: Run, baseline: Run, metric: Metric, plan: Plan) -> Tested | Untested:
    try:
        tables = tables_of(candidate, baseline)
    except MissingEvidence as e:
        return Untested(str(e), e.remedy or LOG_ROWS)
    try:
        definition = definition_of(metric, candidate, baseline, tables)
        found = compare_rows(tables, definition, metric, plan)
    except NotComputable as e:
        return Untested(str(e), f"log a column {metric.name} with the metric of each row")
    except OtherMetric:
        raise
    except MissingEvidence as e:
        return Untested(str(e), e.remedy or LOG_ROWS)
    if isinstance(found, Counts | Precise | Bootstrapped):
        return replace(found, note=found.note + belong_together(tables.mine))
    return found


def compare_rows(
    tables: Tables,
    definition: Definition,
    metric: Metric,
    plan: Plan,
    *,
    only: Sequence[int] | None = None,
) -> Tested | Untested:
    """Return the tested gain on joined rows, or on some of them.

    Args:
        tables: Both tables, joined.
        definition: What is computed.
        metric: Its name and direction.
        plan: How.
        only: The places of a slice's rows among the joined ones; None: all.

    Raises:
        InvalidEvidence: If the rows hold what no metric can be computed from.
        NotComputable: If the rows do not allow the metric.
    """
    rows = paired(tables, definition, metric, only)
    left_out = tables.joined.left_out if only is None else 0
    try:
        counts = counted(rows, definition, metric, left_out)
        if counts is not None:
            return counts
        predicted = precise(rows, definition, left_out)
        if predicted is not None:
            few = predicted.too_few
            return predicted if few is None else Untested(few, predicted.more, predicted.gain)
        short = shortfall(definition, rows)
        if short is not None:
            return _too_few(short, rows, definition, metric, left_out)
        how = How(
            seed_of(metric.name, tables.mine.run_id, tables.theirs.run_id),
            plan.resamples,
            "bca" if plan.method == "bca" else "percentile",
        )
        return bootstrapped(rows, definition, metric, how, left_out=left_out)
    except InvalidRows as e:
        raise InvalidEvidence(
            f"{metric.name} cannot be computed from the rows of the predictions tables: {e}",
            "log rows that it can be computed from: training.log_predictions(…)",
        ) from e
    except TooFewOfClass as e:
        return Untested(str(e), MORE_ROWS)


def _too_few(
    short: Shortfall, rows: PairedRows, definition: Definition, metric: Metric, left_out: int
) -> Untested:
    """Say what there is too little of, with the gain that it leaves untested."""
    after, before = resampled_values(rows, definition)
    gain = after - before if metric.goal == "maximize" else before - after
    counts = nearly_equal(definition, rows) if are_plain(rows) else None
    near = None if counts is None else Near(counts, after, before, gain, left_out)
    stays = near is None and short.of_difference and short.have == 0
    return Untested(f"there are {short}", NO_ROWS_HELP if stays else MORE_ROWS, gain, near)
