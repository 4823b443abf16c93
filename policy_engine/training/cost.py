"""What training cost, said by the training that knows it.

with mlflow.start_run():
    training.log_cost(12.40, "USD", instance="ml.g5.xlarge", gpus=1)
"""

import math
import re

import mlflow

from policy_engine.errors import UsageError
from policy_engine.training.active import active_run

_CURRENCY = re.compile(r"[A-Z]{3}")


def log_cost(
    total: float,
    currency: str,
    *,
    serving_per_1k: float | None = None,
    instance: str | None = None,
    gpus: int | None = None,
) -> None:
    """Log into the active run what its training cost.

    It writes the metrics `cost.total` and `cost.serving_per_1k` and the tags `cost.currency`,
    `compute.instance` and `compute.gpus`; all of them, or none if one is wrong.

    Args:
        total: What the whole training cost, with the sweep it was found by (`currency`).
        currency: An ISO 4217 code, three capital letters.
        serving_per_1k: What 1,000 predictions cost (`currency`).
        instance: The machine, by the name that `prices:` of the policy file gives it.
        gpus: How many GPUs the training used (count; 0: none).

    Raises:
        UsageError: If there is no active run, an amount is not finite or below 0, the currency is
            no code, the instance is empty, or the GPUs are not a whole number of at least 0.
    """
    metrics = {"cost.total": _amount("total", total)}
    if serving_per_1k is not None:
        metrics["cost.serving_per_1k"] = _amount("serving_per_1k", serving_per_1k)
    if not _CURRENCY.fullmatch(str(currency)):
        raise UsageError(f"currency is {currency!r}; write its code, such as 'USD'")
    tags = {"cost.currency": currency}
    if instance is not None:
        if not instance.strip():
            raise UsageError("instance is empty; name the machine, or leave it out")
        tags["compute.instance"] = instance
    if gpus is not None:
        if type(gpus) is not int or gpus < 0:  # True is an int, and no number of GPUs
            raise UsageError(f"gpus is {gpus!r}; it is a whole number of at least 0")
        tags["compute.gpus"] = str(gpus)
    active_run()
    mlflow.set_tags(tags)
    mlflow.log_metrics(metrics)


def _amount(name: str, value: float) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not math.isfinite(number) or number < 0:
        raise UsageError(f"{name} is {value!r}; it is an amount of at least 0")
    return number
