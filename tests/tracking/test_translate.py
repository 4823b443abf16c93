"""MLflow's JSON into records: what is not a usable value says so."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence.record import DatasetRecord, Invalid, PrimaryMetric, VersionRecord
from policy_engine.tracking.store import ReadFailed
from policy_engine.tracking.translate import (
    mlmodel_facts,
    model_record,
    moment_of,
    primary_metric,
    run_record,
    tags_of,
)

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord

RUN_ID = "a" * 32
TWICE = (("a", 9), ("a", 9))


def a_run(info: dict[str, Any] | None = None, **data: Any) -> RunRecord:
    inputs = {"dataset_inputs": data.pop("datasets", [])}
    info = {"run_id": RUN_ID, "experiment_id": "1", "status": "FINISHED", **(info or {})}
    return run_record({"info": info, "data": data, "inputs": inputs}, None)


def pairs(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


# Metrics.


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (0.9, 0.9),
        (0, 0.0),
        (-0.0, 0.0),
        (5e-324, 5e-324),
        (1.7976931348623155e308, 1.7976931348623155e308),
        ("NaN", Invalid(invalid="NaN")),
        (math.nan, Invalid(invalid="NaN")),
        ("Infinity", Invalid(invalid="Infinity")),
        ("-Infinity", Invalid(invalid="-Infinity")),
        (math.inf, Invalid(invalid="Infinity")),
        (1.7976931348623157e308, Invalid(invalid="Infinity")),  # what SQL makes of an infinity
        (-1.7976931348623157e308, Invalid(invalid="-Infinity")),
        ("0.9", Invalid(invalid="not a number")),
        (True, Invalid(invalid="not a number")),
        (None, Invalid(invalid="not a number")),
        ([], Invalid(invalid="not a number")),
    ],
)
def test_a_metric_is_a_finite_number_or_invalid(sent: Any, read: object) -> None:
    assert a_run(metrics=pairs(m=sent)).metrics == {"m": read}


@given(st.floats())
def test_no_metric_that_mlflow_can_send_becomes_an_infinite_number(value: float) -> None:
    read = a_run(metrics=pairs(m=value)).metrics["m"]
    assert isinstance(read, Invalid) or (math.isfinite(read) and read == value)


# Texts.


@pytest.mark.parametrize(("kind", "longest"), [("params", 6000), ("tags", 8000)])
def test_a_text_that_mlflow_may_have_cut_off_is_invalid(kind: str, longest: int) -> None:
    whole, cut, more = "x" * (longest - 1), "x" * longest, "x" * (longest + 1)
    sent: dict[str, Any] = {kind: pairs(whole=whole, cut=cut, more=more)}
    texts = getattr(a_run(**sent), kind)
    why = Invalid(invalid=f"cut off by MLflow at {longest} characters")
    assert texts == {"whole": whole, "cut": why, "more": why}


def test_texts_are_counted_in_characters_and_not_in_bytes() -> None:
    text = "é" * 5999
    assert a_run(params=pairs(p=text)).params == {"p": text}


def test_a_tag_without_a_value_is_empty_text() -> None:
    """MLflow's JSON leaves out a text that is empty."""
    run = {"info": {}, "data": {"tags": [{"key": "k"}]}}
    assert tags_of(run) == {"k": ""}


# Times.


@pytest.mark.parametrize("nothing", [None, 0, "", "soon", 10**30])
def test_a_time_that_is_not_set_is_none(nothing: Any) -> None:
    assert moment_of(nothing) is None


def test_a_time_is_utc_to_the_millisecond() -> None:
    run = a_run({"start_time": 1_790_000_000_123, "end_time": "1790000001000"})
    assert run.start_time == datetime(2026, 9, 21, 14, 13, 20, 123_000, tzinfo=UTC)
    assert run.end_time == datetime(2026, 9, 21, 14, 13, 21, tzinfo=UTC)


# Datasets.


def test_a_dataset_has_its_digest_context_rows_and_columns() -> None:
    dataset = {
        "name": "validation",
        "digest": "0a1b2c3d",
        "source_type": "local",
        "source": '{"uri": "/data.csv"}',
        "profile": '{"num_rows": 50, "num_elements": 100}',
        "schema": json.dumps({"mlflow_colspec": [{"name": "age"}, {"name": "sum"}]}),
    }
    tags = pairs(**{"mlflow.data.context": "eval", "split": "2026"})
    assert a_run(datasets=[{"dataset": dataset, "tags": tags}]).datasets == (
        DatasetRecord(
            name="validation",
            digest="0a1b2c3d",
            context="eval",
            source_type="local",
            source='{"uri": "/data.csv"}',
            rows=50,
            columns=("age", "sum"),
            tags={"split": "2026"},
        ),
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"num_rows": -1}', '{"num_rows": "9"}'])
def test_a_profile_that_says_nothing_leaves_the_rows_unknown(text: str) -> None:
    (dataset,) = a_run(
        datasets=[{"dataset": {"name": "d", "profile": text, "schema": text}}]
    ).datasets
    assert (dataset.rows, dataset.columns) == (None, None)


