"""Leave all the evidence there is: `python -m benchmarks.scripts.train_rows ADDRESS COMMIT`.

Three models of made-up data: a tree as champion, a linear model, and a network as candidate. Each
logs 10,000 evaluated rows with a slice column of 10 values, and what else a policy reads.
"""

import sys
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import mlflow
import mlflow.sklearn
import numpy as np
import pandas as pd
import sklearn
from mlflow import MlflowClient
from sklearn.datasets import make_classification
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from policy_engine import training
from policy_engine.training.dataset import overlap_ratio

NAME = "rows"
"""The experiment, and the registered model."""
ROWS = 10_000
SLICES = 10
CHAMPION_COMMIT = "c" * 40
SERVING = {
    "serving.load_s": 2.5,
    "serving.requests": 1001.0,
    "serving.errors": 0.0,
    "serving.peak_rss_mb": 310.0,
    "latency.n": 1000.0,
    "latency.p50_ms": 4.0,
    "latency.p95_ms": 6.0,
    "latency.p99_ms": 9.0,
}
"""What `training.probe_serving` logs, which would start a scoring server for each model."""


@dataclass(frozen=True, slots=True)
class Data:
    """Rows to train on, and as many to evaluate on."""

    train: Any
    test: Any
    region: Any
    sex: Any

    @classmethod
    def make(cls) -> "Data":
        """Make rows that a tree, a line and a network tell apart about equally well."""
        cells, labels = make_classification(
            2 * ROWS, n_features=10, n_informative=6, flip_y=0.1, random_state=7
        )
        frame = pd.DataFrame(cells, columns=[f"feature_{i}" for i in range(10)])
        frame["label"] = labels
        drawn = np.random.default_rng(7)
        return cls(
            frame[:ROWS],
            frame[ROWS:],
            drawn.choice([f"region {i}" for i in range(SLICES)], ROWS),
            drawn.choice(["f", "m"], ROWS),
        )


def log_run(estimator: Any, family: str, data: Data, tags: dict[str, str]) -> str:
    """Train, and log all that the policies read; return the run's id."""
    features, labels = data.train.drop(columns="label"), data.train["label"]
    facts = {"model.family": family, "serving.probed_at": datetime.now(UTC).isoformat()}
    with mlflow.start_run(tags={**tags, **facts, "bench.hardware": "bench"}) as run:
        estimator.fit(features, labels)
        mlflow.log_params({"seed": 7, "estimator": type(estimator).__name__})
        mlflow.log_metrics(
            SERVING | {"leakage.overlap_ratio": overlap_ratio(data.train, data.test)}
        )
        training.log_cost(12.0, "USD", instance="cpu", gpus=0)
        _log_data(data)
        _log_rows(estimator, data)
        model = mlflow.sklearn.log_model(
            estimator,
            name="model",
            registered_model_name=NAME,
            input_example=features[:3],
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
            serialization_format="cloudpickle",  # the default, skops, refuses trees
        )
        mlflow.set_tag("serving.model_id", model.model_id)
    return str(run.info.run_id)


def _log_data(data: Data) -> None:
    for context, frame in (("training", data.train), ("evaluation", data.test)):
        training.log_dataset(
            frame,
            name=f"{context} rows",
            context=context,
            targets="label",
            licence="CC0-1.0",
            purpose="benchmark",
            consent_basis="made up",
            owner="bench",
            max_timestamp=datetime.now(UTC),
            source="https://example.org/rows.csv",
        )


def _log_rows(estimator: Any, data: Data) -> None:
    features, truth = data.test.drop(columns="label"), data.test["label"]
    said, scores = estimator.predict(features), estimator.predict_proba(features)[:, 1]
    mlflow.log_metrics(
        {
            "val_accuracy": accuracy_score(truth, said),
            "val_f1": f1_score(truth, said),
            "val_roc_auc": roc_auc_score(truth, scores),
        }
    )
    training.log_predictions(
        row_id=range(ROWS),
        target=truth,
        prediction=said,
        score=scores,
        region=data.region,
        sex=data.sex,
    )
    found = permutation_importance(
        estimator, features[:1000], truth[:1000], n_repeats=2, random_state=7
    )
    training.log_importance(found, method="permutation", features=features.columns)


def main() -> None:
    """Log the champion, a linear model and the candidate, and print the candidate's id."""
    warnings.simplefilter("ignore")
    address, commit = sys.argv[1:]
    mlflow.set_tracking_uri(address)
    mlflow.set_experiment(NAME)
    data = Data.make()
    old = {"policy_engine.head_sha": CHAMPION_COMMIT, "policy_engine.dirty": "false"}
    log_run(DecisionTreeClassifier(max_depth=8, random_state=7), "tree", data, old)
    MlflowClient().set_registered_model_alias(NAME, "champion", "1")
    log_run(LogisticRegression(), "linear", data, old)
    network = MLPClassifier((16,), max_iter=30, random_state=7)
    print(log_run(network, "deep", data, old | {"policy_engine.head_sha": commit}))


if __name__ == "__main__":
    main()
