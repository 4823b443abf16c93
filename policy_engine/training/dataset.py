"""A dataset as the input of a run: its hash over every cell, and what is known about it.

from policy_engine import training

training.log_dataset(
    train,
    name="payments",
    context="training",
    licence="CC-BY-4.0",
    owner="payments team",
    max_timestamp=train["at"].max(),
)
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from policy_engine.training.data_hash import Rows, rows_of

if TYPE_CHECKING:
    from mlflow.data.dataset import Dataset

LONGEST_TAG = 500
"""MLflow refuses a longer tag of a dataset input (characters)."""


def log_dataset(  # noqa: PLR0913 (each is one fact about the data)
    data: Any,
    *,
    name: str,
    context: str,
    licence: str | None = None,
    purpose: str | None = None,
    consent_basis: str | None = None,
    owner: str | None = None,
    min_timestamp: datetime | date | str | None = None,
    max_timestamp: datetime | date | str | None = None,
    source: str | None = None,
    targets: Any = None,
) -> str:
    """Log data as an input of the active MLflow run, with a hash of all of it.

    The input's tags are `data.sha256` and, where given, `data.licence`, `data.purpose`,
    `data.consent_basis`, `data.owner`, `data.min_timestamp` and `data.max_timestamp`. MLflow's own
    digest covers 10,000 rows (of an array: elements); the hash covers every cell.

    Args:
        data: A pandas frame or series, or a numpy array whose first axis is the rows.
        name: What the data is called.
        context: What it is used for: `training` or `evaluation` (free text for MLflow).
        licence: Its SPDX identifier, such as `CC-BY-4.0`.
        purpose: What it was collected for.
        consent_basis: Why it may be used: consent, contract, legal obligation, …
        owner: Who answers for it.
        min_timestamp: When its oldest row is of; text is ISO 8601, without a zone it is UTC.
        max_timestamp: When its newest row is of.
        source: A path or address that it can be read from again.
        targets: Of a frame, the name of the column with the targets; else an array or series with
            one target a row, which the hash includes.

    Returns:
        The SHA-256, 64 hexadecimal digits.

    Raises:
        TypeError: If the data is neither of these, or a cell has no canonical form.
        ValueError: If a fact is empty or longer than 500 characters, or a time is not ISO 8601, or
            the oldest row is newer than the newest.
    """
    import mlflow  # noqa: PLC0415 (training code has it; this module loads without)

    sha256 = hash_data(data, targets=targets)
    facts = {
        "licence": licence,
        "purpose": purpose,
        "consent_basis": consent_basis,
        "owner": owner,
        **_times(min_timestamp, max_timestamp),
    }
    tags = {
        f"data.{fact}": _checked(fact, text) for fact, text in facts.items() if text is not None
    }
    with warnings.catch_warnings():
        # Advice on signatures, and on sources that fit two of MLflow's own classes.
        warnings.simplefilter("ignore")
        dataset = _dataset(data, name, source, targets)
        mlflow.log_input(dataset, context=context, tags={"data.sha256": sha256} | tags)
    return sha256


def hash_data(data: Any, *, targets: Any = None) -> str:
    """Return the SHA-256 of data as `log_dataset` logs it; see `policy_engine.training.data_hash`.

    Args:
        data: A pandas frame or series, or a numpy array whose first axis is the rows.
        targets: As for `log_dataset`.

    Raises:
        TypeError: If the data is neither of these, or a cell has no canonical form.
    """
    return _rows(data, targets).sha256()


def overlap_ratio(
    training: Any,
    evaluation: Any,
    *,
    training_targets: Any = None,
    evaluation_targets: Any = None,
) -> float:
    """Return the share of evaluation rows that also occur in training, features and target alike.

    Log it as the metric `leakage.overlap_ratio`. Given only the columns with the ids of the rows,
    it is what `leakage.id_overlap` stands for.

    Args:
        training: A pandas frame or series, or a numpy array whose first axis is the rows.
        evaluation: The same, with the same columns.
        training_targets: As `targets` of `log_dataset`.
        evaluation_targets: The same, of the evaluation data.

    Raises:
        TypeError: As `log_dataset`.
        ValueError: If the two have different columns, or there are no evaluation rows.
    """
    seen, asked = _rows(training, training_targets), _rows(evaluation, evaluation_targets)
    if seen.header != asked.header:
        raise ValueError("training and evaluation data have different columns")
    if not asked.digests:
        raise ValueError("the evaluation data has no rows")
    known = frozenset(seen.digests)
    return sum(digest in known for digest in asked.digests) / len(asked.digests)


def _rows(data: Any, targets: Any) -> Rows:
    if not isinstance(targets, str):
        return rows_of(data, targets)
    if targets not in getattr(data, "columns", ()):
        raise TypeError(f"targets names the column '{targets}', which the data does not have")
    return rows_of(data)


def _dataset(data: Any, name: str, source: Any, targets: Any) -> Dataset:
    """Return MLflow's dataset; a series becomes a frame, an array of targets a column of it."""
    import numpy as np  # noqa: PLC0415
    from mlflow.data.numpy_dataset import from_numpy  # noqa: PLC0415
    from mlflow.data.pandas_dataset import from_pandas  # noqa: PLC0415

    if isinstance(data, np.ndarray):
        kept: Any = None if targets is None else np.asarray(targets)
        return from_numpy(data, source=source, targets=kept, name=name)
    frame = data.to_frame() if data.ndim == 1 else data
    if targets is not None and not isinstance(targets, str):
        frame = frame.assign(target=np.asarray(targets))
        targets = "target"
    return from_pandas(frame, source=source, targets=targets, name=name)


def _times(
    oldest: datetime | date | str | None, newest: datetime | date | str | None
) -> dict[str, str]:
    times = {
        name: _moment(name, value)
        for name, value in {"min_timestamp": oldest, "max_timestamp": newest}.items()
        if value is not None
    }
    if len(times) > 1 and times["min_timestamp"] > times["max_timestamp"]:
        raise ValueError("min_timestamp is later than max_timestamp")
    return {name: value.isoformat() for name, value in times.items()}


def _moment(name: str, value: datetime | date | str) -> datetime:
    """Return a time with its zone; without one it is UTC, a day is its first moment."""
    if type(value).__name__ == "datetime64":  # numpy's: its text is ISO 8601
        value = str(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(
                f"{name} is not an ISO 8601 time; write it like 2026-01-31T08:00:00Z"
            ) from None
    if hasattr(value, "to_pydatetime"):  # pandas' timestamp, which may have nanoseconds
        value = value.to_pydatetime(warn=False)
    if type(value) is date:
        value = datetime.combine(value, time())
    if not isinstance(value, datetime) or value != value:  # noqa: PLR0124 (NaT is not itself)
        raise ValueError(f"{name} is not a time; give a datetime, a date or ISO 8601 text")
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _checked(fact: str, text: str) -> str:
    if not text.strip():
        raise ValueError(f"{fact} is empty; leave it out if it is not known")
    if len(text) > LONGEST_TAG:
        raise ValueError(f"{fact} has {len(text)} characters; MLflow keeps {LONGEST_TAG}")
    return text
