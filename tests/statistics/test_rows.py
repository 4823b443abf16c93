from __future__ import annotations

import math

import pytest

from policy_engine.statistics import InvalidRows, Wins, count_wins


def test_only_rows_on_which_the_models_differ_in_being_right_are_wins_or_losses() -> None:
    truth = ["a", "a", "a", "b", "b"]
    candidate = ["a", "a", "b", "b", "c"]
    baseline = ["a", "b", "a", None, "a"]
    assert count_wins(truth, candidate, baseline) == Wins(wins=2, losses=1, n=5)


@pytest.mark.parametrize("target", [None, math.nan])
def test_a_target_that_is_no_class_is_invalid(target: object) -> None:
    with pytest.raises(InvalidRows, match=r"^a target is null or NaN$"):
        count_wins([target], ["a"], ["a"])  # type: ignore[list-item]


def test_columns_of_unequal_length_are_invalid() -> None:
    with pytest.raises(InvalidRows, match=r"^2 targets, 1 and 2 predictions$"):
        count_wins([1, 2], [1], [1, 2])
