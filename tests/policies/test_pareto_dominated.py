from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.accuracy_cost.pareto_dominated import ParetoDominated
from policy_engine.evidence import Metric, Needs
from policy_engine.evidence.record import BaselineRecord, DatasetRecord, RunRecord
from policy_engine.judging.judgement import findings_of
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import STARTED, assert_outcome, bind, case, judge, model, run
from tests.policies.predicted import counted, rows

TEST = DatasetRecord(name="payments", digest="d1", context="evaluation")


def of(f1: float, cost: float | None, number: int = 99, **facts: Any) -> RunRecord:
    metrics = {"val_f1": f1} | ({} if cost is None else {"cost.total": cost})
    given: dict[str, Any] = {
        "run_id": f"{number:032x}",
        "run_name": f"run-{number}",
        "metrics": metrics | facts.pop("more", {}),
        "tags": {"cost.currency": "USD"} | facts.pop("tags", {}),
        "datasets": (TEST,),
    }
    if number != 99:
        given["start_time"] = STARTED - timedelta(days=1)
    else:
        given["model"] = model()
    return run(**(given | facts))


def judged(candidate: RunRecord, *history: RunRecord, **facts: Any) -> list[Finding]:
    settings = facts.pop("settings", {})
    metric = facts.pop("metric", "val_f1")
    policy = bind(ParetoDominated, **settings)
    return judge(policy, candidate=candidate, history=history, metric=metric, **facts)


def outcome(candidate: RunRecord, *history: RunRecord, **facts: Any) -> Outcome:
    (finding,) = judged(candidate, *history, **facts)
    return finding.outcome


def test_a_run_that_is_better_by_far_and_no_dearer_dominates() -> None:
    message = (
        "earlier run run-1 (00000000) has val_f1 0.92 against 0.9, training cost 10.00 USD against "
        "10.00 USD: no worse in anything, and better by at least 2 pt"
    )
    finding = assert_outcome(judged(of(0.9, 10), of(0.92, 10, 1)), "fail", message=message)
    assert finding.remedy == (
        "propose run 00000000 instead, or say what the candidate is better in"
    )
    assert finding.limit is not None
    assert finding.limit.value == Decimal("0.92")


def test_a_run_that_is_as_good_for_half_the_cost_dominates() -> None:
    message = (
        "earlier run run-1 (00000000) has val_f1 0.9 against 0.9, training cost 5.00 USD against "
        "10.00 USD: no worse in anything, and at least 50% cheaper in one"
    )
    assert_outcome(judged(of(0.9, 10), of(0.9, 5, 1)), "fail", message=message)


def test_the_boundaries_hold_in_exact_decimals() -> None:
    assert outcome(of(0.9, 10), of(0.9199, 10, 1)) is Outcome.PASS
    assert outcome(of(0.9, 10), of(0.9, 5.01, 1)) is Outcome.PASS
    assert outcome(of(0.9, 10), of(0.8999, 1, 1)) is Outcome.PASS
    assert outcome(of(0.9, 10), of(0.99, 10.01, 1)) is Outcome.PASS


def test_nothing_that_dominates_passes_and_says_what_was_compared() -> None:
    message = "none of 2 comparable earlier run(s) dominates: compared are val_f1 and training cost"
    found = judged(of(0.9, 10), of(0.91, 10, 1), of(0.8, 1, 2))
    assert_outcome(found, "pass", message=message)


def test_the_best_of_several_is_named() -> None:
    message = (
        "earlier run run-2 (00000000) has val_f1 0.95 against 0.9, training cost 9.00 USD against "
        "10.00 USD (3 earlier runs dominate it): no worse in anything, and better by at least 2 pt"
    )
    found = judged(of(0.9, 10), of(0.93, 9, 1), of(0.95, 9, 2), of(0.94, 9, 3))
    assert_outcome(found, "fail", message=message)


