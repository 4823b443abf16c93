from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.model_size.latency_percentile_budget import LatencyPercentileBudget
from policy_engine.evidence import Needs
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

BUDGET = bind(LatencyPercentileBudget, max="50ms")
GROWTH = bind(LatencyPercentileBudget, max="50ms", max_growth="25%")


def timed(
    ms: float = 40.0, n: float = 1000, q: int = 95, hardware: str | None = "Xeon x 2"
) -> RunRecord:
    kept = {"bench.hardware": hardware} if hardware else {}
    return run(metrics={f"latency.p{q}_ms": ms, "latency.n": n}, tags=kept, model=model())


def judged(candidate: RunRecord, policy: LatencyPercentileBudget = BUDGET) -> list[Finding]:
    return judge(policy, candidate=candidate)


def grown(
    candidate: RunRecord, baseline: RunRecord | None, policy: LatencyPercentileBudget = GROWTH
) -> list[Finding]:
    return judge(policy, candidate=candidate, baseline=baseline)


def test_answers_in_time_pass() -> None:
    message = "p95 latency is 40 ms; it must be at most 50 ms (1000 requests)"
    assert_outcome(judged(timed()), "pass", part="latency", message=message)


def test_answers_that_come_late_fail() -> None:
    message = "p95 latency is 61.2 ms; it must be at most 50 ms (1000 requests)"
    finding = assert_outcome(judged(timed(61.2)), "fail", part="latency", message=message)
    assert finding.remedy == "make the model quicker to answer, or raise max and say why"


def test_exactly_the_budget_passes_and_a_hair_more_fails() -> None:
    assert_outcome(judged(timed(50)), "pass")
    message = "p95 latency is 50.000001 ms; it must be at most 50.000000 ms (1000 requests)"
    assert_outcome(judged(timed(50.000001)), "fail", message=message)


@pytest.mark.parametrize(("q", "least"), [(50, 20), (95, 200), (99, 1000)])
def test_a_percentile_needs_ten_requests_beyond_it(q: int, least: int) -> None:
    policy = bind(LatencyPercentileBudget, max="50ms", percentile=q)
    assert_outcome(judged(timed(n=least, q=q), policy), "pass")
    assert_outcome(judged(timed(n=least - 1, q=q), policy), "inconclusive")


@pytest.mark.parametrize("ms", [40.0, 60.0])
def test_too_few_requests_decide_nothing_either_way(ms: float) -> None:
    message = (
        f"p95 latency is {ms:g} ms; it must be at most 50 ms (199 requests); "
        "200 are needed to judge this percentile"
    )
    finding = assert_outcome(judged(timed(ms, n=199)), "inconclusive", message=message)
    assert finding.remedy == "measure more: probe_serving(…, requests=200)"


def test_the_least_number_of_requests_may_be_set() -> None:
    policy = bind(LatencyPercentileBudget, max="50ms", min_n=30)
    assert_outcome(judged(timed(n=30), policy), "pass")
    assert_outcome(judged(timed(n=29), policy), "inconclusive")


@pytest.mark.parametrize("absent", ["latency.p95_ms", "latency.n"])
def test_without_a_sample_it_is_missing(absent: str) -> None:
    metrics = {"latency.p95_ms": 40.0, "latency.n": 1000.0}
    del metrics[absent]
    found = judged(run(metrics=metrics, model=model()))
    message = f"the candidate run has no latency sample: there is no metric {absent}"
    finding = assert_outcome(found, "missing", message=message)
    assert finding.remedy is not None
    assert "probe_serving(info.model_uri)" in finding.remedy


def test_another_percentile_is_no_sample_of_this_one() -> None:
    assert_outcome(judged(timed(q=99)), "missing")


@pytest.mark.parametrize("ms", [float("nan"), float("inf"), -1.0])
def test_a_latency_that_nobody_could_measure_fails(ms: float) -> None:
    assert_outcome(judged(timed(ms)), "fail")


@pytest.mark.parametrize("n", [float("nan"), -1.0, 300.5])
def test_a_count_that_is_none_fails(n: float) -> None:
    assert_outcome(judged(timed(n=n)), "fail")


