"""Whether the run says how much each input counts."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from mlops_policies.reading.importances import (
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
    Measurement,
    MissingEvidence,
    Needs,
    Run,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Fraction, Tighter, divide, exact, first_few


class ExplanationLogged(Policy, name="explanation-logged"):
    """The run says in numbers how much each input counts, and by which method.

    A reviewer who cannot see what a model looks at can neither find the leak nor answer the person
    whom it judges. A picture cannot be compared with the last one.

    - `method`: the tag `explanation.method` names it, and `methods` allows it. The files that
      autologging writes for boosted trees name it themselves (gain, weight, split).
    - `cover`: inputs of the model's signature with a finite importance / all its inputs is at least
      `cover`. Encoded names count for their input (`num__age`, `cat__city_Berlin`). A booster's
      file leaves out unused features: their importance is 0. Inputs without names are counted.

    The policy shows that numbers were logged, not that they are true. An agent, a chat model or a
    language-model pipeline (by its flavor or task, and a signature that takes no number) without
    importances is `not-applicable`.

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
            names += f": {first_few(absent, 5)}"
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
