"""Whether the data may be used: its licence, its purpose, its owner."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from mlops_policies.reading.data_dates import label_of
from mlops_policies.reading.dataset_context import CONTEXT_REMEDY, names_of
from policy_engine.evidence import (
    Case,
    Dataset,
    MissingEvidence,
    Needs,
)
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.quantities import Tighter

LICENCE_TAG = "data.licence"

_FACTS_REMEDY = (
    "say it where the data is logged: policy_engine.training.log_dataset(data, name=…, "
    "context=…, licence='CC-BY-4.0', purpose=…, consent_basis=…, owner=…)"
)

_LICENCE_REMEDY = "use data whose licence is allowed, or add its licence to `licences` and say why"


class DataLicenceAndConsent(Policy, name="data-licence-and-consent"):
    """Every dataset has an allowed licence, and says whose it is and what it may be used for.

    A model of data that nobody was allowed to use must be withdrawn, and nobody notices before it
    is in use. The question costs one line where the data is read.

    Of each dataset input, whatever its context: `data.licence` is one of `licences` (SPDX
    identifiers, compared without regard to case; an expression such as `MIT OR Apache-2.0` must be
    listed as a whole), and none of `required_tags` is empty. These are claims of whoever logged the
    data; the policy shows that they were made, not that they are true.

    Log it: `policy_engine.training.log_dataset(train, name="payments", context="training",
    licence="CC-BY-4.0", purpose="fraud detection", consent_basis="contract", owner="payments")`.

    Source: Datasheets for Datasets (Gebru et al.), Model Cards (Mitchell et al. 2019); Regulation
    (EU) 2024/1689, Article 10 and Annex IV (2); SPDX License List.
    """

    needs = Needs.DATASETS

    licences: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        min_length=1,
        strict=False,
        examples=[["CC-BY-4.0", "CC0-1.0"]],
        description="SPDX identifiers that are allowed, such as CC-BY-4.0.",
    )
    required_tags: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=("data.purpose", "data.consent_basis", "data.owner"),
        strict=False,
        description="Tags of the dataset input that must not be empty.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each dataset input."""
        datasets = case.candidate.datasets
        if not datasets:
            raise MissingEvidence("the candidate run has no dataset inputs", CONTEXT_REMEDY)
        labels: dict[str, Dataset] = {}
        for dataset in datasets:
            labels.setdefault(label_of(dataset, labels), dataset)
        for label, dataset in labels.items():
            yield self._judged(label, dataset)

    def _judged(self, label: str, dataset: Dataset) -> Finding:
        tags = dict.fromkeys((LICENCE_TAG, *self.required_tags))
        absent = [tag for tag in tags if tag not in dataset.tags]
        empty = [tag for tag in tags if tag not in absent and not dataset.tags[tag].strip()]
        wrong = None
        if LICENCE_TAG not in (*absent, *empty):
            wrong = self._wrong_licence(dataset.tags[LICENCE_TAG].strip())
        said = [f"has no {', '.join(absent)}"] if absent else []
        said += [f"has an empty {', '.join(empty)}"] if empty else []
        said += [wrong] if wrong else []
        if not said:
            return Finding(
                outcome=Outcome.PASS,
                part=label,
                message=f"dataset '{dataset.name}' has an allowed licence and says what is asked",
                detail=f"dataset {names_of(dataset)} has the licence "
                f"{dataset.tags[LICENCE_TAG].strip()} and says {', '.join(tags)}",
            )
        return Finding(
            outcome=Outcome.FAIL if wrong or empty else Outcome.MISSING,
            part=label,
            message=f"dataset '{dataset.name}' {said[0]}",
            detail=f"dataset {names_of(dataset)} {', and '.join(said)}",
            remedy=_LICENCE_REMEDY if wrong else _FACTS_REMEDY,
        )

    def _wrong_licence(self, licence: str) -> str | None:
        """Say that a licence is none of the allowed ones; None where it is one."""
        if licence.casefold() in {each.strip().casefold() for each in self.licences}:
            return None
        return f"has the licence {licence}, which is none of {', '.join(self.licences)}"
