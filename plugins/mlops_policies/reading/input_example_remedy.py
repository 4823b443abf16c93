"""How a model gets an input example, for who logs it by hand and for who autologs."""

from collections.abc import Collection

LOG_IT = (
    "pass input_example=X_train[:5] to log_model: MLflow stores it and infers the signature from it"
)
TAKES_IT = {
    flavor: f"mlflow.{flavor}" for flavor in "sklearn xgboost lightgbm tensorflow keras".split()
} | {"spark": "mlflow.pyspark.ml"}
"""Flavors whose `autolog` has `log_input_examples` (mlflow 3.17), by where it is."""
LACKS_IT = ("pytorch", "statsmodels", "paddle")
"""Flavors whose `autolog` logs models, and cannot log an example."""


def example_remedy(flavors: Collection[str]) -> str:
    """Return how to log the model with an input example.

    Args:
        flavors: The flavors of the model that has none.
    """
    takes = next((where for flavor, where in TAKES_IT.items() if flavor in flavors), None)
    if takes is not None:
        return f"{LOG_IT}; with autologging: {takes}.autolog(log_input_examples=True)"
    lacks = next((flavor for flavor in LACKS_IT if flavor in flavors), None)
    if lacks is not None:
        return (
            f"{LOG_IT}; autologging of {lacks} stores none: mlflow.{lacks}.autolog("
            "log_models=False), and log_model in the same run"
        )
    return LOG_IT
