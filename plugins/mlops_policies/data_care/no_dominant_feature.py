"""Whether the model hangs on a single feature."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from mlops_policies.reading.importances import (
    METHOD_TAG,
    REMEDY,
    Importances,
    importances_of,
    inputs_of,
)
from policy_engine.evidence import (
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    NotApplicable,
    Run,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import Fraction, Tighter, divide, exact, show

_OF_UNITS = re.compile(r"coef|linear", re.IGNORECASE)
"""Methods whose numbers depend on the unit of each feature."""

_PERMUTATION = re.compile(r"permut", re.IGNORECASE)


class NoDominantFeature(Policy, name="no-dominant-feature"):
    """No single feature carries most of the model.

    A feature that alone makes a model is often one that is known only after the target, or that
    gives it away.

    Share = max abs(importance) / sum of abs(importance), over the features as they were logged
    (the columns of an encoded input stand apart). Of permutation importances a negative one is 0:
    the feature did not help.

    - fail: share > `max_share`; or every importance is 0
    - inconclusive: `warn_share` < share <= `max_share`, a smell of leakage
    - not-applicable: fewer than `min_features` features (a booster's file leaves out unused ones,
      so the inputs of the model's signature are counted too); an agent, a chat model or a
      language-model pipeline without importances

    Only importances that do not depend on the unit of a feature can be shared out (permutation,
    gain, mean absolute SHAP): coefficients are `missing`.

    Log it: `training.log_importance(importance, method="permutation")`.

    Source: Deepchecks' feature-label correlation (predictive power score of 0.8); MLflow's SHAP
    evaluator writes pictures only (read in 3.17.2).
    """

    needs = Needs.IMPORTANCE | Needs.MODEL

    warn_share: Annotated[Fraction, Tighter.LOWER] = Field(
        default=exact(0.5), le=1, description="A greater share smells of leakage (fraction)."
    )
    max_share: Annotated[Fraction, Tighter.LOWER] = Field(
        default=exact(0.8), le=1, description="Greatest share of one feature (fraction)."
    )
    min_features: Annotated[int, Tighter.LOWER] = Field(
        default=4, ge=2, description="A model with fewer is not judged (features)."
    )
    require_logged: Annotated[bool, Tighter.ON] = Field(
        default=True, description="Whether a run without importances is missing evidence."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "NoDominantFeature":
        if self.warn_share > self.max_share:
            raise ValueError(
                f"warn_share {self.warn_share} is above max_share {self.max_share}; "
                "it must be at most that"
            )
        return self

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        run = case.candidate
        try:
            found = importances_of(run)
        except MissingEvidence as e:
            if self.require_logged:
                raise
            raise NotApplicable(str(e)) from e
        if found.method is not None and _OF_UNITS.search(found.method):
            raise MissingEvidence(
                f"importances by {found.method} depend on the unit of each feature: they have no "
                "shares",
                REMEDY,
            )
        self._require_features(run, found)
        yield self._judged(found)

    def _require_features(self, run: Run, found: Importances) -> None:
        """Raise `NotApplicable` where the model has too few features for one to dominate."""
        features = len(found.values)
        if features < self.min_features:
            try:
                inputs = inputs_of(run.model)
                features = max(features, inputs if isinstance(inputs, int) else len(inputs))
            except (MissingEvidence, InvalidEvidence):
                pass  # then the importances are all that is known of the features
        if features < self.min_features:
            raise NotApplicable(
                f"the model has {features} features; from {self.min_features} on one can dominate"
            )

    def _judged(self, found: Importances) -> Finding:
        clip = found.method is not None and _PERMUTATION.search(found.method) is not None
        sizes = {
            feature: max(value, Decimal(0)) if clip else value.copy_abs()
            for feature, value in found.values.items()
        }
        total = sum(sizes.values())
        method = found.method or f"a method that no tag {METHOD_TAG} names"
        if not total:
            return Finding(
                outcome=Outcome.FAIL,
                message=f"no feature counts: every importance by {method} is 0 or less",
                remedy="see whether the model learnt anything, and explain it on enough rows",
            )
        top = min(sizes, key=lambda feature: (-sizes[feature], feature))
        outcome = Outcome.PASS
        if sizes[top] > self.max_share * total:
            outcome = Outcome.FAIL
        elif sizes[top] > self.warn_share * total:
            outcome = Outcome.INCONCLUSIVE
        limit = self.warn_share if outcome is Outcome.INCONCLUSIVE else self.max_share
        share = divide(sizes[top], total)
        smell = "; that smells of leakage" if outcome is Outcome.INCONCLUSIVE else ""
        return Finding(
            outcome=outcome,
            message=f"feature {top} carries {show(share, '%', limit)} of all importance; it must "
            f"be at most {show(limit, '%', share)}",
            detail=f"feature {top} carries {show(share, '%', limit)} of all importance by "
            f"{method}; from {show(self.warn_share, '%')} on it is suspicious, and it must be at "
            f"most {show(self.max_share, '%', share)}{smell}",
            measured=Measurement(share, "%", Grade.LOGGED, found.source),
            limit=Limit(limit, "%", "<="),
            remedy=None
            if outcome is Outcome.PASS
            else f"see whether {top} is known before the target is, and retrain without it",
        )