def test_equal_runs_never_dominate_whatever_the_distances_are() -> None:
    wide = {"better_quality": "0pt", "better_cost": "0%"}
    assert outcome(of(0.9, 10), of(0.9, 10, 1), settings=wide) is Outcome.PASS
    assert outcome(of(0.9, 0), of(0.9, 0, 1)) is Outcome.PASS


def test_the_direction_of_the_metric_counts() -> None:
    metric = Metric("rmse", "minimize", Decimal("0.5"), "the test")

    def rmse(value: float, number: int = 99) -> RunRecord:
        return of(0.5, 10, number, more={"rmse": value})

    assert outcome(rmse(10), rmse(9, 1), metric=metric) is Outcome.FAIL
    assert outcome(rmse(10), rmse(11, 1), metric=metric) is Outcome.PASS


def test_a_metric_without_a_point_is_missing() -> None:
    metric = Metric("profit", "maximize", None, "the test")
    runs = (of(0.5, 10, n, more={"profit": 2.0}) for n in (99, 1))
    found = judged(*runs, metric=metric)
    assert_outcome(found, "missing", message="nothing says what one point of profit is")


@pytest.mark.parametrize(
    "datasets",
    [
        (),
        (TEST.model_copy(update={"digest": "d2"}),),
        (TEST.model_copy(update={"digest": "d2", "context": None}),),
    ],
)
def test_runs_on_other_data_are_not_compared(datasets: tuple[DatasetRecord, ...]) -> None:
    message = "no comparable run (0 of 1 earlier runs share the evaluation dataset)"
    found = judged(of(0.9, 10), of(0.99, 1, 1, datasets=datasets))
    assert_outcome(found, "missing", message=message)


def test_data_without_a_context_are_the_same_by_their_digest() -> None:
    unsaid = (TEST.model_copy(update={"context": None}),)
    assert outcome(of(0.9, 10), of(0.99, 1, 1, datasets=unsaid)) is Outcome.FAIL


def test_without_a_shared_cost_nothing_is_comparable() -> None:
    message = (
        "no comparable run (1 of 1 earlier runs share the evaluation dataset, and none of them "
        "the metric and a cost)"
    )
    assert_outcome(judged(of(0.9, None), of(0.99, 1, 1)), "missing", message=message)
    assert outcome(of(0.9, 10), of(0.99, 1, 1, tags={"cost.currency": "EUR"})) is Outcome.MISSING


def test_no_history_is_missing() -> None:
    message = "no comparable run (0 of 0 earlier runs share the evaluation dataset)"
    assert_outcome(judged(of(0.9, 10)), "missing", message=message)


def test_cost_may_be_duration_times_price_with_the_children_of_the_earlier_run() -> None:
    prices = {"default": "1 USD/h"}
    new = of(0.9, None, duration="4h")
    old = of(0.9, None, 1, duration="1h")
    assert outcome(new, old, prices=prices) is Outcome.FAIL
    parent = {"mlflow.parentRunId": old.run_id}
    children = [of(0.1, None, n, duration="2h", tags=parent, datasets=()) for n in (2, 3)]
    assert outcome(new, old, *children, prices=prices) is Outcome.PASS


def test_the_candidates_own_children_are_no_rivals() -> None:
    child = of(0.99, 1, 1, tags={"mlflow.parentRunId": of(0.9, 10).run_id})
    assert outcome(of(0.9, 10), child) is Outcome.MISSING


@pytest.mark.parametrize(("days", "expected"), [(90, Outcome.FAIL), (91, Outcome.MISSING)])
def test_runs_of_ninety_days_count(days: int, expected: Outcome) -> None:
    old = of(0.99, 1, 1, start_time=STARTED - timedelta(days=days))
    assert outcome(of(0.9, 10), old) is expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_never_dominates_and_never_passes(value: float) -> None:
    assert outcome(of(value, 10), of(0.5, 10, 1)) is Outcome.FAIL
    assert outcome(of(0.9, value), of(0.5, 10, 1)) is Outcome.FAIL
    assert outcome(of(0.9, 10), of(value, 1, 1)) is Outcome.MISSING
    assert outcome(of(0.9, 10), of(0.99, value, 1)) is Outcome.MISSING


