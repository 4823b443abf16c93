"""What a registered model may be called."""

import re
from collections.abc import Iterator
from typing import Annotated

from policy_engine import Case, Field, Finding, MissingEvidence, Needs, Outcome, Policy
from policy_engine.quantities import Tighter

_SHAPE = re.compile(r"(?P<team>[a-z]+)-(?P<purpose>[a-z0-9]+(?:-[a-z0-9]+)*)-(?P<kind>[a-z]+)")


class ModelNaming(Policy, name="acme-model-naming"):
    """The model is registered under a name that says team, purpose and kind.

    `fraud-chargebacks-ranker`: whoever is called at night must see from the name whose model it is
    and what it does.

    Each registered name of the model has the form `<team>-<purpose>-<kind>` in lower case, and its
    team is one of `teams`. A model that is not registered yet is missing evidence.

    Log it: `mlflow.register_model(info.model_uri, "fraud-chargebacks-ranker")`.
    """

    needs = Needs.MODEL | Needs.REGISTRY

    teams: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        min_length=1,
        strict=False,
        examples=[["fraud", "growth"]],
        description="Teams that own models, as the first part of a name.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding for each registered name."""
        names = {version.name for version in case.candidate.model.versions}
        if not names:
            raise MissingEvidence(
                "the candidate's model is not registered, so it has no name to judge",
                "register it in the training job, or say `on_missing: skip` in the policy file",
            )
        for name in sorted(names):
            yield self._judged(name)

    def _judged(self, name: str) -> Finding:
        found = _SHAPE.fullmatch(name)
        wrong = None
        if found is None:
            wrong = f"registered name {name} is not <team>-<purpose>-<kind> in lower case"
        elif found["team"] not in self.teams:
            wrong = f"registered name {name} begins with {found['team']}, which is not a team"
        if wrong is None:
            return Finding(
                outcome=Outcome.PASS, part=name, message=f"registered name {name} says whose it is"
            )
        return Finding(
            outcome=Outcome.FAIL,
            part=name,
            message=wrong,
            remedy=f"register it as, for example, {self.teams[0]}-chargebacks-ranker",
        )
