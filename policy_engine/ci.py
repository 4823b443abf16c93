"""The commit that a CI system says its job is about, by the variables that it sets.

GitHub Actions is not among them: its event says more, and `policy_engine.github.event` reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# The system, the variable with the head of the request where the job runs on its merge (set only
# there), and the one with the commit that the job checked out. Jenkins' name is the most general.
_SYSTEMS = (
    ("GitLab", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA"),
    ("Azure Pipelines", "SYSTEM_PULLREQUEST_SOURCECOMMITID", "BUILD_SOURCEVERSION"),
    ("Bitbucket", None, "BITBUCKET_COMMIT"),
    ("Buildkite", None, "BUILDKITE_COMMIT"),
    ("CircleCI", None, "CIRCLE_SHA1"),
    ("Jenkins", None, "GIT_COMMIT"),
)


@dataclass(frozen=True, slots=True)
class CiCommit:
    """What a CI system says it runs on.

    Attributes:
        system: Its name.
        variable: The environment variable that names `sha`.
        sha: The commit: of a merge or pull request its head.
        merge_sha: The merge of that commit, where the job runs on one.
    """

    system: str
    variable: str
    sha: str
    merge_sha: str | None


def ci_commit(environ: Mapping[str, str]) -> CiCommit | None:
    """Return the commit that the environment names; None where it names none by its whole sha."""
    for system, source, checked_out in _SYSTEMS:
        here = _sha(environ, checked_out)
        head = _sha(environ, source) if source else None
        if source and head:
            return CiCommit(system, source, head, here if here != head else None)
        if here:
            return CiCommit(system, checked_out, here, None)
    return None


def _sha(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name, "").strip().lower()
    return value if _SHA.fullmatch(value) else None
