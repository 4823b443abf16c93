from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.accuracy_cost.cost_per_point import CostPerPoint
from policy_engine.evidence import Metric, Needs
from policy_engine.evidence.record import RunRecord, Unreadable
from policy_engine.policy import Finding, Limit, Outcome
from policy_engine.testing import STARTED, assert_outcome, judge, run

NAN, INF = float("nan"), float("inf")
PRICES = {"default": "0.50 USD/h", "ml.g5.xlarge": "1.41 USD/h"}
cents = st.integers(0, 10**7).map(lambda n: n / 100)
scores = st.integers(0, 1000).map(lambda n: n / 1000)


def policy(limit: str = "50 USD", **settings: Any) -> CostPerPoint:
    return CostPerPoint.model_validate({"max_cost_per_point": limit} | settings)


def cost(amount: float, f1: float | None = 0.9, currency: str | None = "USD") -> RunRecord:
    metrics = {"cost.total": amount} | ({} if f1 is None else {"val_f1": f1})
    return run(metrics=metrics, tags={} if currency is None else {"cost.currency": currency})


def judged(
    rule: CostPerPoint, new: RunRecord, old: RunRecord | None, **facts: Any
) -> list[Finding]:
    return judge(rule, candidate=new, baseline=old, **({"metric": "val_f1"} | facts))


def outcome(rule: CostPerPoint, new: tuple[float, float], old: tuple[float, float]) -> Outcome:
    (finding,) = judged(rule, cost(*new), cost(*old))
    return finding.outcome


def test_a_gain_that_is_worth_its_cost_passes() -> None:
    found = judged(policy(), cost(19, 0.91), cost(10, 0.89))
    message = (
        "val_f1 gains 2.00 pt for 9.00 USD more: 4.50 USD/pt; it must be at most 50.00 USD/pt "
        "(the gain pays for at most 100.00 USD)"
    )
    finding = assert_outcome(found, "pass", message=message)
    assert finding.measured is not None
    assert finding.limit is not None
    assert (finding.measured.value, finding.measured.unit) == (Decimal("4.5"), "USD/pt")
    assert finding.limit == Limit(Decimal(50), "USD/pt", "<=")


def test_a_hair_at_many_times_the_cost_fails_and_says_what_it_would_pay_for() -> None:
    found = judged(policy(), cost(40, 0.891), cost(15, 0.89))
    message = (
        "val_f1 gains 0.10 pt for 25.00 USD more: 250.00 USD/pt; it must be at most 50.00 USD/pt "
        "(the gain pays for at most 5.00 USD)"
    )
    finding = assert_outcome(found, "fail", message=message)
    assert finding.remedy == (
        "train for at most 20.00 USD, gain at least 0.50 pt in val_f1, "
        "or raise max_cost_per_point and say why"
    )


def test_exactly_the_limit_passes_and_a_cent_more_fails() -> None:
    assert outcome(policy(), (110, 0.91), (10, 0.89)) is Outcome.PASS
    found = judged(policy(), cost(110.001, 0.91), cost(10, 0.89))
    message = (
        "val_f1 gains 2.00 pt for 100.001 USD more: 50.0005 USD/pt; it must be at most "
        "50.0000 USD/pt (the gain pays for at most 100.000 USD)"
    )
    assert_outcome(found, "fail", message=message)


@pytest.mark.parametrize("f1", [0.89, 0.88])
def test_paying_more_for_no_gain_fails_at_any_limit(f1: float) -> None:
    assert outcome(policy("1000000 USD"), (20, f1), (10, 0.89)) is Outcome.FAIL


def test_paying_more_for_a_loss_says_that_nothing_was_gained() -> None:
    found = judged(policy(), cost(20, 0.88), cost(10, 0.89))
    message = (
        "val_f1 gains nothing (-1.00 pt) for 10.00 USD more; it must cost at most 50.00 USD/pt "
        "(the gain pays for at most 0.00 USD)"
    )
    finding = assert_outcome(found, "fail", message=message)
    assert finding.measured is None


def test_costs_that_are_near_each_other_count_as_equal() -> None:
    found = judged(policy(), cost(12.5, 0.80), cost(10, 0.89))
    message = (
        "training cost 12.50 USD, the baseline's 10.00 USD; "
        "up to 12.50 USD nothing has to be gained"
    )
    finding = assert_outcome(found, "pass", message=message)
    assert finding.baseline is not None
    assert finding.baseline.value == 10
    assert outcome(policy(), (12.51, 0.80), (10, 0.89)) is Outcome.FAIL


def test_one_currency_unit_is_never_worth_a_question() -> None:
    assert outcome(policy(), (1.01, 0.80), (0.01, 0.89)) is Outcome.PASS
    assert outcome(policy(), (1.02, 0.80), (0.01, 0.89)) is Outcome.FAIL


def test_what_counts_as_equal_may_be_set() -> None:
    rule = policy(ignore_below="5 USD")
    assert outcome(rule, (15, 0.80), (10, 0.89)) is Outcome.PASS
    assert outcome(rule, (15.01, 0.80), (10, 0.89)) is Outcome.FAIL
    assert outcome(policy(ignore_below="0 USD"), (10.01, 0.89), (10, 0.89)) is Outcome.FAIL


