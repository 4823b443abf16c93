"""A large MLflow database: 20,000 runs over 12 experiments, as teams leave them, in a minute.

    python -m benchmarks.scale_store FOLDER --runs 20000 --registered 200

MLflow itself makes the schema; the rows are inserted in bulk, since its client takes an hour.
Beside runs that are well there are those that failed, hang, were deleted, log NaN, no metric or no
data, searches with children, and recipes that were run again unchanged.
"""

import argparse
import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

BEGIN_MS = 1_790_000_000_000
"""When the first run began (epoch, milliseconds): September 2026."""
APART_MS = 25 * 60_000
"""How long after a run the next of its experiment begins, in the mean (milliseconds)."""
CHILDREN = 8
READY, FAILED_MODEL = 2, 3
_SCHEMA = json.dumps(
    {"mlflow_colspec": [{"type": "double", "name": f"feature_{n}"} for n in range(30)]}
)
_MLMODEL = """\
artifact_path: model
flavors:
  python_function: {{loader_module: mlflow.sklearn, python_version: 3.11.7}}
  sklearn: {{pickled_model: model.skops, serialization_format: skops, sklearn_version: 1.8.0}}
mlflow_version: 3.17.2
model_id: {model}
model_size_bytes: 4096
run_id: {run}
signature:
  inputs: '[{{"type": "double", "name": "feature_0", "required": true}}]'
  outputs: '[{{"type": "long", "required": true}}]'
"""
Row = tuple[Any, ...]


@dataclass(slots=True)
class _Rows:
    """Rows to insert, by table."""

    of: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def write(self, database: sqlite3.Connection) -> None:
        """Insert them all, and forget them."""
        for table, rows in self.of.items():
            columns = _COLUMNS[table]
            marks = ", ".join("?" for _ in columns)
            # S608: table and columns are our own.
            database.executemany(
                f'INSERT INTO "{table}" ({", ".join(columns)}) VALUES ({marks})',  # noqa: S608
                rows,
            )
        self.of.clear()


_COLUMNS = {
    "experiments": (
        *("experiment_id", "name", "artifact_location", "lifecycle_stage"),
        *("creation_time", "last_update_time"),
    ),
    "experiment_tags": ("key", "value", "experiment_id"),
    "datasets": (
        *("dataset_uuid", "experiment_id", "name", "digest", "dataset_source_type"),
        *("dataset_source", "dataset_schema", "dataset_profile"),
    ),
    "runs": (
        *("run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id"),
        *("status", "start_time", "end_time", "source_version", "lifecycle_stage"),
        *("artifact_uri", "experiment_id", "deleted_time"),
    ),
    "params": ("key", "value", "run_uuid"),
    "tags": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "timestamp", "step", "is_nan", "run_uuid"),
    "inputs": (
        *("input_uuid", "source_type", "source_id", "destination_type", "destination_id", "step"),
    ),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": (
        *("model_id", "experiment_id", "name", "artifact_location", "creation_timestamp_ms"),
        *("last_updated_timestamp_ms", "status", "lifecycle_stage", "source_run_id"),
    ),
    "logged_model_metrics": (
        *("model_id", "metric_name", "metric_timestamp_ms", "metric_step", "metric_value"),
        *("experiment_id", "run_id", "dataset_uuid", "dataset_name", "dataset_digest"),
    ),
    "logged_model_tags": ("model_id", "experiment_id", "tag_key", "tag_value"),
    "registered_models": ("name", "creation_time", "last_updated_time"),
    "model_versions": (
        *("name", "version", "creation_time", "last_updated_time", "current_stage", "source"),
        *("run_id", "status", "storage_location"),
    ),
    "registered_model_aliases": ("alias", "version", "name"),
}


@dataclass(frozen=True, slots=True)
class _Run:
    """One run to write: what the others of its kind do not share."""

    run_id: str
    number: int
    begin_ms: int
    end_ms: int
    commit: str
    params: dict[str, str]
    f1: float
    parent: str | None


def make_store(root: Path, *, runs: int, registered: int = 200, seed: int = 19) -> str:
    """Write a database with its artifacts into a folder, and return its address.

    Args:
        root: A folder; `mlflow.db` and `artifacts/` come into it.
        runs: How many runs, over 12 experiments.
        registered: How many registered models; each has a champion with files.
        seed: The same seed gives the same store.
    """
    path = root / "mlflow.db"
    address = f"sqlite:///{path}"
    _make_schema(address, root)
    random = Random(seed)  # noqa: S311 (no secret)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = OFF")
        models: list[tuple[str, str, int]] = []
        for number in range(12):
            rows = _Rows()
            count = runs // 12 + (number < runs % 12)
            models += _experiment(rows, random, number + 1, count)
            rows.write(database)
        rows = _Rows()
        _register(rows, random, models, registered, root)
        rows.write(database)
        database.execute("ANALYZE")
        database.commit()
    return address


