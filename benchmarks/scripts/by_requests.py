"""The gate as somebody writes it over bare `requests`.

`python -m benchmarks.scripts.by_requests ADDRESS RUN` makes the requests of a check of the six
policies, one after the other, compares, and prints one line.
"""

import sys
from typing import Any

import requests
import yaml

from benchmarks.scripts.verdict import Run, line


class Server:
    """An MLflow server, over one kept connection."""

    def __init__(self, address: str) -> None:
        self.api = f"{address}/api/2.0/mlflow"
        self.files = f"{address}/ajax-api/2.0/mlflow"
        self.session = requests.Session()

    def get(self, path: str, **params: str) -> Any:
        """Return the JSON of an answer."""
        response = self.session.get(f"{self.api}/{path}", params=params, timeout=10)
        response.raise_for_status()
        return response.json()

    def children(self, run: Any) -> list[Any]:
        """Return the child runs of a run."""
        body = {
            "experiment_ids": [run["info"]["experiment_id"]],
            "filter": f"tags.`mlflow.parentRunId` = '{run['info']['run_id']}'",
        }
        response = self.session.post(f"{self.api}/runs/search", json=body, timeout=10)
        response.raise_for_status()
        found: list[Any] = response.json().get("runs", [])
        return found

    def mlmodel(self, model_id: str) -> Any:
        """Return a model's MLmodel file."""
        response = self.session.get(
            f"{self.files}/logged-models/{model_id}/artifacts/files",
            params={"artifact_file_path": "MLmodel"},
            timeout=10,
        )
        response.raise_for_status()
        return yaml.load(response.content, Loader=yaml.CSafeLoader)

    def stored(self, model_id: str, folder: str = "") -> int:
        """Return the bytes of all files in a folder of a model."""
        path = f"logged-models/{model_id}/artifacts/directories"
        params = {"artifact_directory_path": folder} if folder else {}
        return sum(
            self.stored(model_id, entry["path"]) if entry["is_dir"] else entry.get("file_size", 0)
            for entry in self.get(path, **params)["files"]
        )


def read(server: Server, run: Any, experiment: str) -> Run:
    """Return a run with its children, its model and the model's files."""
    info = run["info"]
    model_id = run["outputs"]["model_outputs"][0]["model_id"]
    model = server.get(f"logged-models/{model_id}")["model"]
    mlmodel = server.mlmodel(model_id)
    metrics = {metric["key"]: metric["value"] for metric in run["data"]["metrics"]}
    return Run(
        name=info["run_name"],
        experiment=experiment,
        status=info["status"],
        lifecycle=info["lifecycle_stage"],
        accuracy=metrics["val_accuracy"],
        seconds=max(seconds(run), sum(seconds(child) for child in server.children(run))),
        model_status=model["info"]["status"].removeprefix("LOGGED_MODEL_"),
        size=server.stored(model_id),
        logged_size=mlmodel["model_size_bytes"],
        flavors=tuple(mlmodel["flavors"]),
    )


def seconds(run: Any) -> float:
    """Return how long a run took."""
    return (int(run["info"]["end_time"]) - int(run["info"]["start_time"])) / 1000


def main() -> None:
    """Read both runs and print the line."""
    address, run_id = sys.argv[1:]
    server = Server(address)
    candidate = server.get("runs/get", run_id=run_id)["run"]
    champion = server.get("registered-models/alias", name="fraud", alias="champion")
    baseline = server.get("runs/get", run_id=champion["model_version"]["run_id"])["run"]
    asked = {"experiment_id": candidate["info"]["experiment_id"]}
    experiment = server.get("experiments/get", **asked)["experiment"]["name"]
    print(line(read(server, candidate, experiment), read(server, baseline, experiment)))


if __name__ == "__main__":
    main()