def test_cheaper_and_no_worse_passes() -> None:
    assert outcome(policy(), (1, 0.89), (10, 0.89)) is Outcome.PASS
    assert outcome(policy(), (1, 0.95), (10, 0.89)) is Outcome.PASS


def test_cheaper_and_worse_is_no_question_of_this_policy_unless_it_is_asked() -> None:
    found = judged(policy(), cost(1, 0.88), cost(10, 0.89))
    message = (
        "training cost 9.00 USD less and val_f1 is worse: "
        "without min_saving_per_point nothing says what a lost point is worth"
    )
    assert_outcome(found, "not-applicable", message=message)


def test_a_lost_point_must_save_enough() -> None:
    rule = policy(min_saving_per_point="9 USD")
    assert outcome(rule, (1, 0.88), (10, 0.89)) is Outcome.PASS
    found = judged(rule, cost(1, 0.87), cost(10, 0.89))
    message = (
        "val_f1 loses 2.00 pt and saves 9.00 USD: 4.50 USD/pt; it must be at least 9.00 USD/pt "
        "(the loss asks for at least 18.00 USD)"
    )
    finding = assert_outcome(found, "fail", message=message)
    assert finding.remedy == "win back val_f1, or save 18.00 USD"


def test_without_a_logged_cost_it_is_duration_times_price() -> None:
    new = run(duration="20h", metrics={"val_f1": 0.91})
    old = run(duration="2h", metrics={"val_f1": 0.89})
    found = judged(policy(), new, old, prices=PRICES)
    message = (
        "val_f1 gains 2.00 pt for 9.00 USD more: 4.50 USD/pt; it must be at most 50.00 USD/pt "
        "(the gain pays for at most 100.00 USD)"
    )
    assert_outcome(found, "pass", message=message)


def test_the_price_is_that_of_the_instance() -> None:
    new = run(duration="2h", tags={"compute.instance": "ml.g5.xlarge"}, metrics={"val_f1": 0.9})
    old = run(duration="2h", tags={"compute.instance": "unheard-of"}, metrics={"val_f1": 0.9})
    finding = assert_outcome(
        judged(policy(ignore_below="5 USD"), new, old, prices=PRICES),
        "pass",
        message="training cost 2.82 USD, the baseline's 1.00 USD; "
        "up to 6.00 USD nothing has to be gained",
    )
    assert finding.measured is not None
    assert finding.measured.source == "duration x price"


@pytest.mark.parametrize(
    ("tags", "machine"), [({}, "its machine"), ({"compute.instance": "x1"}, "instance x1")]
)
def test_no_cost_and_no_price_is_missing(tags: dict[str, str], machine: str) -> None:
    new = run(tags=tags, metrics={"val_f1": 0.9})
    found = judged(policy(), new, cost(1), prices={"ml.g5.xlarge": "1.41 USD/h"})
    message = f"the candidate run has no cost, and there is no price for {machine}"
    finding = assert_outcome(found, "missing", message=message)
    assert finding.remedy == (
        "set `prices:` in the policy file, or log it: mlflow.log_metric('cost.total', amount)"
    )


@pytest.mark.parametrize(
    ("hours", "dollars"), [(["3h", "4h"], "3.50"), (["10min", "20min"], "1.00"), ([], "1.00")]
)
def test_a_sweep_lasts_as_long_as_its_children_together(hours: list[str], dollars: str) -> None:
    children = [run(duration=span) for span in hours]
    new = run(duration="2h", children=children, metrics={"val_f1": 0.9})
    found = judged(policy(ignore_below="100 USD"), new, cost(1), prices=PRICES)
    message = (
        f"training cost {dollars} USD, the baseline's 1.00 USD; "
        "up to 101.00 USD nothing has to be gained"
    )
    assert_outcome(found, "pass", message=message)


def test_a_child_that_has_not_ended_leaves_the_cost_unknown() -> None:
    new = run(children=[run(end_time=None)], metrics={"val_f1": 0.9})
    message = "the child of the candidate run has no end time"
    assert_outcome(judged(policy(), new, cost(1), prices=PRICES), "missing", message=message)


def test_children_that_could_not_be_read_are_an_error() -> None:
    new = run(metrics={"val_f1": 0.9}).model_copy(
        update={"children": Unreadable(unreadable="HTTP 500")}
    )
    assert_outcome(judged(policy(), new, cost(1), prices=PRICES), "error")


def test_a_run_that_ends_before_it_starts_fails() -> None:
    new = run(end_time=STARTED - timedelta(hours=1), metrics={"val_f1": 0.9})
    message = "the candidate run ends before it starts"
    assert_outcome(judged(policy(), new, cost(1), prices=PRICES), "fail", message=message)


def test_a_negative_cost_is_invalid() -> None:
    message = "metric cost.total of the candidate run is -1.0; no training costs less than nothing"
    assert_outcome(judged(policy(), cost(-1), cost(1)), "fail", message=message)