def test_the_sample_of_another_model_counts_as_none() -> None:
    sample = timed().model_copy(update={"tags": {"serving.model_id": "m-other"}})
    found = judged(sample)
    message = (
        "the candidate run has no latency sample: the probe of the candidate run served model "
        f"m-other, and the run's model is m-{'0' * 32}"
    )
    assert_outcome(found, "missing", message=message)


def test_a_load_test_that_names_no_model_does() -> None:
    sample = timed().model_copy(update={"model": None})
    assert_outcome(judged(sample), "pass")


def test_growth_within_the_limit_passes_with_both_latencies() -> None:
    message = "p95 latency is 40 ms; it must be at most 50 ms (the baseline's 40 ms and 25%)"
    found = grown(timed(), timed())
    assert_outcome(found, "pass", part="latency")
    assert_outcome(found, "pass", part="growth", message=message)


def test_growth_of_exactly_the_limit_passes_and_a_hair_more_fails() -> None:
    assert_outcome(grown(timed(25), timed(20)), "pass", part="growth")
    finding = assert_outcome(grown(timed(25.01), timed(20)), "fail", part="growth")
    assert finding.remedy == "make the model quicker to answer, or raise max_growth and say why"


@pytest.mark.parametrize(
    ("candidate", "baseline", "why"),
    [
        (
            timed(n=999),
            timed(),
            "growth needs 1000 requests a side, and there are 999 and 1000",
        ),
        (timed(), timed(n=200), "growth needs 1000 requests a side, and there are 1000 and 200"),
        (
            timed(),
            timed(hardware="ARM x 8"),
            "the candidate ran on 'Xeon x 2' and the baseline on 'ARM x 8'",
        ),
        (
            timed(hardware=None),
            timed(),
            "nothing says on which hardware the candidate was measured",
        ),
        (timed(), timed(hardware=None), "nothing says on which hardware the baseline was measured"),
    ],
)
def test_samples_that_cannot_be_compared_leave_growth_inconclusive(
    candidate: RunRecord, baseline: RunRecord, why: str
) -> None:
    found = grown(candidate, baseline)
    assert_outcome(found, "pass", part="latency")
    finding = assert_outcome(found, "inconclusive", part="growth")
    assert finding.whole.endswith(f"; this is not judged: {why}")
    assert finding.remedy is not None


def bounded(low: float | None, ms: float, high: float | None, q: int = 95) -> RunRecord:
    """Return a run whose percentile has bounds (ms)."""
    sides = {f"latency.p{q}_low_ms": low, f"latency.p{q}_high_ms": high}
    known = {name: value for name, value in sides.items() if value is not None}
    sample = timed(ms, n=200, q=q)
    return sample.model_copy(update={"metrics": sample.metrics | known})


@pytest.mark.parametrize(
    ("bounds", "outcome"),
    [
        ((30, 40, 50), "pass"),
        ((30, 40, 50.1), "inconclusive"),
        ((50, 60, 70), "inconclusive"),
        ((50.1, 60, 70), "fail"),
        ((50.1, 60, None), "fail"),
    ],
)
def test_bounds_of_the_percentile_decide_and_what_lies_between_is_left_open(
    bounds: tuple[float, float, float | None], outcome: str
) -> None:
    assert_outcome(judged(bounded(*bounds)), outcome, part="latency")


def test_a_percentile_near_its_limit_says_what_its_bounds_leave_open() -> None:
    message = (
        "p95 latency is 40 ms; it must be at most 50 ms (200 requests); by the exact binomial test "
        "it is truly at least 30 ms and at most 51 ms (95% sure each way), which does not decide"
    )
    finding = assert_outcome(judged(bounded(30, 40, 51)), "inconclusive", message=message)
    assert finding.message == (
        "p95 latency 40 ms against 50 ms: 200 requests do not settle it (30 ms to 51 ms)"
    )
    assert finding.remedy == (
        "measure more requests, probe_serving(…, requests=N): about 560 decide 4 times in 5, if "
        "the true value is the one seen here"
    )


