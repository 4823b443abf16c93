"""Difference 2: what is served is more than what was trained."""

from collections.abc import Iterable

from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Deferred, Policy


@hookimpl
def register_policies() -> Iterable[type[Policy] | Deferred]:
    """Return the policies on serving."""
    return [
        Deferred("signature-and-example", "mlops_policies.signature:SignatureAndExample"),
        Deferred("pinned-requirements", "mlops_policies.requirements:PinnedRequirements"),
        Deferred("servable", "mlops_policies.servable:Servable"),
        Deferred("safe-serialization", "mlops_policies.serialization:SafeSerialization"),
    ]
