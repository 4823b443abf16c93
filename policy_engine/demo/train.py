"""Real training on scikit-learn's bundled data, logged to MLflow as any training script would.

It imports mlflow and scikit-learn, so the story imports it late, in an environment made for it.
"""

import io
import time
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any

import mlflow
import mlflow.sklearn
import sklearn
from mlflow import MlflowClient
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.svm import SVC

from policy_engine.demo.folder import Folder

PRICE_USD = 1.0
"""What a CPU second costs in the demo, so that its seconds read like the hours of real training."""
DIGITS = "digits"
TUMOURS = "tumours"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is trained: an estimator on a data set, both with a fixed random state.

    Attributes:
        run_name: What MLflow calls the run.
        name: The experiment, and the registered model.
        load: Returns features and target.
        estimator: Returns the model before training.
    """

    run_name: str
    name: str
    load: Callable[..., Any]
    estimator: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished run: its id, its accuracy on the validation rows, its training time (CPU s)."""

    run_id: str
    accuracy: float
    seconds: float


CHAMPION = Recipe(
    "champion", DIGITS, load_digits, lambda: RandomForestClassifier(60, random_state=0)
)
TUNED_SVM = Recipe(
    "pr-1-tuned-svm",
    DIGITS,
    load_digits,
    lambda: GridSearchCV(SVC(), {"C": [1, 3, 10], "gamma": [0.0005, 0.001]}, cv=3),
)
MANY_TREES = Recipe(
    "pr-2-many-trees", DIGITS, load_digits, lambda: RandomForestClassifier(1000, random_state=0)
)
NEW_QUESTION = Recipe(
    "pr-3-tumours",
    TUMOURS,
    load_breast_cancer,
    lambda: GradientBoostingClassifier(random_state=0),
)


class Trainer:
    """Trains recipes into the embedded store of a folder."""

    def __init__(self, folder: Folder) -> None:
        """Make the store and its two experiments.

        The first forest of a process also pays for what scikit-learn loads late. It is grown here,
        so that nobody's measured cost holds that.
        """
        RandomForestClassifier(1).fit([[0], [1]], [0, 1])
        mlflow.set_tracking_uri(folder.tracking_uri)
        mlflow.set_registry_uri(folder.tracking_uri)
        self._client = MlflowClient()
        self._experiments = {
            name: self._client.create_experiment(name, (folder.artifacts / name).as_uri())
            for name in (DIGITS, TUMOURS)
        }

    def train(self, recipe: Recipe) -> Trained:
        """Train on half of the rows, validate on the other half, log and register the model."""
        features, target = recipe.load(return_X_y=True)
        x_train, x_val, y_train, y_val = train_test_split(
            features, target, test_size=0.5, random_state=0, stratify=target
        )
        experiment = self._experiments[recipe.name]
        with mlflow.start_run(experiment_id=experiment, run_name=recipe.run_name) as run:
            model = recipe.estimator()
            began = time.process_time()
            model.fit(x_train, y_train)
            seconds = time.process_time() - began
            accuracy = float(model.score(x_val, y_val))
            mlflow.log_params({"estimator": str(model), "usd_per_cpu_second": PRICE_USD})
            mlflow.log_metrics({"val_accuracy": accuracy, "cost.total": seconds * PRICE_USD})
            mlflow.set_tag("cost.currency", "USD")
            _log_model(model, recipe.name)
        return Trained(run.info.run_id, accuracy, seconds)

    def crown(self, name: str) -> None:
        """Make the first registered version of a model its champion."""
        self._client.set_registered_model_alias(name, "champion", "1")


def _log_model(model: Any, name: str) -> None:
    """Log the model as a new version of `name`.

    Given requirements spare the 10 to 18 seconds that MLflow takes to guess them. Its default
    format, skops, refuses forests. What it tells stderr on success is not the demo's to tell.
    """
    with redirect_stderr(io.StringIO()):
        mlflow.sklearn.log_model(
            model,
            name="classifier",
            registered_model_name=name,
            serialization_format="cloudpickle",
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
        )