@pytest.mark.parametrize(
    ("columns", "types"),
    [
        ([{"name": "age", "type": "long", "required": True}], ("long",)),
        ([{"name": "city", "type": "string", "required": False}], ("string?",)),
        ([{"name": "age", "type": "long"}, {"name": "odd"}], None),
    ],
)
def test_a_dataset_tells_the_types_of_its_columns(
    columns: list[dict[str, Any]], types: tuple[str, ...] | None
) -> None:
    schema = json.dumps({"mlflow_colspec": columns})
    (dataset,) = a_run(datasets=[{"dataset": {"name": "d", "schema": schema}}]).datasets
    assert dataset.types == types


@pytest.mark.parametrize(
    ("profile", "rows", "elements"),
    [
        ({"features_shape": [50, 3], "features_size": 150, "targets_size": 50}, 50, 150),
        ({"features_shape": {"a": [7]}, "features_size": {"a": 7, "b": 21}}, 7, 21),
        ({"features_shape": [], "features_size": 1}, None, 1),
        ({"num_rows": True, "features_shape": "9"}, None, None),
    ],
)
def test_an_array_tells_its_rows_and_elements(
    profile: dict[str, Any], rows: int | None, elements: int | None
) -> None:
    raw = {"name": "d", "profile": json.dumps(profile)}
    (dataset,) = a_run(datasets=[{"dataset": raw}]).datasets
    assert (dataset.rows, dataset.elements) == (rows, elements)


# Models.


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("LOGGED_MODEL_READY", "READY"),
        ("LOGGED_MODEL_PENDING", "PENDING"),
        ("LOGGED_MODEL_UPLOAD_FAILED", "FAILED"),
        (None, "None"),
        (2, "2"),
    ],
)
def test_only_ready_is_ready(sent: Any, status: str) -> None:
    model = {"info": {"model_id": "m-1", "name": "a", "status": sent}}
    assert model_record(model).status == status


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        (
            json.dumps([{"name": name, "version": n} for name, n in (("b", 10), *TWICE)]),
            [("a", "9"), ("b", "10")],
        ),
        ("[]", []),
        ("", []),
        ("{", []),
        ("7", []),
        ('[{"name": "a"}]', []),
        ('["a"]', []),
    ],
)
def test_registered_versions_are_listed_once_oldest_first(
    text: str, versions: list[tuple[str, str]]
) -> None:
    tags = pairs(**{"mlflow.modelVersions": text})
    model = {"info": {"model_id": "m-1", "name": "a", "tags": tags}}
    expected = tuple(VersionRecord(name=name, version=version) for name, version in versions)
    assert model_record(model).versions == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "cannot be read (it is not YAML, or nested too deeply)"),
        (
            "a: !!python/object/apply:os.system [id]",
            "cannot be read (it is not YAML, or nested too deeply)",
        ),
        ("[" * 5000, "cannot be read (it is nested more than 64 levels deep)"),
        ("a: 2026-99-99", "cannot be read (month must be in 1..12)"),
        ("", "names no flavors"),
        ("7", "names no flavors"),
        ("flavors: [sklearn]", "names no flavors"),
        ("<html>log in</html>", "names no flavors"),
    ],
)
def test_an_mlmodel_file_that_is_none_is_unreadable(text: str, why: str) -> None:
    with pytest.raises(ReadFailed) as caught:
        mlmodel_facts(text)
    assert str(caught.value) == f"the MLmodel file {why}; log the model again"


# The experiment's own metric.


@pytest.mark.parametrize(
    ("tags", "metric"),
    [
        ({"name": "auc", "greaterIsBetter": "True"}, PrimaryMetric(name="auc", goal="maximize")),
        ({"name": "auc", "greaterIsBetter": "true"}, PrimaryMetric(name="auc", goal="maximize")),
        ({"name": "loss", "greaterIsBetter": "False"}, PrimaryMetric(name="loss", goal="minimize")),
        ({"name": "loss", "greaterIsBetter": "no"}, PrimaryMetric(name="loss")),
        ({"name": "loss"}, PrimaryMetric(name="loss")),
        ({"greaterIsBetter": "True"}, None),
        ({}, None),
    ],
)
def test_the_experiment_may_say_which_metric_counts(
    tags: dict[str, str], metric: PrimaryMetric | None
) -> None:
    sent = pairs(**{f"mlflow.experiment.primaryMetric.{k}": v for k, v in tags.items()})
    assert primary_metric({"tags": sent}) == metric
