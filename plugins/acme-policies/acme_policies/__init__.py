"""Acme's policies: the module that the entry point names, and what it gives to policy-engine."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from acme_policies.datasets import ApprovedDatasets
from acme_policies.golden import resolve_baseline
from acme_policies.naming import ModelNaming
from acme_policies.notify import report_ready
from acme_policies.review import HighRiskReview
from policy_engine import Policy, hookimpl

__all__ = ["register_packs", "register_policies", "report_ready", "resolve_baseline"]


@hookimpl
def register_policies() -> Iterable[type[Policy]]:
    """Return the policies."""
    return [ApprovedDatasets, HighRiskReview, ModelNaming]


@hookimpl
def register_packs() -> Mapping[str, Path]:
    """Return the pack `acme`, which every team of Acme extends."""
    return {"acme": Path(__file__).with_name("acme.yaml")}
