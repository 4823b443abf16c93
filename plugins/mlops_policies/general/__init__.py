"""What fits any difference; and the packs."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops_policies import packs, policies_in
from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Deferred


@hookimpl
def register_policies() -> Iterable[Deferred]:
    """Return the policies of this folder."""
    return policies_in(__name__, __file__)


@hookimpl
def register_packs() -> Mapping[str, Path]:
    """Return the packs of this distribution."""
    return packs()
