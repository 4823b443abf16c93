"""Can the model be explained, and does it hang on a single feature?"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from mlops_policies.importances import (
    METHOD_TAG,
    REMEDY,
    Importances,
    importances_of,
    inputs_of,
    uncovered,
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
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Fraction, Tighter, divide, exact, show

_MOST_NAMED = 5
_OF_UNITS = re.compile(r"coef|linear", re.IGNORECASE)
"""Methods whose numbers depend on the unit of each feature."""
_PERMUTATION = re.compile(r"permut", re.IGNORECASE)


class ExplanationLogged(Policy, name="explanation-logged"):
    """The run says in numbers how much each input counts, and by which method.

    A reviewer who cannot see what a model looks at can neither find the leak nor answer the person
    whom it judges. A picture cannot be compared with the last one.

    - `method`: the tag `explanation.method` names it, and `methods` allows it. The files that
      autologging writes for boosted trees name it themselves (gain, weight, split).
    - `cover`: inputs of the model's signature with a finite importance / all its inputs is at least
      `cover`. Encoded names count for their input (`num__age`, `cat__city_Berlin`). A booster's
      file leaves out unused features: their importance is 0. Inputs without names are counted.

    The policy shows that numbers were logged, not that they are true.

    Log it: `training.log_importance(importance, method="permutation")`.

    Source: MLflow's SHAP evaluator writes pictures only (read in 3.17.2); Model Cards (Mitchell et
    al. 2019).
    """

    needs = Needs.IMPORTANCE | Needs.MODEL

    methods: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Methods that are allowed, such as permutation, gain, shap; empty: any.",
    )
    cover: Annotated[Fraction, Tighter.HIGHER] = Field(
        default=exact(1),
        le=1,
        description="Least share of the model's inputs with an importance (fraction).",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `method` and `cover`, or a single finding where there are no numbers."""
        run = case.candidate
        found = importances_of(run)
        yield part("method", lambda: self._method(found))
        yield part("cover", lambda: self._cover(run, found))

    def _method(self, found: Importances) -> Finding:
        if found.method is None:
            raise MissingEvidence(
                f"no tag {METHOD_TAG} says how the importances in {found.source} were found", REMEDY
            )
        allowed = {each.strip().casefold() for each in self.methods}
        if allowed and found.method.casefold() not in allowed:
            return Finding(
                outcome=Outcome.FAIL,
                part="method",
                message=f"importances were found by {found.method}, which is none of "
                f"{', '.join(self.methods)}",
                remedy=f"explain the model by {self.methods[0]} and log that",
            )
        return Finding(
            outcome=Outcome.PASS,
            part="method",
            message=f"importances were found by {found.method} ({found.source})",
        )

    def _cover(self, run: Run, found: Importances) -> Finding:
        inputs = inputs_of(run.model)
        names = "without an importance"
        if isinstance(inputs, int):
            total, lacking = inputs, max(0, inputs - len(found.values))
        else:
            total, absent = len(set(inputs)), uncovered(inputs, found.values)
            lacking = len(absent)
            names += f": {_listed(absent)}"
        if found.is_sparse and lacking < total:
            lacking = 0  # a booster's file leaves out what it does not use
        share = divide(exact(total - lacking), exact(total))
        return Finding.judge(
            Measurement(share, "%", Grade.LOGGED, found.source),
            ">=",
            self.cover,
            f"the share of the model's {total:,} inputs with an importance",
            part="cover",
            note=f" ({names})" if lacking and not isinstance(inputs, int) else "",
            remedy="log the importance of every input: "
            "policy_engine.training.log_importance(values, features=names, method=…)",
        )


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
      so the inputs of the model's signature are counted too)

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
            message=f"feature {top} carries {show(share, '%', limit)} of all importance by "
            f"{method}; from {show(self.warn_share, '%')} on it is suspicious, and it must be at "
            f"most {show(self.max_share, '%', share)}{smell}",
            measured=Measurement(share, "%", Grade.LOGGED, found.source),
            limit=Limit(limit, "%", "<="),
            remedy=None
            if outcome is Outcome.PASS
            else f"see whether {top} is known before the target is, and retrain without it",
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
