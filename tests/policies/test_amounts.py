"""Differences and numbers of rows are said as people read them."""

from __future__ import annotations

import pytest

from mlops_policies.comparing.amounts import about, gain_or_loss, if_it_gains
from policy_engine.evidence import resolve_metric

METRIC = resolve_metric("val_accuracy", None, None, "a test")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (9, "9"),
        (99, "99"),
        (165, "about 170"),
        (999, "about 1,000"),
        (4947, "about 4,950"),
        (999_001, "about 1,000,000"),
        (1_000_001, "more than a million"),
    ],
)
def test_a_number_of_rows_has_the_digits_that_it_is_good_for(rows: int, said: str) -> None:
    assert about(rows) == said


def test_a_difference_below_0_is_a_loss() -> None:
    assert gain_or_loss(METRIC, -0.02) == "a loss of 2.00 pt"
    assert gain_or_loss(METRIC, 0.02) == "a gain of 2.00 pt"


def test_rows_for_the_gain_that_is_seen_say_so() -> None:
    assert if_it_gains(METRIC, 0.01, 0.01) == "if the true gain is the 1.00 pt seen here"
    assert if_it_gains(METRIC, 0.01, 0.004) == "if the true gain is 1.00 pt"
