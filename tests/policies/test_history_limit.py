from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mlops_policies.general.history_limit import HistoryLimit
from policy_engine.evidence.record import DatasetRecord, RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import STARTED, assert_outcome, bind, judge, run

TEST = DatasetRecord(name="payments", digest="d1", context="evaluation", rows=1000)
TRAIN = DatasetRecord(name="payments", digest="d2", context="train", rows=9000)
OTHER = DatasetRecord(name="payments", digest="d3", context="evaluation", rows=1000)
P95 = "latency.p95_ms"
BOX = {"bench.hardware": "a box"}
NOISE = (98.0, 102.0, 99.0, 101.0, 100.0, 97.0, 103.0, 100.0)


def timed(value: float, days: int = 0, **facts: Any) -> RunRecord:
    known: dict[str, Any] = {
        "metrics": {P95: value},
        "datasets": (TEST,),
        "tags": BOX,
        "run_id": f"{days:032x}",
        "start_time": STARTED - timedelta(days=days),
    }
    return run(**(known | facts))


def past(values: tuple[float, ...] = NOISE, first: int = 1, **facts: Any) -> list[RunRecord]:
    """Return a run a day, the newest first."""
    return [timed(value, first + n, **facts) for n, value in enumerate(values)]


def found(candidate: RunRecord, history: list[RunRecord], **settings: Any) -> list[Finding]:
    given = settings if "quantity" in settings else {"metric": P95, "goal": "minimize"} | settings
    return judge(bind(HistoryLimit, **given), candidate=candidate, history=history)


def outcome(candidate: RunRecord, history: list[RunRecord], **settings: Any) -> Outcome:
    (finding,) = found(candidate, history, **settings)
    return finding.outcome


def test_a_run_as_slow_as_the_others_passes_and_says_what_it_was_held_against() -> None:
    finding = assert_outcome(found(timed(103), past()), "pass")
    assert finding.message == "latency.p95_ms is 103; it must be at most 104.1"
    assert finding.detail == (
        "latency.p95_ms is 103; it must be at most 104.1 (8 earlier runs since 2026-01-23, mean "
        "99.98, standard deviation 2; one-sided prediction bound of "
        "logarithms at alpha 0.05: 5% of unchanged runs are higher)"
    )
    assert finding.remedy is None


def test_a_slower_run_fails() -> None:
    finding = assert_outcome(found(timed(105), past()), "fail")
    assert finding.message == "latency.p95_ms is 105; the last 8 runs lead to expect at most 104.1"
    assert finding.remedy == (
        "find out what made the latency.p95_ms worse; if it is worth it, waive it: the next runs "
        "move the limit"
    )


def test_the_limit_is_the_t_interval_of_the_logarithms() -> None:
    (finding,) = found(timed(100), past())
    logs = [math.log(value) for value in NOISE]
    mean = sum(logs) / 8
    spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / 7)
    expected = math.exp(mean + 1.894578605 * spread * math.sqrt(1 + 1 / 8))
    assert finding.limit is not None
    assert float(finding.limit.value) == pytest.approx(expected, rel=1e-9)


def test_a_metric_in_zero_to_one_is_judged_as_it_is_and_from_below() -> None:
    aucs = (0.90, 0.91, 0.89, 0.90, 0.91, 0.89, 0.90, 0.90)
    history = [timed(0, n + 1, metrics={"auc": each}, tags={}) for n, each in enumerate(aucs)]
    settings = {"metric": "auc", "goal": None}
    bad = timed(0, metrics={"auc": 0.88}, tags={})
    finding = assert_outcome(found(bad, history, **settings), "fail")
    assert finding.message == "auc is 0.88; the last 8 runs lead to expect at least 0.8848"
    assert "logarithms" not in finding.whole
    assert outcome(timed(0, metrics={"auc": 0.99}, tags={}), history, **settings) is Outcome.PASS


