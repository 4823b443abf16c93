from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policy_engine.evidence import (
    EVERYTHING,
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    NotApplicable,
    UndeclaredNeed,
    UnreadableEvidence,
    resolve_metric,
)
from policy_engine.evidence.record import (
    ChangeRecord,
    DatasetRecord,
    Invalid,
    PrimaryMetric,
    RunRecord,
    Unreadable,
    VersionRecord,
    metric_value,
)
from policy_engine.quantities import Margin
from policy_engine.testing import NOW, STARTED, case, model, run

UNREADABLE = Unreadable(unreadable="HTTP 500")


def seen(record: RunRecord, needs: Needs = EVERYTHING) -> Case:
    return case(needs, candidate=record)


def test_a_metric_is_a_measurement_that_the_training_code_logged() -> None:
    value = seen(run(metrics={"rmse": 0.1})).candidate.metric("rmse")
    assert value == Measurement(Decimal("0.1"), "rmse", Grade.LOGGED, "metric rmse")


def test_an_absent_metric_is_missing_and_names_the_nearest() -> None:
    with pytest.raises(MissingEvidence) as caught:
        seen(run(metrics={"val_f1": 0.9, "loss": 0.1})).candidate.metric("val_f2")
    assert str(caught.value) == ("the candidate run has no metric val_f2; nearest names: val_f1")
    assert caught.value.remedy == 'log it: mlflow.log_metric("val_f2", value)'


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (1.7976931348623157e308, "Infinity"),
        (-1.7976931348623157e308, "-Infinity"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("0.9", "not a number"),
        (True, "not a number"),
        (None, "not a number"),
    ],
)
def test_what_is_stored_and_is_no_number_is_invalid(stored: object, said: str) -> None:
    record = run().model_copy(update={"metrics": {"rmse": metric_value(stored)}})
    with pytest.raises(InvalidEvidence) as caught:
        seen(record).candidate.metric("rmse")
    assert str(caught.value) == f"metric rmse of the candidate run is {said}"


@pytest.mark.parametrize(
    "run_json",
    [
        '{"run_id": "a", "metrics": {"f1": "0.9"}}',
        '{"run_id": "a", "metrics": {"f1": true}}',
        '{"run_id": "a", "metrics": {"f1": NaN}}',
        '{"run_id": "a", "metrics": {"f1": 1e999}}',
        '{"run_id": "a", "model": {"model_id": "m", "name": "x", "size": "12"}}',
        '{"run_id": "a", "model": {"model_id": "m", "name": "x", "size": true}}',
        '{"run_id": "a", "model": {"model_id": "m", "name": "x", "size": -1}}',
        '{"run_id": "a", "start_time": 5}',
        '{"run_id": "a", "metric": {"f1": 0.9}}',
    ],
)
def test_an_evidence_file_with_anything_but_a_number_where_one_is_due_is_refused(
    run_json: str,
) -> None:
    with pytest.raises(ValidationError):
        RunRecord.model_validate_json(run_json)


@pytest.mark.parametrize("value", [-0.01, 1.01, 91.0])
def test_a_score_outside_0_and_1_is_invalid(value: float) -> None:
    with pytest.raises(InvalidEvidence, match="it lies in \\[0, 1\\] by definition"):
        seen(run(metrics={"val_f1": value})).candidate.metric("val_f1")


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1.7e308, max_value=1.7e308))
def test_a_metric_is_the_decimal_that_was_written(value: float) -> None:
    assert seen(run(metrics={"x": value})).candidate.metric("x").value == Decimal(repr(value))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_a_measurement_is_finite(value: str) -> None:
    with pytest.raises(InvalidEvidence):
        Measurement(Decimal(value), "B")


def test_what_a_policy_sees_is_frozen() -> None:
    with pytest.raises(AttributeError):
        seen(run()).first_run = True  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Measurement(Decimal(1), "B").value = Decimal(0)  # type: ignore[misc]


def test_a_duration_is_from_start_to_end() -> None:
    duration = seen(run(duration="90min")).candidate.duration
    assert (duration.value, duration.unit, duration.grade) == (Decimal(5400), "s", Grade.LOGGED)


