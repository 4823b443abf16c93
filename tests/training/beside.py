"""A training that uses every helper, run by the Python of an older MLflow; prints what it left.

Usage: python beside.py TRACKING_URI ARTIFACTS
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

from policy_engine import training

ROWS = 60


def main(uri: str, artifacts: str) -> None:
    """Train one model, and print as JSON what MLflow keeps of it."""
    warnings.simplefilter("ignore")  # MLflow's advice on integer columns
    mlflow.set_tracking_uri(uri)
    experiment_id = mlflow.create_experiment("fraud", artifact_location=artifacts)
    features = pd.DataFrame(np.linspace(-1, 1, ROWS * 2).reshape(ROWS, 2), columns=["a", "b"])
    target = (features["a"] > 0).astype(int)
    model = LogisticRegression().fit(features, target)
    with mlflow.start_run(experiment_id=experiment_id) as run:
        sha256 = training.log_dataset(
            features.assign(target=target),
            name="payments",
            context="training",
            licence="CC-BY-4.0",
            targets="target",
        )
        training.log_predictions(
            row_id=range(ROWS), target=target, prediction=model.predict(features)
        )
        found = permutation_importance(model, features, target, random_state=1)
        importance = training.log_importance(found, method="permutation", features=features.columns)
        training.log_cost(12.40, "USD", instance="m5.large", gpus=0)
        info = mlflow.sklearn.log_model(
            model, "model", input_example=features.head(3), pip_requirements=["scikit-learn"]
        )
        probe = training.probe_serving(info.model_uri, requests=20)
    left = {"sha256": sha256, "importance": importance, "probe": probe}
    left |= {"mlflow": mlflow.__version__, "model_uuid": info.model_uuid}
    print(json.dumps(left | kept(run.info.run_id)))  # noqa: T201 (its answer)


def kept(run_id: str) -> dict[str, Any]:
    """Return what MLflow gives back of a run."""
    run = mlflow.get_run(run_id)
    load = mlflow.artifacts.load_text
    inputs = run.inputs
    assert inputs is not None
    (dataset,) = inputs.dataset_inputs
    return {
        "run_id": run_id,
        "tags": run.data.tags,
        "metrics": run.data.metrics,
        "dataset": {tag.key: tag.value for tag in dataset.tags},
        "predictions": json.loads(load(f"runs:/{run_id}/policy_engine/predictions.json")),
        "importances": json.loads(load(f"runs:/{run_id}/policy_engine/importance.json")),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