@pytest.mark.parametrize("amount", [NAN, INF, -INF])
def test_nan_and_infinity_never_pass(amount: float) -> None:
    assert_outcome(judged(policy(), cost(amount), cost(1)), "fail")
    assert_outcome(judged(policy(), cost(1), cost(amount)), "fail")
    assert_outcome(judged(policy(), cost(1, amount), cost(1)), "fail")
    assert_outcome(judged(policy(), cost(1), cost(1, amount)), "fail")


def test_a_cost_without_its_currency_is_missing() -> None:
    message = "the candidate run logs cost.total and does not say in which currency"
    finding = assert_outcome(
        judged(policy(), cost(1, currency=None), cost(1)), "missing", message=message
    )
    assert finding.remedy == "set the tag: mlflow.set_tag('cost.currency', 'USD')"


@pytest.mark.parametrize(
    ("new", "old", "limit"), [("EUR", "USD", "USD"), ("USD", "EUR", "USD"), ("USD", "USD", "EUR")]
)
def test_costs_in_two_currencies_are_not_compared(new: str, old: str, limit: str) -> None:
    rule = policy(f"50 {limit}")
    found = judged(rule, cost(1, currency=new), cost(1, currency=old))
    message = (
        f"the candidate's cost is in {new}, the baseline's in {old} and the limit in {limit}: "
        "they cannot be compared"
    )
    assert_outcome(found, "missing", message=message)


def test_settings_in_two_currencies_are_refused() -> None:
    with pytest.raises(ValidationError) as caught:
        policy(ignore_below="5 EUR")
    (error,) = caught.value.errors()
    assert error["msg"] == (
        "Value error, ignore_below (EUR) and max_cost_per_point (USD) must be in one currency"
    )


@pytest.mark.parametrize(
    "settings", [{}, {"max_cost_per_point": 50}, {"max_cost_per_point": "-5 USD"}]
)
def test_a_limit_without_its_currency_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CostPerPoint.model_validate(settings)


def test_a_free_pipeline_is_held_to_a_limit_of_nothing() -> None:
    found = judged(policy("0 USD"), cost(20, 0.95), cost(10, 0.89))
    finding = assert_outcome(found, "fail")
    assert finding.remedy == "train for at most 10.00 USD, or raise max_cost_per_point and say why"


def test_without_a_baseline_it_cannot_tell() -> None:
    message = (
        "cannot tell what the gain cost: "
        "no baseline (alias: champion: the registered model has no such alias)"
    )
    assert_outcome(judged(policy(), cost(1), None), "missing", message=message)


def test_a_metric_without_a_point_has_no_cost_per_point() -> None:
    metric = Metric("profit", "maximize", None, "the test")
    runs = [
        run(metrics={"profit": profit, "cost.total": total}, tags={"cost.currency": "USD"})
        for profit, total in ((2, 20), (1, 10))
    ]
    message = "nothing says what one point of profit is"
    assert_outcome(judged(policy(), *runs, metric=metric), "missing", message=message)


def test_it_reads_the_children_and_the_baseline() -> None:
    assert policy().reads() == Needs.CHILDREN | Needs.BASELINE


@given(new=cents, old=cents, score=scores, before=scores, limit=st.integers(0, 500))
def test_the_verdicts_are_those_of_the_written_rule(
    new: float, old: float, score: float, before: float, limit: int
) -> None:
    """An independent oracle in whole numbers: hundredths of a cent, tenths of a point."""
    more = 100 * (round(new * 100) - round(old * 100))
    tenths = round(score * 1000) - round(before * 1000)
    if abs(more) <= max(25 * round(old * 100), 10_000) or (more < 0 and tenths >= 0):
        expected = Outcome.PASS
    elif more > 0:
        fair = tenths > 0 and more <= limit * 1000 * tenths
        expected = Outcome.PASS if fair else Outcome.FAIL
    else:
        expected = Outcome.NOT_APPLICABLE
    assert outcome(policy(f"{limit} USD"), (new, score), (old, before)) is expected


@given(new=cents, old=cents, score=scores, before=scores, limits=st.tuples(cents, cents))
def test_a_higher_limit_never_fails_what_a_lower_one_passes(
    new: float, old: float, score: float, before: float, limits: tuple[float, float]
) -> None:
    low, high = (policy(f"{limit:.2f} USD") for limit in sorted(limits))
    if outcome(low, (new, score), (old, before)) is Outcome.PASS:
        assert outcome(high, (new, score), (old, before)) is Outcome.PASS


@given(new=cents, old=cents, score=scores, before=scores)
def test_with_one_price_for_a_point_one_direction_is_always_worth_it(
    new: float, old: float, score: float, before: float
) -> None:
    rule = policy("50 USD", ignore_below="0 USD", min_saving_per_point="50 USD")
    there = outcome(rule, (new, score), (old, before))
    back = outcome(rule, (old, before), (new, score))
    assert Outcome.PASS in {there, back}
