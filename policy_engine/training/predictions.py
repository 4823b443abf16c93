"""What a model said of each row of the evaluation data, logged by the training that knows it.

with mlflow.start_run():
    training.log_predictions(
        row_id=ids, target=y_test, prediction=model.predict(X_test),
        score=model.predict_proba(X_test)[:, 1], region=X_test["region"],
    )
"""

import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import mlflow

from policy_engine.errors import UsageError
from policy_engine.training.active import active_run

PREDICTIONS = "policy_engine/predictions.json"
"""Where the table lies among the run's artifacts."""
LARGEST = 64 * 1024 * 1024
"""The largest table that a gate reads unless its policy file says more (bytes)."""
_LOGGED = "mlflow.loggedArtifacts"


def log_predictions(
    *,
    row_id: Iterable[Any],
    target: Iterable[Any],
    prediction: Iterable[Any],
    score: Iterable[float] | Mapping[Any, Iterable[float]] | None = None,
    weight: Iterable[float] | None = None,
    cluster: Iterable[Any] | None = None,
    **columns: Iterable[Any],
) -> None:
    """Log into the active run what the model said of each row, once a run.

    Args:
        row_id: A name for each row, the same for the same row in every run; each once.
        target: What was true of it.
        prediction: What the model said: a class or a number.
        score: The score of the positive class, or a mapping of each class to its scores.
        weight: How much each row counts (at least 0); left out, all count alike.
        cluster: What each row belongs to (a patient, a query, a day), where rows are not
            independent of each other.
        **columns: Slice and group columns, such as `region=…`, and row values of a metric of your
            own under the metric's name.

    Each is a list, a NumPy array or a pandas column; an index does not matter, the order does.
    MLflow keeps 10 decimals.

    Warns:
        UserWarning: If the table came out larger than what a gate reads by default, 64 MiB.

    Raises:
        UsageError: If there is no active run, the run has a table already (MLflow would append to
            it), there are no rows, lengths differ, or a `row_id` is null or stands twice.
    """
    rows = {"row_id": row_id, "target": target, "prediction": prediction}
    table = _table(rows | _scores(score) | {"weight": weight, "cluster": cluster, **columns})
    run = active_run()
    if _has_table(run.info.run_id):
        raise UsageError(
            f"run {run.info.run_id} has predictions already; MLflow would append to them: "
            "log all rows in one call"
        )
    mlflow.log_table(table, PREDICTIONS)
    _warn_if_large(run.info.run_id, len(table["row_id"]))


def _warn_if_large(run_id: str, rows: int) -> None:
    size = _size(run_id)
    if size > LARGEST:
        warnings.warn(
            f"{PREDICTIONS} of run {run_id} has {rows:,} rows and "
            f"{size / 1e6:,.1f} MB; a check reads at most {LARGEST / 1e6:,.1f} MB: raise "
            "`max_text` under `evidence:` in the policy file, or log fewer rows, or leave out "
            "columns that no policy reads",
            stacklevel=3,
        )


def _scores(score: Iterable[float] | Mapping[Any, Iterable[float]] | None) -> dict[str, Any]:
    if isinstance(score, Mapping):
        return {f"score/{_plain(label)}": each for label, each in score.items()}
    return {"score": score}


def _table(columns: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the columns that are given, as cells; refuse all but a table."""
    table = {name: _cells(name, each) for name, each in columns.items() if each is not None}
    _check(table)
    return table


def _cells(name: str, values: Any) -> list[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__iter__"):
        raise UsageError(f"{name} is {type(values).__name__}; it is a list, an array or a column")
    if getattr(values, "ndim", 1) != 1:
        raise UsageError(
            f"{name} has {values.ndim} dimensions; it has one value a row "
            "(scores of several classes: a mapping of class to scores)"
        )
    # tolist: NumPy's numbers as Python's own, so that 1 and 1.0 keep what they are.
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _check(table: Mapping[str, list[Any]]) -> None:
    rows = len(table["row_id"])
    if not rows:
        raise UsageError("there are no rows to log")
    for name, cells in table.items():
        if len(cells) != rows:
            raise UsageError(f"{name} has {len(cells)} values for {rows} rows")
    names = table["row_id"]
    if any(name is None or name != name for name in names):  # noqa: PLR0124 (NaN)
        raise UsageError("a row_id is null")
    if len(set(names)) < rows:
        raise UsageError(
            f"{rows - len(set(names))} row_id stand twice or more; each row has its own name"
        )


def _has_table(run_id: str) -> bool:
    tags = mlflow.get_run(run_id).data.tags
    try:
        return any(each.get("path") == PREDICTIONS for each in json.loads(tags.get(_LOGGED, "[]")))
    except (ValueError, TypeError, AttributeError):
        return False


def _size(run_id: str) -> int:
    """Return how large the table is that was just written (bytes); 0 where the store says none."""
    files = mlflow.MlflowClient().list_artifacts(run_id, PREDICTIONS.rpartition("/")[0])
    return next((file.file_size or 0 for file in files if file.path == PREDICTIONS), 0)


def _plain(label: Any) -> Any:
    """Return a class as it is written: NumPy's 1 as 1, true and 1.0 as 1."""
    value = label.item() if hasattr(label, "item") else label
    return int(value) if isinstance(value, (bool, float)) and value == int(value) else value
