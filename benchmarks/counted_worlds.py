"""Two models on the same rows, each right or wrong: one metric, slices, tries, a lucky baseline."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import (
    Decision,
    DifferingRows,
    Outputs,
    PairedRows,
    RowMetric,
    best_of,
    chance_of_a_better_one,
    holm,
    mcnemar_exact,
    non_inferiority,
    non_inferiority_of_counts,
    paired_bootstrap,
    share_of,
    shortfall,
    spend,
    superiority_of_counts,
    tango_bounds,
    unpaired_z,
)

_SHARE = 0.08
"""Rows on which two models differ, where nothing else is said."""

_MARGIN = 0.01

mcnemar = cache(mcnemar_exact)
_superiority = cache(superiority_of_counts)
_non_inferiority = cache(non_inferiority_of_counts)
_tango = cache(tango_bounds)


def _pairs(random: Random, trials: int, n: int, share: float, gain: float) -> list[list[int]]:
    """Draw wins and losses of models that differ on `share` of rows, with a true gain."""
    chances = [(share + gain) / 2, (share - gain) / 2, 1 - share]
    drawn: list[list[int]] = random.multinomial(n, chances, size=trials)[:, :2].tolist()
    return drawn


def _share(cases: Sequence[Any], holds: Callable[..., bool]) -> float:
    return sum(bool(holds(*case)) for case in cases) / len(cases)


def equal_models(trials: int, random: Random) -> Iterator[Rate]:
    """Yield what is said of two equal models."""
    world, n = "equal models, 1,000 rows, 8 % differ", 1_000
    cases = _pairs(random, trials, n, _SHARE, 0)
    yield Rate(world, "new > old", _share(cases, lambda b, c: b > c), trials, said=0.47)
    half_a_point = _share(cases, lambda b, c: b - c >= 5)
    yield Rate(world, "new >= old + 0.5 pt", half_a_point, trials, said=0.30)
    improved = _share(cases, lambda b, c: _superiority(b, c, n, alpha=ALPHA) is Decision.SHOWN)
    yield Rate(world, "improved (exact McNemar)", improved, trials, at_most=ALPHA, said=0.04)
    yield from _regression(world, n, cases, {"passes": 0.30, "fails": 0.05})
    world, n = "equal models, 5,000 rows, 8 % differ", 5_000
    yield from _regression(world, n, _pairs(random, trials, n, _SHARE, 0), {"passes": 0.80})


def _regression(
    world: str, n: int, cases: list[list[int]], said: dict[str, float], margin: float = 0.01
) -> Iterator[Rate]:
    found = [_non_inferiority(b, c, n, alpha=ALPHA, margin=margin) for b, c in cases]
    for word, verdict in (("passes", Decision.SHOWN), ("fails", Decision.OPPOSITE)):
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


def true_differences(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often true differences are found."""
    for points in (1, 2, 3):
        n, gain = 1_000, points / 100
        cases = _pairs(random, trials, n, _SHARE, gain)
        rate = _share(cases, lambda b, c: _superiority(b, c, 1_000, alpha=ALPHA) is Decision.SHOWN)
        world = f"{points} pt better, 1,000 rows, 8 % differ"
        yield Rate(world, "improved (exact McNemar)", rate, trials, theory=_power(n, _SHARE, gain))
    world = "2 pt worse, 1,000 rows, 8 % differ"
    yield from _regression(
        world, 1_000, _pairs(random, trials, 1_000, _SHARE, -0.02), {"fails": 0.69}
    )
    n = DifferingRows(80, 1_000, exact=True).needed(0.01, ALPHA)
    cases = _pairs(random, trials, n, _SHARE, 0.01)
    rate = _share(cases, lambda b, c: _superiority(b, c, n, alpha=ALPHA) is Decision.SHOWN)
    world = f"1 pt better, on the {n:,} rows that are said to be needed"
    yield Rate(world, "improved (exact McNemar)", rate, trials, theory=0.8)