def test_a_duration_is_exact_to_the_microsecond() -> None:
    record = run(end_time=STARTED + timedelta(microseconds=1))
    assert seen(record).candidate.duration.value == Decimal("0.000001")


def test_a_run_that_ends_before_it_starts_has_no_duration() -> None:
    with pytest.raises(InvalidEvidence):
        _ = seen(run(end_time=STARTED - timedelta(seconds=1))).candidate.duration


@pytest.mark.parametrize("which", ["start_time", "end_time"])
def test_a_run_without_a_time_has_no_duration(which: str) -> None:
    with pytest.raises(MissingEvidence):
        _ = seen(run().model_copy(update={which: None})).candidate.duration


NEEDED: list[tuple[Needs, Callable[[Case], object]]] = [
    (Needs.MODEL, lambda c: c.candidate.model),
    (Needs.DATASETS, lambda c: c.candidate.datasets),
    (Needs.FILES, lambda c: c.candidate.files),
    (Needs.REGISTRY, lambda c: c.candidate.aliases),
    (Needs.CHILDREN, lambda c: c.candidate.children),
    (Needs.BASELINE, lambda c: c.baseline),
    (Needs.HISTORY, lambda c: c.history),
    (Needs.LATER, lambda c: c.later),
    (Needs.CHANGE, lambda c: c.change),
]


@pytest.mark.parametrize(("need", "read"), NEEDED, ids=[n.name for n, _ in NEEDED])
def test_what_a_policy_does_not_declare_is_closed_to_it(
    need: Needs, read: Callable[[Case], object]
) -> None:
    record = run(model=model(), files=(), aliases={}, datasets=(DatasetRecord(name="train"),))
    facts = {"candidate": record, "baseline": run(), "change": ChangeRecord()}
    read(case(need, **facts))  # type: ignore[arg-type]
    with pytest.raises(UndeclaredNeed) as caught:
        read(case(EVERYTHING & ~need, **facts))  # type: ignore[arg-type]
    assert caught.value.remedy == f"add `Needs.{need.name}` to the policy's `needs`"


@pytest.mark.parametrize(
    ("gap", "error"),
    [
        (None, MissingEvidence),
        (Invalid(invalid="a list"), InvalidEvidence),
        (UNREADABLE, UnreadableEvidence),
    ],
)
@pytest.mark.parametrize("field", ["model", "files", "aliases", "children"])
def test_the_four_results_of_a_read_are_never_taken_for_one_another(
    field: str, gap: Invalid | Unreadable | None, error: type[Exception]
) -> None:
    record = run(model=model(), files=(), aliases={}).model_copy(update={field: gap})
    with pytest.raises(error):
        getattr(seen(record).candidate, field)
    value = getattr(seen(run(model=model(), files=(), aliases={})).candidate, field)
    assert value is not None


def test_a_text_that_mlflow_cut_off_is_invalid_and_left_out_of_the_whole_ones() -> None:
    record = run(
        tags={"a": "b", "long": Invalid(invalid="cut off at 8000 characters")},
        params={"seed": "7", "big": Invalid(invalid="cut off")},
    )
    candidate = seen(record).candidate
    assert (dict(candidate.tags), dict(candidate.params)) == ({"a": "b"}, {"seed": "7"})
    assert (candidate.tag("a"), candidate.param("seed")) == ("b", "7")
    with pytest.raises(InvalidEvidence, match="cut off at 8000 characters"):
        candidate.tag("long")
    with pytest.raises(MissingEvidence, match="the candidate run has no parameter sed; nearest"):
        candidate.param("sed")


@pytest.mark.parametrize("size", [0, None])
def test_a_model_without_stored_files_has_no_size(size: int | None) -> None:
    with pytest.raises(MissingEvidence):
        _ = seen(run(model=model(size=size))).candidate.model.size


def test_a_models_size_is_measured() -> None:
    size = seen(run(model=model(size="253MB"))).candidate.model.size
    assert size == Measurement(Decimal(253_000_000), "B", Grade.MEASURED, "artifact listing")


def test_children_show_their_run_facts_alone() -> None:
    (child,) = seen(run(children=[run(duration="2h", model=model())])).candidate.children
    assert child.duration.value == 7200
    with pytest.raises(UndeclaredNeed):
        _ = child.model


