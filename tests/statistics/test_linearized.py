"""A gain on many rows, without resampling, as DeLong, SciPy, scikit-learn and ours have it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from policy_engine.statistics import (
    Linearized,
    OneModel,
    Outputs,
    PairedRows,
    RowMetric,
    is_large,
    paired_bootstrap,
    paired_linear,
    recompute,
    slice_bootstrap,
    slice_linear,
)

MANY = 6_000


class World:
    """Two classifiers and two regressors on the same rows; scores have ties."""

    def __init__(self, n: int, share: float = 0.3, seed: int = 5) -> None:
        chance = np.random.default_rng(seed)
        self.truth = (chance.random(n) < share).astype(int)
        shared = chance.normal(size=n)
        self.strong, self.weak = (
            stats.logistic.cdf(skill * self.truth - 1 + shared + 0.6 * chance.normal(size=n)).round(
                3
            )
            for skill in (1.6, 1.4)
        )
        self.number = chance.normal(size=n)
        self.close, self.far = (self.number + s * chance.normal(size=n) for s in (0.5, 0.51))
        self.weights = chance.exponential(size=n) + 0.1
        self.clusters = chance.integers(0, n // 4, size=n)

    def rows(self, kind: str, **others: Any) -> PairedRows:
        """Return what a metric of this kind reads."""
        truth: Any
        columns: Any
        if kind in ("rmse", "r2", "mae", "mse"):
            truth, columns, name = self.number, (self.close, self.far), "predictions"
        elif kind == "f1":
            truth, name = self.truth, "predictions"
            columns = ((self.strong > 0.5) * 1, (self.weak > 0.5) * 1)
        else:
            truth, columns, name = self.truth, (self.strong, self.weak), "scores"
        candidate, baseline = (Outputs(**{name: each.tolist()}) for each in columns)
        others = {key: value.tolist() for key, value in others.items()}
        return PairedRows(targets=truth.tolist(), candidate=candidate, baseline=baseline, **others)


def linear(kind: Any, rows: PairedRows, goal: Any = "maximize") -> Linearized:
    return paired_linear(RowMetric(kind), rows, goal=goal)


def by_delong(truth: Any, mine: Any, theirs: Any) -> float:
    """Return DeLong's standard error of the difference of two AUCs, pair by pair as he wrote it."""
    of_true, of_false = [], []
    for scores in (mine, theirs):
        true, false = scores[truth == 1], scores[truth == 0]
        wins = (true[:, None] > false) + 0.5 * (true[:, None] == false)
        of_true.append(wins.mean(axis=1))
        of_false.append(wins.mean(axis=0))
    within = np.cov(of_true) / len(of_true[0]) + np.cov(of_false) / len(of_false[0])
    return float(np.sqrt(within[0, 0] + within[1, 1] - 2 * within[0, 1]))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_the_standard_error_of_an_auc_is_delongs(share: float) -> None:
    world = World(4_000, share)
    found = linear("roc_auc", world.rows("roc_auc"))
    expected = by_delong(world.truth, world.strong, world.weak)
    rarer = min(world.truth.sum(), (1 - world.truth).sum())
    assert found.standard_error == pytest.approx(expected, rel=1 / rarer)
    gain = sk.roc_auc_score(world.truth, world.strong) - sk.roc_auc_score(world.truth, world.weak)
    assert found.estimate == pytest.approx(gain, rel=1e-9)


def pulled(kind: Any, world: World, scorer: Any, **others: Any) -> tuple[float, float]:
    """Return the standard error and the skewness, by the scorer's own slopes in each weight."""
    weights = others.get("weights", np.ones(len(world.truth)))
    slopes = np.zeros(len(weights))
    for sign, scores in ((1, world.strong), (-1, world.weak)):
        for row, weight in enumerate(weights):
            ends = []
            for step in (1e-4, -1e-4):
                moved = weights.copy()
                moved[row] += step
                ends.append(scorer(world.truth, scores, sample_weight=moved))
            slopes[row] += sign * (ends[0] - ends[1]) / 2e-4 * weight
    n = len(weights)
    return (
        math.sqrt((slopes**2).sum() * n / (n - 1)),
        float((slopes**3).sum() / (slopes**2).sum() ** 1.5),
    )


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "scorer"),
    [("roc_auc", sk.roc_auc_score), ("average_precision", sk.average_precision_score)],
)
def test_each_row_pulls_an_area_as_far_as_its_weight_moves_scikit_learns(
    kind: str, scorer: Any, *, is_weighted: bool
) -> None:
    world = World(250)
    others = {"weights": world.weights} if is_weighted else {}
    found = linear(kind, world.rows(kind, **others))
    error, skewness = pulled(kind, world, scorer, **others)
    assert found.standard_error == pytest.approx(error, rel=1e-5)
    assert found.skewness == pytest.approx(skewness, abs=1e-5)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("kind", ["roc_auc", "average_precision"])
