from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.model_size.model_size_budget import ModelSizeBudget
from policy_engine.evidence import Grade, Measurement, Metric, Needs
from policy_engine.evidence.record import Invalid, ModelRecord, RunRecord, Unreadable, VersionRecord
from policy_engine.policy import Finding, Limit, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

sizes = st.integers(min_value=1, max_value=10**14)


def sized(size: str | int, f1: float | None = None) -> RunRecord:
    return run(model=model(size=size), metrics={} if f1 is None else {"val_f1": f1})


def of(record: ModelRecord) -> RunRecord:
    return run(model=record)


def test_a_model_within_its_budget_passes() -> None:
    found = judge(bind(ModelSizeBudget, max_size="200MB"), candidate=sized("181MB"))
    message = "model size is 181.0 MB; it must be at most 200.0 MB"
    assert_outcome(found, "pass", part="size", message=message)


def test_a_model_over_its_budget_fails_and_says_what_would_do() -> None:
    found = judge(bind(ModelSizeBudget, max_size="200MB"), candidate=sized("253MB"))
    message = "model size is 253.0 MB; it must be at most 200.0 MB"
    finding = assert_outcome(found, "fail", part="size", message=message)
    assert finding.remedy == "shrink the model to 200.0 MB, or raise max_size and say why"
    assert finding.measured is not None
    assert finding.measured.value == 253_000_000
    assert finding.limit is not None
    assert finding.limit == Limit(Decimal(200_000_000), "B", "<=")


def test_one_byte_decides_and_the_message_shows_it() -> None:
    policy = bind(ModelSizeBudget, max_size="200MB")
    assert_outcome(judge(policy, candidate=sized(200_000_000)), "pass")
    message = "model size is 200.000001 MB; it must be at most 200.000000 MB"
    assert_outcome(judge(policy, candidate=sized(200_000_001)), "fail", message=message)


def test_growth_within_the_limit_passes_with_both_sizes() -> None:
    policy = bind(ModelSizeBudget, max_growth="10%")
    found = judge(policy, candidate=sized("105MB"), baseline=sized("100MB"))
    message = (
        "model size is 105.0 MB; it must be at most 110.0 MB "
        "(the baseline's 100.0 MB and 10%; it grew by 5%)"
    )
    finding = assert_outcome(found, "pass", part="growth", message=message)
    assert finding.baseline is not None
    assert finding.baseline.value == 100_000_000


def test_growth_of_exactly_the_limit_passes_and_one_byte_more_fails() -> None:
    policy = bind(ModelSizeBudget, max_growth="10%")
    before = sized(30_000_000)
    assert_outcome(judge(policy, candidate=sized(33_000_000), baseline=before), "pass")
    finding = assert_outcome(judge(policy, candidate=sized(33_000_001), baseline=before), "fail")
    assert finding.remedy == "shrink the model to 33.0 MB, or raise max_growth and say why"


def test_what_fails_names_the_one_size_that_all_limits_allow() -> None:
    policy = bind(ModelSizeBudget, max_size="25MB", max_growth="10%")
    found = judge(policy, candidate=sized("35.5MB"), baseline=sized(21_090_000))  # 23.199 MB
    assert [finding.remedy for finding in found] == [
        "shrink the model to 23.1 MB, or raise max_size and say why",
        "shrink the model to 23.1 MB, or raise max_growth and say why",
    ]
    grown = judge(policy, candidate=sized("24MB"), baseline=sized(21_090_000))
    assert [finding.remedy for finding in grown] == [
        None,
        "shrink the model to 23.1 MB, or raise max_growth and say why",
    ]


def test_growth_of_a_small_model_is_not_judged_and_needs_no_baseline() -> None:
    found = judge(bind(ModelSizeBudget, max_growth="10%"), candidate=sized("9MB"))
    message = "model size is 9.0 MB; growth is judged from 10.0 MB on"
    assert_outcome(found, "not-applicable", part="growth", message=message)


def test_growth_is_judged_from_the_very_size_on() -> None:
    found = judge(
        bind(ModelSizeBudget, max_growth="10%"), candidate=sized("10MB"), baseline=sized("1MB")
    )
    assert_outcome(found, "fail", part="growth")


def test_a_missing_baseline_leaves_the_size_judged() -> None:
    found = judge(
        bind(ModelSizeBudget, max_size="200MB", max_growth="10%"), candidate=sized("100MB")
    )
    assert_outcome(found, "pass", part="size")
    message = "no baseline (alias: champion: the registered model has no such alias)"
    finding = assert_outcome(found, "missing", part="growth", message=message)
    assert finding.remedy is not None


def test_the_first_run_has_no_growth() -> None:
    found = judge(bind(ModelSizeBudget, max_growth="10%"), candidate=sized("100MB"), first_run=True)
    assert_outcome(found, "not-applicable", part="growth")


