from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from mlops_policies.baseline.baseline_fresh import BaselineFresh
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, run

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def champion(age: timedelta = timedelta(days=10), **facts: Any) -> RunRecord:
    return run(**({"start_time": NOW - age - timedelta(hours=1), "end_time": NOW - age} | facts))


def judged(baseline: RunRecord | None, commits: int | None = None, **limits: Any) -> list[Finding]:
    policy = bind(BaselineFresh, **limits)
    return judge(policy, baseline=baseline, commits=commits, now=NOW)


def test_a_young_baseline_passes() -> None:
    found = judged(champion(), 12, max_age="30d", max_commits=20)
    message = "the age of the baseline is 10 d; it must be at most 30 d (trained on 2026-11-12)"
    finding = assert_outcome(found, "pass", part="age", message=message)
    assert finding.measured is not None
    assert (str(finding.measured.value), finding.measured.unit) == ("864000", "s")
    message = (
        "the distance of the baseline from the candidate is 12 commits; "
        "it must be at most 20 commits"
    )
    assert_outcome(found, "pass", part="commits", message=message)


def test_an_old_baseline_fails_and_says_what_to_do_first() -> None:
    found = judged(champion(timedelta(days=200)), 400, max_age="180d", max_commits=200)
    message = "the age of the baseline is 200 d; it must be at most 180 d (trained on 2026-05-06)"
    finding = assert_outcome(found, "fail", part="age", message=message)
    assert finding.remedy == (
        "move the alias to the model that is in use, or train the baseline again on the default "
        "branch, or raise max_age and say why"
    )
    message = (
        "the distance of the baseline from the candidate is 400 commits; "
        "it must be at most 200 commits"
    )
    assert_outcome(found, "fail", part="commits", message=message)


def test_a_baseline_exactly_at_both_limits_passes() -> None:
    found = judged(champion(timedelta(days=30)), 20, max_age="30d", max_commits=20)
    assert_outcome(found, "pass", part="age")
    assert_outcome(found, "pass", part="commits")


@pytest.mark.parametrize(("seconds", "outcome"), [(0, "pass"), (1, "fail")])
def test_a_second_over_the_age_fails(seconds: int, outcome: str) -> None:
    old = champion(timedelta(days=30, seconds=seconds))
    assert_outcome(judged(old, max_age="30d"), outcome)


def test_what_is_not_limited_is_not_asked() -> None:
    (age,) = judged(champion(), max_age="30d")
    (commits,) = judged(champion(), 3, max_commits=20)
    assert (age.part, commits.part) == ("age", "commits")


def test_a_baseline_without_an_end_is_as_old_as_its_start() -> None:
    old = champion(start_time=NOW - timedelta(days=40), end_time=None)
    assert_outcome(judged(old, max_age="30d"), "fail", part="age")


def test_a_baseline_without_any_time_is_missing() -> None:
    message = "the baseline run has no start time"
    found = judged(champion(start_time=None, end_time=None), max_age="30d")
    assert_outcome(found, "missing", message=message)


@pytest.mark.parametrize(("hours", "outcome"), [(24, "pass"), (25, "fail")])
def test_a_baseline_of_the_future_is_a_wrong_clock(hours: int, outcome: str) -> None:
    ahead = champion(timedelta(hours=-hours))
    finding = assert_outcome(judged(ahead, max_age="30d"), outcome)
    if outcome == "fail":
        assert finding.whole == (
            "the baseline was trained on 2026-11-23, after the moment of judgement"
        )


def test_commits_that_git_did_not_count_are_missing_and_the_age_is_judged() -> None:
    found = judged(champion(), max_age="30d", max_commits=20)
    assert_outcome(found, "pass", part="age")
    message = "how many commits lie between baseline and candidate is not known"
    finding = assert_outcome(found, "missing", part="commits", message=message)
    assert finding.remedy == (
        "run the check in a clone with the whole history (`fetch-depth: 0`), and policy-engine "
        "where training runs: MLflow then tags each run with its commit"
    )


def test_without_a_baseline_both_parts_are_missing() -> None:
    found = judged(None, max_age="30d", max_commits=20)
    message = "no baseline (alias: champion: the registered model has no such alias)"
    for part in ("age", "commits"):
        assert_outcome(found, "missing", part=part, message=message)


def test_one_of_the_two_limits_has_to_be_set() -> None:
    with pytest.raises(ValidationError, match="set max_age or max_commits: without one nothing is"):
        bind(BaselineFresh)
    with pytest.raises(ValidationError):
        bind(BaselineFresh, max_commits=-1)
