"""`log_predictions`, on real runs, read again as the gate reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pandas as pd
import pytest

from policy_engine import training
from policy_engine.errors import UsageError
from policy_engine.tracking.tables import TABLE_CAP
from policy_engine.tracking.translate import table_columns
from policy_engine.training.predictions import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the training side may warn

ROWS: dict[str, Any] = {"row_id": ["a", "b"], "target": [1, 0], "prediction": [1, 1]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("log-predictions")
    mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
    mlflow.create_experiment("rows", artifact_location=(root / "files").as_uri())
    yield root
    mlflow.set_tracking_uri("")


@pytest.fixture
def active(store: Path) -> Iterator[Any]:
    mlflow.set_tracking_uri(f"sqlite:///{store / 'mlflow.db'}")
    mlflow.set_experiment("rows")
    with mlflow.start_run() as run:
        yield run


def read(run: Any) -> Any:
    path = f"runs:/{run.info.run_id}/policy_engine/predictions.json"
    return table_columns(mlflow.artifacts.load_text(path))


def test_arrays_columns_and_lists_become_one_table(active: Any) -> None:
    training.log_predictions(
        row_id=pd.Series(["a", "b"], index=[7, 3]),
        target=np.array([1, 0]),
        prediction=[1, None],
        score=np.array([0.75, 0.5]),
        weight=(1, 2),
        cluster=["p", "q"],
        region=pd.Series(["EU", None]),
    )
    assert read(active) == {
        "row_id": ("a", "b"),
        "target": (1, 0),
        "prediction": (1.0, None),
        "score": (0.75, 0.5),
        "weight": (1, 2),
        "cluster": ("p", "q"),
        "region": ("EU", None),
    }


def test_scores_of_several_classes_have_a_column_each(active: Any) -> None:
    score: dict[Any, Any] = {np.int64(0): [0.25, 0.5], True: np.array([0.75, 0.5])}
    training.log_predictions(**ROWS, score=score)
    assert {"score/0", "score/1"} <= set(read(active))


def test_the_largest_table_without_a_warning_is_what_a_check_reads_by_default() -> None:
    assert LARGEST == TABLE_CAP


def test_a_table_that_a_check_does_not_read_by_default_is_logged_with_a_warning(
    active: Any,
) -> None:
    long = ["x" * 35_000_000, "y" * 35_000_000]
    with pytest.warns(UserWarning, match="max_text") as warned:
        training.log_predictions(**ROWS, note=long)
    path = f"runs:/{active.info.run_id}/policy_engine/predictions.json"
    size = len(mlflow.artifacts.load_text(path).encode())
    (message,) = (str(each.message) for each in warned if "max_text" in str(each.message))
    assert message == (
        f"policy_engine/predictions.json of run {active.info.run_id} has 2 rows and "
        f"{size / 1e6:.1f} MB; a check reads at most 67.1 MB: raise `max_text` under `evidence:` "
        "in the policy file, or log fewer rows, or leave out columns that no policy reads"
    )


@pytest.mark.filterwarnings("error:.*max_text:UserWarning")
def test_a_table_that_a_check_reads_is_logged_without_a_warning(active: Any) -> None:
    training.log_predictions(**ROWS, note=["x" * 30_000_000, "y" * 30_000_000])
    assert len(read(active)["note"]) == 2


def test_a_second_call_in_a_run_is_refused(active: Any) -> None:
    training.log_predictions(**ROWS)
    with pytest.raises(UsageError, match="has predictions already; MLflow would append to them"):
        training.log_predictions(**ROWS)
    assert len(read(active)["row_id"]) == 2


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"target": [1]}, "target has 1 values for 2 rows"),
        ({"row_id": ["a", "a"]}, "1 row_id stand twice or more; each row has its own name"),
        ({"row_id": ["a", None]}, "a row_id is null"),
        ({"row_id": ["a", float("nan")]}, "a row_id is null"),
        ({"row_id": [], "target": [], "prediction": []}, "there are no rows to log"),
        ({"prediction": "ab"}, "prediction is str; it is a list, an array or a column"),
        (
            {"score": np.zeros((2, 2))},
            r"score has 2 dimensions; it has one value a row \(scores of several classes: .*\)",
        ),
    ],
)
def test_what_is_no_table_is_refused_and_nothing_is_logged(
    active: Any, wrong: dict[str, Any], why: str
) -> None:
    with pytest.raises(UsageError, match=f"^{why}$"):
        training.log_predictions(**(ROWS | wrong))
    assert mlflow.artifacts.list_artifacts(run_id=active.info.run_id) == []


def test_without_a_run_it_is_refused(store: Path) -> None:
    assert store.exists()
    with pytest.raises(UsageError, match="there is no active run to log into"):
        training.log_predictions(**ROWS)
