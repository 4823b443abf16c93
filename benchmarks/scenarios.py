"""Worlds whose truth is known, and how often each verdict is wrong, or finds what is there.

`simulate.py` writes the table of all of them; `tests/statistics/test_error_rates.py` runs the same
at a size that CI can bear. Every number comes from a seed.
"""

from benchmarks import (
    class_worlds,
    counted_worlds,
    default_worlds,
    group_worlds,
    history_worlds,
    large_worlds,
    latency_worlds,
    mean_worlds,
    near_worlds,
    precision_worlds,
    resampled_worlds,
)
from benchmarks.rates import Scenario

SCENARIOS = (
    Scenario("Two equal models", counted_worlds.equal_models),
    Scenario("True differences", counted_worlds.true_differences),
    Scenario("A loss of exactly the margin", counted_worlds.at_the_margin),
    Scenario("A loss that the margin accepts", counted_worlds.within_the_margin),
    Scenario("A loss of exactly the margin in recall", counted_worlds.recall_at_the_margin),
    Scenario("Equal precision", precision_worlds.equal_precision, cost=2),
    Scenario(
        "A loss of exactly the margin in precision",
        precision_worlds.precision_at_the_margin,
        cost=2,
    ),
    Scenario("A model against the best constant", counted_worlds.best_constant),
    Scenario("No loss accepted", counted_worlds.no_margin),
    Scenario("Slices", counted_worlds.slices, cost=2),
    Scenario("Four-fifths", group_worlds.four_fifths, cost=4),
    Scenario("Equalized odds", group_worlds.equalized_odds, cost=4),
    Scenario("Slices of which only counts are known", counted_worlds.counts_alone),
    Scenario("Repeated seeds", mean_worlds.seeds, cost=2),
    Scenario("Seeds that vary unlike", mean_worlds.unlike_seeds, cost=2),
    Scenario("Folds", mean_worlds.folds, cost=2),
    Scenario("Tries on the same rows", counted_worlds.tries, cost=2),
    Scenario("The winner of a search", counted_worlds.searches, cost=2),
    Scenario("A lucky baseline", counted_worlds.lucky_baseline, cost=4),
    Scenario("An earlier run that dominates", counted_worlds.dominating_run, cost=4),
    Scenario("Times of requests", latency_worlds.budgets, cost=4),
    Scenario("Times of requests that grew", latency_worlds.growth, cost=10),
    Scenario("Runs in which nothing changed", history_worlds.equal_runs, cost=8),
    Scenario("Runs that got slower", history_worlds.slower_runs, cost=8),
    Scenario("Clusters", resampled_worlds.clusters, cost=25),
    Scenario("The bootstrap", resampled_worlds.bootstraps, cost=25),
    Scenario("Tries that spend alpha by a bootstrap", resampled_worlds.spent, cost=25),
    Scenario("Large evaluation sets", large_worlds.large, cost=20),
    Scenario("Long tails of classes", class_worlds.long_tails, cost=4),
    Scenario("Neglected classes", class_worlds.neglected_tails, cost=4),
    Scenario("Few rows that differ", resampled_worlds.few_differing, cost=20),
    Scenario("Models that hardly differ", near_worlds.hardly_different),
    Scenario("A margin that nobody set", default_worlds.default_margin, cost=10),
    Scenario("A margin of log-loss", default_worlds.default_margin_of_log_loss, cost=20),
    Scenario("A gain that need not be shown", default_worlds.lucky_gains, cost=4),
    Scenario("Areas near 1", default_worlds.near_one, cost=25),
    Scenario("Few rows that carry most", resampled_worlds.carried_by_few, cost=25),
    Scenario("Unequal weights", resampled_worlds.unequal_weights, cost=40),
    Scenario("Percentile or BCa", resampled_worlds.methods, cost=25),
)
