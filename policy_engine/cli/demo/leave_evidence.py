"""What the demo's training script leaves for the gate: a line or two for each kind of evidence."""

import io
from contextlib import redirect_stderr
from importlib.metadata import version
from typing import Any

import mlflow
import mlflow.sklearn
import pandas as pd
from sklearn.inspection import permutation_importance

from policy_engine import training
from policy_engine.cli.demo.recipes import Data, DemoRecipe


def log_data(data: Data, *, rows: Any, target: Any, context: str) -> None:
    """Log the data that the model learns from or is judged by, with what is known about them."""
    training.log_dataset(
        rows,
        targets=target,
        name=data.name,
        context=context,
        licence=data.licence,
        owner=data.owner,
        purpose=data.purpose,
    )


def log_answers(data: Data, model: Any, rows: Any, target: Any) -> None:
    """Log what the model says of each row, with the slice that the row is in."""
    name, numbers = data.slices(rows)
    slices = pd.qcut(numbers, 3, labels=["little", "middle", "much"])
    training.log_predictions(
        row_id=rows.index,
        target=target,
        prediction=model.predict(rows),
        **{name: slices.astype(str)},
    )


def leave_importance(model: Any, rows: Any, target: Any) -> None:
    """Log how much each feature counts: trees know it, of other models each is shuffled once."""
    if hasattr(model, "feature_importances_"):
        training.log_importance(model, method="impurity")
    else:
        found = permutation_importance(model, rows, target, n_repeats=1, random_state=0)
        training.log_importance(found, method="permutation", features=rows.columns)


def log_model(recipe: DemoRecipe, model: Any, rows: Any) -> str:
    """Log the model as a new version of its name; return its address.

    Given requirements spare the 10 to 18 seconds that MLflow takes to guess them. Its default
    format, skops, refuses trees that nobody told it to trust. What it tells stderr on success is
    not the demo's to tell.
    """
    needed = ["mlflow", "scikit-learn", *(["skops"] if recipe.skops else [])]
    trusted = {"skops_trusted_types": list(recipe.skops_types)} if recipe.skops_types else {}
    with redirect_stderr(io.StringIO()):
        logged = mlflow.sklearn.log_model(
            model,
            name="classifier",
            registered_model_name=recipe.data.name,
            serialization_format="skops" if recipe.skops else "cloudpickle",
            pip_requirements=[f"{package}=={version(package)}" for package in needed],
            input_example=rows.head(3) if recipe.has_example else None,
            **trusted,
        )
    return str(logged.model_uri)
