"""A dataset's canonical hash, and what `log_dataset` leaves in MLflow."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.training import log_dataset
from policy_engine.training.data_hash import rows_of
from policy_engine.training.dataset import hash_data, overlap_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = np.arange(12.0).reshape(4, 3)
KNOWN = "fcb738578a25e459e2a50e5d772ea8468b3451c08d37b0370bdd0edbfa98bd4a"


def mixed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amount": [1.5, None, -0.0],
            "city": ["Ulm", None, "Köln"],
            "at": pd.to_datetime(["2026-01-31T08:00:00.5", None, "2026-02-01"], format="ISO8601"),
            "took": pd.to_timedelta(["90min", None, "1ns"]),
            "is_new": [True, False, True],
            "account": [2**60 + 1, 5, -(2**70)],
            "rate": [Decimal("0.1"), Decimal(2), None],
            "tags": [["a", 1], {"k": np.int64(3)}, np.array([1.0, np.nan])],
            "raw": [b"\x00", b"", None],
        }
    )


def test_the_hash_of_a_table_with_every_kind_of_cell_never_changes() -> None:
    """A hash that changed would make every older run's data another one: raise VERSION then."""
    assert hash_data(mixed()) == KNOWN


def test_the_hash_is_what_its_definition_says() -> None:
    """Written anew from the table of `data_hash`, so that anybody could compute it."""
    rows = [
        b"\x01" + struct.pack("<d", 2.5) + b"\x03" + struct.pack("<q", 2) + "é".encode(),
        b"\x00" + b"\x05" + struct.pack("<q", 19) + b"2026-01-31T00:00:00",
    ]
    whole = b'{"columns":["a","b"],"version":1}\n'
    whole += b"".join(sorted(hashlib.sha256(row).digest() for row in rows))
    data = pd.DataFrame({"b": ["é", date(2026, 1, 31)], "a": [2.5, None]})
    assert hash_data(data) == hashlib.sha256(whole).hexdigest()


def test_another_process_with_another_hash_seed_finds_the_same() -> None:
    code = (
        "import pandas as pd; from policy_engine.training.dataset import hash_data; "
        "print(hash_data(pd.DataFrame({'b': ['x', None], 'a': [1, 2]})))"
    )
    here = hash_data(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}))
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == here


@pytest.mark.parametrize(
    "same",
    [
        TABLE[::-1],
        TABLE.astype(int),
        TABLE.astype("float32"),
        np.asfortranarray(TABLE),
        TABLE.astype(object),
        pd.DataFrame(TABLE),
        pd.DataFrame(TABLE, index=list("dcba")),
        pd.DataFrame(TABLE)[[2, 0, 1]],
        pd.DataFrame(TABLE).astype("Int64"),
        pd.DataFrame(TABLE, columns=["0", "1", "2"]),
    ],
)
def test_order_width_index_and_library_do_not_matter(same: Any) -> None:
    assert hash_data(same) == hash_data(TABLE)


@pytest.mark.parametrize(
    "other",
    [
        TABLE[:3],
        np.vstack([TABLE, TABLE[:1]]),
        TABLE + 1e-12,
        TABLE.T,
        TABLE[:, ::-1],
        TABLE.astype(str),
        pd.DataFrame(TABLE, columns=list("abc")),
        pd.DataFrame(TABLE).where(TABLE > 0),
        TABLE.reshape(4, 3, 1),
    ],
)
def test_cells_names_and_how_often_a_row_occurs_matter(other: Any) -> None:
    assert hash_data(other) != hash_data(TABLE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2**60], [1.0, float(2**60)]),
        ([None, "x"], [float("nan"), "x"]),
        ([pd.NaT, 1], [pd.NA, 1]),
        ([datetime(2026, 1, 31, 8, tzinfo=UTC)], pd.to_datetime(["2026-01-31T08:00"])),
        ([date(2026, 1, 31)], [np.datetime64("2026-01-31", "ns")]),
        (pd.to_datetime(["2026-01-31T17:00+09:00"]), pd.to_datetime(["2026-01-31T08:00"])),
        (pd.to_datetime(["2026-01-31"]).as_unit("s"), pd.to_datetime(["2026-01-31"])),
        (pd.to_timedelta(["90min"]), [pd.Timedelta(minutes=90)]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        (pd.array(["a", None], dtype="string"), ["a", None]),
        ([Decimal("0.5"), Decimal(3)], [0.5, 3]),
        ([np.array([1, 2])], [[1.0, 2.0]]),
        ([np.bool_(True)], [1]),  # noqa: FBT003 (a cell)
    ],
)
def test_the_same_value_by_another_type_is_the_same_cell(one: Any, other: Any) -> None:
    assert hash_data(pd.DataFrame({"x": one})) == hash_data(pd.DataFrame({"x": other}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["1"], [1]),
        ([2**60 + 1], [2**60]),
        (["a", "bc"], ["ab", "c"]),
        ([""], [None]),
        ([b"a"], ["a"]),
        ([Decimal("0.1")], [0.1]),
        ([[1, [2]]], [[1, 2]]),
        ([{"a": 1}], [["a", 1]]),
        (["2026-01-31T00:00:00"], [date(2026, 1, 31)]),
    ],
)
def test_different_values_are_different_cells(one: list[Any], other: list[Any]) -> None:
    assert hash_data(pd.DataFrame({"x": one})) != hash_data(pd.DataFrame({"x": other}))


