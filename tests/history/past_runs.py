"""A real SQLite store with past runs: a run an hour, each as a test describes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

HOUR_MS = 3_600_000
BEGIN_MS = 1_790_000_000_000
EXPERIMENT = "fraud"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run to write.

    `at` and `until` are hours after the first; without a commit, every run has another.
    """

    f1: float | None
    at: float
    until: float | None = None
    name: str | None = None
    commit: str | None = None
    data: str | None = "d1"
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    status: str = "FINISHED"


def blank_store(root: Path) -> Path:
    """Make a database without runs, to copy; return its file."""
    from mlflow import MlflowClient

    file = root / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


def write_store(root: Path, runs: list[Ran], experiment: str = EXPERIMENT) -> tuple[str, list[str]]:
    """Write the runs, and return the store's address and the ids."""
    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag

    address = f"sqlite:///{root / 'mlflow.db'}"
    client: Any = MlflowClient(address)
    id_ = client.create_experiment(experiment)
    ids = []
    for number, each in enumerate(runs):
        begin = BEGIN_MS + round(each.at * HOUR_MS)
        end = BEGIN_MS + round((each.at + 0.5 if each.until is None else each.until) * HOUR_MS)
        commit = each.commit or hashlib.sha1(str(number).encode()).hexdigest()  # noqa: S324 (an id)
        tags = {"mlflow.source.git.commit": commit} | each.tags
        run = client.create_run(
            id_, start_time=begin, tags=tags, run_name=each.name or f"run-{number}"
        )
        run_id = run.info.run_id
        ids.append(run_id)
        for key, value in each.params.items():
            client.log_param(run_id, key, value)
        if each.f1 is not None:
            client.log_metric(run_id, "val_f1", each.f1, timestamp=end)
        if each.data is not None:
            data = Dataset("payments", each.data, "http", "{}", "{}", '{"num_rows": 1000}')
            context = [InputTag("mlflow.data.context", "evaluation")]
            client.log_inputs(run_id, [DatasetInput(data, context)])
        if each.status != "RUNNING":
            client.set_terminated(run_id, each.status, end_time=end)
    return address, ids
