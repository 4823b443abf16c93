"""Real training on scikit-learn's bundled data, logged to MLflow as any training script would.

It imports mlflow and scikit-learn, so the story imports it late, in an environment made for it.
"""

import time
from typing import Any

import mlflow
from mlflow import MlflowClient
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

from policy_engine import training
from policy_engine.cli.demo.folder import Folder
from policy_engine.cli.demo.leave_evidence import leave_importance, log_answers, log_data, log_model
from policy_engine.cli.demo.recipes import DIGITS, TUMOURS, DemoRecipe
from policy_engine.errors import UsageError

PRICE_USD = 1.0
"""What a CPU second costs in the demo, so that its seconds read like the hours of real training."""


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
            for name in (DIGITS.name, TUMOURS.name)
        }

    def train(self, recipe: DemoRecipe) -> str:
        """Train on half of the rows, validate on the other half, and leave evidence of it all.

        Returns:
            The run's id.
        """
        features, target = recipe.data.load(return_X_y=True, as_frame=True)
        halves = train_test_split(features, target, test_size=0.5, random_state=0, stratify=target)
        started = None
        try:
            with mlflow.start_run(
                experiment_id=self._experiments[recipe.data.name], run_name=recipe.run_name
            ) as started:
                _train(recipe, *halves)
        except UsageError:  # the probe has nothing to send; MLflow has ended the run as failed
            if started is None or recipe.has_example:
                raise
        run_id: str = started.info.run_id
        return run_id

    def crown(self, name: str) -> None:
        """Make the first registered version of a model its champion."""
        self._client.set_registered_model_alias(name, "champion", "1")


def _train(recipe: DemoRecipe, x_train: Any, x_val: Any, y_train: Any, y_val: Any) -> None:
    """Do what the training script of a pull request does, in the active run."""
    estimator = recipe.estimator()
    began = time.process_time()
    estimator.fit(x_train, y_train)
    seconds = time.process_time() - began
    model = getattr(estimator, "best_estimator_", estimator)
    mlflow.set_tag("model.family", recipe.family)
    mlflow.log_params({"estimator": str(estimator), "usd_per_cpu_second": PRICE_USD})
    mlflow.log_metric("val_accuracy", float(model.score(x_val, y_val)))
    training.log_cost(seconds * PRICE_USD, "USD")
    log_data(recipe.data, rows=x_train, target=y_train, context="training")
    log_data(recipe.data, rows=x_val, target=y_val, context="evaluation")
    log_answers(recipe.data, model, x_val, y_val)
    leave_importance(model, x_val, y_val)
    address = log_model(recipe, model, x_val)
    if recipe.is_probed:
        training.probe_serving(address)