def test_a_first_run_with_earlier_versions_is_none() -> None:
    versions = (VersionRecord(name="fraud", version="2"),)
    candidate = run(model=model(size="100MB", versions=versions))
    found = judge(bind(ModelSizeBudget, max_growth="10%"), candidate=candidate, first_run=True)
    assert_outcome(found, "missing", part="growth")


def test_a_baseline_whose_model_has_no_size_leaves_growth_missing() -> None:
    found = judge(
        bind(ModelSizeBudget, max_growth="10%"),
        candidate=sized("100MB"),
        baseline=of(model(size=None)),
    )
    message = "the size of model 'model' is not recorded"
    assert_outcome(found, "missing", part="growth", message=message)


@pytest.mark.parametrize("size", [0, None])
def test_no_stored_file_is_missing_and_never_0_bytes(size: int | None) -> None:
    found = judge(bind(ModelSizeBudget, max_size="200MB"), candidate=of(model(size=size)))
    assert_outcome(found, "missing")


def test_a_run_without_a_model_is_missing() -> None:
    found = judge(bind(ModelSizeBudget, max_size="200MB"), candidate=run())
    message = "the candidate run has no logged model that is READY"
    assert_outcome(found, "missing", message=message)


@pytest.mark.parametrize(
    ("gap", "outcome"),
    [(Unreadable(unreadable="HTTP 500"), "error"), (Invalid(invalid="no list"), "fail")],
)
def test_a_size_that_is_no_value_never_passes(gap: Invalid | Unreadable, outcome: str) -> None:
    record = model().model_copy(update={"size": gap})
    assert_outcome(judge(bind(ModelSizeBudget, max_size="200MB"), candidate=of(record)), outcome)


def test_a_model_that_somebody_else_serves_has_no_size() -> None:
    record = model(flavors=["openai", "python_function"])
    found = judge(bind(ModelSizeBudget, max_size="1kB", max_growth="1%"), candidate=of(record))
    message = "flavor openai stores no model, only which remote one to call: it has no size"
    assert_outcome(found, "not-applicable", message=message)


def test_a_remote_flavor_beside_a_stored_one_exempts_nothing() -> None:
    record = model(size="2kB", flavors=["openai", "sklearn"])
    assert_outcome(judge(bind(ModelSizeBudget, max_size="1kB"), candidate=of(record)), "fail")


def test_unknown_flavors_exempt_nothing() -> None:
    record = model(size="2kB").model_copy(update={"flavors": None})
    assert_outcome(judge(bind(ModelSizeBudget, max_size="1kB"), candidate=of(record)), "fail")


def test_environment_files_make_the_listing_larger_and_raise_no_doubt() -> None:
    record = model(size="101MB", logged_size=100_000_000)
    assert_outcome(judge(bind(ModelSizeBudget, max_size="200MB"), candidate=of(record)), "pass")


def test_fewer_stored_bytes_than_mlflow_recorded_are_suspicious() -> None:
    record = model(size="50MB", logged_size=100_000_000)
    found = judge(bind(ModelSizeBudget, max_size="200MB"), candidate=of(record))
    message = (
        "model size is 100.0 MB; it must be at most 200.0 MB; but only 50.0 MB are stored: MLflow "
        "recorded 100.0 MB when it was logged, so files are missing"
    )
    finding = assert_outcome(found, "inconclusive", part="size", message=message)
    assert finding.remedy == "log the model again and check that the upload ended"


def test_deleting_stored_files_does_not_bring_a_model_under_its_budget() -> None:
    record = model(size="50MB", logged_size=300_000_000)
    assert_outcome(judge(bind(ModelSizeBudget, max_size="200MB"), candidate=of(record)), "fail")


def test_growth_is_doubted_where_files_are_missing() -> None:
    record = model(size="50MB", logged_size=100_000_000)
    found = judge(
        bind(ModelSizeBudget, max_growth="10%"), candidate=of(record), baseline=sized("100MB")
    )
    assert_outcome(found, "inconclusive", part="growth")


def waived(gain_from: str | float, candidate: float | None, metric: object = "val_f1") -> Finding:
    policy = bind(ModelSizeBudget, max_growth="10%", growth_waived_if_gain=gain_from)
    assert metric is None or isinstance(metric, (str, Metric))
    found = judge(
        policy,
        candidate=sized("130MB", candidate),
        baseline=sized("100MB", 0.89),
        metric=metric,
    )
    (finding,) = found
    return finding


