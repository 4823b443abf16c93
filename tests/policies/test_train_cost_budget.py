from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.accuracy_cost.train_cost_budget import TrainCostBudget
from policy_engine.evidence import Needs
from policy_engine.evidence.record import RunRecord, Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import STARTED, assert_outcome, bind, judge, run

PRICES = {"default": "0.50 USD/h"}


def judged(candidate: RunRecord, baseline: RunRecord | None = None, **settings: Any) -> Any:
    policy = bind(TrainCostBudget, **settings)
    return judge(policy, candidate=candidate, baseline=baseline, prices=PRICES)


def one(candidate: RunRecord, baseline: RunRecord | None = None, **settings: Any) -> Finding:
    (finding,) = judged(candidate, baseline, **settings)
    assert isinstance(finding, Finding)
    return finding


def test_a_cost_within_the_budget_passes() -> None:
    message = "training cost is 1.00 USD; it must be at most 2.00 USD (duration x price)"
    assert_outcome(
        judged(run(duration="2h"), max_cost="2 USD"), "pass", part="cost", message=message
    )


def test_a_logged_cost_is_preferred() -> None:
    costly = run(metrics={"cost.total": 12.5}, tags={"cost.currency": "USD"})
    message = "training cost is 12.50 USD; it must be at most 10.00 USD (metric cost.total)"
    finding = assert_outcome(judged(costly, max_cost="10 USD"), "fail", message=message)
    assert finding.remedy == "train for at most 10.00 USD, or raise max_cost and say why"


def test_exactly_the_budget_passes_and_a_cent_more_fails() -> None:
    def of(amount: float) -> Outcome:
        costly = run(metrics={"cost.total": amount}, tags={"cost.currency": "USD"})
        return one(costly, max_cost="10 USD").outcome

    assert of(10) is Outcome.PASS
    assert of(10.01) is Outcome.FAIL


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0])
def test_a_cost_that_is_none_never_passes(amount: float) -> None:
    costly = run(metrics={"cost.total": amount}, tags={"cost.currency": "USD"})
    assert one(costly, max_cost="10 USD").outcome is Outcome.FAIL


def test_another_currency_is_missing() -> None:
    costly = run(metrics={"cost.total": 1}, tags={"cost.currency": "EUR"})
    message = "the candidate's cost is in EUR and max_cost in USD: they cannot be compared"
    assert_outcome(judged(costly, max_cost="10 USD"), "missing", message=message)


def test_hours_are_counted_from_start_to_end() -> None:
    message = "training time is 2.5 h; it must be at most 2 h"
    finding = assert_outcome(judged(run(duration="150min"), max_hours=2), "fail", message=message)
    assert finding.measured is not None
    assert finding.measured.unit == "s"
    assert one(run(duration="2h"), max_hours=2).outcome is Outcome.PASS


def test_a_run_without_an_end_is_missing() -> None:
    found = judged(run(end_time=None), max_hours=2)
    assert_outcome(found, "missing", message="the candidate run has no end time")


def test_a_run_that_ends_before_it_starts_fails() -> None:
    found = judged(run(end_time=STARTED - timedelta(hours=1)), max_hours=2)
    assert_outcome(found, "fail", message="the candidate run ends before it starts")


def test_gpus_are_the_tag() -> None:
    gpus = run(duration="2h", tags={"compute.gpus": "4"})
    message = "GPU time is 8 GPU h; it must be at most 6 GPU h (4 GPUs by tag compute.gpus)"
    assert_outcome(judged(gpus, max_gpu_hours=6), "fail", part="gpu-hours", message=message)
    assert one(gpus, max_gpu_hours=8).outcome is Outcome.PASS


def test_without_the_tag_gpus_are_those_that_system_metrics_saw() -> None:
    names = ("gpu_0_utilization_percentage", "gpu_0_memory_usage_megabytes", "gpu_11_power_usage")
    metrics = {f"system/{name}": 1.0 for name in names}
    message = (
        "GPU time is 2 GPU h; it must be at most 2 GPU h "
        "(2 GPUs by system metrics, all of the machine's)"
    )
    found = judged(run(metrics=metrics), max_gpu_hours=2)
    assert_outcome(found, "pass", message=message)


