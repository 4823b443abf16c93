from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine import training
from policy_engine.errors import UsageError
from policy_engine.training.importance import _by_feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """MLflow over a new SQLite file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow says when it is imported is not ours
        import mlflow

        root = tmp_path_factory.mktemp("importance")
        mlflow.set_tracking_uri(f"sqlite:///{root / 'mlflow.db'}")
        mlflow.create_experiment("explained", artifact_location=str(root / "artifacts"))
        mlflow.set_experiment("explained")
        yield mlflow
    mlflow.set_tracking_uri("")


def log(mlflow: ModuleType, values: Any, **given_: Any) -> tuple[dict[str, float], Any]:
    """Log into a new run; return the file's content and the run."""
    with mlflow.start_run() as active:
        returned = training.log_importance(values, **given_)
    run_id = active.info.run_id
    stored = mlflow.artifacts.load_text(f"runs:/{run_id}/policy_engine/importance.json")
    logged: dict[str, float] = json.loads(stored)
    assert logged == returned
    return logged, mlflow.get_run(run_id)


def test_a_mapping_is_logged_with_its_method(mlflow: ModuleType) -> None:
    logged, run = log(mlflow, {"age": 1, "city": np.float32(0.5)}, method=" gain ")
    assert logged == {"age": 1.0, "city": 0.5}
    assert run.data.tags["explanation.method"] == "gain"


def test_an_array_takes_its_names_from_features(mlflow: ModuleType) -> None:
    shap = np.abs(np.array([[1.0, -2.0], [3.0, 0.0]])).mean(axis=0)
    logged, _ = log(mlflow, shap, method="shap", features=["age", "city"])
    assert logged == {"age": 2.0, "city": 1.0}


def test_a_fitted_forest_and_its_permutation_importances(mlflow: ModuleType) -> None:
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.inspection import permutation_importance

    rows, target = load_iris(return_X_y=True, as_frame=True)
    forest = RandomForestClassifier(n_estimators=5, random_state=1).fit(rows, target)
    logged, _ = log(mlflow, forest, method="impurity")
    assert list(logged) == list(rows.columns)
    assert math.isclose(sum(logged.values()), 1)
    found = permutation_importance(forest, rows, target, n_repeats=2, random_state=1)
    logged, _ = log(mlflow, found, method="permutation", features=rows.columns)
    assert list(logged.values()) == list(found.importances_mean)


def test_a_pandas_series_names_its_features() -> None:
    import pandas as pd

    assert _by_feature(pd.Series({"age": 0.5, "city": 0.25}), None) == {"age": 0.5, "city": 0.25}


@pytest.mark.parametrize(
    ("values", "features", "message"),
    [
        ({"age": math.nan}, None, "the importance of age is nan; it is a finite number"),
        ({"age": math.inf}, None, "the importance of age is inf; it is a finite number"),
        ({"age": True}, None, "the importance of age is True; it is a finite number"),
        ({"age": "0.5"}, None, "the importance of age is '0.5'; it is a finite number"),
        ({"age": None}, None, "the importance of age is None; it is a finite number"),
        ({}, None, "there are no importances to log"),
        ([1.0], None, "nothing says which features the values are of: pass `features=names`"),
        ([1.0], ["a", "b"], "there are 1 values for 2 features"),
        ([1.0, 2.0], ["a", "a"], "feature 'a' stands twice among the features"),
        (
            {"a": 1.0},
            ["a"],
            "values is a mapping and names its features: leave `features` out",
        ),
    ],
)
def test_what_is_no_importance_is_refused(
    mlflow: ModuleType, values: Any, features: Any, message: str
) -> None:
    with mlflow.start_run() as active, pytest.raises(UsageError) as refused:
        training.log_importance(values, method="shap", features=features)
    assert str(refused.value) == message
    assert "explanation.method" not in mlflow.get_run(active.info.run_id).data.tags


def test_a_table_of_shap_values_is_no_importance(mlflow: ModuleType) -> None:
    with mlflow.start_run(), pytest.raises(UsageError, match="it is a finite number"):
        training.log_importance(np.zeros((2, 3)), method="shap", features=["a", "b"])


def test_what_is_no_list_of_values_is_refused(mlflow: ModuleType) -> None:
    message = (
        "values is a object; it is a mapping of feature and number, an array with one number a "
        "feature, or a fitted estimator with feature_importances_"
    )
    with mlflow.start_run(), pytest.raises(UsageError) as refused:
        training.log_importance(object(), method="shap", features=["a"])
    assert str(refused.value) == message


def test_a_method_must_be_named(mlflow: ModuleType) -> None:
    with mlflow.start_run(), pytest.raises(UsageError) as refused:
        training.log_importance({"a": 1.0}, method=" ")
    assert str(refused.value) == (
        "method is empty; say how the importances were found: 'permutation'"
    )


def test_there_must_be_a_run(mlflow: ModuleType) -> None:
    with pytest.raises(UsageError) as refused:
        training.log_importance({"a": 1.0}, method="shap")
    assert str(refused.value) == "there is no active run to log into: with mlflow.start_run(): …"


@given(st.dictionaries(st.text(max_size=8), st.floats(-1e300, 1e300), min_size=1))
def test_every_form_of_the_same_numbers_is_the_same(values: dict[str, float]) -> None:
    assert _by_feature(values, None) == values
    assert _by_feature(list(values.values()), list(values)) == values