def _make_schema(address: str, root: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import (  # noqa: PLC0415 (it takes a second)
        SqlAlchemyStore,
    )

    make: Any = SqlAlchemyStore  # it has no types
    make(address, str(root / "artifacts"))


def _experiment(
    rows: _Rows, random: Random, experiment: int, count: int
) -> list[tuple[str, str, int]]:
    """Write an experiment; return (model, run, experiment) of what could be registered."""
    where = f"mlflow-artifacts:/{experiment}"
    rows.of["experiments"].append(
        (experiment, f"team-{experiment:02d}/training", where, "active", BEGIN_MS, BEGIN_MS)
    )
    for key, value in (("name", "val_f1"), ("greaterIsBetter", "True")):
        tag = f"mlflow.experiment.primaryMetric.{key}"
        rows.of["experiment_tags"].append((tag, value, experiment))
    data = _datasets(rows, random, experiment)
    found = []
    for run in _recipes(random, count):
        model = _write(rows, random, run, experiment, data)
        if model is not None and run.parent is None:
            found.append((model, run.run_id, experiment))
    return found


def _datasets(rows: _Rows, random: Random, experiment: int) -> list[tuple[str, str, str]]:
    """Write two versions of training and evaluation data; return (uuid, digest, context)."""
    found = []
    for version in range(2):
        for context, size in (("training", 90_000), ("evaluation", 10_000)):
            uuid, digest = _hex(random), _hex(random, 8)
            profile = json.dumps({"num_rows": size + version, "num_elements": 31 * size})
            rows.of["datasets"].append(
                (
                    *(uuid, experiment, f"payments-{context}", digest, "http"),
                    *('{"url": "https://data.example/payments"}', _SCHEMA, profile),
                )
            )
            found.append((uuid, digest, context))
    return found


def _recipes(random: Random, count: int) -> Iterator[_Run]:
    """Yield runs in the order of time: new commits, the same again, and searches."""
    now, commit, params, level = BEGIN_MS, _hex(random, 40), _params(random), 0.80
    parent, left = None, 0
    for number in range(count):
        now += round(random.expovariate(1 / APART_MS)) + 1
        if left:
            left, params = left - 1, _params(random)
        else:
            parent = None
            if random.random() > 0.15:  # else: the same once more
                commit, params = _hex(random, 40), _params(random)
                level += random.gauss(0.0001, 0.003)
                level = min(0.95, max(0.70, level))
        run_id = _hex(random)
        took = round(3_600_000 * math.exp(random.gauss(0, 0.07)))
        f1 = level + random.gauss(0, 0.005)
        yield _Run(run_id, number, now, now + took, commit, params, f1, parent)
        if parent is None and not left and random.random() < 0.02:  # a search
            parent, left = run_id, CHILDREN


def _params(random: Random) -> dict[str, str]:
    return {
        "seed": str(random.randrange(1000)),
        "max_depth": str(random.randrange(3, 12)),
        "learning_rate": f"{random.choice((0.3, 0.1, 0.03, 0.01))}",
        **{f"option_{n}": random.choice("abc") for n in range(9)},
    }


def _write(
    rows: _Rows,
    random: Random,
    run: _Run,
    experiment: int,
    data: Sequence[tuple[str, str, str]],
) -> str | None:
    """Write a run with all that it logged; return its model, if that is READY and the run well."""
    luck = random.random()
    status = "FINISHED"
    end: int | None = run.end_ms
    if luck < 0.04:  # shares of what goes wrong
        status = "FAILED"
    elif luck < 0.05:
        status, end = "RUNNING", None
    stage, deleted = ("deleted", run.end_ms) if random.random() < 0.005 else ("active", None)
    uri = f"mlflow-artifacts:/{experiment}/{run.run_id}/artifacts"
    rows.of["runs"].append(
        (
            *(run.run_id, f"run-{run.number}", "LOCAL", "train.py", "", "ana", status),
            *(run.begin_ms, end, "", stage, uri, experiment, deleted),
        )
    )
    rows.of["params"] += [(key, value, run.run_id) for key, value in run.params.items()]
    rows.of["tags"] += [(key, value, run.run_id) for key, value in _tags(random, run).items()]
    if status != "RUNNING":
        _measure(rows, random, run)
    if random.random() > 0.01:  # else it does not say its data
        _use(rows, random, run, data)
    is_well = status == "FINISHED" and stage == "active"
    model = _model(rows, random, run, experiment, data)
    return model if is_well else None


def _tags(random: Random, run: _Run) -> dict[str, str]:
    tags = {
        "mlflow.runName": f"run-{run.number}",
        "mlflow.user": "ana",
        "mlflow.source.name": "train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": run.commit,
        "mlflow.source.git.branch": "main" if random.random() < 0.5 else "work",
        "compute.instance": "ml.g5.xlarge",
        "cost.currency": "USD",
        "model.family": random.choice(("tree", "linear", "ensemble")),
    }
    return tags | ({"mlflow.parentRunId": run.parent} if run.parent else {})


def _measure(rows: _Rows, random: Random, run: _Run) -> None:
    luck = random.random()
    metrics = {f"val_metric_{n}": random.random() for n in range(7)}
    metrics |= {"val_accuracy": min(1.0, run.f1 + 0.03), "cost.total": random.gauss(12, 0.6)}
    if luck > 0.005:  # else it does not log what counts
        metrics["val_f1"] = run.f1
    for key, value in metrics.items():
        is_nan = key == "val_f1" and luck > 0.99
        stored = 0.0 if is_nan else value
        rows.of["metrics"].append((key, stored, run.end_ms, run.run_id, 0, is_nan))
        rows.of["latest_metrics"].append((key, stored, run.end_ms, 0, is_nan, run.run_id))


def _use(rows: _Rows, random: Random, run: _Run, data: Sequence[tuple[str, str, str]]) -> None:
    version = 2 if run.number % 500 > 250 else 0  # the data changes twice in 500
    for uuid, _, context in data[version : version + 2]:
        link = _hex(random)
        rows.of["inputs"].append((link, "DATASET", uuid, "RUN", run.run_id, 0))
        rows.of["input_tags"].append((link, "mlflow.data.context", context))


def _model(
    rows: _Rows,
    random: Random,
    run: _Run,
    experiment: int,
    data: Sequence[tuple[str, str, str]],
) -> str | None:
    model = f"m-{_hex(random)}"
    is_ready = random.random() > 0.01
    where = f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
    status = READY if is_ready else FAILED_MODEL
    rows.of["logged_models"].append(
        (
            *(model, experiment, "model", where, run.end_ms, run.end_ms, status, "active"),
            run.run_id,
        )
    )
    link = (_hex(random), "RUN_OUTPUT", run.run_id, "MODEL_OUTPUT", model, 0)
    rows.of["inputs"].append(link)
    uuid, digest, _ = data[1]
    rows.of["logged_model_metrics"].append(
        (
            *(model, "val_f1", run.end_ms, 0, run.f1, experiment, run.run_id),
            *(uuid, "payments-evaluation", digest),
        )
    )
    return model if is_ready else None


def _register(
    rows: _Rows,
    random: Random,
    models: Sequence[tuple[str, str, int]],
    count: int,
    root: Path,
) -> None:
    """Register models under `count` names, two versions each; the second is the champion."""
    chosen = random.sample(models, min(2 * count, len(models)))
    for place in range(len(chosen) // 2):
        name = f"team-{chosen[2 * place][2]:02d}-model-{place:03d}"
        rows.of["registered_models"].append((name, BEGIN_MS, BEGIN_MS))
        rows.of["registered_model_aliases"].append(("champion", 2, name))
        for version, (model, run, experiment) in enumerate(chosen[2 * place : 2 * place + 2], 1):
            folder = root / "artifacts" / str(experiment) / "models" / model / "artifacts"
            folder.mkdir(parents=True)
            (folder / "MLmodel").write_text(_MLMODEL.format(model=model, run=run), "utf-8")
            (folder / "model.skops").write_bytes(b"\0" * 4096)
            where = f"mlflow-artifacts:/{experiment}/models/{model}/artifacts"
            rows.of["model_versions"].append(
                (
                    *(name, version, BEGIN_MS, BEGIN_MS, "None", f"models:/{model}", run),
                    *("READY", where),
                )
            )
            listed = json.dumps([{"name": name, "version": str(version)}])
            rows.of["logged_model_tags"].append((model, experiment, "mlflow.modelVersions", listed))


def _hex(random: Random, digits: int = 32) -> str:
    return f"{random.getrandbits(4 * digits):0{digits}x}"


def main() -> None:
    """Write a store into a folder, and print its address."""
    parser = argparse.ArgumentParser(description="Write a large MLflow store.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--registered", type=int, default=200)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    print(make_store(given.folder, runs=given.runs, registered=given.registered))


if __name__ == "__main__":
    main()
