"""What is set against what: metric and cost of the candidate, its baseline and earlier runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from policy_engine.evidence import Metric, Needs
from policy_engine.evidence.record import RunRecord
from policy_engine.judging.trade_off import MOST_POINTS, trade_off_of
from policy_engine.report import TradeOff
from policy_engine.testing import case, run

NEEDS = Needs.RUN | Needs.BASELINE | Needs.HISTORY


def found(candidate: RunRecord, **facts: Any) -> TradeOff | None:
    return trade_off_of(case(NEEDS, candidate=candidate, metric="val_f1", **facts))


def points(found: TradeOff | None) -> list[tuple[str, str, str]]:
    assert found is not None
    return [(p.role, str(p.metric), str(p.cost)) for p in found.points]


def paid(value: float, cost: float, currency: str = "USD", **facts: Any) -> RunRecord:
    metrics = {"val_f1": value, "cost.total": cost}
    return run(metrics=metrics, tags={"cost.currency": currency}, **facts)


def numbered(number: int, record: RunRecord) -> RunRecord:
    return record.model_copy(update={"run_id": f"{number:032x}"})


def test_money_is_set_against_the_metric_where_it_is_known() -> None:
    drawn = found(
        paid(0.92, 12.5),
        baseline=numbered(1, paid(0.9, 10)),
        history=(numbered(2, paid(0.88, 3)), numbered(1, paid(0.9, 10))),
    )
    assert drawn is not None
    assert (drawn.metric, drawn.goal, drawn.unit) == ("val_f1", "maximize", "USD")
    assert points(drawn) == [
        ("candidate", "0.92", "12.5"),
        ("baseline", "0.9", "10.0"),
        ("earlier", "0.88", "3.0"),
    ]


def test_an_hourly_price_makes_money_of_time() -> None:
    drawn = found(
        run(metrics={"val_f1": 0.92}, duration="2h"),
        baseline=numbered(1, run(metrics={"val_f1": 0.9}, duration="1h")),
        prices={"default": "0.50 USD/h"},
    )
    assert drawn is not None
    assert drawn.unit == "USD"
    assert [p.cost for p in drawn.points] == [Decimal(1), Decimal("0.5")]


def test_without_money_it_is_time() -> None:
    drawn = found(
        run(metrics={"val_f1": 0.92}, duration="2h"),
        baseline=numbered(1, run(metrics={"val_f1": 0.9}, duration="1h")),
    )
    assert drawn is not None
    assert (drawn.unit, [p.cost for p in drawn.points]) == ("s", [Decimal(7200), Decimal(3600)])


def test_what_is_no_number_in_the_same_unit_is_left_out_and_never_a_zero() -> None:
    drawn = found(
        paid(0.92, 12.5),
        baseline=numbered(1, paid(0.9, 10, "EUR")),
        history=(
            numbered(2, run(metrics={"val_f1": 0.8})),
            numbered(3, paid(float("nan"), 3)),
            numbered(4, paid(0.7, float("inf"))),
            numbered(5, run(metrics={"cost.total": 3.0}, tags={"cost.currency": "USD"})),
            numbered(6, paid(0.85, 2)),
        ),
    )
    assert points(drawn) == [("candidate", "0.92", "12.5"), ("earlier", "0.85", "2.0")]


def test_a_candidate_that_cannot_be_placed_is_compared_with_nothing() -> None:
    beside = numbered(1, paid(0.9, 10))
    assert found(run(), baseline=beside) is None
    assert found(paid(float("nan"), 1), baseline=beside) is None
    assert found(run(metrics={"val_f1": 0.9}, end_time=None), baseline=beside) is None


def test_a_candidate_alone_is_compared_with_nothing() -> None:
    assert found(paid(0.92, 12.5)) is None
    assert found(paid(0.92, 12.5), first_run=True) is None


def test_a_metric_of_unknown_direction_makes_no_picture() -> None:
    assert trade_off_of(case(NEEDS, candidate=paid(0.9, 1), baseline=paid(0.8, 1))) is None


def test_the_direction_is_the_metrics() -> None:
    loss = Metric("val_f1", "minimize", None, "the test")
    drawn = trade_off_of(
        case(NEEDS, candidate=paid(0.9, 1), baseline=numbered(1, paid(0.8, 1)), metric=loss)
    )
    assert drawn is not None
    assert drawn.goal == "minimize"


def test_the_newest_earlier_runs_are_shown_and_no_more() -> None:
    history = tuple(numbered(i + 2, paid(0.5 + i / 100, i + 1)) for i in range(30))
    drawn = found(paid(0.92, 12.5), baseline=numbered(1, paid(0.9, 10)), history=history)
    assert drawn is not None
    assert len(drawn.points) == MOST_POINTS
    assert [p.run_id for p in drawn.points[2:]] == [r.run_id for r in history[: MOST_POINTS - 2]]


def test_child_runs_count_for_none_of_them() -> None:
    sweep = run(metrics={"val_f1": 0.92}, duration="1h", children=(run(duration="5h"),))
    drawn = found(sweep, baseline=numbered(1, run(metrics={"val_f1": 0.9}, duration="1h")))
    assert drawn is not None
    assert {p.cost for p in drawn.points} == {Decimal(3600)}