def _power(n: int, share: float, gain: float) -> float:
    """Return the power of McNemar's test, as Connor (1987) gives it."""
    z = stats.norm.isf(ALPHA)
    reach = (gain * math.sqrt(n) - z * math.sqrt(share)) / math.sqrt(share - gain**2)
    return float(stats.norm.cdf(reach))


def at_the_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of exactly the margin passes."""
    for n, share in ((100, 0.02), (100, 0.08), (1_000, 0.02), (1_000, 0.08)):
        world = f"exactly 1 pt worse, {n:,} rows, {share:.0%} differ".replace("%", " %")
        cases = _pairs(random, trials, n, share, -0.01)
        passes = [_non_inferiority(b, c, n, alpha=ALPHA, margin=0.01) for b, c in cases]
        rate = sum(each is Decision.SHOWN for each in passes) / trials
        yield Rate(world, "no regression beyond 1 pt: passes (Tango)", rate, trials, at_most=ALPHA)
        few = max(1, trials // 20)
        lowers = [_percentile_lower(b, c, n, random) for b, c in cases[:few]]
        rate = sum(lower >= -0.01 for lower in lowers) / few
        yield Rate(world, "the same by percentile bounds, which we do not use", rate, few)


def within_the_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss fails that the margin accepts, and one at the margin or beyond.

    `no-regression` fails where McNemar shows a loss and the one in the data exceeds the margin.
    """
    for n, points in ((10_000, 0.5), (2_000, 0.5), (10_000, 1.0), (1_000, 2.0), (10_000, 2.0)):
        world = f"{points:g} pt worse, {n:,} rows, 8 % differ"
        cases = _pairs(random, trials, n, _SHARE, -points / 100)
        worse = [(c - b) / n for b, c in cases if mcnemar(c, b) < ALPHA]
        rate = sum(loss > _MARGIN for loss in worse) / trials
        yield Rate(world, "no regression beyond 1 pt: fails", rate, trials)
        verdict = "the same wherever a loss is shown, which we do not use"
        yield Rate(world, verdict, len(worse) / trials, trials)


_RECALL = RowMetric("recall", "binary")


def recall_at_the_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of recall of exactly the margin passes, whatever other rows do."""
    n, others = 60, 540
    for margin, share in ((0.03, 0.1), (0.05, 0.05), (0.05, 0.1), (0.05, 0.2), (0.1, 0.1)):
        world = f"recall exactly {100 * margin:g} pt worse, 60 of 600 rows positive, "
        world += f"{100 * share:g} % of them differ, 8 % of the others"
        cases = _pairs(random, trials, n, share, -margin)
        passes = [_non_inferiority(b, c, n, alpha=ALPHA, margin=margin) for b, c in cases]
        rate = sum(each is Decision.SHOWN for each in passes) / trials
        verdict = f"no regression beyond {100 * margin:g} pt: passes (Tango)"
        yield Rate(world, verdict, rate, trials, at_most=ALPHA)
        few = max(1, trials // 20)
        elsewhere = _pairs(random, few, others, _SHARE, 0)
        rows = [_found(*case, *other) for case, other in zip(cases[:few], elsewhere, strict=True)]
        rate = sum(_resampled_pass(each, margin, seed) for seed, each in enumerate(rows)) / few
        yield Rate(world, "the same by percentile bounds, which we do not use", rate, few)


def _found(wins: int, losses: int, other_wins: int, other_losses: int) -> PairedRows:
    """Return 60 positive and 540 negative rows; a model is right on all that nobody alone loses."""
    same = [60 - wins - losses, 540 - other_wins - other_losses]
    mine = [1] * wins + [0] * losses + [1] * same[0]
    theirs = [0] * wins + [1] * losses + [1] * same[0]
    mine += [0] * other_wins + [1] * other_losses + [0] * same[1]
    theirs += [1] * other_wins + [0] * other_losses + [0] * same[1]
    rows = PairedRows(
        targets=[1] * 60 + [0] * 540,
        candidate=Outputs(predictions=mine),
        baseline=Outputs(predictions=theirs),
    )
    counted = share_of(_RECALL, rows)
    if counted is None or (counted.only_candidate, counted.only_baseline) != (wins, losses):
        raise AssertionError("the recall is not counted on the positive rows alone")
    return rows


def _resampled_pass(rows: PairedRows, margin: float, seed: int) -> bool:
    if shortfall(_RECALL, rows) is not None:
        return False
    found = paired_bootstrap(_RECALL, rows, goal="maximize", seed=seed, resamples=RESAMPLES)
    return non_inferiority(found.interval(ALPHA), margin) is Decision.SHOWN


def no_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a model passes where no loss is accepted, or less than a row."""
    n = 1_000
    for share, margin in ((0.006, 0.0), (0.02, 0.0), (0.08, 0.0), (0.006, 0.0009)):
        cases = _pairs(random, trials, n, share, -margin)
        truth = f"exactly {100 * margin:g} pt worse" if margin else "equal models"
        world = f"{truth}, 1,000 rows, {100 * share:g} % differ"
        ours = tango = 0
        for wins, losses in cases:
            found = _non_inferiority(wins, losses, n, alpha=ALPHA, margin=margin)
            ours += found is Decision.SHOWN
            tango += _tango(wins, losses, n, ALPHA).lower >= -margin
        verdict = f"no regression beyond {100 * margin:g} pt: passes (exact McNemar)"
        yield Rate(world, verdict, ours / trials, trials, at_most=ALPHA)
        yield Rate(world, "the same by Tango's bound, which we do not use", tango / trials, trials)