def test_latency_counts_on_equal_hardware_alone() -> None:
    def timed(f1: float, ms: float, hardware: str, number: int = 99) -> RunRecord:
        more, tags = {"latency.p95_ms": ms}, {"bench.hardware": hardware}
        return of(f1, None, number, more=more, tags=tags)

    assert outcome(timed(0.9, 80, "cpu"), timed(0.9, 40, "cpu", 1)) is Outcome.FAIL
    assert outcome(timed(0.9, 80, "cpu"), timed(0.9, 40, "gpu", 1)) is Outcome.MISSING


@pytest.mark.parametrize(
    "settings",
    [{"objectives": ["quality"]}, {"objectives": ["size", "p95"]}, {"better_cost": "101%"}],
)
def test_objectives_are_quality_and_a_cost(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ParetoDominated.model_validate(settings)


def test_it_reads_the_past_and_the_rows_of_one_earlier_run() -> None:
    due = Needs.HISTORY | Needs.DATASETS | Needs.MODEL | Needs.CHILDREN
    assert ParetoDominated().reads() == due | Needs.BASELINE | Needs.PREDICTIONS | Needs.REPEATS


def leading(wins: int, losses: int, *, others: int = 0, n: int = 1000) -> list[Finding]:
    """Judge a candidate that alone is right on `wins` rows, where the best earlier run is read."""
    pair = counted(wins, losses, n)
    new, old = (
        of(0.5, 10, number, more=dict(each.metrics)).model_copy(
            update={"predictions": each.predictions, "repeats": ()}
        )
        for each, number in zip(pair, (99, 1), strict=True)
    )
    more = {"val_accuracy": old.metrics["val_accuracy"]}
    return by_rows(new, old, *(of(0.5, 11, n + 2, more=more) for n in range(others)))


def by_rows(new: RunRecord, old: RunRecord | None, *others: RunRecord) -> list[Finding]:
    policy = ParetoDominated()
    history = (*((old,) if old else ()), *others)
    seen = case(policy, candidate=new, history=history, metric="val_accuracy")
    found = BaselineRecord(rules=policy.rules()[0], found_by="best: within=90d", run=old)
    record = seen.evidence.model_copy(update={"baselines": (found,)})
    return list(findings_of(policy, seen._replace(evidence=record)))


def test_a_lead_that_the_rows_show_fails() -> None:
    message = (
        "earlier run run-1 (00000000) has val_accuracy 0.98 against 0.92, training cost 10.00 USD "
        "against 10.00 USD: no worse in anything, and better by at least 2 pt; val_accuracy goes "
        "from 0.98 to 0.92 on 1,000 shared rows, a loss of 6.00 pt, shown to be more than chance "
        "(exact McNemar, only the candidate right b = 20, only the baseline c = 80: one-sided "
        "p = 5.6e-10 against 'loses nothing'; Tango's one-sided bounds -7.69 pt and -4.43 pt; "
        "alpha = 0.05)"
    )
    finding = assert_outcome(leading(20, 80), "fail", message=message)
    assert finding.message == (
        "earlier run 00000000 is no worse in anything, and better by at least 2 pt"
    )


def test_a_lead_that_may_be_luck_is_inconclusive_the_sooner_the_more_runs_were_looked_at() -> None:
    assert_outcome(leading(30, 55), "fail")
    finding = assert_outcome(leading(30, 55, others=99), "inconclusive")
    assert finding.message == (
        "earlier run 00000000 is 2.50 pt better at no higher cost; as the best of 100 runs it may "
        "be luck"
    )
    assert finding.detail is not None
    assert finding.detail.endswith(
        "alpha = 0.0005 = 0.05/100, as it is the best of 100 runs: 100 x p = 0.4418)"
    )
    assert finding.remedy == (
        "evaluate both on more rows: if it is truly 2.50 pt better, about 2,410 rows (1,000 now) "
        "decide 4 times in 5; "
        "decide on the number first, take new ones, and check again once: repeated looks find "
        "something by chance"
    )


def test_the_lead_of_a_run_whose_rows_were_not_read_is_inconclusive() -> None:
    new, old = counted(20, 20, 1000)
    facts = {"predictions": new.predictions, "repeats": ()}
    mine = of(0.5, 10, more=dict(new.metrics)).model_copy(update=facts)
    best = of(0.5, 10, 1, more=dict(old.metrics)).model_copy(update=facts)
    finding = assert_outcome(
        by_rows(mine, best, of(0.5, 9, 2, more={"val_accuracy": 1.0})), "inconclusive"
    )
    assert finding.whole.endswith(
        "untested: of the earlier runs, only the rows of the best one that costs no more are read, "
        "and it is another"
    )
    assert finding.remedy == (
        "compare the candidate with that run: policy-engine check --baseline <its run id>"
    )


def test_without_rows_the_values_decide_and_it_says_how_likely_that_is_for_an_equal_run() -> None:
    new = of(0.5, 10, more={"val_accuracy": 0.9}, datasets=(TEST.model_copy(update={"rows": 300}),))
    others = [
        of(0.5, 10, n, more={"val_accuracy": 0.92}, datasets=new.datasets) for n in range(1, 21)
    ]
    finding = assert_outcome(by_rows(new, None, *others), "fail")
    assert finding.whole.endswith(
        "val_accuracy is compared as a number (no rows were read); by luck alone the best of 20 "
        "equal runs leads so far in 60% of cases (300 rows, two runs differ on 8% of them)"
    )


def test_rows_of_other_data_leave_the_values_to_decide() -> None:
    new, old = counted(20, 80, 1000)
    mine = of(0.5, 10, more=dict(new.metrics)).model_copy(update={"predictions": new.predictions})
    other = rows([0] * 1000, [0] * 1000)
    best = of(0.5, 10, 1, more=dict(old.metrics)).model_copy(update={"predictions": other})
    finding = assert_outcome(by_rows(mine, best), "fail")
    assert "; val_accuracy is compared as a number (" in finding.whole
    assert "target" in finding.whole


def test_a_run_that_is_cheaper_by_far_dominates_whatever_the_rows_say_of_a_better_one() -> None:
    new, old = counted(30, 55, 1000)
    facts = {"predictions": new.predictions, "repeats": ()}
    mine = of(0.5, 10, more=dict(new.metrics)).model_copy(update=facts)
    facts["predictions"] = old.predictions
    best = of(0.5, 10, 1, more=dict(old.metrics)).model_copy(update=facts)
    rest = [of(0.5, 11, n, more={"val_accuracy": 0.9}) for n in range(3, 99)]
    cheap = of(0.5, 5, 2, more=dict(new.metrics))
    finding = assert_outcome(by_rows(mine, best, cheap, *rest), "fail")
    assert finding.whole.endswith(
        "no worse in anything, and at least 50% cheaper in one; val_accuracy is compared as a "
        "number"
    )


points = st.tuples(st.integers(0, 100), st.integers(0, 40))


@given(points, st.lists(points, min_size=1, max_size=6))
def test_the_verdict_is_that_of_whole_numbers(
    mine: tuple[int, int], others: list[tuple[int, int]]
) -> None:
    q, cost = mine
    dominated = any(
        theirs >= q and paid <= cost and (theirs >= q + 2 or (paid < cost and 2 * paid <= cost))
        for theirs, paid in others
    )
    history = [of(a / 100, b, n) for n, (a, b) in enumerate(others)]
    expected = Outcome.FAIL if dominated else Outcome.PASS
    assert outcome(of(q / 100, cost), *history) is expected