def test_what_no_number_of_requests_settles_is_not_answered_with_more_of_them() -> None:
    finding = assert_outcome(judged(bounded(45, 49.9, 57)), "inconclusive")
    assert finding.remedy == (
        "more requests hardly settle it, so near 50 ms: make the model quicker to answer, or raise "
        "max and say why"
    )


def test_without_bounds_the_numbers_decide_and_it_says_so() -> None:
    message = (
        "p95 latency is 40 ms; it must be at most 50 ms (1000 requests); compared as numbers, so "
        "near the limit chance decides: probe_serving logs the bounds that tell"
    )
    assert_outcome(judged(timed()), "pass", message=message)
    assert_outcome(judged(bounded(30, 40, None)), "pass", message="compared as numbers")


@pytest.mark.parametrize(
    ("after", "before", "outcome"),
    [
        ((19, 20, 21), (19, 20, 21), "pass"),
        ((22, 24, 26), (19, 20, 21), "inconclusive"),
        ((26, 28, 30), (19, 20, 21), "inconclusive"),
        ((26.5, 28, 30), (19, 20, 21), "fail"),
    ],
)
def test_growth_is_judged_by_the_bounds_of_both_however_few_requests_there_are(
    after: tuple[float, float, float], before: tuple[float, float, float], outcome: str
) -> None:
    finding = assert_outcome(grown(bounded(*after), bounded(*before)), outcome, part="growth")
    assert finding.whole.endswith(
        "; baseline: by the exact binomial test it is truly at least 19 ms and at most 21 ms "
        "(95% sure each way)"
    )


def test_growth_of_the_99th_percentile_without_bounds_takes_5000_requests() -> None:
    policy = bind(LatencyPercentileBudget, max="50ms", max_growth="25%", percentile=99)
    found = grown(timed(q=99, n=4999), timed(q=99, n=5000), policy)
    assert_outcome(
        found,
        "inconclusive",
        part="growth",
        message="growth needs 5000 requests a side, and there are 4999 and 5000",
    )
    assert_outcome(grown(timed(q=99, n=5000), timed(q=99, n=5000), policy), "pass", part="growth")


@pytest.mark.parametrize("bounds", [(41, 40, 42), (38, 40, 39)])
def test_a_percentile_that_is_not_between_its_bounds_fails(
    bounds: tuple[float, float, float],
) -> None:
    message = "metric latency.p95_ms of the candidate run does not lie between its bounds"
    assert_outcome(judged(bounded(*bounds)), "fail", message=message)


def test_a_baseline_without_a_sample_leaves_growth_missing() -> None:
    found = grown(timed(), run(model=model()))
    assert_outcome(found, "pass", part="latency")
    message = "the baseline run has no latency sample: there is no metric latency.p95_ms"
    assert_outcome(found, "missing", part="growth", message=message)


def test_without_a_baseline_growth_is_missing_and_the_first_run_has_none() -> None:
    assert_outcome(grown(timed(), None), "missing", part="growth")
    found = judge(GROWTH, candidate=timed(), first_run=True)
    assert_outcome(found, "not-applicable", part="growth")


def test_without_max_growth_the_baseline_is_not_read() -> None:
    assert BUDGET.reads() == Needs.MODEL
    assert GROWTH.reads() == Needs.MODEL | Needs.BASELINE


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max": 50},
        {"max": "50"},
        {"max": "50ms", "percentile": 90},
        {"max": "50ms", "max_growth": "-1%"},
        {"max": "50ms", "min_n": 0},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LatencyPercentileBudget.model_validate(settings)


@given(
    new=st.integers(0, 10**6),
    old=st.integers(0, 10**6),
    percent=st.integers(0, 300),
    limit=st.integers(1, 10**4),
)
def test_the_verdicts_are_those_of_the_written_rule(
    new: int, old: int, percent: int, limit: int
) -> None:
    """An oracle in whole microseconds."""
    policy = bind(LatencyPercentileBudget, max=f"{limit}ms", max_growth=f"{percent}%")
    found = {f.part: f.outcome for f in grown(timed(new / 1000), timed(old / 1000), policy)}
    assert (found["latency"] is Outcome.PASS) == (new <= limit * 1000)
    assert (found["growth"] is Outcome.PASS) == (100 * new <= (100 + percent) * old)