def test_a_gain_waives_growth_and_the_message_says_so() -> None:
    message = (
        "model size is 130.0 MB; it must be at most 110.0 MB (the baseline's 100.0 MB and 10%; "
        "it grew by 30%); waived: val_f1 gains 2.00 pt, and from 1.50 pt on growth is waived"
    )
    finding = assert_outcome([waived("1.5pt", 0.91)], "pass", part="growth", message=message)
    assert finding.measured is not None
    assert finding.measured == Measurement(Decimal(2), "pt", Grade.LOGGED, "gain in val_f1")


def test_the_gain_that_waives_growth_may_be_in_the_metrics_units() -> None:
    assert waived(0.02, 0.91).outcome is Outcome.PASS
    assert waived(0.03, 0.91).outcome is Outcome.FAIL


def test_exactly_the_gain_waives_growth_and_a_hair_less_does_not() -> None:
    assert waived("2pt", 0.91).outcome is Outcome.PASS
    finding = waived("2pt", 0.9099)
    assert finding.outcome is Outcome.FAIL
    assert finding.whole.endswith("; val_f1 gains 1.99 pt, and from 2.00 pt on growth is waived")


@pytest.mark.parametrize("f1", [None, float("nan"), float("inf")])
def test_a_gain_that_is_not_shown_waives_nothing(f1: float | None) -> None:
    finding = waived("1pt", f1)
    assert finding.outcome is Outcome.FAIL
    assert "; no gain waives it: " in finding.whole


def test_without_a_metric_nothing_is_waived() -> None:
    assert waived("1pt", 0.99, metric=None).outcome is Outcome.FAIL


def test_a_metric_without_a_point_waives_in_its_own_units() -> None:
    metric = Metric("profit", "maximize", None, "the test")
    policy = bind(ModelSizeBudget, max_growth="10%", growth_waived_if_gain=5)
    found = judge(
        policy,
        candidate=run(model=model(size="130MB"), metrics={"profit": 105}),
        baseline=run(model=model(size="100MB"), metrics={"profit": 100}),
        metric=metric,
    )
    assert_outcome(found, "pass", part="growth")


def test_without_max_growth_the_baseline_is_not_read() -> None:
    assert bind(ModelSizeBudget, max_size="1MB").reads() == Needs.MODEL
    assert bind(ModelSizeBudget, max_growth="1%").reads() == Needs.MODEL | Needs.BASELINE


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "set max_size, max_growth or both"),
        (
            {"max_size": "1MB", "growth_waived_if_gain": "1pt"},
            "growth_waived_if_gain waives max_growth, which is not set",
        ),
    ],
)
def test_settings_that_limit_nothing_are_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModelSizeBudget.model_validate(settings)
    (error,) = caught.value.errors()
    assert error["msg"] == f"Value error, {message}"


@pytest.mark.parametrize(
    "settings",
    [
        {"max_size": 200},
        {"max_size": True},
        {"max_size": "200"},
        {"max_size": "nan MB"},
        {"max_growth": 0.1},
        {"max_growth": "-5%"},
        {"max_size": "1MB", "max_sise": "1MB"},
    ],
)
def test_a_setting_without_its_unit_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelSizeBudget.model_validate(settings)


@given(size=sizes, limit=sizes, more=sizes)
def test_a_looser_budget_never_fails_what_a_tighter_one_passes(
    size: int, limit: int, more: int
) -> None:
    tight, loose = (bind(ModelSizeBudget, max_size=f"{n}B") for n in (limit, limit + more))
    if judge(tight, candidate=sized(size))[0].outcome is Outcome.PASS:
        assert judge(loose, candidate=sized(size))[0].outcome is Outcome.PASS


@given(new=sizes, old=sizes, percent=st.decimals(0, 500, places=2), times=st.integers(1, 1000))
def test_growth_is_judged_in_exact_arithmetic_and_does_not_depend_on_the_scale(
    new: int, old: int, percent: Decimal, times: int
) -> None:
    policy = bind(ModelSizeBudget, max_growth=f"{percent}%", growth_from="1B")
    expected = new * 10_000 <= old * (10_000 + int(percent * 100))
    for factor in (1, times):
        (finding,) = judge(policy, candidate=sized(new * factor), baseline=sized(old * factor))
        assert finding.outcome is (Outcome.PASS if expected else Outcome.FAIL)


@given(new=sizes, old=sizes)
def test_at_most_one_of_two_different_sizes_may_not_grow_into_the_other(new: int, old: int) -> None:
    policy = bind(ModelSizeBudget, max_growth="0%", growth_from="1B")
    (there,) = judge(policy, candidate=sized(new), baseline=sized(old))
    (back,) = judge(policy, candidate=sized(old), baseline=sized(new))
    passes = {there.outcome, back.outcome}
    assert passes == ({Outcome.PASS} if new == old else {Outcome.PASS, Outcome.FAIL})
