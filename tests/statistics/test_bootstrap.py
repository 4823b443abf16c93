from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    OneModel,
    Outputs,
    PairedRows,
    Resampled,
    RowMetric,
    TooFewOfClass,
    paired_bootstrap,
    recompute,
    slice_bootstrap,
)

N = 400
Goal = Any
# SciPy has two names for it, by its version.
RNG = "rng" if "rng" in inspect.signature(stats.bootstrap).parameters else "random_state"


class World:
    """Two classifiers and two regressors on the same rows."""

    def __init__(self, seed: int = 1, n: int = N) -> None:
        chance = np.random.default_rng(seed)
        self.chance = chance
        self.truth = (chance.random(n) < 0.35).astype(int)
        noise = chance.normal(size=n)
        self.strong = stats.logistic.cdf(1.6 * self.truth - 1 + 0.7 * noise)
        self.weak = stats.logistic.cdf(
            1.1 * self.truth - 0.8 + 0.4 * noise + 0.6 * chance.normal(size=n)
        )
        self.number = chance.normal(size=n)
        self.close = self.number + 0.5 * chance.normal(size=n)
        self.far = self.number + 0.55 * chance.normal(size=n)
        self.weights = chance.exponential(size=n)

    def rows(self, **others: Any) -> PairedRows:
        return PairedRows(
            targets=self.truth.tolist(),
            candidate=both(self.strong),
            baseline=both(self.weak),
            **others,
        )

    def numbers(self, **others: Any) -> PairedRows:
        return PairedRows(
            targets=self.number.tolist(),
            candidate=Outputs(predictions=self.close.tolist()),
            baseline=Outputs(predictions=self.far.tolist()),
            **others,
        )


def both(scores: np.ndarray) -> Outputs:
    return Outputs(predictions=(scores > 0.5).astype(int).tolist(), scores=scores.tolist())


def of_scipy(metric: Any, columns: tuple[Any, ...], method: Any) -> Any:
    def difference(truth: Any, candidate: Any, baseline: Any, axis: int = -1) -> Any:
        return metric(truth, candidate, axis) - metric(truth, baseline, axis)

    return stats.bootstrap(
        columns,
        difference,
        paired=True,
        vectorized=True,
        batch=500,
        n_resamples=5000,
        confidence_level=0.9,
        method=method,
        **{RNG: np.random.default_rng(3)},
    )


def f1(truth: Any, said: Any, axis: int) -> Any:
    return 2 * (truth & said).sum(axis=axis) / (truth.sum(axis=axis) + said.sum(axis=axis))


def auc(truth: Any, score: Any, axis: int) -> Any:
    ranks = stats.rankdata(score, axis=axis)
    true = truth.sum(axis=axis)
    false = truth.shape[axis] - true
    return ((ranks * truth).sum(axis=axis) - true * (true + 1) / 2) / (true * false)


def brier(truth: Any, score: Any, axis: int) -> Any:
    return ((truth - score) ** 2).mean(axis=axis)


def rmse(truth: Any, said: Any, axis: int) -> Any:
    return np.sqrt(((truth - said) ** 2).mean(axis=axis))


def r2(truth: Any, said: Any, axis: int) -> Any:
    return 1 - ((truth - said) ** 2).sum(axis=axis) / (truth.shape[axis] * truth.var(axis=axis))


def assert_like(found: Resampled, expected: Any) -> None:
    """Two bootstraps differ by their own chance: here by about 0.04 standard errors."""
    interval, error = found.interval(0.05), expected.standard_error
    assert interval.standard_error == pytest.approx(error, rel=0.05)
    assert interval.lower == pytest.approx(expected.confidence_interval.low, abs=0.15 * error)
    assert interval.upper == pytest.approx(expected.confidence_interval.high, abs=0.15 * error)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(
    ("kind", "metric", "scored"),
    [("f1", f1, False), ("roc_auc", auc, True), ("brier", brier, True)],
)
def test_the_interval_is_scipys(kind: Any, metric: Any, scored: bool, method: Any) -> None:
    world = World(n=200)
    pair = [scores if scored else scores > 0.5 for scores in (world.strong, world.weak)]
    expected = of_scipy(metric, (world.truth, *pair), method)
    found = paired_bootstrap(RowMetric(kind), world.rows(), goal="maximize", seed=1, method=method)
    assert_like(found, expected)


