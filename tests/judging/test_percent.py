"""A metric that training logs in percent is judged as the fraction that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    ModelMetricRecord,
    ModelRecord,
    RunRecord,
)
from policy_engine.judging.reading import Reading
from policy_engine.source.problems import PolicyFileError
from policy_engine.testing import check_policies, model, run

if TYPE_CHECKING:
    from policy_engine.report import Report

BINDINGS = """\
baseline: [{alias: champion}]
policies:
  min-useful-gain: {min_abs: 0.5pt}
  metric-threshold: {metric: val_acc, min: 0.75}
"""
FRACTION = f"version: 1\nmetric: {{name: val_acc}}\n{BINDINGS}"
PERCENT = f"version: 1\nmetric: {{name: val_acc, scale: percent}}\n{BINDINGS}"


def accuracy(value: float) -> RunRecord:
    return run(metrics={"val_acc": value})


def found(report: Report) -> list[tuple[str, str, str]]:
    """What a report says, by policy."""
    (subject,) = report.subjects
    return [(f.id, str(f.outcome), f.whole) for f in subject.findings]


def test_percents_of_candidate_and_baseline_are_compared_as_fractions() -> None:
    report = check_policies(PERCENT, candidate=accuracy(76.1), baseline=accuracy(75.2))
    assert report.verdict == "pass"
    assert [f.whole for f in report.subjects[0].findings][1] == (
        "val_acc is 0.761; it must be at least 0.75"
    )


@given(new=st.integers(200, 10_000), old=st.integers(200, 10_000))
def test_percents_are_judged_as_the_fractions_that_they_are(new: int, old: int) -> None:
    percents = check_policies(PERCENT, candidate=accuracy(new / 100), baseline=accuracy(old / 100))
    fractions = check_policies(
        FRACTION, candidate=accuracy(new / 10_000), baseline=accuracy(old / 10_000)
    )
    assert found(percents) == found(fractions)
    assert percents.verdict == fractions.verdict


def test_a_point_of_percents_is_said_in_percent_too() -> None:
    said = PERCENT.replace("scale: percent", "scale: percent, point: 1")
    report = check_policies(said, candidate=accuracy(76.1), baseline=accuracy(75.2))
    plain = check_policies(PERCENT, candidate=accuracy(76.1), baseline=accuracy(75.2))
    assert found(report) == found(plain)


def test_percents_without_the_key_are_refused_with_what_to_write() -> None:
    report = check_policies(FRACTION, candidate=accuracy(76.1), baseline=accuracy(75.2))
    finding = report.subjects[0].findings[1]
    assert (str(finding.outcome), finding.whole) == (
        "fail",
        "metric val_acc of the candidate run is 76.1; it lies in [0, 1] by definition",
    )
    assert finding.remedy == (
        "log it as a fraction, or say that it is in percent: "
        "`metric: {name: val_acc, scale: percent}`"
    )


@pytest.mark.parametrize("value", [-0.1, 100.5])
def test_what_is_no_percent_either_is_not_called_one(value: float) -> None:
    report = check_policies(FRACTION, candidate=accuracy(value))
    assert report.subjects[0].findings[1].remedy == "log it as a fraction"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (0.93, "0.93, which looks like a fraction, though the policy file says `scale: percent`"),
        (100.5, "100.5, and a percent lies in [0, 100]"),
        (-1.0, "-1.0, and a percent lies in [0, 100]"),
    ],
)
def test_a_value_that_is_no_percent_among_percents_is_invalid(value: float, why: str) -> None:
    report = check_policies(PERCENT, candidate=accuracy(93.5), baseline=accuracy(value))
    gain = report.subjects[0].findings[0]
    assert (gain.id, str(gain.outcome)) == ("min-useful-gain", "fail")
    assert gain.whole == f"metric val_acc of the baseline run is {why}"


def test_a_point_of_a_whole_range_is_refused_unless_the_metric_is_in_percent() -> None:
    said = FRACTION.replace("name: val_acc", "name: val_acc, point: 1")
    with pytest.raises(PolicyFileError) as caught:
        check_policies(said, candidate=accuracy(0.9))
    assert str(caught.value) == (
        "policies/policies.yaml:2:32: metric.point: a point of 1 is all of the range of val_acc, "
        "which lies in [0, 1]\n"
        "  say `scale: percent` if val_acc is logged in percent, or write a point such as 0.01\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_limit_in_percent_is_refused_with_what_to_write() -> None:
    with pytest.raises(PolicyFileError) as caught:
        check_policies(PERCENT.replace("0.75", "75"), candidate=accuracy(93.5))
    assert str(caught.value) == (
        "policies/policies.yaml:6:3: policies.metric-threshold: min is 75, but val_acc lies in "
        "[0, 1]; write a percent as its fraction, and `scale: percent` in the file's metric if it "
        "is logged so\n"
        "1 problem found; nothing was evaluated."
    )


def test_the_worst_of_all_percents_is_one() -> None:
    assert Reading({}, "val_acc").candidate(CandidateRecord(run=accuracy(0.0))).run.metrics == {
        "val_acc": 0.0
    }


def test_every_run_beside_the_candidate_is_read_alike_and_no_other_metric_is_touched() -> None:
    one = run(metrics={"val_acc": 76.1, "val_f1": 0.7})
    logged = model(metrics=(ModelMetricRecord(key="val_acc", value=76.1),))
    whole = one.model_copy(update={"model": logged, "children": (one,), "repeats": (one,)})
    record = CandidateRecord(
        run=whole,
        history=(one,),
        later=(one,),
        baselines=(BaselineRecord(rules=(), run=one), BaselineRecord(rules=())),
    )
    read = Reading({}, "val_acc").candidate(record)
    assert isinstance(read.history, tuple)
    assert isinstance(read.later, tuple)
    assert isinstance(read.run.children, tuple)
    assert isinstance(read.run.repeats, tuple)
    assert isinstance(read.baselines[0].run, RunRecord)
    assert isinstance(read.run.model, ModelRecord)
    runs = (read.run, *read.history, *read.later, *read.run.children, *read.run.repeats)
    assert [each.metrics for each in (*runs, read.baselines[0].run)] == [
        {"val_acc": 0.761, "val_f1": 0.7}
    ] * 6
    assert [each.value for each in read.run.model.metrics] == [0.761]
