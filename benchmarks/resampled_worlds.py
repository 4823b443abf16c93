"""Metrics that need a bootstrap: clusters, weights, few differing rows, percentile or BCa."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import optimize, stats

from benchmarks.counted_worlds import mcnemar
from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import (
    Decision,
    Outputs,
    PairedRows,
    RowMetric,
    non_inferiority,
    paired_bootstrap,
    paired_linear,
    shortfall,
    spend,
    superiority,
    unseen_of,
)


def clusters(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models are called better on rows that belong together."""
    world = "equal models, 100 clusters of 10 rows that the models judge alike"
    plain = clustered = 0
    names = np.repeat(np.arange(100), 10).tolist()
    for trial in range(trials):
        lean = np.repeat(random.choice([-0.25, 0.25], size=100), 10)
        draw = random.random(1_000)
        ours = (draw >= 0.25 - lean).astype(int)  # right, where only one of the two can be wrong
        theirs = (draw < 0.75 - lean).astype(int)
        b, c = int((ours > theirs).sum()), int((theirs > ours).sum())
        plain += mcnemar(b, c) < ALPHA
        rows = PairedRows(
            targets=[1] * 1_000,
            candidate=Outputs(predictions=ours.tolist()),
            baseline=Outputs(predictions=theirs.tolist()),
            clusters=names,
        )
        clustered += _wins(RowMetric("accuracy"), rows, trial)
    yield Rate(world, "improved (McNemar, which ignores clusters)", plain / trials, trials)
    yield Rate(world, "improved (bootstrap of clusters)", clustered / trials, trials, at_most=ALPHA)


def _wins(metric: RowMetric, rows: PairedRows, seed: int, method: Any = "percentile") -> bool:
    goal: Any = "minimize" if metric.kind in ("rmse", "log_loss", "mae") else "maximize"
    found = paired_bootstrap(metric, rows, goal=goal, seed=seed, resamples=RESAMPLES, method=method)
    return superiority(found.interval(ALPHA)) is Decision.SHOWN


