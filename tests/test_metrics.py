from __future__ import annotations

from decimal import Decimal

import pytest

from policy_engine.metrics import known


@pytest.mark.parametrize(
    "name",
    ["accuracy", "val_f1", "test/f1_score", "eval.roc_auc", "F1", "mean_average_precision"],
)
def test_a_score_is_better_when_greater_and_lies_between_0_and_1(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", True)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", ["r2", "r2_score", "val_mcc", "cohen_kappa"])
def test_a_coefficient_ends_at_1_and_may_be_negative(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("maximize", False)
    assert (kind.point, kind.perfect) == (Decimal("0.01"), Decimal(1))


@pytest.mark.parametrize("name", ["loss", "val_loss", "rmse", "mean_absolute_error", "log_loss"])
def test_a_loss_is_better_when_smaller_and_has_no_point_of_its_own(name: str) -> None:
    kind = known(name)
    assert kind is not None
    assert (kind.goal, kind.bounded) == ("minimize", False)
    assert (kind.point, kind.perfect) == (None, Decimal(0))


@pytest.mark.parametrize("name", ["", "score", "val", "profit", "f1_loss", "accuracy_percent"])
def test_of_any_other_name_nothing_is_known(name: str) -> None:
    assert known(name) is None


def test_a_word_of_place_that_is_part_of_the_name_is_read_with_it() -> None:
    kind = known("mean_squared_error")
    assert kind is not None
    assert kind.goal == "minimize"
