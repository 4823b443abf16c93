from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.serving.servable import Servable
from policy_engine.evidence import Needs
from policy_engine.evidence.record import Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import NOW, assert_outcome, bind, judge, model, run

MODEL_ID = "m-" + "0" * 32
OTHER_ID = "m-" + "1" * 32
PROBE_IT = (
    "probe it: policy_engine.training.probe_serving(info.model_uri); after autologging with "
    "mlflow.last_logged_model().model_uri"
)
counts = st.integers(0, 10_000)


def judged(
    policy: Servable | None = None,
    *,
    load: float | None = 3.8,
    requests: float | None = 201,
    errors: float | None = 0,
    tags: dict[str, str] | None = None,
    **facts: Any,
) -> list[Finding]:
    logged = {"serving.load_s": load, "serving.requests": requests, "serving.errors": errors}
    candidate = run(
        metrics={name: value for name, value in logged.items() if value is not None},
        tags={"serving.model_id": MODEL_ID} if tags is None else tags,
        **({"model": model()} | facts),
    )
    return judge(policy or Servable(), candidate=candidate)


def test_a_model_that_was_served_without_errors_passes() -> None:
    found = judged()
    message = "load time is 3.8 s; it must be at most 60 s"
    assert_outcome(found, "pass", part="load", message=message)
    message = "number of requests sent is 201; it must be at least 20"
    assert_outcome(found, "pass", part="requests", message=message)
    message = (
        "the error rate of the served model is 0%; it must be at most 0% "
        "(0 of 201 requests; a smoke test: it shows a rate under 1.48%)"
    )
    assert_outcome(found, "pass", part="errors", message=message)
    assert len(found) == 3


def test_20_requests_without_an_error_show_only_a_rate_under_14_percent() -> None:
    message = (
        "the error rate of the served model is 0%; it must be at most 0% "
        "(0 of 20 requests; a smoke test: it shows a rate under 13.9%)"
    )
    assert_outcome(judged(requests=20), "pass", part="errors", message=message)


def test_one_error_fails_and_says_what_is_likely() -> None:
    message = (
        "the error rate of the served model is 0.498%; it must be at most 0% (1 of 201 requests)"
    )
    finding = assert_outcome(judged(errors=1), "fail", part="errors", message=message)
    assert finding.remedy == (
        "see the probe's warning in the training log for the first error, and fix it: most often "
        "the input example does not fit the signature"
    )


def test_an_error_rate_at_its_limit_passes_and_one_error_more_fails() -> None:
    policy = bind(Servable, max_error_rate="1%")
    assert_outcome(judged(policy, requests=200, errors=2), "pass", part="errors")
    assert_outcome(judged(policy, requests=200, errors=3), "fail", part="errors")


def test_loading_may_take_exactly_the_limit() -> None:
    policy = bind(Servable, max_load="10s")
    assert_outcome(judged(policy, load=10), "pass", part="load")
    finding = assert_outcome(judged(policy, load=10.000001), "fail", part="load")
    assert finding.whole == "load time is 10.000001 s; it must be at most 10.000000 s"


def test_a_short_probe_fails_and_says_how_to_lengthen_it() -> None:
    finding = assert_outcome(judged(requests=19), "fail", part="requests")
    assert finding.remedy == "probe with more: probe_serving(…, requests=20)"


def test_without_a_probe_there_is_nothing_to_judge() -> None:
    message = f"no serving probe of model {MODEL_ID}"
    finding = assert_outcome(judged(tags={}), "missing", message=message)
    assert finding.remedy == PROBE_IT


def test_a_probe_of_another_model_counts_as_none() -> None:
    message = (
        f"no serving probe of model {MODEL_ID}: the probe of the candidate run served "
        f"model {OTHER_ID}, and the run's model is {MODEL_ID}"
    )
    found = judged(tags={"serving.model_id": OTHER_ID})
    assert_outcome(found, "missing", message=message)


@pytest.mark.parametrize("absent", ["load", "requests", "errors"])
def test_a_metric_that_the_probe_did_not_log_leaves_its_part_missing(absent: str) -> None:
    found = judged(**{absent: None})
    assert_outcome(found, "missing", part="errors" if absent == "errors" else absent)
    assert [f.outcome for f in found].count(Outcome.PASS) == (1 if absent == "requests" else 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("name", ["load", "requests", "errors"])
def test_a_number_that_nobody_could_measure_fails(name: str, value: float) -> None:
    number: dict[str, Any] = {name: value}
    assert_outcome(judged(**number), "fail", part=name)


def test_half_a_request_is_no_count() -> None:
    message = (
        "metric serving.requests of the candidate run is 20.5; it counts, so it is a whole number "
        "of at least 0"
    )
    assert_outcome(judged(requests=20.5), "fail", part="requests", message=message)


def test_more_errors_than_requests_are_invalid() -> None:
    message = "the probe counts 30 errors in 20 requests"
    assert_outcome(judged(requests=20, errors=30), "fail", part="errors", message=message)


def test_a_probe_without_requests_has_no_error_rate() -> None:
    found = judged(requests=0)
    assert_outcome(found, "fail", part="requests")
    message = "the probe sent no request, so no error rate is known"
    assert_outcome(found, "missing", part="errors", message=message)


def test_a_model_that_cannot_be_read_is_an_error() -> None:
    assert_outcome(judged(model=Unreadable(unreadable="HTTP 500")), "error")


def aged(age: timedelta, limit: str = "1d", text: str | None = None) -> list[Finding]:
    probed = (NOW - age).isoformat() if text is None else text
    tags = {"serving.model_id": MODEL_ID, "serving.probed_at": probed}
    return judged(bind(Servable, max_age=limit), tags=tags)


def test_the_age_of_a_probe_is_judged_where_it_is_limited() -> None:
    message = "the age of the probe is 24 h; it must be at most 24 h"
    assert_outcome(aged(timedelta(days=1)), "pass", part="age", message=message)
    assert_outcome(aged(timedelta(days=1, seconds=1)), "fail", part="age")


def test_a_clock_that_runs_ahead_makes_a_probe_no_older() -> None:
    assert_outcome(aged(timedelta(minutes=-5)), "pass", part="age")


@pytest.mark.parametrize("text", ["yesterday", "2026-01-31T08:00:00"])
def test_a_time_without_a_zone_is_none(text: str) -> None:
    assert_outcome(aged(timedelta(), text=text), "fail", part="age")


def test_a_probe_that_does_not_say_when_has_no_age() -> None:
    found = judged(bind(Servable, max_age="1d"))
    assert_outcome(found, "missing", part="age")


def test_it_reads_the_model_for_its_id() -> None:
    assert Servable().reads() == Needs.MODEL


@pytest.mark.parametrize(
    "settings",
    [{"max_load": 60}, {"min_requests": 0}, {"max_error_rate": "101%"}, {"max_error_rate": 0.1}],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Servable.model_validate(settings)


@given(requests=counts, errors=counts, percent=st.integers(0, 100), least=st.integers(1, 300))
def test_the_verdicts_are_those_of_the_written_rule(
    requests: int, errors: int, percent: int, least: int
) -> None:
    """An oracle in whole numbers."""
    policy = bind(Servable, max_error_rate=f"{percent}%", min_requests=least)
    found = {f.part: f.outcome for f in judged(policy, requests=requests, errors=errors)}
    assert (found["requests"] is Outcome.PASS) == (requests >= least)
    passes = requests > 0 and errors <= requests and 100 * errors <= percent * requests
    assert (found["errors"] is Outcome.PASS) == passes
