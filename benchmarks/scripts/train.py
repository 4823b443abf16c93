"""Fill the benchmark's server: `python -m benchmarks.scripts.train ADDRESS COMMIT`."""

import sys
import warnings

import mlflow
import mlflow.sklearn
from mlflow import MlflowClient
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

CHAMPION_COMMIT = "c" * 40
CHILDREN = 2
"""Child runs of each run, as a search for hyperparameters leaves them."""


def log_run(trees: int, accuracy: float, commit: str) -> tuple[str, str]:
    """Train a forest and log it as a version of the registered model `fraud`; return both ids."""
    features, labels = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(n_estimators=trees, random_state=7).fit(features, labels)
    tags = {"policy_engine.head_sha": commit, "mlflow.source.git.commit": commit}
    with mlflow.start_run(tags=tags) as run:
        mlflow.log_params({"trees": trees, "seed": 7})
        mlflow.log_metrics({"val_accuracy": accuracy, "val_f1": accuracy - 0.01})
        for _ in range(CHILDREN):
            with mlflow.start_run(nested=True, tags=tags):
                mlflow.log_metric("val_accuracy", accuracy - 0.02)
        model = mlflow.sklearn.log_model(
            forest,
            name="fraud-model",
            registered_model_name="fraud",
            pip_requirements=["scikit-learn"],  # MLflow takes 10 seconds to guess them
            serialization_format="cloudpickle",  # the default, skops, refuses trees
        )
    return run.info.run_id, model.model_id


def main() -> None:
    """Log the champion and the candidate, and print the ids of runs and models."""
    warnings.simplefilter("ignore")
    address, commit = sys.argv[1:]
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment("fraud")
    champion, champion_model = log_run(20, 0.93, CHAMPION_COMMIT)
    MlflowClient().set_registered_model_alias("fraud", "champion", "1")
    candidate, candidate_model = log_run(21, 0.95, commit)
    print(candidate, candidate_model, champion, champion_model)


if __name__ == "__main__":
    main()
