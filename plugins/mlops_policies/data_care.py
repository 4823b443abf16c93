"""Difference 6: the intricacies of data, which are privacy, bias and explanation."""

from collections.abc import Iterable

from mlops_policies.data_facts import DataFreshness, DataLicenceAndConsent
from mlops_policies.leakage import TrainTestLeakage
from mlops_policies.privacy import PiiColumns
from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Policy


@hookimpl
def register_policies() -> Iterable[type[Policy]]:
    """Return the policies on the care of data."""
    return [
        PiiColumns,
        DataLicenceAndConsent,
        DataFreshness,
        TrainTestLeakage,
    ]
