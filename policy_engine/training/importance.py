"""How much each feature counts, as numbers that a policy can read.

from policy_engine import training

with mlflow.start_run():
    found = permutation_importance(model, X_test, y_test)
    training.log_importance(found, method="permutation", features=X_test.columns)
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import mlflow

from policy_engine.errors import UsageError
from policy_engine.training.active import active_run

PATH = "policy_engine/importance.json"
METHOD_TAG = "explanation.method"


def log_importance(
    values: Any, *, method: str, features: Iterable[str] | None = None
) -> dict[str, float]:
    """Log into the active run how much each feature counts.

    It writes the artifact `policy_engine/importance.json` and the tag `explanation.method`; both,
    or none if a value is wrong.

    Args:
        values: A mapping of feature and number; or an array with one number a feature; or what
            scikit-learn's `permutation_importance` returned (its means are logged); or a fitted
            estimator with `feature_importances_`. Of SHAP values log `abs(values).mean(axis=0)`.
        method: How they were found: `permutation`, `gain`, `shap`, `impurity`, … Coefficients
            depend on the unit of each feature, so `no-dominant-feature` does not take them.
        features: The features' names in the order of the array; of an estimator or a pandas series
            its own names by default.

    Returns:
        What was logged.

    Raises:
        UsageError: If there is no active run; the method is empty; a value is not a finite number;
            names are absent, not as many as the values, or not each once.
    """
    if not method.strip():
        raise UsageError("method is empty; say how the importances were found: 'permutation'")
    numbers = _by_feature(values, features)
    if not numbers:
        raise UsageError("there are no importances to log")
    logged = {name: _number(name, value) for name, value in numbers.items()}
    active_run()
    mlflow.log_dict(logged, PATH)
    mlflow.set_tag(METHOD_TAG, method.strip())
    return logged


def _by_feature(values: Any, features: Iterable[str] | None) -> dict[str, Any]:
    """Return the values by name, whatever form they came in."""
    for means in ("importances_mean", "feature_importances_"):
        if hasattr(values, means):
            names = getattr(values, "feature_names_in_", None) if features is None else features
            return _zipped(getattr(values, means), names)
    if features is None and hasattr(values, "index") and hasattr(values, "to_dict"):
        return _zipped(values, values.index)  # a pandas series
    if isinstance(values, Mapping):
        if features is not None:
            raise UsageError("values is a mapping and names its features: leave `features` out")
        return _zipped(values.values(), values)
    return _zipped(values, features)


def _zipped(values: Any, features: Iterable[Any] | None) -> dict[str, Any]:
    if features is None:
        raise UsageError("nothing says which features the values are of: pass `features=names`")
    try:
        numbers, names = list(values), [str(name) for name in features]
    except TypeError:
        raise UsageError(
            f"values is a {type(values).__name__}; it is a mapping of feature and number, an array "
            "with one number a feature, or a fitted estimator with feature_importances_"
        ) from None
    if len(numbers) != len(names):
        raise UsageError(f"there are {len(numbers)} values for {len(names)} features")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise UsageError(f"feature {twice[0]!r} stands twice among the features")
    return dict(zip(names, numbers, strict=True))


def _number(name: str, value: Any) -> float:
    number = float("nan")
    if not isinstance(value, (bool, str, bytes)):
        with suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if not math.isfinite(number):
        raise UsageError(f"the importance of {name} is {value!r:.80}; it is a finite number")
    return number
