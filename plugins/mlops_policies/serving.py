"""Difference 2: what is served is more than what was trained."""

from collections.abc import Iterable

from mlops_policies.requirements import PinnedRequirements
from mlops_policies.serialization import SafeSerialization
from mlops_policies.servable import Servable
from mlops_policies.signature import SignatureAndExample
from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Policy


@hookimpl
def register_policies() -> Iterable[type[Policy]]:
    """Return the policies on serving."""
    return [SignatureAndExample, PinnedRequirements, Servable, SafeSerialization]