def test_history_shows_run_facts_alone() -> None:
    (earlier,) = case(Needs.HISTORY, history=[run(metrics={"val_f1": 0.8})]).history
    assert earlier.metric("val_f1").value == Decimal("0.8")
    with pytest.raises(UndeclaredNeed):
        _ = earlier.files


def test_the_baseline_is_named_in_what_it_lacks() -> None:
    with pytest.raises(MissingEvidence, match="the baseline run has no metric val_f1"):
        case(Needs.BASELINE, baseline=run()).baseline.metric("val_f1")


def test_an_unreadable_baseline_is_not_an_absent_one() -> None:
    one = case(Needs.BASELINE, baseline=run())
    assert one.found is not None
    found = one.found.model_copy(update={"run": UNREADABLE})
    other = Case(evidence=one.evidence, needs=Needs.BASELINE, found=found, first_run=True)
    with pytest.raises(UnreadableEvidence, match="the baseline could not be read: HTTP 500"):
        _ = other.baseline


def test_without_a_rule_there_is_no_baseline() -> None:
    one = case(Needs.BASELINE)
    bare = Case(evidence=one.evidence, needs=Needs.BASELINE, found=None)
    with pytest.raises(MissingEvidence) as caught:
        _ = bare.baseline
    assert str(caught.value) == ("the policy file has no `baseline:` rule, so there is no baseline")


def test_a_first_run_holds_only_without_earlier_versions() -> None:
    with pytest.raises(NotApplicable):
        _ = case(Needs.BASELINE, first_run=True).baseline
    second = run(model=model(versions=(VersionRecord(name="fraud", version="2"),)))
    with pytest.raises(MissingEvidence, match="has earlier versions"):
        _ = case(Needs.BASELINE, candidate=second, first_run=True).baseline


def test_the_policy_files_metric_goes_before_the_experiments() -> None:
    record = run(primary_metric=PrimaryMetric(name="profit", goal="maximize"))
    assert case(Needs.RUN, candidate=record, metric="val_f1").metric.name == "val_f1"
    assert case(Needs.RUN, candidate=record).metric == Metric(
        "profit", "maximize", None, "the experiment's tags"
    )


def test_without_a_metric_nothing_says_what_counts() -> None:
    with pytest.raises(MissingEvidence) as caught:
        _ = case(Needs.RUN).metric
    assert caught.value.remedy == "set `metric: {name: …, goal: maximize}` in the policy file"


def test_a_metric_without_a_direction_is_missing() -> None:
    with pytest.raises(MissingEvidence) as caught:
        resolve_metric("profit", None, None, "the file")
    assert str(caught.value) == "nothing says whether a greater profit is better"


def test_a_gain_is_positive_where_the_candidate_is_better() -> None:
    up, down = (Metric("x", goal, None, "") for goal in ("maximize", "minimize"))
    one = case(Needs.BASELINE, candidate=run(metrics={"x": 3}), baseline=run(metrics={"x": 1}))
    assert up.gain(one.candidate, one.baseline) == 2
    assert down.gain(one.candidate, one.baseline) == -2


def test_a_point_turns_a_margin_into_the_metrics_units() -> None:
    margin = Margin(Decimal(2), in_points=True)
    assert resolve_metric("val_f1", None, None, "").distance(margin) == Decimal("0.02")
    assert Metric("x", "maximize", Decimal(5), "").distance(margin) == 10
    assert Metric("x", "maximize", None, "").distance(Margin(Decimal(2), in_points=False)) == 2
    with pytest.raises(MissingEvidence, match="nothing says what one point of x is"):
        Metric("x", "maximize", None, "").distance(margin)


def test_the_clock_of_a_policy_is_given() -> None:
    assert case(Needs.RUN).now == NOW


def test_needs_have_the_names_that_the_evidence_file_writes() -> None:
    needs = Needs.RUN | Needs.MODEL | Needs.BASELINE
    assert needs.names == ("baseline", "model")
    assert Needs.of(needs.names) == needs
    assert Needs.of([]) == Needs.RUN