def test_cells_do_not_run_together_nor_change_places() -> None:
    one = pd.DataFrame({"x": ["ab", "d"], "y": ["c", "e"]})
    for x, y in ((["a", "d"], ["bc", "e"]), (["ab", "d"], ["e", "c"]), (["c", "e"], ["ab", "d"])):
        assert hash_data(pd.DataFrame({"x": x, "y": y})) != hash_data(one)


def test_targets_are_part_of_the_hash() -> None:
    labels = np.array([1, 0, 1, 0])
    with_labels = hash_data(TABLE, targets=labels)
    assert with_labels == hash_data(pd.DataFrame(TABLE).assign(target=labels))
    assert with_labels == hash_data(pd.DataFrame(TABLE), targets=labels.tolist())
    assert with_labels != hash_data(TABLE, targets=1 - labels)
    frame = pd.DataFrame(TABLE, columns=list("abc"))
    assert hash_data(frame, targets="c") == hash_data(frame)


def test_pictures_are_hashed_with_their_shape() -> None:
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert hash_data(pictures) == hash_data(pictures[::-1].astype(float))
    assert hash_data(pictures) != hash_data(pictures.reshape(2, 4, 3))
    holes = pictures.astype(float)
    holes[0, 0, 0] = np.nan
    assert hash_data(holes) == hash_data(holes.astype(object))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            [[1, 2]],
            (
                "expected a pandas frame or a numpy array, got list; convert it, such as with "
                "to_pandas() or numpy.asarray()"
            ),
        ),
        (
            pd.DataFrame({"x": [1 + 2j]}),
            "column x holds a complex, which has no canonical form; turn it into text or numbers",
        ),
        (
            pd.DataFrame({"x": [object()]}),
            "column x holds a object, which has no canonical form; turn it into text or numbers",
        ),
    ],
)
def test_what_has_no_canonical_form_is_refused_without_its_value(data: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        hash_data(data)
    assert str(caught.value) == message


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="another number of targets than of rows"):
        hash_data(TABLE, targets=[1, 0])
    with pytest.raises(TypeError, match="the column 'y', which the data does not have"):
        hash_data(TABLE, targets="y")


cells = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
tables = st.lists(st.tuples(cells, cells), min_size=1, max_size=6)


@given(rows=tables, order=st.randoms(use_true_random=False))
def test_shuffled_rows_are_the_same_data(rows: list[Any], order: Any) -> None:
    shuffled = list(rows)
    order.shuffle(shuffled)
    one, other = (pd.DataFrame(each, columns=["x", "y"], dtype=object) for each in (rows, shuffled))
    assert hash_data(one) == hash_data(other)


@given(rows=tables)
def test_rows_have_equal_digests_exactly_if_they_are_equal(rows: list[Any]) -> None:
    digests = rows_of(pd.DataFrame(rows, columns=["x", "y"], dtype=object)).digests

    def cell(value: Any) -> Any:
        if value is None or value != value:  # noqa: PLR0124 (NaN is not itself)
            return None
        return ("text", value) if isinstance(value, str) else value

    distinct = {tuple(map(cell, row)) for row in rows}
    assert len(set(digests)) == len(distinct)


