"""The hash over all of a dataset's rows, where training logged one."""

import re

from mlops_policies.reading.dataset_context import names_of
from policy_engine.evidence import Dataset, InvalidEvidence

HASH_TAG = "data.sha256"

_HASH = re.compile(r"[0-9a-fA-F]{64}\Z")

HASH_REMEDY = (
    f"log the data with policy_engine.training.log_dataset(…), which hashes every cell ({HASH_TAG})"
)


def strong_hash(dataset: Dataset) -> str | None:
    """Return the input's `data.sha256` in lower case; None where it has none.

    Raises:
        InvalidEvidence: If it is not a SHA-256.
    """
    value = dataset.tags.get(HASH_TAG)
    if value is None:
        return None
    if not _HASH.match(value):
        raise InvalidEvidence(
            f"{HASH_TAG} of dataset {names_of(dataset)} is not a SHA-256 (64 hexadecimal digits)",
            HASH_REMEDY,
        )
    return value.lower()
