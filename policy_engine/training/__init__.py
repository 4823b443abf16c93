"""What training code may call to leave evidence, a line or two each; and MLflow's tag provider.

    from policy_engine import training

    training.log_predictions(row_id=ids, target=y_test, prediction=model.predict(X_test))
    training.log_dataset(train, name="payments", context="training", licence="CC-BY-4.0")
    training.log_importance(importance, method="permutation")
    training.log_cost(12.40, "USD")
    training.probe_serving(model_info.model_uri)

Every function writes to the active MLflow run. MLflow imports this module whenever it is imported
itself, for the tags of each run: so the functions load on first use, and so does mlflow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from policy_engine.training.provider import RunContextProvider

if TYPE_CHECKING:
    from policy_engine.training.cost import log_cost
    from policy_engine.training.dataset import log_dataset
    from policy_engine.training.importance import log_importance
    from policy_engine.training.predictions import log_predictions
    from policy_engine.training.serving import probe_serving

_HOMES = {
    "log_cost": "cost",
    "log_dataset": "dataset",
    "log_importance": "importance",
    "log_predictions": "predictions",
    "probe_serving": "serving",
}

__all__ = [
    "RunContextProvider",
    "log_cost",
    "log_dataset",
    "log_importance",
    "log_predictions",
    "probe_serving",
]


def __getattr__(name: str) -> Any:
    """Load a function from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'policy_engine.training' has no attribute '{name}'")
    return getattr(import_module(f"policy_engine.training.{_HOMES[name]}"), name)