def bootstraps(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often models that are equal, or not, are called better by a bootstrap."""
    for metric, n, positives in (
        (RowMetric("f1"), 1_000, 50),
        (RowMetric("f1"), 500, 250),
        (RowMetric("roc_auc"), 500, 50),
        (RowMetric("average_precision"), 500, 50),
        (RowMetric("log_loss"), 500, 50),
        (RowMetric("mcc"), 500, 50),
    ):
        worlds = [_classifiers(random, n, positives) for _ in range(trials)]
        rate = sum(_wins(metric, rows, seed) for seed, rows in enumerate(worlds)) / trials
        world = f"equal models, {n:,} rows, {positives} positive"
        yield Rate(world, f"improved ({_shown(metric)}, percentile)", rate, trials, at_most=ALPHA)
    worlds = [_classifiers(random, 500, 250, gain=0.3) for _ in range(trials)]
    for metric in (RowMetric("f1"), RowMetric("roc_auc"), RowMetric("log_loss")):
        rate = sum(_wins(metric, rows, seed) for seed, rows in enumerate(worlds)) / trials
        world = "a model whose scores lie 0.3 logits further apart, 500 rows, 250 positive"
        yield Rate(world, f"improved ({_shown(metric)}, percentile)", rate, trials)


def spent(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how many of 100 tries pass by a bootstrap, where alpha is spent over them.

    The levels add up to alpha: so many false passes are expected at most, whatever the tries have
    in common, and so at most so often is there one.
    """
    for metric, n, positives in (
        (RowMetric("f1"), 500, 250),
        (RowMetric("f1"), 1_000, 50),
        (RowMetric("roc_auc"), 500, 50),
        (RowMetric("log_loss"), 500, 50),
    ):
        passes = alone = 0
        for seed in range(trials):
            rows = _classifiers(random, n, positives)
            goal: Any = "minimize" if metric.kind == "log_loss" else "maximize"
            drawn = paired_bootstrap(metric, rows, goal=goal, seed=seed, resamples=RESAMPLES)
            tail = paired_linear(metric, rows, goal=goal)
            for k in range(1, 101):
                level = spend(ALPHA, k)
                is_far = level * (RESAMPLES + 1) < 5
                alone += drawn.p_above() < level
                passes += (tail if is_far else drawn).p_above() < level
        world = f"equal models, {n:,} rows, {positives} positive, 100 tries that spend alpha"
        verdict = f"a try passes ({_shown(metric)}, percentile, tail by the jackknife)"
        yield Rate(world, verdict, passes / trials, trials, at_most=ALPHA)
        yield Rate(world, "the same by percentiles alone", alone / trials, trials)
    worlds = [_classifiers(random, 500, 250, gain=0.6) for _ in range(trials)]
    metric, level = RowMetric("roc_auc"), spend(ALPHA, 100)
    found = [paired_linear(metric, rows, goal="maximize").p_above() < level for rows in worlds]
    world = "a model whose scores lie 0.6 logits further apart, 500 rows, 250 positive"
    yield Rate(world, "passes at try 100 (ROC AUC, tail)", sum(found) / trials, trials)


def few_differing(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of exactly the margin passes where the models hardly differ."""
    alike, against = [(share, None) for share in (0.006, 0.012, 0.02, 0.04)], (0.04, 0.1)
    for share, lost in [*alike, *((share, 1.0) for share in against)]:
        worlds = [_losing(random, share, lost) for _ in range(trials)]
        margin = 0.01 if lost is None else _loss(_cells(share, lost))
        said = "" if lost is None else ", always against the candidate"
        world = f"{100 * margin:.2g} pt of F1 worse, 1,000 rows, {100 * share:g} % differ{said}"
        narrow = [_no_worse(rows, margin, seed) for seed, rows in enumerate(worlds)]
        enough = [shortfall(_F1, rows) is None for rows in worlds]
        ours = sum(a and b for a, b in zip(narrow, enough, strict=True)) / trials
        verdict = f"no regression beyond {100 * margin:.2g} pt: passes"
        yield Rate(world, verdict, ours, trials, at_most=ALPHA if lost is None else None)
        plain = sum(narrow) / trials
        yield Rate(world, "the same on however few rows, which we do not use", plain, trials)
        yield Rate(world, "undecided: too few rows differ", 1 - sum(enough) / trials, trials)


_F1 = RowMetric("f1")
_POSITIVE, _FOUND, _ALARMS = 0.25, 0.75, 0.05
"""Of all rows: the positive ones; of these: those found; of the others: those taken for them."""


def _cells(share: float, against: float) -> Any:
    """Return the chances of the cells (truth, candidate, baseline), from 000 to 111.

    The models differ on a share of rows, half of them positive; `against` of these the candidate
    has wrong.
    """
    each, wins = share / 2, 1 - against
    found, alarms = _POSITIVE * _FOUND - each / 2, (1 - _POSITIVE) * _ALARMS - each / 2
    negative = [each * wins, each * against, alarms]
    positive = [each * against, each * wins, found]
    return np.array(
        [1 - _POSITIVE - sum(negative), *negative, _POSITIVE - sum(positive), *positive]
    )


def _loss(cells: Any) -> float:
    """Return how much lower the candidate's F1 is."""
    _, b_false, c_false, both_false, _, b_true, c_true, both_true = cells
    mine = 2 * (c_true + both_true) / (c_true + both_true + c_false + both_false + _POSITIVE)
    theirs = 2 * (b_true + both_true) / (b_true + both_true + b_false + both_false + _POSITIVE)
    return float(theirs - mine)


def _losing(random: Random, share: float, against: float | None) -> PairedRows:
    """Draw rows on which F1 is truly 1 pt lower, or all that differ are against the candidate."""
    if against is None:
        against = float(optimize.brentq(lambda q: _loss(_cells(share, q)) - 0.01, 0, 1))
    cells = np.repeat(np.arange(8), random.multinomial(1_000, _cells(share, against)))
    truth, mine, theirs = ((cells // place % 2).tolist() for place in (4, 2, 1))
    return PairedRows(
        targets=truth,
        candidate=Outputs(predictions=mine),
        baseline=Outputs(predictions=theirs),
    )


def _no_worse(rows: PairedRows, margin: float, seed: int) -> bool:
    found = paired_bootstrap(_F1, rows, goal="maximize", seed=seed, resamples=RESAMPLES)
    return non_inferiority(found.interval(ALPHA), margin) is Decision.SHOWN


def unequal_weights(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models are called better where few rows weigh most."""
    metric = RowMetric("accuracy")
    for spread in (1.5, 2.0):
        worlds = [_weighted(random, spread) for _ in range(trials)]
        world = f"equal models, 1,000 rows, log-normal weights of sigma {spread:g}, 10 % differ"
        found = [_wins(metric, rows, seed) for seed, rows in enumerate(worlds)]
        enough = [shortfall(metric, rows) is None for rows in worlds]
        ours = sum(a and b for a, b in zip(found, enough, strict=True)) / trials
        yield Rate(world, "improved (weighted accuracy)", ours, trials, at_most=ALPHA)
        plain = sum(found) / trials
        yield Rate(world, "the same whatever the weights, which we do not use", plain, trials)
        yield Rate(world, "undecided: too few effective rows", 1 - sum(enough) / trials, trials)


def _weighted(random: Random, spread: float) -> PairedRows:
    draw = random.random(1_000)
    return PairedRows(
        targets=[1] * 1_000,
        candidate=Outputs(predictions=(draw >= 0.05).astype(int).tolist()),
        baseline=Outputs(predictions=(draw < 0.95).astype(int).tolist()),
        weights=np.exp(spread * random.normal(size=1_000)).tolist(),
    )


def _shown(metric: RowMetric) -> str:
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


def methods(trials: int, random: Random) -> Iterator[Rate]:
    """Yield the same of percentiles and of BCa, where both are near their limits."""
    worlds = [_classifiers(random, 500, 10) for _ in range(trials)]
    yield from _both_methods("equal models, 500 rows, 10 positive", RowMetric("f1"), worlds)
    worlds = [_heavy_tails(random, 200) for _ in range(trials)]
    yield from _both_methods("equal models, 200 rows, heavy tails", RowMetric("rmse"), worlds)


def _both_methods(world: str, metric: RowMetric, rows: list[PairedRows]) -> Iterator[Rate]:
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


_SEEN = 1_000
"""Rows from which on an over-sure model's errors are in the sample: that level is not promised."""


def carried_by_few(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often an equal model wins where a row of a hundred, or none seen, weighs most."""
    log_loss, rmse = RowMetric("log_loss"), RowMetric("rmse")
    for n in (300, 1_000, 3_000):
        world = f"equal models, {n:,} rows, one over-sure: wrong on 0.7 % at 10 times the cost"
        held = ALPHA if n < _SEEN else None
        yield from _guarded(world, log_loss, [_over_sure(random, n) for _ in range(trials)], held)
    for n in (200, 1_000):
        world = f"equal models, {n:,} rows, heavy tails"
        yield from _guarded(world, rmse, [_heavy_tails(random, n) for _ in range(trials)])
    ordinary = [_classifiers(random, 300, 150) for _ in range(trials)]
    yield from _guarded("equal models, 300 rows, scores as usual", log_loss, ordinary)
    better = [_classifiers(random, 300, 150, 0.2) for _ in range(trials)]
    world = "a model whose scores lie 0.2 logits further apart, 300 rows"
    yield from _guarded(world, log_loss, better, promised=None)


def _guarded(
    world: str, metric: RowMetric, rows: list[PairedRows], promised: float | None = ALPHA
) -> Iterator[Rate]:
    """Yield how often the candidate wins by the bootstrap alone, and by what is said of it."""
    plain = guarded = 0
    for seed, each in enumerate(rows):
        found = paired_bootstrap(metric, each, goal="minimize", seed=seed, resamples=RESAMPLES)
        lower = found.interval(ALPHA).lower
        plain += lower > 0
        unseen = unseen_of(metric, each)
        rare = lower if unseen is None else unseen.bounds(found.estimate, ALPHA).lower
        guarded += min(lower, rare) > 0 and shortfall(metric, each) is None
    name = _shown(metric)
    yield Rate(world, f"improved ({name}, the bootstrap alone)", plain / len(rows), len(rows))
    yield Rate(world, f"improved ({name})", guarded / len(rows), len(rows), at_most=promised)


def _over_sure(random: Random, n: int) -> PairedRows:
    """Draw a model that says 1 - e^-10 where its equal says 0.95, and so errs as dearly."""
    sure, less = 1 - np.exp(-10), 0.95
    saved, cost = np.log(sure) - np.log(less), np.log(1 - less) + 10
    easy = random.random(n) < 0.8
    wrong = random.random(n) < np.where(easy, saved / (cost + saved), 0.3)
    truth = random.integers(0, 2, n)
    ours, theirs = (
        np.where(easy, each, (0.7 + 0.05 * random.normal(size=n)).clip(0.5, less))
        for each in (sure, less)
    )
    scores = (np.where(wrong == (truth == 1), 1 - each, each).tolist() for each in (ours, theirs))
    candidate, baseline = (Outputs(scores=each) for each in scores)
    return PairedRows(targets=truth.tolist(), candidate=candidate, baseline=baseline)