@pytest.mark.parametrize("method", ["percentile", "bca"])
@pytest.mark.parametrize(("kind", "metric"), [("rmse", rmse), ("r2", r2)])
def test_the_interval_of_numbers_is_scipys(kind: Any, metric: Any, method: Any) -> None:
    world = World(n=150)
    expected = of_scipy(metric, (world.number, world.close, world.far), method)
    found = paired_bootstrap(
        RowMetric(kind), world.numbers(), goal="maximize", seed=1, method=method
    )
    assert_like(found, expected)


def test_bcas_bias_and_acceleration_are_scipys_formula() -> None:
    """On the mean of a skewed column, where the jackknife has a closed form."""
    values = np.random.default_rng(4).exponential(size=150)
    found = paired_bootstrap(
        RowMetric("row_mean"),
        PairedRows(
            targets=[0] * 150,
            candidate=Outputs(values=values.tolist()),
            baseline=Outputs(values=[0.0] * 150),
        ),
        goal="maximize",
        seed=1,
        method="bca",
    )
    away = values - values.mean()
    assert found.acceleration == pytest.approx((away**3).sum() / (6 * (away**2).sum() ** 1.5))
    share = (found.values < found.estimate).mean()
    assert found.bias == pytest.approx(stats.norm.ppf(share), abs=1e-3)


def test_the_multinomial_over_cells_is_the_bootstrap_of_rows() -> None:
    """The same metric by the other road: values a row force the draw row by row."""
    world = World()
    right = [(s > 0.5) == t for s, t in zip(world.strong, world.truth, strict=True)]
    wrong = [(s > 0.5) == t for s, t in zip(world.weak, world.truth, strict=True)]
    jitter = (1e-9 * np.arange(N)).tolist()  # no two rows alike
    rows = PairedRows(
        targets=[0] * N,
        candidate=Outputs(values=(np.array(right) + np.array(jitter)).tolist()),
        baseline=Outputs(values=(np.array(wrong) + np.array(jitter)).tolist()),
    )
    one = paired_bootstrap(RowMetric("accuracy"), world.rows(), goal="maximize", seed=1)
    other = paired_bootstrap(RowMetric("row_mean"), rows, goal="maximize", seed=1)
    assert one.estimate == pytest.approx(other.estimate)
    assert one.standard_error == pytest.approx(other.standard_error, rel=0.03)
    differences = np.subtract(right, wrong, dtype=float)
    assert one.standard_error == pytest.approx(differences.std() / math.sqrt(N), rel=0.03)
    levels = [0.01, 0.05, 0.5, 0.95, 0.99]
    gap = np.abs(np.quantile(one.values, levels) - np.quantile(other.values, levels))
    assert gap.max() <= 1 / N + 1e-6


