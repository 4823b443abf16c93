"""What changed from baseline to candidate: the cost of a training is asked for by everybody."""

from __future__ import annotations

from typing import Any

import pytest

from policy_engine.evidence import Needs
from policy_engine.judging.changes import changes_of
from policy_engine.render.blocks import change_cells
from policy_engine.testing import case, run


def cost(metrics: dict[str, float], **facts: Any) -> tuple[str, str, str]:
    """Return the cells of the training cost."""
    needs = Needs.RUN | Needs.BASELINE | Needs.CHILDREN
    candidate = run(metrics={"val_f1": 0.92, **metrics}, duration="2h")
    old = run(metrics={"val_f1": 0.9}, duration="1h")
    changes = changes_of(
        case(needs, candidate=candidate, baseline=old, metric="val_f1", **facts), ()
    )
    (change,) = (each for each in changes if each.what == "training cost")
    return change_cells(change)


def test_a_cost_that_is_not_known_says_so_and_how_to_have_it_known() -> None:
    assert cost({}) == ("", "", "not known: log `cost.total`, or set `prices:`")


def test_a_cost_by_the_hour_is_compared() -> None:
    told = cost({}, prices={"default": "0.50 USD/h"})
    assert told == ("0.50 USD", "1.00 USD", "2.0 \N{MULTIPLICATION SIGN} more expensive")


@pytest.mark.parametrize(
    ("amount", "why"),
    [
        (12.0, "the candidate run logs cost.total and does not say in which currency"),
        (
            -1.0,
            "metric cost.total of the candidate run is -1.0; no training costs less than nothing",
        ),
    ],
)
def test_a_cost_that_cannot_be_used_says_why(amount: float, why: str) -> None:
    assert cost({"cost.total": amount}) == ("", "", f"not known: {why}")
