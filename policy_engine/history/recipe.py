"""What stands for a run's code, data and parameters: runs with the same differ by chance alone."""

import hashlib
import json

from policy_engine.evidence.commit import commit_in
from policy_engine.evidence.record import RunRecord

NO_CHOICES = frozenset("seed random_seed random_state n_jobs verbose".split())
"""Parameters whose value is no other recipe."""


def recipe_of(run: RunRecord) -> str | None:
    """Return the recipe's digest; None where the run does not say its commit or its data."""
    commit = commit_in(run.tags)
    data = sorted(f"{d.context}:{d.name}:{d.digest}" for d in run.datasets if d.digest)
    if commit is None or not data or len(data) < len(run.datasets):
        return None
    params = sorted(
        (name, str(value)) for name, value in run.params.items() if not _is_no_choice(name)
    )
    told = json.dumps([commit[0], data, params])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _is_no_choice(name: str) -> bool:
    return name.replace(".", "__").rpartition("__")[2] in NO_CHOICES