@pytest.mark.parametrize("kind", ["accuracy", "f1", "roc_auc", "log_loss"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(kind: Any) -> None:
    rows = World().rows()
    np.random.seed(1)  # noqa: NPY002 (the global state that must not matter)
    one = paired_bootstrap(RowMetric(kind), rows, goal="maximize", seed=2**200, resamples=300)
    np.random.seed(2)  # noqa: NPY002
    two = paired_bootstrap(RowMetric(kind), rows, goal="maximize", seed=2**200, resamples=300)
    other = paired_bootstrap(RowMetric(kind), rows, goal="maximize", seed=7, resamples=300)
    assert one.values.tobytes() == two.values.tobytes()
    assert one.values.tobytes() != other.values.tobytes()


METRICS = [
    RowMetric("accuracy"),
    RowMetric("f1"),
    RowMetric("roc_auc"),
    RowMetric("average_precision"),
    RowMetric("brier"),
]


@pytest.mark.parametrize("metric", METRICS, ids=str)
@pytest.mark.parametrize("clustered", [False, True])
def test_the_order_of_the_rows_changes_no_bit(metric: RowMetric, clustered: bool) -> None:
    world = World()
    clusters = world.chance.integers(0, 40, N)
    order = world.chance.permutation(N)

    def gains(order: np.ndarray) -> bytes:
        rows = PairedRows(
            targets=world.truth[order].tolist(),
            candidate=both(world.strong[order]),
            baseline=both(world.weak[order]),
            weights=world.weights[order].tolist(),
            clusters=clusters[order].tolist() if clustered else None,
        )
        return paired_bootstrap(
            metric, rows, goal="maximize", seed=5, resamples=200
        ).values.tobytes()

    assert gains(np.arange(N)) == gains(order)


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_swapping_the_models_mirrors_the_interval(metric: RowMetric) -> None:
    world = World()
    rows = world.rows()
    swapped = PairedRows(targets=rows.targets, candidate=rows.baseline, baseline=rows.candidate)
    one = paired_bootstrap(metric, rows, goal="maximize", seed=5).interval(0.05)
    other = paired_bootstrap(metric, swapped, goal="maximize", seed=5).interval(0.05)
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.lower == pytest.approx(-other.upper, abs=0.15 * one.standard_error)
    assert one.upper == pytest.approx(-other.lower, abs=0.15 * one.standard_error)


def test_a_loss_that_falls_is_a_gain() -> None:
    rows = World().numbers()
    down = paired_bootstrap(RowMetric("rmse"), rows, goal="minimize", seed=5, resamples=500)
    up = paired_bootstrap(RowMetric("rmse"), rows, goal="maximize", seed=5, resamples=500)
    assert down.estimate > 0
    assert down.values.tolist() == (-up.values[::-1]).tolist()


@given(st.floats(1e-3, 1e3))
@settings(max_examples=10)
def test_an_error_in_another_unit_has_the_same_interval_in_that_unit(scale: float) -> None:
    world = World(n=120)

    def interval(scale: float) -> Any:
        rows = PairedRows(
            targets=(world.number * scale).tolist(),
            candidate=Outputs(predictions=(world.close * scale).tolist()),
            baseline=Outputs(predictions=(world.far * scale).tolist()),
        )
        return paired_bootstrap(
            RowMetric("mae"), rows, goal="minimize", seed=5, resamples=200
        ).interval(0.05)

    one, other = interval(1.0), interval(scale)
    assert other.lower == pytest.approx(one.lower * scale, rel=1e-9)
    assert other.upper == pytest.approx(one.upper * scale, rel=1e-9)


def test_equal_models_decide_nothing() -> None:
    world = World()
    for metric in METRICS:
        rows = PairedRows(
            targets=world.truth.tolist(), candidate=both(world.weak), baseline=both(world.weak)
        )
        for method in ("percentile", "bca"):
            found = paired_bootstrap(
                metric,
                rows,
                goal="maximize",
                seed=5,
                resamples=200,
                method=method,
            )
            assert found.interval(0.05).decides is False
            assert found.p_above(-0.1) == found.p_below(0.1) == 1.0


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_resamples_that_differ_by_rounding_alone_decide_nothing(shift: float) -> None:
    """A tenth better on every row: nothing varies but the last digits of the sums."""
    world = World()
    rows = PairedRows(
        targets=[0] * N,
        candidate=Outputs(values=(world.close / 3 + shift).tolist()),
        baseline=Outputs(values=(world.close / 3).tolist()),
        weights=world.weights.tolist(),
    )
    found = paired_bootstrap(RowMetric("row_mean"), rows, goal="maximize", seed=5, resamples=200)
    assert found.standard_error == 0
    assert found.interval(0.05).decides is False
    assert found.p_above() == 1.0


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bounds_and_p_values_say_the_same(method: Any) -> None:
    found = paired_bootstrap(
        RowMetric("roc_auc"), World().rows(), goal="maximize", seed=5, method=method
    )
    for alpha in (0.01, 0.05, 0.3):
        interval = found.interval(alpha)
        assert found.p_above(interval.lower) == pytest.approx(alpha, abs=3e-4)
        assert found.p_below(interval.upper) == pytest.approx(alpha, abs=3e-4)


def test_less_alpha_means_a_wider_interval() -> None:
    found = paired_bootstrap(RowMetric("f1"), World().rows(), goal="maximize", seed=5)
    bounds = [found.interval(alpha) for alpha in (0.001, 0.01, 0.05, 0.2, 0.5)]
    assert [b.lower for b in bounds] == sorted(b.lower for b in bounds)
    assert [b.upper for b in bounds] == sorted((b.upper for b in bounds), reverse=True)


def test_a_p_value_is_never_0_and_nan_shows_nothing() -> None:
    found = paired_bootstrap(RowMetric("f1"), World().rows(), goal="maximize", seed=5, resamples=99)
    assert found.p_above(-5.0) == 0.01
    assert found.p_above(5.0) == 1.0
    assert found.p_above(math.nan) == found.p_below(math.nan) == 1.0


def test_clusters_are_drawn_whole() -> None:
    """Twenty copies of a row in one cluster are one observation, not twenty."""
    world = World(n=60)
    values = world.close.tolist()

    def error(copies: int, *, clustered: bool) -> float:
        n = 60 * copies
        rows = PairedRows(
            targets=[0] * n,
            candidate=Outputs(values=values * copies),
            baseline=Outputs(values=[0.0] * n),
            clusters=[str(i) for i in range(60)] * copies if clustered else None,
        )
        found = paired_bootstrap(RowMetric("row_mean"), rows, goal="maximize", seed=5)
        return found.standard_error

    alone = error(1, clustered=False)
    assert error(20, clustered=True) == pytest.approx(alone, rel=0.05)
    assert error(20, clustered=False) == pytest.approx(alone / math.sqrt(20), rel=0.05)


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_clusters_of_one_row_are_the_rows(metric: RowMetric) -> None:
    world = World()
    plain = paired_bootstrap(metric, world.rows(), goal="maximize", seed=5, resamples=4000)
    single = paired_bootstrap(
        metric, world.rows(clusters=list(range(N))), goal="maximize", seed=5, resamples=4000
    )
    assert single.estimate == pytest.approx(plain.estimate)
    assert single.standard_error == pytest.approx(plain.standard_error, rel=0.06)


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_a_row_of_no_weight_changes_no_estimate(metric: RowMetric) -> None:
    world = World()
    weights = np.where(np.arange(N) < 300, world.weights, 0).tolist()
    weighted = paired_bootstrap(
        metric, world.rows(weights=weights), goal="maximize", seed=5, resamples=50
    )
    cut = [
        recompute(metric, world.truth[:300].tolist(), both(scores[:300]), weights[:300])
        for scores in (world.strong, world.weak)
    ]
    assert weighted.estimate == pytest.approx(cut[0] - cut[1])


def test_a_resample_without_the_class_is_drawn_again() -> None:
    world = World(n=100)
    truth = [1, 1] + [0] * 98
    rows = PairedRows(targets=truth, candidate=both(world.strong), baseline=both(world.weak))
    found = paired_bootstrap(RowMetric("roc_auc"), rows, goal="maximize", seed=5)
    assert len(found.values) == 10_000
    assert np.isfinite(found.values).all()
    lacking = (1 - 2 / 100) ** 100
    assert found.redrawn / (found.redrawn + 10_000) == pytest.approx(lacking, abs=0.02)


def test_a_metric_whose_classes_are_hardly_ever_all_there_is_given_up() -> None:
    labels = [str(i) for i in range(40)] + ["0"] * 60
    rows = PairedRows(
        targets=labels,
        candidate=Outputs(predictions=labels),
        baseline=Outputs(predictions=labels[::-1]),
    )
    with pytest.raises(TooFewOfClass, match=r"^most resamples lack a class: too few rows have it$"):
        paired_bootstrap(RowMetric("f1", "macro"), rows, goal="maximize", seed=5, resamples=200)


def test_many_classes_take_the_sparse_road_to_the_same_numbers() -> None:
    chance = np.random.default_rng(6)
    truth = np.r_[np.arange(40), chance.integers(0, 40, 960)]
    said = [
        np.where(chance.random(1000) < p, truth, chance.integers(0, 40, 1000)) for p in (0.9, 0.8)
    ]
    rows = PairedRows(
        targets=truth.tolist(),
        candidate=Outputs(predictions=said[0].tolist()),
        baseline=Outputs(predictions=said[1].tolist()),
        clusters=list(range(1000)),
    )
    for metric in (RowMetric("f1", "macro"), RowMetric("mcc")):
        found = paired_bootstrap(metric, rows, goal="maximize", seed=5, resamples=300, method="bca")
        each = [
            recompute(metric, truth.tolist(), Outputs(predictions=side.tolist())) for side in said
        ]
        assert found.estimate == pytest.approx(each[0] - each[1])
        assert found.interval(0.05).decides


def test_a_slice_is_held_against_a_share_of_the_whole() -> None:
    world = World()
    members = world.number > 0.5
    for metric, goal, sign in (
        (RowMetric("f1"), "maximize", 1),
        (RowMetric("roc_auc"), "maximize", 1),
        (RowMetric("brier"), "minimize", -1),
    ):
        found = slice_bootstrap(
            metric,
            OneModel(
                targets=world.truth.tolist(),
                outputs=both(world.strong),
                members=members.tolist(),
            ),
            goal=goal,  # type: ignore[arg-type]
            floor=0.8,
            seed=5,
            resamples=200,
        )
        whole = recompute(metric, world.truth.tolist(), both(world.strong))
        part = recompute(metric, world.truth[members].tolist(), both(world.strong[members]))
        share = 0.8 if sign > 0 else 1 / 0.8
        assert found.estimate == pytest.approx(sign * (part - share * whole))
        assert found.interval(0.05).decides


def test_a_slice_that_is_plainly_too_low_is_shown() -> None:
    chance = np.random.default_rng(8)
    members = np.arange(1000) < 200
    right = chance.random(1000) < np.where(members, 0.4, 0.95)
    found = slice_bootstrap(
        RowMetric("accuracy"),
        OneModel(
            targets=[1] * 1000,
            outputs=Outputs(predictions=right.astype(int).tolist()),
            members=members.tolist(),
        ),
        goal="maximize",
        floor=0.8,
        seed=5,
    )
    assert found.p_below() < 0.001


def slice_of(members: list[bool], floor: float = 0.8) -> Resampled:
    return slice_bootstrap(
        RowMetric("accuracy"),
        OneModel(targets=[1, 0], outputs=Outputs(predictions=[1, 1]), members=members),
        goal="maximize",
        floor=floor,
        seed=1,
    )


def test_an_empty_slice_is_invalid() -> None:
    with pytest.raises(InvalidRows, match=r"^no row belongs to the slice$"):
        slice_of([False, False])


@pytest.mark.parametrize("floor", [0, 1.1, math.nan])
def test_a_floor_that_is_no_share_is_refused(floor: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^the floor is {floor}; it must be above 0 and at most 1$"
    ):
        slice_of([True, False], floor)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"clusters": [1] * 3}, f"{N} targets, 3 of the column cluster"),
        ({"clusters": [None] * N}, "a cluster is null or NaN"),
        ({"clusters": [math.nan] * N}, "a cluster is null or NaN"),
        ({"weights": [math.nan] * N}, "a weight is not a finite number"),
    ],
)
def test_rows_that_hold_nonsense_are_invalid(others: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRows) as error:
        paired_bootstrap(RowMetric("f1"), World().rows(**others), goal="maximize", seed=1)
    assert str(error.value) == message


def test_scores_of_two_kinds_are_invalid() -> None:
    world = World()
    one = Outputs(scores=world.strong.tolist())
    other = Outputs(scores={0: (1 - world.weak).tolist(), 1: world.weak.tolist()})
    rows = PairedRows(targets=world.truth.tolist(), candidate=one, baseline=other)
    with pytest.raises(
        InvalidRows, match=r"^one model has a score a class, the other a single score$"
    ):
        paired_bootstrap(RowMetric("roc_auc"), rows, goal="maximize", seed=1)


def test_the_largest_error_cannot_be_resampled() -> None:
    with pytest.raises(
        NotComputable, match=r"^the largest error cannot be resampled: no row stands beyond it$"
    ):
        paired_bootstrap(RowMetric("max_error"), World().numbers(), goal="minimize", seed=1)


@pytest.mark.parametrize(("seed", "resamples"), [(-1, 10), (1, 0)])
def test_a_seed_or_a_count_below_its_least_is_refused(seed: int, resamples: int) -> None:
    with pytest.raises(ValueError, match=r"resamples is 0; it must be at least 1|non-negative"):
        paired_bootstrap(
            RowMetric("f1"), World().rows(), goal="maximize", seed=seed, resamples=resamples
        )