def test_fewer_runs_are_inconclusive_with_the_count_still_needed() -> None:
    finding = assert_outcome(found(timed(500), past(NOISE[:6])), "inconclusive")
    assert finding.message == "latency.p95_ms: 6 comparable earlier runs; 8 are needed"
    assert finding.detail == ("latency.p95_ms: 6 comparable earlier runs; 8 are needed; it is 500")
    assert finding.remedy == (
        "log it in 2 more runs on the same data, or lower min_runs (4 at least) and say why"
    )
    assert outcome(timed(500), past(NOISE[:7])) is Outcome.INCONCLUSIVE
    assert outcome(timed(500), past(NOISE[:7]), min_runs=7) is Outcome.FAIL


def test_a_step_in_the_history_is_said_and_not_averaged_over() -> None:
    history = [*past(), *past(tuple(2 * value for value in NOISE), first=9)]
    finding = assert_outcome(found(timed(110), history), "fail")
    assert finding.detail == (
        "latency.p95_ms is 110; it must be at most 104.1 (8 earlier runs since 2026-01-23, mean "
        "99.98, standard deviation 2; one-sided prediction bound of "
        "logarithms at alpha 0.05: 5% of unchanged runs are higher; the level moved "
        "with run 00000000 (2026-01-23) from a mean of 200 to 100: "
        "the 8 runs before it do not count)"
    )


def test_a_step_that_is_younger_than_min_runs_is_inconclusive() -> None:
    history = [*past(NOISE[:5]), *past(tuple(2 * value for value in NOISE), first=6)]
    finding = assert_outcome(found(timed(110), history), "inconclusive")
    assert finding.message == (
        "latency.p95_ms: 5 comparable earlier runs since the level moved; 8 are needed"
    )
    assert "from a mean of 200 to 100" in finding.whole
    assert finding.remedy is not None
    assert finding.remedy.startswith("log it in 3 more runs")


def test_what_never_varied_is_its_own_limit_to_the_last_digit() -> None:
    history = past((253.1,) * 8)
    assert outcome(timed(253.1), history) is Outcome.PASS
    assert outcome(timed(253.2), history) is Outcome.FAIL
    assert outcome(timed(253.2), history, min_effect="1%") is Outcome.PASS


@pytest.mark.parametrize(("value", "expected"), [(109.9, Outcome.PASS), (110.1, Outcome.FAIL)])
def test_a_change_within_min_effect_passes(value: float, expected: Outcome) -> None:
    assert outcome(timed(value), past(), min_effect="10%") is expected


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"datasets": (OTHER,)}, "are on other data, or do not say on which"),
        ({"datasets": ()}, "are on other data, or do not say on which"),
        ({"tags": {"bench.hardware": "b"}}, "ran on other hardware, or do not say on which"),
        ({"tags": {}}, "ran on other hardware, or do not say on which"),
        ({"metrics": {}}, "do not log it, or in another currency"),
        ({"metrics": {P95: math.nan}}, "do not log it, or in another currency"),
        (
            {"tags": BOX | {"mlflow.parentRunId": "a" * 32}},
            "are children of a search, or the search",
        ),
        ({"tags": BOX | {"policy_engine.pull_request": "7"}}, "are of the same change"),
        ({"tags": BOX | {"policy_engine.head_sha": "c" * 40}}, "are of the same change"),
    ],
)
def test_runs_that_are_not_comparable_do_not_count_and_are_told(
    facts: dict[str, Any], why: str
) -> None:
    """Eight slow ones of another kind would lift the limit far over the candidate."""
    own = {"policy_engine.pull_request": "7", "policy_engine.head_sha": "c" * 40}
    slow = past(tuple(5 * value for value in NOISE), first=9, **({"metrics": {P95: 500.0}} | facts))
    finding = assert_outcome(found(timed(110, tags=BOX | own), [*past(), *slow]), "fail")
    assert finding.whole.endswith(f"; not counted: 8 {why})")


def test_only_runs_of_the_branch_count_where_one_is_named() -> None:
    on_main = past(tags=BOX | {"mlflow.source.git.branch": "main"})
    slow = past(tuple(5 * value for value in NOISE), first=9)
    finding = assert_outcome(found(timed(110), [*on_main, *slow], branch="main"), "fail")
    assert finding.whole.endswith("; not counted: 8 are not tagged with branch main)")


