"""A log-loss is not trusted further than rows without a disaster can tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from policy_engine.statistics import (
    Outputs,
    PairedRows,
    RowMetric,
    Unseen,
    carried_by_few,
    paired_bootstrap,
    shortfall,
    unseen_of,
)

LOG_LOSS = RowMetric("log_loss", "binary")
TRIALS = 300


def rows(truth: object, mine: object, theirs: object) -> PairedRows:
    target, new, old = (np.asarray(each).tolist() for each in (truth, mine, theirs))
    return PairedRows(targets=target, candidate=Outputs(scores=new), baseline=Outputs(scores=old))


@given(st.floats(0.001, 0.5), st.integers(100, 10**6))
def test_none_of_n_rows_bounds_their_share_as_clopper_and_pearson_do(alpha: float, n: int) -> None:
    """-log(alpha)/n is their bound 1 - alpha^(1/n) for many rows, from above: 2 % at 100 rows."""
    share = 1.0 - Unseen(1.0, 1.0, n).bounds(1.0, alpha).lower
    exact = float(beta.ppf(1 - alpha, 1, n))
    assert exact <= share * (1 + 1e-9)
    assert share <= exact * (1 + 4 / n * max(1.0, -math.log(alpha)))


@given(st.floats(0.001, 0.5), st.floats(-0.1, 0.2), st.floats(0.1, 30), st.integers(10, 10**5))
def test_the_p_value_is_the_alpha_of_its_bound(
    alpha: float, gain: float, cost: float, n: int
) -> None:
    unseen = Unseen(cost, 2 * cost, n)
    low, high = unseen.bounds(gain, alpha)
    assert unseen.p_above(gain, low) == pytest.approx(alpha, rel=1e-6)
    assert unseen.p_below(gain, high) == pytest.approx(alpha, rel=1e-6)


def test_the_cost_is_that_of_the_surest_row_over_the_other_model() -> None:
    found = unseen_of(LOG_LOSS, rows([1, 0, 1], [0.999, 0.4, 0.5], [0.9, 0.01, 0.5]))
    assert found is not None
    assert found.candidate == pytest.approx(math.log(0.1) - math.log(0.001))
    assert found.baseline == pytest.approx(math.log(0.6) - math.log(0.01) - math.log(1.0), rel=0.2)
    assert found.n == 3


def test_metrics_with_a_bound_and_scores_of_several_classes_have_none() -> None:
    assert unseen_of(RowMetric("brier", "binary"), rows([1, 0], [0.9, 0.1], [0.8, 0.2])) is None
    both = Outputs(scores={"a": [0.9, 0.1], "b": [0.1, 0.9]})
    assert (
        unseen_of(LOG_LOSS, PairedRows(targets=["a", "b"], candidate=both, baseline=both)) is None
    )


def over_sure(random: np.random.Generator, n: int) -> PairedRows:
    """Draw an equal model that says 1 - e^-10 where the baseline says 0.95: 0.7 % of these err."""
    sure, less = 1 - math.exp(-10), 0.95
    saved = math.log(sure) - math.log(less)
    cost = math.log(1 - less) + 10
    easy = random.random(n) < 0.8
    wrong = random.random(n) < np.where(easy, saved / (cost + saved), 0.3)
    truth = random.integers(0, 2, n)
    said = [
        np.where(easy, each, 0.7 + 0.05 * random.normal(size=n)).clip(0.5, sure)
        for each in (sure, less)
    ]
    new, old = (np.where(wrong == (truth == 1), 1 - each, each) for each in said)
    return rows(truth, new, old)


def ordinary(random: np.random.Generator, n: int, gain: float = 0.0) -> PairedRows:
    """Draw two models of one skill (or better by less noise) whose scores are of a logistic."""
    logit = 2 * random.normal(size=n)
    truth = (random.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    noise = [0.8 * (1 - each) * random.normal(size=n) for each in (gain, 0.0)]
    return rows(truth, *(1 / (1 + np.exp(-(logit + each))) for each in noise))


def won(data: PairedRows, *, allowing: bool) -> bool:
    """Return whether the candidate is called better, allowing for unseen rows or not."""
    if shortfall(LOG_LOSS, data) is not None:
        return False
    found = paired_bootstrap(LOG_LOSS, data, goal="minimize", seed=1, resamples=1000)
    lower = found.interval(0.05).lower
    unseen = unseen_of(LOG_LOSS, data)
    if allowing and unseen is not None:
        lower = min(lower, unseen.bounds(found.estimate, 0.05).lower)
    return lower > 0


def test_rare_disasters_that_no_row_shows_win_almost_never() -> None:
    random = np.random.default_rng(1)
    worlds = [over_sure(random, 300) for _ in range(TRIALS)]
    before, after = (sum(won(w, allowing=each) for w in worlds) / TRIALS for each in (False, True))
    assert before > 0.15
    assert after <= 0.05


def test_ordinary_gains_are_shown_as_before() -> None:
    random = np.random.default_rng(1)
    worlds = [ordinary(random, 300, gain=0.5) for _ in range(TRIALS)]
    before, after = (sum(won(w, allowing=each) for w in worlds) / TRIALS for each in (False, True))
    assert before > 0.4
    assert after >= before - 0.01


def test_few_rows_carry_most_of_no_ordinary_difference() -> None:
    random = np.random.default_rng(1)
    shares = [carried_by_few(LOG_LOSS, ordinary(random, 300)) or 0.0 for _ in range(TRIALS)]
    assert max(shares) < 0.5
    for _ in range(TRIALS):
        truth = random.normal(size=300)
        new, old = (Outputs(predictions=(truth + random.normal(size=300)).tolist()) for _ in "ab")
        share = carried_by_few(
            RowMetric("rmse"), PairedRows(targets=truth.tolist(), candidate=new, baseline=old)
        )
        assert (share or 0.0) < 0.5


def test_few_rows_carry_nothing_where_all_count_alike() -> None:
    said = Outputs(predictions=[1, 0])
    alike = PairedRows(targets=[1, 0], candidate=said, baseline=said)
    assert carried_by_few(RowMetric("accuracy"), alike) is None
    assert carried_by_few(RowMetric("rmse"), alike) is None