def test_gpus_of_two_nodes_are_counted_apart() -> None:
    metrics = {f"system/node_{n}/gpu_0_utilization_percentage": 1.0 for n in (0, 1)}
    assert one(run(metrics=metrics), max_gpu_hours=1).outcome is Outcome.FAIL


def test_system_metrics_without_a_gpu_are_no_gpu() -> None:
    metrics = {"system/cpu_utilization_percentage": 90.0}
    message = (
        "GPU time is 0 GPU h; it must be at most 0 GPU h "
        "(0 GPUs by system metrics, all of the machine's)"
    )
    assert_outcome(judged(run(metrics=metrics), max_gpu_hours=0), "pass", message=message)


def test_without_any_word_of_gpus_their_hours_are_missing() -> None:
    found = judged(run(), max_gpu_hours=1)
    finding = assert_outcome(found, "missing", message="the candidate run has no GPU count")
    assert finding.remedy == (
        'set the tag: mlflow.set_tag("compute.gpus", 1), or switch on system metrics: '
        "mlflow.enable_system_metrics_logging()"
    )


@pytest.mark.parametrize("text", ["two", "-1", "1.5", "", "9" * 5000])
def test_a_tag_that_is_no_count_fails(text: str) -> None:
    message = "tag compute.gpus of the candidate run is not a whole number of at least 0"
    found = judged(run(tags={"compute.gpus": text}), max_gpu_hours=1)
    assert_outcome(found, "fail", message=message)


def test_a_sweep_takes_what_its_children_take_together() -> None:
    children = [run(duration="2h", tags={"compute.gpus": "2"}) for _ in range(3)]
    sweep = run(duration="3h", children=children)
    found = judged(sweep, max_gpu_hours=11, max_hours=5, max_cost="2.50 USD")
    assert_outcome(
        found,
        "fail",
        part="gpu-hours",
        message="GPU time is 12 GPU h; it must be at most 11 GPU h (2 GPUs by tag compute.gpus)",
    )
    message = "training time is 6 h; it must be at most 5 h"
    assert_outcome(found, "fail", part="hours", message=message)
    message = "training cost is 3.00 USD; it must be at most 2.50 USD (duration x price)"
    assert_outcome(found, "fail", part="cost", message=message)


def test_children_have_the_gpus_of_their_parent_unless_they_say_their_own() -> None:
    children = [run(duration="2h"), run(duration="2h", tags={"compute.gpus": "1"})]
    sweep = run(duration="1h", children=children, tags={"compute.gpus": "4"})
    assert one(sweep, max_gpu_hours=10).outcome is Outcome.PASS
    assert one(sweep, max_gpu_hours=9).outcome is Outcome.FAIL


def test_children_that_could_not_be_read_are_an_error() -> None:
    broken = run().model_copy(update={"children": Unreadable(unreadable="HTTP 500")})
    assert one(broken, max_hours=2).outcome is Outcome.ERROR


def test_a_child_of_a_sweep_is_judged_alone_and_says_so() -> None:
    child = run(tags={"mlflow.parentRunId": "f" * 32})
    message = (
        "training time is 60 min; it must be at most 2 h; one run of a sweep (ffffffff), "
        "judged alone"
    )
    assert_outcome(judged(child, max_hours=2), "pass", message=message)


def test_a_child_of_a_sweep_is_missing_where_the_whole_sweep_counts() -> None:
    child = run(tags={"mlflow.parentRunId": "f" * 32})
    message = "the candidate is one run of a sweep (ffffffff), and what the others took is not read"
    found = judged(child, max_hours=2, include_sweep=True)
    assert_outcome(found, "missing", message=message)
    whole = run(
        tags={"mlflow.parentRunId": "f" * 32, "cost.currency": "USD"}, metrics={"cost.total": 3}
    )
    assert one(whole, max_cost="5 USD", include_sweep=True).outcome is Outcome.PASS


