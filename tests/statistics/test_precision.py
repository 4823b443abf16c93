from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm
from sklearn.metrics import precision_score
from statsmodels.stats.proportion import proportions_ztest

from policy_engine.statistics import (
    InvalidRows,
    NotComputable,
    Outputs,
    PairedRows,
    Predicted,
    RowMetric,
    precision_bounds,
    precision_p,
    predicted_of,
)
from policy_engine.statistics.precision import Hits

PRECISION = RowMetric("precision", "binary")


def rows(targets: list[Any], mine: list[Any], theirs: list[Any]) -> PairedRows:
    return PairedRows(
        targets=targets, candidate=Outputs(predictions=mine), baseline=Outputs(predictions=theirs)
    )


def apart(a: int, n_a: int, b: int, n_b: int) -> Predicted:
    """Two models that predict no row in common."""
    return Predicted(Hits(a, n_a), Hits(0, 0), Hits(b, n_b))


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=1, max_size=60))
def test_the_counts_give_scikit_learns_precision(cells: list[tuple[int, int, int]]) -> None:
    targets, mine, theirs = (list(each) for each in zip(*cells, strict=True))
    if not any(targets):
        with pytest.raises(NotComputable):
            predicted_of(PRECISION, rows(targets, mine, theirs))
        return
    found = predicted_of(PRECISION, rows(targets, mine, theirs))
    if not (any(mine) and any(theirs)):
        assert found is None
        return
    assert found is not None
    assert found.n == sum(a or b for a, b in zip(mine, theirs, strict=True))
    expected = precision_score(targets, mine) - precision_score(targets, theirs)
    assert found.gain == pytest.approx(expected)


@pytest.mark.parametrize("counts", [(45, 100, 40, 100), (30, 60, 200, 500), (50, 90, 44, 90)])
def test_on_different_rows_it_is_near_the_pooled_z_of_statsmodels_and_claims_less(
    counts: tuple[int, int, int, int],
) -> None:
    a, n_a, b, n_b = counts
    expected = proportions_ztest([a, b], [n_a, n_b], alternative="larger")[1]
    assert precision_p(apart(*counts)) == pytest.approx(expected, abs=0.01)
    assert precision_p(apart(*counts)) >= expected or expected > 0.5


@pytest.mark.parametrize(
    ("n_a", "n_b", "precision"),
    [(10, 10, 0.9), (20, 20, 0.9), (30, 30, 0.9), (50, 50, 0.9), (100, 30, 0.95), (50, 50, 0.5)],
)
def test_equal_precisions_are_called_better_in_at_most_one_case_of_twenty(
    n_a: int, n_b: int, precision: float
) -> None:
    """Not simulated: SciPy's chance of each pair of counts, of those that are called better."""
    chances = binom.pmf(range(n_a + 1), n_a, precision), binom.pmf(range(n_b + 1), n_b, precision)
    total = sum(
        chances[0][a] * chances[1][b]
        for a in range(n_a + 1)
        for b in range(n_b + 1)
        if chances[0][a] * chances[1][b] > 1e-12 and precision_p(apart(a, n_a, b, n_b)) < 0.05
    )
    assert total <= 0.0505


def test_models_that_predict_the_same_rows_are_as_near_as_tangos_bounds_say() -> None:
    same = Predicted(Hits(0, 0), Hits(900, 1000), Hits(0, 0))
    assert precision_p(same) == 1.0
    z = norm.isf(0.05)
    reach = z**2 / (1000 + z**2)
    assert precision_bounds(same, 0.05) == pytest.approx((-reach, reach), rel=2e-3)


counted = st.integers(0, 60).flatmap(lambda n: st.builds(Hits, st.integers(0, n), st.just(n)))
parts = st.builds(Predicted, counted, counted, counted)
judged = parts.filter(lambda each: bool(each.by_candidate.rows and each.by_baseline.rows))


ten_each = judged.filter(lambda each: min(each.by_candidate.rows, each.by_baseline.rows) >= 10)


@given(ten_each, st.floats(0.01, 0.4), st.floats(-0.5, 0.5))
def test_p_and_bounds_say_the_same(found: Predicted, alpha: float, difference: float) -> None:
    """From ten predicted rows a side on, as the policies ask; and not near -1, where p can rise."""
    p, bounds = precision_p(found, difference), precision_bounds(found, alpha)
    if p < alpha * 0.999:
        assert difference <= bounds.lower
    elif p > alpha * 1.001:
        assert difference >= bounds.lower


@given(judged, st.floats(0.01, 0.4), st.floats(-0.5, 0.5))
def test_bounds_hold_the_gain_and_change_places(
    found: Predicted, alpha: float, difference: float
) -> None:
    bounds = precision_bounds(found, alpha)
    assert 0 <= precision_p(found, difference) <= 1
    assert -1 <= bounds.lower <= found.gain <= bounds.upper <= 1
    mirrored = precision_bounds(found.reversed, alpha)
    assert (mirrored.lower, mirrored.upper) == (-bounds.upper, -bounds.lower)


def test_a_missing_column_another_average_and_a_model_that_predicts_none_are_left_to_others() -> (
    None
):
    table = rows([1, 0], [1, 0], [1, 1])
    assert predicted_of(replace(PRECISION, average="macro"), table) is None
    assert predicted_of(replace(PRECISION, kind="recall"), table) is None
    assert predicted_of(PRECISION, replace(table, baseline=Outputs())) is None
    assert predicted_of(PRECISION, rows([1, 0], [0, 0], [1, 1])) is None
    assert predicted_of(RowMetric("precision"), rows(["a", "b", "c"], ["a"] * 3, ["b"] * 3)) is None
    with pytest.raises(InvalidRows, match=r"^a prediction is null or NaN$"):
        predicted_of(PRECISION, rows([1, 0], [1, None], [1, 1]))


@pytest.mark.parametrize("difference", [-1.0, 1.0, math.nan])
def test_a_difference_that_cannot_be_is_refused(difference: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^the difference is {difference}; it must lie between -1 and 1$"
    ):
        precision_p(apart(1, 2, 1, 2), difference)
