"""Which data a model may be made of."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from policy_engine import Case, Field, Finding, MissingEvidence, Needs, Outcome, Policy
from policy_engine.evidence import Dataset
from policy_engine.quantities import Tighter

_LOG = (
    "log what it was trained and evaluated on: "
    'policy_engine.training.log_dataset(data, name="…", context="training")'
)


class ApprovedDatasets(Policy, name="acme-approved-datasets"):
    """The model was trained and evaluated on data that Acme approved.

    Data that nobody has cleared comes back as an incident: a partner's contract, a deleted user, a
    sample that was never meant to leave its team.

    Of each dataset input of the run, whatever its context, the name matches one of `approved`.
    Upper and lower case count. The names are those that the run claims; which rows lie behind a
    name is for `dataset-identity` and `same-eval-data` to judge.

    Log it: `policy_engine.training.log_dataset(train, name="payments-2026q1", context="training")`.
    """

    needs = Needs.DATASETS

    approved: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        min_length=1,
        strict=False,
        examples=[["payments-*", "chargebacks-2026"]],
        description="Names of datasets that may be used; `*` stands for any text.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding for each dataset name."""
        datasets = case.candidate.datasets
        if not datasets:
            raise MissingEvidence("the candidate run has no dataset inputs", _LOG)
        for name, dataset in {each.name: each for each in datasets}.items():
            yield self._judged(name, dataset)

    def _judged(self, name: str, dataset: Dataset) -> Finding:
        if any(fnmatchcase(name, pattern) for pattern in self.approved):
            return Finding(
                outcome=Outcome.PASS, part=name, message=f"dataset {name} is an approved one"
            )
        context = f" ({dataset.context})" if dataset.context else ""
        return Finding(
            outcome=Outcome.FAIL,
            part=name,
            message=f"dataset {name}{context} is none of the approved: {', '.join(self.approved)}",
            remedy="train on approved data, or have it approved and add its name to `approved`",
        )
