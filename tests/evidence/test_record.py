"""The evidence file: what it holds, what it refuses, and that it says the same again."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policy_engine.evidence.record import (
    LARGEST_FLOAT,
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
    FileRecord,
    Invalid,
    ModelRecord,
    RunRecord,
    Unreadable,
    metric_value,
)
from policy_engine.testing import model, run
from tests.command import candidate, evidence


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (0.91, 0.91),
        (1, 1.0),
        (0, 0.0),
        (-1e300, -1e300),
        (float("nan"), "NaN"),
        ("NaN", "NaN"),
        (float("inf"), "Infinity"),
        ("Infinity", "Infinity"),
        (float("-inf"), "-Infinity"),
        ("-Infinity", "-Infinity"),
        (LARGEST_FLOAT, "Infinity"),
        (-LARGEST_FLOAT, "-Infinity"),
        (10**400, "Infinity"),
        (-(10**400), "-Infinity"),
        (True, "not a number"),
        ("0.91", "not a number"),
        (None, "not a number"),
        ([0.91], "not a number"),
        (Decimal("0.91"), "not a number"),
    ],
)
def test_a_metric_is_a_finite_number_or_says_what_it_is_instead(
    answer: object, reading: float | str
) -> None:
    value = metric_value(answer)
    assert value == (Invalid(invalid=reading) if isinstance(reading, str) else reading)
    assert type(value) is (Invalid if isinstance(reading, str) else float)


@given(st.one_of(st.floats(), st.integers(), st.text(), st.booleans(), st.none()))
def test_no_answer_of_a_store_becomes_a_metric_that_is_not_finite(answer: object) -> None:
    value = metric_value(answer)
    if isinstance(value, float):
        assert math.isfinite(value)
        assert abs(value) < LARGEST_FLOAT
    record = evidence(RunRecord(run_id="a", metrics={"m": value}))
    assert EvidenceRecord.from_json(record.to_text()) == record


@pytest.mark.parametrize("value", [float("nan"), float("inf"), LARGEST_FLOAT, "0.9", True, None])
def test_no_record_holds_a_metric_that_is_no_finite_number(value: Any) -> None:
    with pytest.raises(ValidationError):
        RunRecord(run_id="a", metrics={"m": value})


@pytest.mark.parametrize("size", [-1, 1.5, "12", True])
def test_no_record_holds_a_size_that_is_no_count_of_bytes(size: Any) -> None:
    with pytest.raises(ValidationError):
        FileRecord(path="model.pkl", size=size)
    with pytest.raises(ValidationError):
        ModelRecord(model_id="m", name="x", size=size)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_record_holds_nan_in_what_it_takes_over_as_it_is(value: float) -> None:
    """It has no JSON: neither the digest nor the file could be written."""
    with pytest.raises(ValidationError):
        ModelRecord(model_id="m", name="x", mlmodel={"flavors": {"a": [value]}})
    with pytest.raises(ValidationError):
        BaselineRecord(rules=({"acme": {"share": value}},))


def test_records_are_frozen_and_closed() -> None:
    record = run()
    with pytest.raises(ValidationError, match="frozen"):
        record.run_id = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        RunRecord.model_validate({"run_id": "a", "metric": {}})


def test_a_need_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError):
        EvidenceRecord.model_validate({"needs": ("modell",)})


def test_the_file_says_each_of_the_four_results_of_a_read() -> None:
    record = evidence(
        run(
            metrics={"val_f1": 0.91, "auc": float("nan")},
            model=model(size=None).model_copy(update={"flavors": Unreadable(unreadable="403")}),
        ),
        needs=("model",),
    )
    (saved,) = json.loads(record.to_text())["candidates"]
    assert saved["run"]["metrics"] == {"auc": {"invalid": "NaN"}, "val_f1": 0.91}
    assert saved["run"]["model"]["flavors"] == {"unreadable": "403"}
    assert "size" not in saved["run"]["model"]


def test_the_file_is_the_documented_shape() -> None:
    record = EvidenceRecord(
        needs=("baseline", "model"),
        collected_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
        change=ChangeRecord(pull_request=7, head_sha="a" * 40, author="ana", paths=()),
        candidates=(
            CandidateRecord(
                run=RunRecord(run_id="1" * 32, experiment="fraud", metrics={"val_f1": 0.91}),
                baselines=(BaselineRecord(rules=({"alias": "champion"},)),),
                history=(),
            ),
        ),
    )
    assert json.loads(record.to_text()) == {
        "schema": "policy-engine/evidence/v1",
        "needs": ["baseline", "model"],
        "collected_at": "2026-11-22T12:00:00Z",
        "named": True,
        "change": {
            "pull_request": 7,
            "head_sha": "a" * 40,
            "author": "ana",
            "labels": [],
            "paths": [],
            "later_paths": {},
        },
        "candidates": [
            {
                "run": {
                    "run_id": "1" * 32,
                    "experiment": "fraud",
                    "status": "FINISHED",
                    "lifecycle": "active",
                    "metrics": {"val_f1": 0.91},
                    "params": {},
                    "tags": {},
                    "datasets": [],
                },
                "baselines": [{"rules": [{"alias": "champion"}], "passed_over": []}],
                "history": [],
                "notes": [],
            }
        ],
    }
    assert record.to_text().endswith("}\n")


def test_an_empty_change_and_an_unknown_one_stay_apart() -> None:
    """The one needs no run; of the other nobody can tell."""
    for paths in ((), None):
        record = evidence(change=ChangeRecord(head_sha="a" * 40, paths=paths))
        again = EvidenceRecord.from_json(record.to_text())
        assert again.change is not None
        assert again.change.paths == paths


@pytest.mark.parametrize(
    ("history", "key"), [(None, False), ((), True), (Unreadable(unreadable="x"), True)]
)
def test_no_history_and_an_empty_one_stay_apart(history: Any, key: bool) -> None:
    record = evidence().model_copy(
        update={"candidates": (CandidateRecord(run=run(), history=history),)}
    )
    (saved,) = json.loads(record.to_text())["candidates"]
    assert ("history" in saved) is key
    assert EvidenceRecord.from_json(record.to_text()) == record


def test_the_digest_leaves_out_the_moment_of_collection_alone() -> None:
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    one = evidence(candidate(), collected_at=moment)
    later = evidence(candidate(), collected_at=moment + timedelta(days=1))
    other = evidence(candidate(metrics={"val_f1": 0.92}), collected_at=moment)
    assert one.digest == later.digest
    assert one.digest != other.digest
    assert one.digest.startswith("sha256:")
    assert len(one.digest) == len("sha256:") + 64


@pytest.mark.parametrize(
    "facts",
    [
        {"needs": ("model",)},
        {"named": False},
        {"absent": "no run"},
        {"unreadable": "HTTP 401"},
        {"change": ChangeRecord(pull_request=7)},
    ],
)
def test_the_digest_covers_everything_else(facts: dict[str, Any]) -> None:
    assert evidence(candidate(), **facts).digest != evidence(candidate()).digest


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) < LARGEST_FLOAT))
def test_a_number_is_the_same_number_after_saving(value: float) -> None:
    record = evidence(RunRecord(run_id="a", metrics={"m": value}))
    again = EvidenceRecord.from_json(record.to_text()).candidates[0].run.metrics["m"]
    assert repr(again) == repr(value)