def test_runs_older_than_max_age_and_beyond_the_window_do_not_count() -> None:
    old = past(tuple(5 * value for value in NOISE), first=40)
    assert outcome(timed(110), [*past(), *old], max_age="30d") is Outcome.FAIL
    assert outcome(timed(110), [*past(), *old], window=8) is Outcome.FAIL


def test_who_does_not_say_data_or_hardware_is_missing_it() -> None:
    finding = assert_outcome(found(timed(100, datasets=()), past()), "missing")
    assert finding.message == "the candidate run does not say its evaluation data"
    finding = assert_outcome(found(timed(100, tags={}), past()), "missing")
    assert finding.message == (
        "the candidate run does not say on which hardware it ran (tag bench.hardware)"
    )
    assert outcome(timed(100, tags={}), past(), same_hardware=False) is Outcome.PASS
    assert outcome(timed(100, datasets=()), past(), same_data=False) is Outcome.PASS
    assert outcome(timed(100, metrics={}), past()) is Outcome.MISSING
    assert outcome(timed(100, metrics={P95: math.nan}), past()) is Outcome.FAIL


def test_training_time_is_held_against_runs_on_the_same_training_data_and_instance() -> None:
    tags = {"compute.instance": "ml.g5.xlarge"}
    facts: dict[str, Any] = {"datasets": (TRAIN,), "tags": tags}
    history = [timed(0, n + 1, duration=f"{value:g}min", **facts) for n, value in enumerate(NOISE)]
    slow = timed(0, duration="2h", **facts)
    finding = assert_outcome(found(slow, history, quantity="duration"), "fail")
    assert (
        finding.message == "training time is 2 h; the last 8 runs lead to expect at most 104.1 min"
    )
    assert (
        outcome(timed(0, duration="99min", **facts), history, quantity="duration") is Outcome.PASS
    )
    elsewhere = timed(0, duration="99min", datasets=(TRAIN,), tags={"compute.instance": "other"})
    assert outcome(elsewhere, history, quantity="duration") is Outcome.INCONCLUSIVE


def test_costs_in_another_currency_do_not_count() -> None:
    def paid(amount: float, currency: str, days: int = 0) -> RunRecord:
        tags = {"compute.instance": "a", "cost.currency": currency}
        return timed(0, days, metrics={"cost.total": amount}, tags=tags, datasets=(TRAIN,))

    euros = [paid(value, "EUR", n + 1) for n, value in enumerate(NOISE)]
    finding = assert_outcome(found(paid(150, "EUR"), euros, quantity="cost"), "fail")
    assert (
        finding.message
        == "training cost is 150.00 EUR; the last 8 runs lead to expect at most 104.08 EUR"
    )
    assert outcome(paid(150, "USD"), euros, quantity="cost") is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "set either metric or quantity"),
        ({"metric": "auc", "quantity": "cost"}, "set either metric or quantity"),
        ({"metric": "auc", "min_runs": 30}, "min_runs (30) must be at most window (25)"),
        ({"metric": "x.y"}, "nobody says whether a greater x.y is better; set goal"),
        ({"metric": "auc", "goal": "minimize"}, "auc is known as one to maximize"),
        ({"quantity": "cost", "goal": "maximize"}, "goal is maximize, but less cost is better"),
    ],
)
def test_settings_that_fit_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        bind(HistoryLimit, **settings)
    assert message in str(error.value)


def test_a_commit_that_is_trained_again_is_its_own_past_only_where_that_is_said() -> None:
    commit: dict[str, Any] = {"tags": BOX | {"policy_engine.head_sha": "c" * 40}}
    candidate, history = timed(103, **commit), past(**commit)
    (finding,) = found(candidate, history)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.remedy == (
        "log it in 8 more runs on the same data, or lower min_runs (4 at least) and say why; if "
        "one commit is trained again on a schedule, set same_commit: true"
    )
    assert outcome(candidate, history, same_commit=True) is Outcome.PASS
    assert outcome(timed(105, **commit), history, same_commit=True) is Outcome.FAIL


def test_runs_of_the_same_pull_request_do_not_count_even_so() -> None:
    own: dict[str, Any] = {"tags": BOX | {"policy_engine.pull_request": "7"}}
    assert outcome(timed(103, **own), past(**own), same_commit=True) is Outcome.INCONCLUSIVE