def _percentile_lower(wins: int, losses: int, n: int, random: Random) -> float:
    drawn = random.multinomial(n, [wins / n, losses / n, 1 - (wins + losses) / n], size=RESAMPLES)
    return float(np.quantile((drawn[:, 0] - drawn[:, 1]) / n, ALPHA))


def slices(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often slices of equal models, or one harmed slice, fail."""
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
        tests = holm([mcnemar(c, b) for b, c in pairs], ALPHA)
        drops = [(c - b) / n > 0.02 for b, c in pairs]
        failed = any(t.rejected and drop for t, drop in zip(tests, drops, strict=True))
        warned = any(d and mcnemar(c, b) < ALPHA for (b, c), d in zip(pairs, drops, strict=True))
        fails += failed
        warns += warned and not failed
    return fails / len(wins), warns / len(wins)


def tries(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models pass in several tries."""
    wins, losses = _retrained(random, trials, 20)
    pairs = zip(wins.ravel().tolist(), losses.ravel().tolist(), strict=True)
    p_values = np.array([mcnemar(b, c) for b, c in pairs]).reshape(trials, 20)
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


def searches(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often the best of several candidates that equal the baseline passes."""
    for count in (5, 20, 100):
        wins, losses = _retrained(random, trials, count)
        best = (wins - losses).argmax(axis=1)
        line = np.arange(trials)
        pairs = zip(wins[line, best].tolist(), losses[line, best].tolist(), strict=True)
        p_values = np.array([mcnemar(b, c) for b, c in pairs])
        world = f"the best of {count} candidates that equal the baseline, 1,000 rows, 8 % differ"
        yield Rate(world, "improved at alpha", float((p_values < ALPHA).mean()), trials)
        ours = float((p_values < best_of(ALPHA, count)).mean())
        yield Rate(world, "improved at alpha/M (one search)", ours, trials, at_most=ALPHA)
    world = "one of 20 candidates is 4 pt better, 1,000 rows, 8 % differ"
    cases = _pairs(random, trials, 1_000, _SHARE, 0.04)
    rate = _share(cases, lambda b, c: mcnemar(b, c) < best_of(ALPHA, 20))
    yield Rate(world, "improved at alpha/M (one search)", rate, trials)


def _retrained(random: Random, trials: int, models: int, hard: int = 160) -> tuple[Any, Any]:
    """Draw wins and losses of several models against one, all of one recipe.

    160 of 1,000 rows are hard: every model, the one they are held against too, is right on each of
    them by the toss of a coin, so that two models differ on 8 % of the rows.
    """
    wrong = random.binomial(hard, 0.5, size=(trials, 1))
    wins = random.binomial(wrong, 0.5, size=(trials, models))
    return wins, random.binomial(hard - wrong, 0.5, size=(trials, models))


def lucky_baseline(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often an equal candidate fails against the best of many."""
    for runs, said in ((50, 0.42), (200, 0.59)):
        losses, wins = _retrained(random, trials, runs)  # of the candidate, so the other way round
        luckiest = (losses - wins).argmax(axis=1)
        line = np.arange(trials)
        pairs = zip(wins[line, luckiest].tolist(), losses[line, luckiest].tolist(), strict=True)
        p_values = np.array([mcnemar(c, b) for b, c in pairs])
        world = f"the best of {runs} equal runs as the baseline"
        plain = float((p_values < ALPHA).mean())
        yield Rate(world, "the candidate fails at alpha", plain, trials, said=said)
        ours = float((p_values < best_of(ALPHA, runs)).mean())
        yield Rate(world, "the candidate fails (alpha/M)", ours, trials, at_most=ALPHA)


def dominating_run(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a candidate is dominated by the best of runs that are all equal to it."""
    for rows in (300, 1_000):
        for runs in (20, 200):
            wins, losses = _retrained(random, trials, runs, hard=rows * 160 // 1_000)
            best = (losses - wins).argmax(axis=1)
            line = np.arange(trials)
            pairs = list(zip(wins[line, best].tolist(), losses[line, best].tolist(), strict=True))
            world = f"a candidate among {runs} earlier runs, all equal, {rows:,} rows, 8 % differ"
            leads = [c - b >= 0.02 * rows for b, c in pairs]
            deviation = math.sqrt(_SHARE / 2 / rows)
            yield Rate(
                world,
                "the best of them leads by 2 pt (pareto-dominated without rows)",
                sum(leads) / trials,
                trials,
                said=chance_of_a_better_one(0.02 - 0.5 / rows, deviation, runs),
            )
            level = best_of(ALPHA, runs)
            shown = [
                lead and mcnemar(c, b) < level for lead, (b, c) in zip(leads, pairs, strict=True)
            ]
            verdict = "pareto-dominated fails (exact McNemar, alpha/M)"
            yield Rate(world, verdict, sum(shown) / trials, trials, at_most=ALPHA)
    world = "one of 200 earlier runs is 5 pt better, 1,000 rows, 8 % differ"
    cases = _pairs(random, trials, 1_000, _SHARE, -0.05)
    level = best_of(ALPHA, 200)
    rate = _share(cases, lambda b, c: c - b >= 20 and mcnemar(c, b) < level)
    yield Rate(world, "pareto-dominated fails (exact McNemar, alpha/M)", rate, trials)


def counts_alone(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a slice fails of which only the accuracy is known."""
    world = "equal models, a slice of 100 rows of which only the accuracy is known, 12 % differ"
    cases = random.multinomial(100, [0.06, 0.06, 0.79, 0.09], size=trials)[:, :3].tolist()
    pairs = [(b + both, c + both) for b, c, both in cases]
    z = cache(unpaired_z)
    rate = _share(pairs, lambda ours, theirs: z(theirs, 100, ours, 100) < ALPHA)
    yield Rate(world, "the slice fails (unpaired z)", rate, trials, at_most=ALPHA)


def best_constant(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a model that is no better than the majority class is said to be."""
    for n, share in ((300, 0.08), (1_000, 0.08), (1_000, 0.3)):
        cases = _pairs(random, trials, n, share, 0)
        world = f"a model as good as the best constant, {n:,} rows, {100 * share:g} % differ"
        yield Rate(world, "its accuracy is higher", _share(cases, lambda b, c: b > c), trials)
        rate = _share(cases, lambda b, c: mcnemar(b, c) < ALPHA)
        yield Rate(world, "beats the constant (exact McNemar)", rate, trials, at_most=ALPHA)
    cases = _pairs(random, trials, 1_000, 0.3, 0.05)
    rate = _share(cases, lambda b, c: mcnemar(b, c) < ALPHA)
    world = "a model 5 pt better than the best constant, 1,000 rows, 30 % differ"
    yield Rate(world, "beats the constant (exact McNemar)", rate, trials)
