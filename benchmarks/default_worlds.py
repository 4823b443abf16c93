"""Metrics without a point, whose margin is 1 % of the baseline's value; and AUCs near 1."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize, special

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from mlops_policies.comparing.luck import chance_by_counts, chance_by_error
from policy_engine.statistics import (
    Linearized,
    Outputs,
    PairedRows,
    Resampled,
    RowMetric,
    paired_bootstrap,
    paired_linear,
    shortfall,
)

_ROWS, _SHARED = 6_000, 0.9
"""Rows, and the share of the variance of errors that both models have in common."""
_RMSE, _LOG_LOSS = RowMetric("rmse"), RowMetric("log_loss")
_NODES = np.polynomial.hermite_e.hermegauss(80)
_SPREAD, _ERROR = 2.0, 0.7
"""Of the true log-odds, and of what the baseline adds to them."""


def default_margin(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often models pass and fail `no-regression` where nobody set a margin."""
    for loss, told in ((0.0, "equal models"), (0.01, "RMSE 1 % worse"), (0.06, "RMSE 6 % worse")):
        drawn = (_numbers(random, loss) for _ in range(trials))
        found = [(paired_linear(_RMSE, rows, goal="minimize"), _rmse(rows)) for rows in drawn]
        yield from _verdicts(f"{told}, {_ROWS:,} rows", found, loss)


def default_margin_of_log_loss(trials: int, random: Random) -> Iterator[Rate]:
    """Yield the same by log-loss, resampled and on more rows than are resampled."""
    for n in (1_000, _ROWS):
        for loss in (0.0, 0.01, 0.06):
            error = _error_that_costs(1 + loss)
            found = []
            for seed in range(trials):
                rows = _scores(random, n, error)
                tested = (
                    paired_linear(_LOG_LOSS, rows, goal="minimize")
                    if n == _ROWS
                    else paired_bootstrap(
                        _LOG_LOSS, rows, goal="minimize", seed=seed, resamples=RESAMPLES
                    )
                )
                found.append((tested, _log_loss(rows)))
            told = f"log-loss {100 * loss:g} % worse" if loss else "equal models by log-loss"
            yield from _verdicts(f"{told}, {n:,} rows", found, loss)


def _verdicts(
    world: str, found: Sequence[tuple[Linearized | Resampled, float]], loss: float
) -> Iterator[Rate]:
    """Yield how often no loss above 1 % of the baseline's value is shown, and a loss is."""
    passed = failed = 0
    for tested, before in found:
        bounds, margin = tested.interval(ALPHA), before / 100
        passed += bounds.lower >= -margin
        failed += bounds.upper < 0 and tested.estimate < -margin
    world += f", {100 * _SHARED:g} % of the errors' variance shared"
    verdict, trials = "no regression beyond 1 % of the baseline: ", len(found)
    at_most = ALPHA if loss == 0.01 else None
    yield Rate(world, verdict + "passes", passed / trials, trials, at_most=at_most)
    at_most = None if loss else ALPHA
    yield Rate(world, verdict + "fails", failed / trials, trials, at_most=at_most)


def _errors(random: Random, n: int) -> list[Any]:
    """Draw the standardised errors of two models."""
    both = random.normal(size=n) * _SHARED**0.5
    return [both + random.normal(size=n) * (1 - _SHARED) ** 0.5 for _ in range(2)]


def _numbers(random: Random, loss: float) -> PairedRows:
    """Draw targets of 0, and errors of 1 on average of squares; the candidate's are larger."""
    mine, theirs = _errors(random, _ROWS)
    return PairedRows(
        targets=[0.0] * _ROWS,
        candidate=Outputs(predictions=(mine * (1 + loss)).tolist()),
        baseline=Outputs(predictions=theirs.tolist()),
    )


def _rmse(rows: PairedRows) -> float:
    return float(np.sqrt(np.mean(np.asarray(rows.baseline.predictions, float) ** 2)))