def test_of_several_classes_it_is_the_slope_of_the_mean(kind: Any, average: Any) -> None:
    chance = np.random.default_rng(3)
    truth = chance.integers(0, 3, size=150)
    sides = [chance.dirichlet(np.ones(3) + 4 * np.eye(3)[t]) for t in truth for _ in range(2)]
    scores = [np.array(sides[i::2]) for i in range(2)]
    columns: list[Any] = [{c: each[:, c].tolist() for c in range(3)} for each in scores]
    rows = PairedRows(
        targets=truth.tolist(),
        candidate=Outputs(scores=columns[0]),
        baseline=Outputs(scores=columns[1]),
    )
    metric = RowMetric(kind, average)
    found = paired_linear(metric, rows, goal="maximize")

    def value(side: int, weights: list[float]) -> float:
        return recompute(metric, truth.tolist(), Outputs(scores=columns[side]), weights)

    slopes = []
    for row in range(150):
        up, down = ([1.0 + step * (i == row) for i in range(150)] for step in (1e-4, -1e-4))
        slope = [(value(side, up) - value(side, down)) / 2e-4 for side in (0, 1)]
        slopes.append(slope[0] - slope[1])
    error = math.sqrt(np.sum(np.square(slopes)) * 150 / 149)
    assert found.standard_error == pytest.approx(error, rel=1e-5)


def test_one_against_one_has_the_standard_error_of_its_bootstrap() -> None:
    chance = np.random.default_rng(4)
    truth = chance.integers(0, 3, size=1_500)
    columns: list[Any] = []
    for _ in range(2):
        scores = np.array([chance.dirichlet(np.ones(3) + np.eye(3)[t]) for t in truth])
        columns.append({c: scores[:, c].tolist() for c in range(3)})
    rows = PairedRows(
        targets=truth.tolist(),
        candidate=Outputs(scores=columns[0]),
        baseline=Outputs(scores=columns[1]),
    )
    for average in ("macro", "weighted"):
        metric = RowMetric("roc_auc", average, multiclass="ovo")
        found = paired_linear(metric, rows, goal="maximize")
        drawn = paired_bootstrap(metric, rows, goal="maximize", seed=1, resamples=4_000)
        assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.05)


def test_the_standard_error_of_a_mean_is_scipys() -> None:
    world = World(2_000)
    for kind, power in (("mae", 1), ("mse", 2)):
        found = linear(kind, world.rows(kind), goal="minimize")
        loss = [np.abs(each - world.number) ** power for each in (world.far, world.close)]
        differences = loss[0] - loss[1]
        assert found.estimate == pytest.approx(differences.mean(), rel=1e-9)
        assert found.standard_error == pytest.approx(stats.sem(differences), rel=1e-3)
        skewness = stats.skew(differences) / math.sqrt(2_000)
        assert found.skewness == pytest.approx(skewness, abs=1e-4)


def test_the_standard_error_of_a_root_and_of_r2_is_the_delta_methods() -> None:
    world = World(3_000)
    squares = [(each - world.number) ** 2 for each in (world.close, world.far)]
    roots = [each.mean() ** 0.5 for each in squares]
    pulls = squares[1] / (2 * roots[1]) - squares[0] / (2 * roots[0])
    found = linear("rmse", world.rows("rmse"), goal="minimize")
    assert found.standard_error == pytest.approx(stats.sem(pulls), rel=2e-3)
    spread = (world.number - world.number.mean()) ** 2
    lost = squares[1] - squares[0]
    pulls = lost / spread.mean() - lost.mean() * spread / spread.mean() ** 2
    found = linear("r2", world.rows("r2"))
    assert found.standard_error == pytest.approx(stats.sem(pulls), rel=2e-3)


@pytest.mark.parametrize("column", ["", "weights", "clusters"])
@pytest.mark.parametrize(
    "kind", ["roc_auc", "average_precision", "pr_curve_area", "log_loss", "rmse", "r2", "f1"]
)
def test_its_bounds_are_those_that_the_bootstrap_comes_to(kind: Any, column: str) -> None:
    world = World(MANY)
    others = {column: getattr(world, column)} if column else {}
    rows = world.rows(kind, **others)
    found = linear(kind, rows)
    drawn = paired_bootstrap(RowMetric(kind), rows, goal="maximize", seed=1, resamples=3_000)
    assert found.estimate == drawn.estimate
    for ours, theirs in zip(found.interval(0.05), (0.05, 0.95), strict=True):
        apart = ours - np.quantile(drawn.values, theirs)
        assert abs(apart) < 0.15 * found.standard_error  # 3,000 resamples wobble by 0.04


