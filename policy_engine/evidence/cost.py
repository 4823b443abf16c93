"""What training a run cost: as the run says it, else how long it took times the machine's price."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from policy_engine.evidence.measurement import Grade, Measurement
from policy_engine.evidence.run import Run
from policy_engine.evidence.states import InvalidEvidence, MissingEvidence
from policy_engine.quantities import Rate, divide

COST = "cost.total"
"""The metric that a run may log its whole cost in; the tag `cost.currency` says the currency."""
CURRENCY_TAG = "cost.currency"
"""Its tag for the currency (ISO 4217)."""
INSTANCE_TAG = "compute.instance"
"""The tag for the machine that it was trained on, by its name under `prices:`."""
_HOUR = Decimal(3600)


def training_cost(
    run: Run, prices: Mapping[str, Rate], children: Sequence[Run] | None = None
) -> Measurement:
    """Return what training cost; its unit is the currency.

    It is the metric `cost.total` in the currency of the tag `cost.currency`. Without that metric it
    is the duration times the hourly price of the tag `compute.instance`, or of `default`. A run
    with children lasts as long as itself or as all its children together, whichever is more.
    All of it is `logged`: the training client writes the metric, the tags and both times.

    Args:
        run: The run.
        prices: Hourly prices by instance.
        children: Its child runs, where they are not read with it (an earlier run); None: its own.

    Raises:
        MissingEvidence: If there is no cost and no price, or a cost without its currency.
        InvalidEvidence: If the cost is negative, NaN or infinite.
    """
    if COST in run.metrics:
        return _logged(run)
    rate = _rate(run, prices)
    seconds = training_time(run, children).value
    amount = divide(seconds * rate.per_hour, _HOUR)
    return Measurement(amount, rate.currency, Grade.LOGGED, "duration x price")


def _logged(run: Run) -> Measurement:
    amount = run.metric(COST).value
    if amount < 0:
        raise InvalidEvidence(
            f"metric {COST} of the {run.role} run is {amount}; no training costs less than nothing",
            f"log what it cost: mlflow.log_metric({COST!r}, amount)",
        )
    currency = run.tags.get(CURRENCY_TAG)
    if currency is None:
        raise MissingEvidence(
            f"the {run.role} run logs {COST} and does not say in which currency",
            f"set the tag: mlflow.set_tag({CURRENCY_TAG!r}, 'USD')",
        )
    return Measurement(amount, currency, Grade.LOGGED, f"metric {COST}")


def _rate(run: Run, prices: Mapping[str, Rate]) -> Rate:
    instance = run.tags.get(INSTANCE_TAG)
    rate = prices.get(instance) if instance is not None else None
    rate = rate or prices.get("default")
    if rate is None:
        machine = f"instance {instance}" if instance is not None else "its machine"
        raise MissingEvidence(
            f"the {run.role} run has no cost, and there is no price for {machine}",
            f"set `prices:` in the policy file, or log it: mlflow.log_metric({COST!r}, amount)",
        )
    return rate


def training_time(run: Run, children: Sequence[Run] | None = None) -> Measurement:
    """Return how long training took (s): the run, or all its children together if that is more.

    Raises:
        MissingEvidence: If the run or a child has no start or no end.
        InvalidEvidence: If one ends before it starts.
    """
    own = run.duration
    parts = run.children if children is None else children
    together = sum((child.duration.value for child in parts), Decimal())
    if together <= own.value:
        return own
    return Measurement(together, "s", Grade.LOGGED, "start and end of all child runs")