@given(numbers=st.lists(st.floats() | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_the_quick_way_for_numbers_is_the_slow_way(numbers: list[float]) -> None:
    for kind in (float, int):
        same = [n for n in numbers if type(n) is kind]
        quick, slow = np.array(same, dtype=kind), np.array(same, dtype=object)
        assert rows_of(quick).digests == rows_of(slow).digests


def test_the_overlap_is_the_share_of_evaluation_rows_that_occur_in_training() -> None:
    assert overlap_ratio(TABLE, TABLE[2:]) == 1.0
    assert overlap_ratio(TABLE[:2], TABLE[1:]) == pytest.approx(1 / 3)
    assert overlap_ratio(TABLE[:2], TABLE[2:]) == 0.0
    halves = {"training_targets": [0, 1, 1, 1], "evaluation_targets": [1, 0]}
    assert overlap_ratio(TABLE, TABLE[2:], **halves) == 0.5
    ids = pd.Series(["a", "b"], name="id")
    assert overlap_ratio(ids, ids[:1]) == 1.0
    with pytest.raises(ValueError, match="have different columns"):
        overlap_ratio(TABLE, TABLE[:, :2])
    with pytest.raises(ValueError, match="has no rows"):
        overlap_ratio(TABLE, TABLE[:0])


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The id of an experiment in a new SQLite store, which is MLflow's for these tests."""
    import mlflow

    folder = tmp_path_factory.mktemp("datasets")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    yield mlflow.create_experiment("datasets", str(folder / "artifacts"))
    mlflow.set_tracking_uri("")


def inputs_of(run_id: str) -> list[tuple[Any, dict[str, str]]]:
    from mlflow import MlflowClient

    inputs = MlflowClient().get_run(run_id).inputs
    assert inputs is not None
    return [(i.dataset, {tag.key: tag.value for tag in i.tags}) for i in inputs.dataset_inputs]


def test_one_line_logs_the_hash_and_all_facts(experiment: str) -> None:
    import mlflow

    frame = mixed()[["amount", "city", "at"]]
    with mlflow.start_run(experiment_id=experiment) as run:
        sha256 = log_dataset(
            frame,
            name="payments",
            context="training",
            licence="CC-BY-4.0",
            purpose="fraud detection",
            consent_basis="contract",
            owner="payments team",
            min_timestamp="2026-01-01",
            max_timestamp=frame["at"].max(),
            source="s3://bucket/payments.parquet",
            targets="amount",
        )
    ((dataset, tags),) = inputs_of(run.info.run_id)
    assert sha256 == hash_data(frame)
    assert tags == {
        "mlflow.data.context": "training",
        "data.sha256": sha256,
        "data.licence": "CC-BY-4.0",
        "data.purpose": "fraud detection",
        "data.consent_basis": "contract",
        "data.owner": "payments team",
        "data.min_timestamp": "2026-01-01T00:00:00+00:00",
        "data.max_timestamp": "2026-02-01T00:00:00+00:00",
    }
    assert (dataset.name, dataset.source_type) == ("payments", "s3")


def test_arrays_and_series_are_logged_too_and_what_nobody_knows_is_left_out(
    experiment: str,
) -> None:
    import mlflow

    labels = np.array([1, 0, 1, 0])
    with mlflow.start_run(experiment_id=experiment) as run:
        log_dataset(TABLE, name="a", context="evaluation", targets=labels)
        log_dataset(pd.Series([1, 2], name="x"), name="b", context="training")
        log_dataset(pd.DataFrame(TABLE), name="c", context="test", targets=labels.tolist())
    found = {dataset.name: tags for dataset, tags in inputs_of(run.info.run_id)}
    assert found["a"] == {
        "mlflow.data.context": "evaluation",
        "data.sha256": hash_data(TABLE, targets=labels),
    }
    assert found["c"]["data.sha256"] == found["a"]["data.sha256"]
    assert found["b"]["data.sha256"] == hash_data(pd.DataFrame({"x": [1, 2]}))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"licence": " "}, "licence is empty; leave it out if it is not known"),
        ({"purpose": "x" * 501}, "purpose has 501 characters; MLflow keeps 500"),
        (
            {"max_timestamp": "yesterday"},
            "max_timestamp is not an ISO 8601 time; write it like 2026-01-31T08:00:00Z",
        ),
        (
            {"max_timestamp": pd.NaT},
            "max_timestamp is not a time; give a datetime, a date or ISO 8601 text",
        ),
        (
            {"min_timestamp": "2026-01-02", "max_timestamp": "2026-01-01"},
            "min_timestamp is later than max_timestamp",
        ),
    ],
)
def test_a_fact_that_is_none_is_refused_before_anything_is_logged(
    facts: dict[str, Any], message: str, experiment: str
) -> None:
    import mlflow

    with (
        mlflow.start_run(experiment_id=experiment) as run,
        pytest.raises(ValueError, match=re.escape(message)) as caught,
    ):
        log_dataset(TABLE, name="a", context="training", **facts)
    assert str(caught.value) == message
    assert inputs_of(run.info.run_id) == []


@pytest.mark.parametrize(
    "when",
    [
        "2026-01-31T08:00:00Z",
        "2026-01-31T08:00:00",
        datetime(2026, 1, 31, 8, tzinfo=UTC),
        datetime(2026, 1, 31, 8),  # noqa: DTZ001 (what people give)
        pd.Timestamp("2026-01-31T08:00:00.000000001"),
        np.datetime64("2026-01-31T08:00:00", "ns"),
    ],
)
def test_a_time_may_be_given_in_any_form_and_no_zone_is_utc(when: Any, experiment: str) -> None:
    import mlflow

    with mlflow.start_run(experiment_id=experiment) as run:
        log_dataset(TABLE, name="a", context="training", max_timestamp=when)
    ((_, tags),) = inputs_of(run.info.run_id)
    assert tags["data.max_timestamp"] == "2026-01-31T08:00:00+00:00"