def _scores(random: Random, n: int, error: float) -> PairedRows:
    """Draw labels, and scores that miss their log-odds; the candidate's by `error`."""
    odds = random.normal(size=n) * _SPREAD
    truth = (random.random(n) < special.expit(odds)).astype(int)
    mine, theirs = _errors(random, n)
    candidate, baseline = (
        Outputs(scores=special.expit(odds + each).tolist())
        for each in (mine * error, theirs * _ERROR)
    )
    return PairedRows(targets=truth.tolist(), candidate=candidate, baseline=baseline)


def _log_loss(rows: PairedRows) -> float:
    said, truth = np.asarray(rows.baseline.scores), np.asarray(rows.targets)
    return float(-np.mean(np.log(np.where(truth == 1, said, 1 - said))))


def _expected_log_loss(error: float) -> float:
    """Return the log-loss of scores that miss by `error`, integrated over both (Gauss-Hermite)."""
    places, weights = _NODES
    weights = weights / weights.sum()
    odds = _SPREAD * places[:, None]
    said = odds + error * places[None, :]
    losses = special.expit(odds) * np.logaddexp(0, -said)
    losses += special.expit(-odds) * np.logaddexp(0, said)
    return float(weights @ losses @ weights)


def _error_that_costs(ratio: float) -> float:
    """Return the error that makes the log-loss so many times the baseline's."""
    asked = ratio * _expected_log_loss(_ERROR)
    return float(optimize.brentq(lambda error: _expected_log_loss(error) - asked, 0.1, 5.0))


def lucky_gains(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often an equal model gains 0.5 pt, beside the chance that the finding quotes."""
    least = 0.005
    for n in (300, 1_000, 5_000):
        reached, quoted = 0, 0.0
        for _ in range(trials):
            differing = int(random.binomial(n, 0.08))
            wins = int(random.binomial(differing, 0.5))
            reached += 2 * wins - differing >= least * n - 1e-9
            quoted += chance_by_counts(differing, least * n)
        world = f"equal models, {n:,} rows, 8 % differ"
        yield _lucky(world, "accuracy", reached, quoted, trials)
    for n in (1_000, 5_000):
        reached, quoted, few = 0, 0.0, trials // 20
        for seed in range(few):
            rows = _scores(random, n, _ERROR)
            rows = replace(rows, candidate=_labels(rows.candidate), baseline=_labels(rows.baseline))
            metric = RowMetric("f1", "binary", 1)
            found = paired_bootstrap(metric, rows, goal="maximize", seed=seed, resamples=RESAMPLES)
            reached += found.estimate >= least
            quoted += chance_by_error(found.standard_error, least)
        yield _lucky(f"equal models, {n:,} rows", "F1", reached, quoted, few)


def _lucky(world: str, name: str, reached: int, quoted: float, trials: int) -> Rate:
    verdict = f"gains 0.50 pt in {name} (theory: the chance that `min-useful-gain` quotes)"
    return Rate(world, verdict, reached / trials, trials, theory=quoted / trials)


def _labels(outputs: Outputs) -> Outputs:
    return Outputs(predictions=[int(float(score) > 0.5) for score in outputs.scores or ()])


def near_one(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models whose AUC is near 1 are called better or worse."""
    metric = RowMetric("roc_auc", "binary", 1)
    for n, apart, told in ((400, 3.8, 0.996), (1_000, 3.8, 0.996), (1_000, 4.4, 0.999)):
        better = worse = 0
        for seed in range(trials):
            truth = np.repeat([1, 0], n // 2)
            mine, theirs = (random.normal(size=n) + apart * truth for _ in range(2))
            rows = PairedRows(
                targets=truth.tolist(),
                candidate=Outputs(scores=mine.tolist()),
                baseline=Outputs(scores=theirs.tolist()),
            )
            found = paired_bootstrap(
                metric, rows, goal="maximize", seed=seed, resamples=RESAMPLES
            ).interval(ALPHA)
            if shortfall(metric, rows) is None:
                better, worse = better + (found.lower > 0), worse + (found.upper < 0)
        world = f"equal models of an AUC of {told}, {n:,} rows, half of them positive"
        for verdict, count in (("improved", better), ("shown to be worse", worse)):
            yield Rate(
                world, f"{verdict} (ROC AUC, percentile)", count / trials, trials, at_most=ALPHA
            )
