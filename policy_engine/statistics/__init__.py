"""Is the difference real? What stands beneath the policies, for plugins too.

| question | answer |
|---|---|
| Which of two models is right more often, on the same rows? | `count_wins`, then `mcnemar_exact` |
| Which of them finds more rows of a class? | `share_of`, then the same |
| Which of them has the higher precision? | `predicted_of`, then `precision_p` |
| By how much, at least and at most? | `tango_bounds`; above a given difference: `tango_p` |
| The same of F1, an AUC, an error, of clusters? | `shortfall`, then `paired_bootstrap` |
| The same where `is_large`: without resampling? | `paired_linear`; of a slice: `slice_linear` |
| Do few rows carry the difference? | `carried_by_few` |
| What may a row cost of which there was none? | `unseen_of` |
| How far can a metric move where nearly all rows are the same? | `nearly_equal` |
| How many equal rows tell as much as weighted ones? | `effective` |
| Is a slice far below the whole? | `slice_bootstrap` |
| Is the recipe better, over seeds? | `welch_t`; the same seeds: `paired_t`; folds: `folds_t` |
| Where does the next run lie, and did the level move? | `prediction_bounds`, `last_step` |
| Do two groups' rates differ by more than a gap? | `newcombe_bounds`, `newcombe_p` |
| Is the ratio of two groups' rates too small? | `rate_ratio_p`, `rate_ratio_upper` |
| Is a proportion greater, where only counts are known? | `unpaired_z` |
| How large is one proportion? | `wilson_bounds`; at most alpha: `clopper_pearson_bounds` |
| Several tests, any of which may fail? | `holm` |
| Another try on the same rows? | `spend` |
| A baseline that is the best of many runs? | `best_of`; how lucky: `chance_of_a_better_one` |
| So is it shown, or the opposite? | `superiority`, `non_inferiority`, and `…_of_counts` |
| How many rows or seeds are needed? | `rows_needed`, `…_for_counts`, `seeds_needed` |
| How likely do so many show it? | `DifferingRows`, `VaryingRows`, `VaryingSeeds` |
| With how many do equal groups not look unequal? | `rows_within_ratio`, `rows_within_gap` |
| How many rows a group show a ratio to be too low? | `rows_to_show_ratio` |
| What is the metric of these rows? | `definitions` of its name, then `recompute` |

Conventions. A gain is above 0 where the candidate is better. Every test is one-sided at alpha, and
every pair of bounds has the error alpha on each side. NaN shows nothing: a p-value of what cannot
be computed is 1.0, bounds that are not numbers and bootstrap intervals of width zero do not decide.
Nothing reads a clock, the environment or a global random state. McNemar, Tango, proportions, Holm
and planning need only the standard library; the rest needs the extra `stats` and raises
`StatisticsUnavailable` without it.
"""

from policy_engine.statistics.bootstrap import (
    OneModel,
    TooFewOfClass,
    paired_bootstrap,
    paired_linear,
    slice_bootstrap,
    slice_linear,
)
from policy_engine.statistics.bounds import Bounds
from policy_engine.statistics.decisions import (
    Decision,
    TwoBounds,
    is_less_than_a_row,
    non_inferiority,
    non_inferiority_of_counts,
    superiority,
    superiority_of_counts,
)
from policy_engine.statistics.linearized import Linearized
from policy_engine.statistics.means import MeanTest, folds_t, paired_t, welch_t
from policy_engine.statistics.metrics import NotComputable, RowMetric, metric_definitions
from policy_engine.statistics.moving import carried_by_few
from policy_engine.statistics.multiplicity import (
    Adjusted,
    best_of,
    chance_of_a_better_one,
    holm,
    spend,
)
from policy_engine.statistics.near_equal import NearlyEqual, nearly_equal
from policy_engine.statistics.paired_proportions import mcnemar_exact, tango_bounds, tango_p
from policy_engine.statistics.planning import (
    rows_needed,
    rows_needed_for_counts,
    rows_to_show_ratio,
    rows_within_gap,
    rows_within_ratio,
    seeds_needed,
)
from policy_engine.statistics.power import DifferingRows, Spread, VaryingRows, VaryingSeeds
from policy_engine.statistics.precision import (
    Predicted,
    precision_bounds,
    precision_error,
    precision_p,
    predicted_of,
)
from policy_engine.statistics.prediction import last_step, prediction_bounds
from policy_engine.statistics.proportions import (
    clopper_pearson_bounds,
    newcombe_bounds,
    newcombe_p,
    unpaired_z,
    wilson_bounds,
)
from policy_engine.statistics.rate_ratios import rate_ratio_p, rate_ratio_upper
from policy_engine.statistics.recomputing import recompute
from policy_engine.statistics.resampled import Interval, Resampled
from policy_engine.statistics.rows import (
    InvalidRows,
    Outputs,
    PairedRows,
    Wins,
    count_wins,
)
from policy_engine.statistics.shares import Share, share_of
from policy_engine.statistics.sufficiency import (
    MIN_DIFFERING,
    Shortfall,
    effective_rows,
    is_large,
    shortfall,
)
from policy_engine.statistics.unavailable import StatisticsUnavailable
from policy_engine.statistics.unseen import Unseen, unseen_of

__all__ = [
    "MIN_DIFFERING",
    "Adjusted",
    "Bounds",
    "Decision",
    "DifferingRows",
    "Interval",
    "InvalidRows",
    "Linearized",
    "MeanTest",
    "NearlyEqual",
    "NotComputable",
    "OneModel",
    "Outputs",
    "PairedRows",
    "Predicted",
    "Resampled",
    "RowMetric",
    "Share",
    "Shortfall",
    "Spread",
    "StatisticsUnavailable",
    "TooFewOfClass",
    "TwoBounds",
    "Unseen",
    "VaryingRows",
    "VaryingSeeds",
    "Wins",
    "best_of",
    "carried_by_few",
    "chance_of_a_better_one",
    "clopper_pearson_bounds",
    "count_wins",
    "effective_rows",
    "folds_t",
    "holm",
    "is_large",
    "is_less_than_a_row",
    "last_step",
    "mcnemar_exact",
    "metric_definitions",
    "nearly_equal",
    "newcombe_bounds",
    "newcombe_p",
    "non_inferiority",
    "non_inferiority_of_counts",
    "paired_bootstrap",
    "paired_linear",
    "paired_t",
    "precision_bounds",
    "precision_error",
    "precision_p",
    "predicted_of",
    "prediction_bounds",
    "rate_ratio_p",
    "rate_ratio_upper",
    "recompute",
    "rows_needed",
    "rows_needed_for_counts",
    "rows_to_show_ratio",
    "rows_within_gap",
    "rows_within_ratio",
    "seeds_needed",
    "share_of",
    "shortfall",
    "slice_bootstrap",
    "slice_linear",
    "spend",
    "superiority",
    "superiority_of_counts",
    "tango_bounds",
    "tango_p",
    "unpaired_z",
    "unseen_of",
    "welch_t",
    "wilson_bounds",
]