@pytest.mark.parametrize("kind", ["log_loss", "roc_auc"])
def test_a_slice_is_held_against_the_whole_as_by_its_bootstrap(kind: Any) -> None:
    world = World(MANY)
    rows = OneModel(
        targets=world.truth.tolist(),
        outputs=Outputs(scores=world.strong.tolist()),
        members=(world.number > 0.2).tolist(),
    )
    goal: Any = "minimize" if kind == "log_loss" else "maximize"
    found = slice_linear(RowMetric(kind), rows, goal=goal, floor=0.95)
    drawn = slice_bootstrap(RowMetric(kind), rows, goal=goal, floor=0.95, seed=1, resamples=3_000)
    assert found.estimate == drawn.estimate
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.06)


def test_a_skewed_mean_has_the_bounds_of_scipys_bootstrap() -> None:
    values = np.random.default_rng(8).lognormal(sigma=1.0, size=400)
    rows = PairedRows(
        targets=[0] * 400,
        candidate=Outputs(values=values.tolist()),
        baseline=Outputs(values=[0.0] * 400),
    )
    found = linear("row_mean", rows)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        confidence_level=0.9,
        method="percentile",
        batch=1_000,
        random_state=np.random.default_rng(1),
    ).confidence_interval
    assert 0.1 < found.skewness < 0.25
    for ours, other in zip(found.interval(0.05), theirs, strict=True):
        assert abs(ours - other) < 0.03 * found.standard_error
    plain = found.estimate + found.standard_error * stats.norm.ppf(0.95)
    assert theirs.high - plain > 0.04 * found.standard_error


@pytest.mark.parametrize("alpha", [0.4, 0.05, 0.001, 1e-9])
def test_the_p_of_a_bound_is_its_alpha(alpha: float) -> None:
    found = Linearized(estimate=0.3, standard_error=0.02, skewness=0.2, units=9)
    bounds = found.interval(alpha)
    assert found.p_above(bounds.lower) == pytest.approx(alpha, rel=1e-6)
    assert found.p_below(bounds.upper) == pytest.approx(alpha, rel=1e-6)


def test_equal_models_decide_nothing() -> None:
    found = Linearized(estimate=0.0, standard_error=0.0, skewness=0.0, units=9)
    assert not found.interval(0.05).decides
    assert (found.p_above(), found.p_below()) == (1.0, 1.0)


def test_the_order_of_the_rows_does_not_matter() -> None:
    world = World(MANY)
    order = np.random.default_rng(2).permutation(MANY)
    for kind in ("roc_auc", "average_precision", "log_loss", "r2"):
        rows = world.rows(kind)
        column = "predictions" if kind == "r2" else "scores"
        sides: list[Any] = [getattr(each, column) for each in (rows.candidate, rows.baseline)]
        candidate, baseline = (Outputs(**{column: [s[i] for i in order]}) for s in sides)
        targets = [rows.targets[i] for i in order]
        turned = PairedRows(targets=targets, candidate=candidate, baseline=baseline)
        there = linear(kind, rows)
        assert linear(kind, turned) == there


def test_clusters_of_one_row_each_are_rows() -> None:
    world = World(2_000)
    for kind in ("roc_auc", "average_precision", "rmse"):
        plain = linear(kind, world.rows(kind))
        alone = linear(kind, world.rows(kind, clusters=np.arange(2_000)))
        assert alone.standard_error == pytest.approx(plain.standard_error, rel=1e-9)


def test_what_is_large() -> None:
    few, many, rare = World(4_999), World(5_000), World(5_000, share=0.05)
    assert [is_large(RowMetric("log_loss"), each.rows("log_loss")) for each in (few, many)] == [
        False,
        True,
    ]
    assert not is_large(RowMetric("f1"), many.rows("f1"))
    assert is_large(RowMetric("f1"), many.rows("f1", weights=many.weights))
    assert is_large(RowMetric("roc_auc"), rare.rows("roc_auc"))
    assert not is_large(RowMetric("average_precision"), rare.rows("roc_auc"))
    assert is_large(RowMetric("average_precision"), many.rows("roc_auc"))
    clusters = {"clusters": many.clusters}
    assert not is_large(RowMetric("rmse"), many.rows("rmse", **clusters))
    assert is_large(RowMetric("roc_auc"), many.rows("roc_auc", **clusters))
