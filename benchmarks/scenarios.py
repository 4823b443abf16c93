"""Worlds whose truth is known, and how often each verdict is wrong, or finds what is there.

`simulate.py` writes the table of all of them; `tests/statistics/test_error_rates.py` runs the same
at a size that CI can bear. Every number comes from a seed.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from policy_engine.statistics import (
    Metric,
    Outputs,
    PairedRows,
    Verdict,
    best_of,
    folds_t,
    holm,
    log_ratio_bounds,
    mcnemar_exact,
    newcombe_p,
    non_inferiority_of_counts,
    paired_bootstrap,
    paired_t,
    rows_needed_for_counts,
    seeds_needed,
    spend,
    superiority,
    superiority_of_counts,
    unpaired_z,
    welch_t,
)

ALPHA = 0.05
_RESAMPLES = 1_000
_SHARE = 0.08
"""Rows on which two models differ, where nothing else is said."""

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a verdict was reached.

    Attributes:
        world: What is true.
        verdict: Which verdict was counted.
        rate: Its share of the trials.
        trials: How many.
        at_most: The error that theory allows, for a false verdict of ours; else None.
        theory: The power that theory gives, for a true verdict of ours; else None.
        said: What our documentation quotes; else None.
    """

    world: str
    verdict: str
    rate: float
    trials: int
    at_most: float | None = None
    theory: float | None = None
    said: float | None = None

    @property
    def error(self) -> float:
        """The simulation's standard error, never 0: as of one more case of each kind."""
        share = (self.rate * self.trials + 1) / (self.trials + 2)
        return math.sqrt(share * (1 - share) / self.trials)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world, or several of a kind.

    Attributes:
        name: A heading.
        run: From a number of trials and a generator to the rates.
        cost: How many times dearer a trial is than the cheapest.
    """

    name: str
    run: Callable[[int, Random], Iterator[Rate]]
    cost: int = 1


def rates(scenario: Scenario, trials: int, seed: int = 20_261_122) -> list[Rate]:
    """Return the scenario's rates; the same seed and trials give the same."""
    return list(scenario.run(max(1, trials // scenario.cost), np.random.default_rng(seed)))


_mcnemar = cache(mcnemar_exact)
_superiority = cache(superiority_of_counts)
_non_inferiority = cache(non_inferiority_of_counts)


def _pairs(random: Random, trials: int, n: int, share: float, gain: float) -> list[list[int]]:
    """Draw wins and losses of models that differ on `share` of rows, with a true gain."""
    chances = [(share + gain) / 2, (share - gain) / 2, 1 - share]
    drawn: list[list[int]] = random.multinomial(n, chances, size=trials)[:, :2].tolist()
    return drawn


def _share(cases: Sequence[Any], holds: Callable[..., bool]) -> float:
    return sum(bool(holds(*case)) for case in cases) / len(cases)


def _equal_models(trials: int, random: Random) -> Iterator[Rate]:
    world, n = "equal models, 1,000 rows, 8 % differ", 1_000
    cases = _pairs(random, trials, n, _SHARE, 0)
    yield Rate(world, "new > old", _share(cases, lambda b, c: b > c), trials, said=0.47)
    half_a_point = _share(cases, lambda b, c: b - c >= 5)
    yield Rate(world, "new >= old + 0.5 pt", half_a_point, trials, said=0.30)
    improved = _share(cases, lambda b, c: _superiority(b, c, n, alpha=ALPHA) is Verdict.SHOWN)
    yield Rate(world, "improved (exact McNemar)", improved, trials, at_most=ALPHA, said=0.04)
    yield from _regression(world, n, cases, {"passes": 0.30, "fails": 0.05})
    world, n = "equal models, 5,000 rows, 8 % differ", 5_000
    yield from _regression(world, n, _pairs(random, trials, n, _SHARE, 0), {"passes": 0.80})


def _regression(
    world: str, n: int, cases: list[list[int]], said: dict[str, float], margin: float = 0.01
) -> Iterator[Rate]:
    found = [_non_inferiority(b, c, n, alpha=ALPHA, margin=margin) for b, c in cases]
    for word, verdict in (("passes", Verdict.SHOWN), ("fails", Verdict.OPPOSITE)):
        rate = sum(each is verdict for each in found) / len(found)
        at_most = ALPHA if word == "fails" and "equal" in world else None
        yield Rate(
            world,
            f"no regression beyond 1 pt: {word}",
            rate,
            len(found),
            at_most=at_most,
            said=said.get(word),
        )


def _true_differences(trials: int, random: Random) -> Iterator[Rate]:
    for points in (1, 2, 3):
        n, gain = 1_000, points / 100
        cases = _pairs(random, trials, n, _SHARE, gain)
        rate = _share(cases, lambda b, c: _superiority(b, c, 1_000, alpha=ALPHA) is Verdict.SHOWN)
        world = f"{points} pt better, 1,000 rows, 8 % differ"
        yield Rate(world, "improved (exact McNemar)", rate, trials, theory=_power(n, _SHARE, gain))
    world = "2 pt worse, 1,000 rows, 8 % differ"
    yield from _regression(
        world, 1_000, _pairs(random, trials, 1_000, _SHARE, -0.02), {"fails": 0.69}
    )
    n = rows_needed_for_counts(40, 40, 1_000, 0.01, ALPHA)
    cases = _pairs(random, trials, n, _SHARE, 0.01)
    rate = _share(cases, lambda b, c: _superiority(b, c, n, alpha=ALPHA) is Verdict.SHOWN)
    world = f"1 pt better, on the {n:,} rows that are said to be needed"
    yield Rate(world, "improved (exact McNemar)", rate, trials, theory=0.8)


def _power(n: int, share: float, gain: float) -> float:
    """Return the power of McNemar's test, as Connor (1987) gives it."""
    z = stats.norm.isf(ALPHA)
    reach = (gain * math.sqrt(n) - z * math.sqrt(share)) / math.sqrt(share - gain**2)
    return float(stats.norm.cdf(reach))


def _at_the_margin(trials: int, random: Random) -> Iterator[Rate]:
    for n, share in ((100, 0.02), (100, 0.08), (1_000, 0.02), (1_000, 0.08)):
        world = f"exactly 1 pt worse, {n:,} rows, {share:.0%} differ".replace("%", " %")
        cases = _pairs(random, trials, n, share, -0.01)
        passes = [_non_inferiority(b, c, n, alpha=ALPHA, margin=0.01) for b, c in cases]
        rate = sum(each is Verdict.SHOWN for each in passes) / trials
        yield Rate(world, "no regression beyond 1 pt: passes (Tango)", rate, trials, at_most=ALPHA)
        few = max(1, trials // 20)
        lowers = [_percentile_lower(b, c, n, random) for b, c in cases[:few]]
        rate = sum(lower >= -0.01 for lower in lowers) / few
        yield Rate(world, "the same by percentile bounds, which we do not use", rate, few)


def _percentile_lower(wins: int, losses: int, n: int, random: Random) -> float:
    drawn = random.multinomial(n, [wins / n, losses / n, 1 - (wins + losses) / n], size=_RESAMPLES)
    return float(np.quantile((drawn[:, 0] - drawn[:, 1]) / n, ALPHA))


def _slices(trials: int, random: Random) -> Iterator[Rate]:
    count, n, share = 10, 100, 0.12
    wins, losses = _many_slices(random, trials, (count, n), share, 0)
    world = "equal models, 10 slices of 100 rows, 12 % differ"
    naive = float(((losses - wins) / n > 0.02).any(axis=1).mean())
    yield Rate(world, "some slice drops > 2 pt", naive, trials, said=0.93)
    fails, warns = _slice_verdicts(wins, losses, n)
    yield Rate(world, "a slice fails (Holm, McNemar)", fails, trials, at_most=ALPHA, said=0.02)
    yield Rate(world, "a slice warns", warns, trials, said=0.20)
    for share in (0.12, 0.20):
        wins, losses = _many_slices(random, trials, (count, n), share, 0.10)
        fails, warns = _slice_verdicts(wins, losses, n)
        world = f"one of 10 slices of 100 rows is 10 pt worse, {share:.0%} differ"
        world = world.replace("%", " %")
        yield Rate(world, "a slice fails (Holm, McNemar)", fails, trials)
        yield Rate(world, "a slice warns", warns, trials)


def _many_slices(
    random: Random, trials: int, shape: tuple[int, int], share: float, loss: float
) -> tuple[Any, Any]:
    """Draw wins and losses of each slice; the first one has the loss."""
    count, n = shape
    equal = random.multinomial(n, [share / 2, share / 2, 1 - share], size=(trials, count))
    chances = [(share - loss) / 2, (share + loss) / 2, 1 - share]
    equal[:, 0] = random.multinomial(n, chances, size=trials)
    return equal[..., 0], equal[..., 1]


def _slice_verdicts(wins: Any, losses: Any, n: int) -> tuple[float, float]:
    fails = warns = 0
    for some_wins, some_losses in zip(wins.tolist(), losses.tolist(), strict=True):
        pairs = list(zip(some_wins, some_losses, strict=True))
        tests = holm([_mcnemar(c, b) for b, c in pairs], ALPHA)
        drops = [(c - b) / n > 0.02 for b, c in pairs]
        failed = any(t.rejected and drop for t, drop in zip(tests, drops, strict=True))
        warned = any(d and _mcnemar(c, b) < ALPHA for (b, c), d in zip(pairs, drops, strict=True))
        fails += failed
        warns += warned and not failed
    return fails / len(wins), warns / len(wins)


def _four_fifths(trials: int, random: Random) -> Iterator[Rate]:
    for groups in (4, 10):
        rows = random.binomial(100, 0.3, size=(trials, groups)).tolist()
        world = f"{groups} groups of 100, all selected at a rate of 0.3"
        naive = sum(min(row) / max(row) < 0.8 for row in rows) / trials
        yield Rate(world, "some ratio < 0.8", naive, trials, said=0.73 if groups == 4 else None)
        plain = sum(_adverse(row, ALPHA) for row in rows) / trials
        yield Rate(
            world, "a bound at alpha < 0.8", plain, trials, said=0.15 if groups == 10 else None
        )
        ours = sum(_adverse(row, ALPHA / (groups - 1)) for row in rows) / trials
        yield Rate(world, "fails (bound at alpha/(k-1))", ours, trials, at_most=ALPHA, said=0.01)
    for n in (100, 1_000):
        low, high = random.binomial(n, 0.24, size=trials), random.binomial(n, 0.3, size=trials)
        rows = [[int(a), int(b)] for a, b in zip(low, high, strict=True)]
        rate = sum(_adverse(row, ALPHA, n) for row in rows) / trials
        world = f"2 groups of {n:,}, whose true ratio is 0.8"
        yield Rate(world, "fails (bound at alpha/(k-1))", rate, trials, at_most=ALPHA)
    rows = [[int(a), int(b)] for a, b in random.binomial(500, [0.15, 0.3], size=(trials, 2))]
    rate = sum(_adverse(row, ALPHA, 500) for row in rows) / trials
    world = "2 groups of 500, whose true ratio is 0.5"
    yield Rate(world, "fails (bound at alpha/(k-1))", rate, trials)


def _adverse(selected: list[int], alpha: float, n: int = 100) -> bool:
    highest = max(selected)
    others = sorted(selected)[:-1]
    return any(log_ratio_bounds(each, n, highest, n, alpha).upper < 0.8 for each in others)


def _equalized_odds(trials: int, random: Random) -> Iterator[Rate]:
    world = "4 groups of 50 + 50, all with a TPR of 0.85 and an FPR of 0.1"
    hits = random.binomial(50, [0.85] * 4 + [0.1] * 4, size=(trials, 8))
    gaps = np.maximum(np.ptp(hits[:, :4], axis=1), np.ptp(hits[:, 4:], axis=1)) / 50
    yield Rate(world, "some gap > 0.1", float((gaps > 0.1).mean()), trials)
    ours = sum(_unequal(row) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials, at_most=ALPHA, said=0.0)
    world = "2 groups of 200 + 200, whose TPR truly differ by 0.1"
    hits = random.binomial(200, [0.75, 0.85, 0.1, 0.1], size=(trials, 4))
    ours = sum(_unequal(row, 200) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials, at_most=ALPHA)
    world = "4 groups of 200 + 200, one TPR of 0.55 among 0.85"
    hits = random.binomial(200, [0.55] + [0.85] * 3 + [0.1] * 4, size=(trials, 8))
    ours = sum(_unequal(row, 200) for row in hits.tolist()) / trials
    yield Rate(world, "fails (Newcombe, Holm)", ours, trials)


_gap_p = cache(newcombe_p)


def _unequal(hits: list[int], n: int = 50) -> bool:
    p_values = [
        _gap_p(max(a, b), n, min(a, b), n, 0.1)
        for rates in (hits[: len(hits) // 2], hits[len(hits) // 2 :])
        for a, b in combinations(rates, 2)
    ]
    return any(test.rejected for test in holm(p_values, ALPHA))


def _seeds(trials: int, random: Random) -> Iterator[Rate]:
    world = "equal recipes, 5 seeds a side"
    ours, theirs = random.normal(size=(2, trials, 5))
    lucky = float((ours.max(axis=1) > theirs.mean(axis=1)).mean())
    yield Rate(world, "best of 5 > the other's mean", lucky, trials, said=0.93)
    yield Rate(world, "improved (Welch)", _welch(ours, theirs), trials, at_most=ALPHA, said=0.05)
    kept = np.sort(random.normal(size=(trials, 10)), axis=1)[:, 5:]
    world = "equal recipes, the best 5 of 10 runs kept"
    yield Rate(world, "improved (Welch)", _welch(kept, theirs), trials, said=0.34)
    for shift, said in ((1, 0.40), (2, 0.88)):
        world = f"better by {shift} standard deviation{'s' * (shift > 1)}, 5 seeds a side"
        rate = _welch(ours + shift, theirs)
        yield Rate(world, "improved (Welch)", rate, trials, theory=_t_power(5, shift), said=said)
    count = seeds_needed(1, 1, ALPHA)
    ours, theirs = random.normal(size=(2, trials, count))
    world = f"better by 1 standard deviation, on the {count} seeds that are said to be needed"
    theory = _t_power(count, 1)
    yield Rate(world, "improved (Welch)", _welch(ours + 1, theirs), trials, theory=theory)


def _welch(ours: Any, theirs: Any) -> float:
    pairs = zip(ours.tolist(), theirs.tolist(), strict=True)
    return sum(welch_t(a, b).p_above() < ALPHA for a, b in pairs) / len(ours)


def _t_power(seeds: int, shift: float) -> float:
    degrees = 2 * (seeds - 1)
    limit = stats.t.isf(ALPHA, degrees)
    return float(stats.nct.sf(limit, degrees, shift * math.sqrt(seeds / 2)))


def _folds(trials: int, random: Random) -> Iterator[Rate]:
    world = "equal recipes, 10 folds whose results correlate by 1/10"
    common, own = random.normal(size=(trials, 1)), random.normal(size=(trials, 10))
    differences = (math.sqrt(0.1) * common + math.sqrt(0.9) * own).tolist()
    nothing = [0.0] * 10
    naive = sum(paired_t(each, nothing).p_above() < ALPHA for each in differences) / trials
    yield Rate(world, "improved (paired t, variance 1/k)", naive, trials, said=0.13)
    ours = sum(folds_t(each, nothing, 1 / 9).p_above() < ALPHA for each in differences) / trials
    yield Rate(world, "improved (corrected variance)", ours, trials, at_most=ALPHA, said=0.06)


def _tries(trials: int, random: Random) -> Iterator[Rate]:
    wins, losses = _retrained(random, trials, 20)
    pairs = zip(wins.ravel().tolist(), losses.ravel().tolist(), strict=True)
    p_values = np.array([_mcnemar(b, c) for b, c in pairs]).reshape(trials, 20)
    for tries, said in ((1, 0.03), (5, 0.13), (10, 0.20), (20, 0.29)):
        passed = float((p_values[:, :tries] < ALPHA).any(axis=1).mean())
        yield Rate(
            f"equal models, {tries} {'try' if tries == 1 else 'tries'} on the same 1,000 rows",
            "some try passes at alpha",
            passed,
            trials,
            at_most=ALPHA if tries == 1 else None,
            said=said,
        )
    levels = np.array([spend(ALPHA, k) for k in range(1, 21)])
    spent = float((p_values < levels).any(axis=1).mean())
    world = "equal models, 20 tries on the same 1,000 rows"
    yield Rate(world, "some try passes (alpha spent)", spent, trials, at_most=ALPHA, said=0.024)


def _retrained(random: Random, trials: int, models: int) -> tuple[Any, Any]:
    """Draw wins and losses of several models against one, all of one recipe.

    160 of 1,000 rows are hard: every model, the one they are held against too, is right on each of
    them by the toss of a coin, so that two models differ on 8 % of the rows.
    """
    wrong = random.binomial(160, 0.5, size=(trials, 1))
    wins = random.binomial(wrong, 0.5, size=(trials, models))
    return wins, random.binomial(160 - wrong, 0.5, size=(trials, models))


def _lucky_baseline(trials: int, random: Random) -> Iterator[Rate]:
    for runs, said in ((50, 0.42), (200, 0.59)):
        losses, wins = _retrained(random, trials, runs)  # of the candidate, so the other way round
        luckiest = (losses - wins).argmax(axis=1)
        line = np.arange(trials)
        pairs = zip(wins[line, luckiest].tolist(), losses[line, luckiest].tolist(), strict=True)
        p_values = np.array([_mcnemar(c, b) for b, c in pairs])
        world = f"the best of {runs} equal runs as the baseline"
        plain = float((p_values < ALPHA).mean())
        yield Rate(world, "the candidate fails at alpha", plain, trials, said=said)
        ours = float((p_values < best_of(ALPHA, runs)).mean())
        yield Rate(world, "the candidate fails (alpha/M)", ours, trials, at_most=ALPHA)


def _clusters(trials: int, random: Random) -> Iterator[Rate]:
    world = "equal models, 100 clusters of 10 rows that the models judge alike"
    plain = clustered = 0
    names = np.repeat(np.arange(100), 10).tolist()
    for trial in range(trials):
        lean = np.repeat(random.choice([-0.25, 0.25], size=100), 10)
        draw = random.random(1_000)
        ours = (draw >= 0.25 - lean).astype(int)  # right, where only one of the two can be wrong
        theirs = (draw < 0.75 - lean).astype(int)
        b, c = int((ours > theirs).sum()), int((theirs > ours).sum())
        plain += _mcnemar(b, c) < ALPHA
        rows = PairedRows(
            targets=[1] * 1_000,
            candidate=Outputs(predictions=ours.tolist()),
            baseline=Outputs(predictions=theirs.tolist()),
            clusters=names,
        )
        clustered += _wins(Metric("accuracy"), rows, trial)
    yield Rate(world, "improved (McNemar, which ignores clusters)", plain / trials, trials)
    yield Rate(world, "improved (bootstrap of clusters)", clustered / trials, trials, at_most=ALPHA)


def _wins(metric: Metric, rows: PairedRows, seed: int, method: Any = "percentile") -> bool:
    goal: Any = "minimize" if metric.kind in ("rmse", "log_loss", "mae") else "maximize"
    found = paired_bootstrap(
        metric, rows, goal=goal, seed=seed, resamples=_RESAMPLES, method=method
    )
    return superiority(found.interval(ALPHA)) is Verdict.SHOWN


def _bootstraps(trials: int, random: Random) -> Iterator[Rate]:
    for metric, n, positives in (
        (Metric("f1"), 1_000, 50),
        (Metric("f1"), 500, 250),
        (Metric("roc_auc"), 500, 50),
        (Metric("average_precision"), 500, 50),
        (Metric("log_loss"), 500, 50),
        (Metric("mcc"), 500, 50),
    ):
        worlds = [_classifiers(random, n, positives) for _ in range(trials)]
        rate = sum(_wins(metric, rows, seed) for seed, rows in enumerate(worlds)) / trials
        world = f"equal models, {n:,} rows, {positives} positive"
        yield Rate(world, f"improved ({_shown(metric)}, percentile)", rate, trials, at_most=ALPHA)
    worlds = [_classifiers(random, 500, 250, gain=0.3) for _ in range(trials)]
    for metric in (Metric("f1"), Metric("roc_auc"), Metric("log_loss")):
        rate = sum(_wins(metric, rows, seed) for seed, rows in enumerate(worlds)) / trials
        world = "a model whose scores lie 0.3 logits further apart, 500 rows, 250 positive"
        yield Rate(world, f"improved ({_shown(metric)}, percentile)", rate, trials)


def _shown(metric: Metric) -> str:
    names = {"mcc": "MCC", "f1": "F1", "roc_auc": "ROC AUC", "rmse": "RMSE"}
    return names.get(metric.kind, str(metric))


def _classifiers(random: Random, n: int, positives: int, gain: float = 0.0) -> PairedRows:
    """Draw two models of equal skill (or better by `gain`) whose scores correlate."""
    truth = (np.arange(n) < positives).astype(int)
    shared = random.normal(size=n)
    scores = [
        stats.logistic.cdf((1.5 + more) * truth - 1 + 0.8 * shared + 0.6 * random.normal(size=n))
        for more in (gain, 0.0)
    ]
    ours, theirs = (
        Outputs(predictions=(each > 0.5).astype(int).tolist(), scores=each.tolist())
        for each in scores
    )
    return PairedRows(targets=truth.tolist(), candidate=ours, baseline=theirs)


def _methods(trials: int, random: Random) -> Iterator[Rate]:
    worlds = [_classifiers(random, 500, 10) for _ in range(trials)]
    yield from _both_methods("equal models, 500 rows, 10 positive", Metric("f1"), worlds)
    worlds = [_heavy_tails(random, 200) for _ in range(trials)]
    yield from _both_methods("equal models, 200 rows, heavy tails", Metric("rmse"), worlds)


def _both_methods(world: str, metric: Metric, rows: list[PairedRows]) -> Iterator[Rate]:
    for method in ("percentile", "bca"):
        rate = sum(_wins(metric, each, seed, method) for seed, each in enumerate(rows)) / len(rows)
        yield Rate(world, f"improved ({_shown(metric)}, {method})", rate, len(rows))


def _heavy_tails(random: Random, n: int) -> PairedRows:
    truth = random.normal(size=n)
    ours, theirs = (truth + random.standard_t(3, size=n) for _ in range(2))
    return PairedRows(
        targets=truth.tolist(),
        candidate=Outputs(predictions=ours.tolist()),
        baseline=Outputs(predictions=theirs.tolist()),
    )


def _counts_alone(trials: int, random: Random) -> Iterator[Rate]:
    world = "equal models, a slice of 100 rows of which only the accuracy is known, 12 % differ"
    cases = random.multinomial(100, [0.06, 0.06, 0.79, 0.09], size=trials)[:, :3].tolist()
    pairs = [(b + both, c + both) for b, c, both in cases]
    z = cache(unpaired_z)
    rate = _share(pairs, lambda ours, theirs: z(theirs, 100, ours, 100) < ALPHA)
    yield Rate(world, "the slice fails (unpaired z)", rate, trials, at_most=ALPHA)


SCENARIOS = (
    Scenario("Two equal models", _equal_models),
    Scenario("True differences", _true_differences),
    Scenario("A loss of exactly the margin", _at_the_margin),
    Scenario("Slices", _slices, cost=2),
    Scenario("Four-fifths", _four_fifths, cost=2),
    Scenario("Equalized odds", _equalized_odds, cost=4),
    Scenario("Slices of which only counts are known", _counts_alone),
    Scenario("Repeated seeds", _seeds, cost=2),
    Scenario("Folds", _folds, cost=2),
    Scenario("Tries on the same rows", _tries, cost=2),
    Scenario("A lucky baseline", _lucky_baseline, cost=4),
    Scenario("Clusters", _clusters, cost=25),
    Scenario("The bootstrap", _bootstraps, cost=25),
    Scenario("Percentile or BCa", _methods, cost=25),
)
