from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.statistics import last_step, prediction_bounds

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60).filter(
    lambda values: float(np.std(values)) > 1e-3
)


@given(VALUES, st.floats(0.001, 0.5))
def test_the_bounds_are_those_of_scipy(values: list[float], alpha: float) -> None:
    n = len(values)
    scale = float(np.std(values, ddof=1)) * math.sqrt(1 + 1 / n)
    oracle = scipy.stats.t(n - 1, float(np.mean(values)), scale)
    ours = prediction_bounds(values, alpha)
    assert ours.upper == pytest.approx(oracle.isf(alpha), rel=1e-9, abs=1e-6)
    assert ours.lower == pytest.approx(oracle.ppf(alpha), rel=1e-9, abs=1e-6)


@given(VALUES)
def test_the_bounds_are_those_of_a_regression_on_a_constant(values: list[float]) -> None:
    """A least-squares fit of a constant, written out: its interval for one more observation."""
    design: Any = np.ones((len(values), 1))
    fitted, squares, *_ = np.linalg.lstsq(design, np.array(values), rcond=None)
    variance = float(squares[0]) / (len(values) - 1)
    error = math.sqrt(variance * (1 + float(np.linalg.inv(design.T @ design)[0, 0])))
    reach = float(scipy.stats.t.isf(0.05, len(values) - 1)) * error
    ours = prediction_bounds(values, 0.05)
    assert ours.upper == pytest.approx(float(fitted[0]) + reach, rel=1e-9, abs=1e-6)


def test_the_bounds_are_those_that_bencher_documents() -> None:
    """25 metrics, mean 100, standard deviation 10: its t-test gives 78.54 and 121.46 at 0.977."""
    raw: Any = np.arange(25.0)
    values = (100 + 10 * (raw - raw.mean()) / raw.std(ddof=1)).tolist()
    bounds = prediction_bounds(values, 1 - 0.977)
    assert [round(bound, 2) for bound in bounds] == [78.54, 121.46]


def test_what_does_not_vary_is_its_own_bound() -> None:
    assert prediction_bounds([0.1] * 7, 0.05) == (0.1, 0.1)


@pytest.mark.parametrize(
    ("values", "alpha", "message"),
    [
        ([1.0], 0.05, "1 value: a spread needs at least 2"),
        ([1.0, math.nan], 0.05, "a value is not finite"),
        ([1.0, 2.0], 0.0, "alpha is 0.0; it must be above 0 and at most 0.5"),
    ],
)
def test_nonsense_is_refused(values: list[float], alpha: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        prediction_bounds(values, alpha)


@given(st.lists(st.floats(-1e3, 1e3), min_size=8, max_size=30))
def test_a_step_is_where_the_pooled_t_of_scipy_is_greatest(values: list[float]) -> None:
    splits = range(4, len(values) - 3)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        ps = [float(scipy.stats.ttest_ind(values[:k], values[k:]).pvalue) for k in splits]
    least = min((p for p in ps if not math.isnan(p)), default=1.0)
    found = last_step(values, 0.01)
    if least * len(ps) < 0.0099:
        assert found >= 4
    elif least * len(ps) > 0.0101:
        assert found == 0


def test_the_last_of_several_steps_is_found() -> None:
    noise = [0.1, -0.1, 0.2, -0.2, 0.0, 0.15]
    series = [level + each for level in (10.0, 20.0, 15.0) for each in noise]
    assert last_step(series, 0.01) == 12


def test_levels_without_any_noise_have_a_step_and_one_level_has_none() -> None:
    assert last_step([253.1] * 6 + [180.3] * 5, 0.01) == 6
    assert last_step([253.1] * 30, 0.01) == 0
    assert last_step([1.0, 2.0, 3.0], 0.01) == 0


def test_a_step_is_seen_in_one_of_a_hundred_series_at_most_that_have_none() -> None:
    random = np.random.default_rng(19)
    for n in (8, 25, 100):
        seen = sum(last_step(random.normal(size=n).tolist(), 0.01) > 0 for _ in range(2_000))
        assert seen <= 20 + 3 * math.sqrt(20)
