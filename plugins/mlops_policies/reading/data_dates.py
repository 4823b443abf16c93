"""The moments that a dataset says it covers; and what a dataset is called in a finding."""

from datetime import UTC, datetime

from mlops_policies.reading.dataset_context import names_of
from policy_engine.evidence import (
    Dataset,
    InvalidEvidence,
)

MIN_TIMESTAMP_TAG = "data.min_timestamp"

MAX_TIMESTAMP_TAG = "data.max_timestamp"

TIME_REMEDY = (
    "say it where the data is logged: policy_engine.training.log_dataset(data, name=…, "
    "context=…, min_timestamp=…, max_timestamp=…)"
)


def moment(dataset: Dataset, tag: str) -> datetime | None:
    """Return the time that an input's tag states; None where it has no such tag.

    Raises:
        InvalidEvidence: If it is not an ISO 8601 time.
    """
    text = dataset.tags.get(tag)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidEvidence(
            f"{tag} of dataset {names_of(dataset)} is not an ISO 8601 time", TIME_REMEDY
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def label_of(dataset: Dataset, taken: dict[str, Dataset]) -> str:
    """Return the part that judges a dataset; two of one name are told apart."""
    names = [dataset.name, f"{dataset.name} ({dataset.context or 'no context'})"]
    names += [f"{dataset.name} ({dataset.digest})", f"{dataset.name} ({len(taken) + 1})"]
    return next(name for name in names if name and name not in taken)