def on(instance: str | None, duration: str) -> RunRecord:
    return run(duration=duration, tags={} if instance is None else {"compute.instance": instance})


def test_growth_beyond_the_limit_fails() -> None:
    found = judged(on("g5", "90min"), on("g5", "1h"), max_growth="25%")
    message = (
        "training time is 90 min; it must be at most 75 min (the baseline's 60 min and 25%; "
        "it grew by 50%, both on g5)"
    )
    finding = assert_outcome(found, "fail", part="growth", message=message)
    assert finding.baseline is not None
    assert one(on("g5", "75min"), on("g5", "1h"), max_growth="25%").outcome is Outcome.PASS


def test_a_short_training_is_not_asked_how_it_grew() -> None:
    found = judged(on("g5", "9min"), on("g5", "1min"), max_growth="25%")
    message = "training time is 9 min; growth is judged from 10 min on"
    assert_outcome(found, "not-applicable", message=message)
    assert one(on("g5", "10min"), on("g5", "1min"), max_growth="25%").outcome is Outcome.FAIL


def test_times_on_different_machines_are_not_compared() -> None:
    message = (
        "the candidate was trained on g5, the baseline on p4: times on different machines are not "
        "compared"
    )
    found = judged(on("g5", "90min"), on("p4", "1h"), max_growth="25%")
    assert_outcome(found, "not-applicable", message=message)


@pytest.mark.parametrize(
    ("new", "old", "who"), [(None, "g5", "candidate"), ("g5", None, "baseline")]
)
def test_an_unknown_machine_is_missing(new: str | None, old: str | None, who: str) -> None:
    message = (
        f"the {who} run does not say on which instance it was trained: times on different machines "
        "are not compared"
    )
    found = judged(on(new, "90min"), on(old, "1h"), max_growth="25%")
    assert_outcome(found, "missing", message=message)


def test_growth_from_nothing_fails() -> None:
    assert one(on("g5", "1h"), on("g5", "0s"), max_growth="25%").outcome is Outcome.FAIL


def test_no_baseline_leaves_the_other_parts_alone() -> None:
    found = judged(on("g5", "1h"), None, max_growth="25%", max_hours=1)
    assert_outcome(found, "pass", part="hours")
    assert_outcome(found, "missing", part="growth")


def test_it_reads_the_baseline_for_growth_alone() -> None:
    assert bind(TrainCostBudget, max_hours=1).reads() == Needs.CHILDREN
    assert bind(TrainCostBudget, max_growth="1%").reads() == Needs.CHILDREN | Needs.BASELINE


@pytest.mark.parametrize("settings", [{}, {"max_cost": 5}, {"max_hours": -1}, {"max_hours": "1h"}])
def test_a_budget_of_nothing_or_without_its_unit_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainCostBudget.model_validate(settings)


@given(
    seconds=st.integers(0, 10**6),
    gpus=st.integers(0, 64),
    limit=st.integers(0, 10**5),
)
def test_the_verdict_on_gpu_hours_is_that_of_whole_numbers(
    seconds: int, gpus: int, limit: int
) -> None:
    found = one(run(duration=f"{seconds}s", tags={"compute.gpus": str(gpus)}), max_gpu_hours=limit)
    assert (found.outcome is Outcome.PASS) == (seconds * gpus <= limit * 3600)


@given(
    hours=st.lists(st.integers(0, 100), max_size=4),
    own=st.integers(0, 100),
    limit=st.integers(0, 400),
)
def test_another_child_never_makes_a_sweep_cheaper(hours: list[int], own: int, limit: int) -> None:
    def passes(spans: list[int]) -> bool:
        sweep = run(duration=f"{own}h", children=[run(duration=f"{h}h") for h in spans])
        return one(sweep, max_hours=limit).outcome is Outcome.PASS

    if not passes(hours):
        assert not passes([*hours, 1])
