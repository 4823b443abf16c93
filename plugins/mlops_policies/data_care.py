"""Difference 6: the intricacies of data, which are privacy, bias and explanation."""

from collections.abc import Iterable

from policy_engine.hookspecs import hookimpl
from policy_engine.policy import Deferred, Policy


@hookimpl
def register_policies() -> Iterable[type[Policy] | Deferred]:
    """Return the policies on the care of data."""
    return [
        Deferred("pii-columns", "mlops_policies.privacy:PiiColumns"),
        Deferred("data-licence-and-consent", "mlops_policies.data_facts:DataLicenceAndConsent"),
        Deferred("data-freshness", "mlops_policies.data_facts:DataFreshness"),
        Deferred("train-test-leakage", "mlops_policies.leakage:TrainTestLeakage"),
        Deferred("four-fifths", "mlops_policies.four_fifths:FourFifths"),
        Deferred("equalized-odds-gap", "mlops_policies.equalized_odds:EqualizedOddsGap"),
        Deferred("explanation-logged", "mlops_policies.explanation:ExplanationLogged"),
        Deferred("no-dominant-feature", "mlops_policies.explanation:NoDominantFeature"),
    ]
