"""Difference 4: smaller models make better products."""

from collections.abc import Iterable

from mlops_policies import policies_in
from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Deferred


@hookimpl
def register_policies() -> Iterable[Deferred]:
    """Return the policies of this folder."""
    return policies_in(__name__, __file__)
