"""Which commit a run was trained on, as its own tags say."""

from collections.abc import Mapping

COMMIT_TAGS = ("policy_engine.head_sha", "mlflow.source.git.commit")
"""The tags that say it; the first that a run has counts."""


def commit_in(tags: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the commit and the tag that says it; None where no tag does.

    Args:
        tags: A run's tags. A value that is not text, or blank, says nothing.
    """
    for tag in COMMIT_TAGS:
        value = tags.get(tag)
        if isinstance(value, str) and value.strip():
            return value.strip(), tag
    return None
