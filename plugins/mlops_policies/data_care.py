"""Difference 6: the intricacies of data, which are privacy, bias and explanation."""

from collections.abc import Iterable

from mlops_policies.data_facts import DataFreshness, DataLicenceAndConsent
from mlops_policies.equalized_odds import EqualizedOddsGap
from mlops_policies.explanation import ExplanationLogged, NoDominantFeature
from mlops_policies.four_fifths import FourFifths
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
        FourFifths,
        EqualizedOddsGap,
        ExplanationLogged,
        NoDominantFeature,
    ]
