"""The gate as somebody writes it over `MlflowClient`.

`python -m benchmarks.scripts.by_client ADDRESS RUN` reads what a check of the six policies reads,
compares, and prints one line.
"""

import sys

import mlflow
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from benchmarks.scripts.verdict import Run, line


def read(client: MlflowClient, run: MlflowRun, experiment: str) -> Run:
    """Return a run with its children, its model and the model's files."""
    assert run.outputs is not None
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    described = mlflow.artifacts.load_text(f"{model.artifact_location}/MLmodel")
    mlmodel = yaml.load(described, Loader=yaml.CSafeLoader)
    children = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    )
    return Run(
        name=run.info.run_name,
        experiment=experiment,
        status=run.info.status,
        lifecycle=run.info.lifecycle_stage,
        accuracy=run.data.metrics["val_accuracy"],
        seconds=max(seconds(run), sum(seconds(child) for child in children)),
        model_status=str(model.status),
        size=stored(client, model.model_id),
        logged_size=mlmodel["model_size_bytes"],
        flavors=tuple(mlmodel["flavors"]),
    )


def seconds(run: MlflowRun) -> float:
    """Return how long a run took."""
    return float(run.info.end_time - run.info.start_time) / 1000


def stored(client: MlflowClient, model_id: str, folder: str | None = None) -> int:
    """Return the bytes of all files in a folder of a model."""
    return sum(
        stored(client, model_id, entry.path) if entry.is_dir else entry.file_size or 0
        for entry in client.list_logged_model_artifacts(model_id, folder)
    )


def main() -> None:
    """Read both runs and print the line."""
    address, run_id = sys.argv[1:]
    mlflow.set_tracking_uri(address)
    client = MlflowClient()
    candidate = client.get_run(run_id)
    champion = client.get_model_version_by_alias("fraud", "champion")
    assert champion.run_id is not None
    baseline = client.get_run(champion.run_id)
    experiment = client.get_experiment(candidate.info.experiment_id).name
    print(line(read(client, candidate, experiment), read(client, baseline, experiment)))


if __name__ == "__main__":
    main()
