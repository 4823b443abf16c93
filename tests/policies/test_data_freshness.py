from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_policies.data_care.data_freshness import DataFreshness
from policy_engine.evidence import Dataset, Needs
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Finding
from policy_engine.testing import STARTED, assert_outcome, bind, judge, run
from tests.policies.logged_data import logged


def dated(newest: str | timedelta | None, name: str = "d", context: str = "training") -> Dataset:
    """Return data whose newest row is of a time, or so much older than the start of the run."""
    if isinstance(newest, timedelta):
        newest = (STARTED - newest).isoformat()
    tags = {} if newest is None else {"data.max_timestamp": newest}
    return Dataset(name=name, context=context, tags=tags)


def of(*datasets: Dataset) -> RunRecord:
    return run(datasets=datasets)


def judged(*datasets: Dataset, baseline: RunRecord | None = None, **settings: Any) -> list[Finding]:
    policy = bind(DataFreshness, **settings)
    return judge(policy, candidate=of(*datasets), baseline=baseline)


def test_recent_data_passes() -> None:
    message = (
        "the age of training data 'd' is 12 d; it must be at most 30 d (its newest row is of "
        "2026-01-19 08:00+00:00)"
    )
    assert_outcome(judged(dated(timedelta(days=12))), "pass", part="d", message=message)


def test_old_data_fails() -> None:
    message = (
        "the age of training data 'd' is 45 d; it must be at most 30 d (its newest row is of "
        "2025-12-17 08:00+00:00)"
    )
    finding = assert_outcome(judged(dated(timedelta(days=45))), "fail", part="d", message=message)
    assert finding.remedy == "train on newer data, or raise max_age and say why"


def test_exactly_the_limit_passes_and_a_microsecond_more_fails() -> None:
    limit = timedelta(days=30)
    assert_outcome(judged(dated(limit)), "pass")
    finding = assert_outcome(judged(dated(limit + timedelta(microseconds=1))), "fail")
    assert "is 30.00000000001 d; it must be at most 30.00000000000 d" in finding.whole


def test_data_a_little_later_than_the_start_is_0_old() -> None:
    message = (
        "the age of training data 'd' is 0 s; it must be at most 30 d (its newest row is of "
        "24 h after the run began)"
    )
    assert_outcome(judged(dated(timedelta(hours=-24))), "pass", message=message)


def test_data_of_the_future_fails() -> None:
    message = "training data 'd' ends 3 d after the run began: no run can have had such rows"
    finding = assert_outcome(judged(dated(timedelta(days=-3))), "fail", part="d", message=message)
    assert finding.remedy == "log the time of its newest row as data.max_timestamp"
    assert_outcome(judged(dated(timedelta(hours=-24, microseconds=-1))), "fail")


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T08:00:00Z", "2026-01-31T08:00:00", "2026-01-31T09:00:00+01:00", "2026-01-31"],
)
def test_every_form_of_iso_8601_is_read_and_no_zone_is_utc(text: str) -> None:
    assert_outcome(judged(dated(text), max_age="8h"), "pass")


@pytest.mark.parametrize("text", ["", "NaN", "NaT", "yesterday", "1769846400", "31.1.2026"])
def test_a_time_that_is_none_fails(text: str) -> None:
    message = "data.max_timestamp of dataset 'd' is not an ISO 8601 time"
    assert_outcome(judged(dated(text)), "fail", part="d", message=message)


def test_no_date_is_missing_but_one_of_several_is_enough() -> None:
    message = "training data 'd' of the candidate run has no data.max_timestamp"
    assert_outcome(judged(dated(None)), "missing", message=message)
    found = judged(dated(None), dated(timedelta(days=1), "e"))
    assert [f.part for f in found] == ["e"]


def test_each_training_input_is_judged_and_evaluation_data_is_not() -> None:
    found = judged(
        dated(timedelta(days=1), "new"),
        dated(timedelta(days=99), "old"),
        dated(timedelta(days=99), "test", "evaluation"),
    )
    assert [(f.part, f.outcome.value) for f in found] == [("new", "pass"), ("old", "fail")]


def test_no_training_data_and_no_start_are_missing() -> None:
    assert_outcome(judged(dated(timedelta(), context="test")), "missing")
    candidate = run(datasets=(dated("2026-01-01"),), start_time=None, end_time=None)
    assert_outcome(judge(DataFreshness(), candidate=candidate), "missing")


def behind(days: float, limit: str = "7d") -> Finding:
    baseline = of(dated(timedelta(days=10)))
    found = judged(dated(timedelta(days=10 + days)), baseline=baseline, max_gap_to_champion=limit)
    return next(f for f in found if f.part == "gap")


def test_data_behind_the_champions_fails() -> None:
    message = "how far the training data is behind the baseline's is 8 d; it must be at most 7 d"
    finding = assert_outcome([behind(8)], "fail", message=message)
    assert finding.remedy == "train on data that is as new as the baseline's"
    assert_outcome([behind(7)], "pass")


def test_data_as_new_as_the_champions_or_newer_passes() -> None:
    message = (
        "the newest training data is of 2026-01-21 08:00+00:00, that of the baseline of "
        "2026-01-21 08:00+00:00"
    )
    assert_outcome([behind(0)], "pass", message=message)
    assert_outcome([behind(-5)], "pass")


def test_a_gap_to_no_baseline_or_to_one_without_a_date_is_missing() -> None:
    newest = dated(timedelta(days=1))
    for baseline in (None, of(dated(None))):
        found = judged(newest, baseline=baseline, max_gap_to_champion="7d")
        assert_outcome(found, "missing", part="gap")
        assert_outcome(found, "pass", part="d")


def test_the_baseline_is_read_only_for_the_gap() -> None:
    assert DataFreshness().reads() == Needs.DATASETS
    assert Needs.BASELINE in bind(DataFreshness, max_gap_to_champion="7d").reads()


def test_really_logged_data_is_fresh_or_undated(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    assert_outcome(judge(DataFreshness(), candidate=runs.careful), "pass", part="payments-train")
    old = judge(bind(DataFreshness, max_age="23h"), candidate=runs.careful)
    assert_outcome(old, "fail")
    assert_outcome(judge(DataFreshness(), candidate=runs.careless), "missing")


spans = st.timedeltas(min_value=timedelta(days=-2), max_value=timedelta(days=400))


@given(age=spans, limit=st.integers(0, 400), zone=st.integers(-12, 14))
def test_the_limit_is_exact_whatever_the_zone(age: timedelta, limit: int, zone: int) -> None:
    shift = timedelta(hours=zone)
    local = (STARTED - age + shift).replace(tzinfo=None).isoformat()
    sign, hours = ("-" if zone < 0 else "+"), abs(zone)
    (found,) = judged(dated(f"{local}{sign}{hours:02}:00"), max_age=f"{limit}d")
    expected = timedelta(hours=-24) <= age <= timedelta(days=limit)
    assert found.outcome == ("pass" if expected else "fail")
