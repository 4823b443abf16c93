"""What a serving probe left in a run: whose it is, and its counts."""

from dataclasses import replace
from decimal import Decimal

from policy_engine.evidence import InvalidEvidence, Measurement, MissingEvidence, Run

MODEL_TAG = "serving.model_id"
PROBED_TAG = "serving.probed_at"
PROBE_IT = (
    "probe it: policy_engine.training.probe_serving(info.model_uri); after autologging with "
    "mlflow.last_logged_model().model_uri"
)


def require_own_probe(run: Run, why: str) -> None:
    """Refuse a probe of another model than the run's. Needs `MODEL`.

    Args:
        run: The run that was probed.
        why: What is missing then, as the message's beginning.

    Raises:
        MissingEvidence: If the run says that another model was probed.
    """
    probed = run.tags.get(MODEL_TAG)
    if probed is not None and not run.model.is_named(probed):
        raise MissingEvidence(
            f"{why}: the probe of the {run.role} run served model {probed}, "
            f"and the run's model is {run.model.model_id}",
            PROBE_IT,
        )


def probe_count(run: Run, name: str) -> Measurement:
    """Return a metric that counts something.

    Raises:
        MissingEvidence: If the run has none.
        InvalidEvidence: If it is not a whole number of at least 0.
    """
    measured = run.metric(name)
    whole = measured.value.to_integral_value()
    if measured.value < 0 or measured.value != whole:
        raise InvalidEvidence(
            f"metric {name} of the {run.role} run is {measured.value}; it counts, so it is a whole "
            "number of at least 0",
            PROBE_IT,
        )
    return replace(measured, value=whole)


def span(run: Run, name: str, unit_s: Decimal) -> Measurement:
    """Return a metric that says how long something took (s).

    Args:
        run: The run.
        name: The metric.
        unit_s: The metric's own unit, in seconds.

    Raises:
        MissingEvidence: If the run has none.
        InvalidEvidence: If it is negative.
    """
    measured = run.metric(name)
    if measured.value < 0:
        raise InvalidEvidence(
            f"metric {name} of the {run.role} run is {measured.value}; nothing takes less than no "
            "time",
            PROBE_IT,
        )
    return Measurement(measured.value * unit_s, "s", measured.grade, measured.source)
