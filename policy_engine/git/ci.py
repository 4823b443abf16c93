"""What a CI system says its job is about: a commit, and the branch that it is to be merged into.

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


@dataclass(frozen=True, slots=True)
class Target:
    """Where a proposal is to be merged: its policies judge the proposal.

    Attributes:
        said_by: Who says so: `--trusted-ref`, or a variable and its CI system.
        name: What it is called: a branch, or what the user named.
        refs: What git may know it as, the best first.
        is_default: Whether nobody says more than that: it is the default branch then.
    """

    said_by: str
    name: str
    refs: tuple[str, ...]
    is_default: bool = False

    @classmethod
    def named(cls, ref: str) -> Target:
        """Return the one that the user names."""
        return cls("--trusted-ref", ref, (ref,))


# The system, the variable with the branch that a request goes to, and the one with a commit of it.
_TARGETS = (
    ("GitLab", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "CI_MERGE_REQUEST_DIFF_BASE_SHA"),
    ("Azure Pipelines", "SYSTEM_PULLREQUEST_TARGETBRANCH", None),
    ("Bitbucket", "BITBUCKET_PR_DESTINATION_BRANCH", "BITBUCKET_PR_DESTINATION_COMMIT"),
    ("Jenkins", "CHANGE_TARGET", None),
    ("Buildkite", "BUILDKITE_PULL_REQUEST_BASE_BRANCH", None),
)
_ONLY_THAT_IT_IS_ONE = (("CircleCI", "CIRCLE_PULL_REQUEST"), ("CircleCI", "CIRCLE_PULL_REQUESTS"))


def ci_target(environ: Mapping[str, str]) -> Target | None:
    """Return where the proposal of this job is to be merged; None in a job of no proposal.

    CircleCI says that there is a pull request, not where it goes.
    """
    for system, variable, commit in _TARGETS:
        branch = environ.get(variable, "").strip().removeprefix("refs/heads/")
        if branch:
            sha = _sha(environ, commit) if commit else None
            # Its whole name: anybody who may push can make a tag that is called `origin/main`.
            known = () if _is_of_a_fork(environ) else (f"refs/remotes/origin/{branch}",)
            refs = (*known, *([sha] if sha else ()))
            return Target(f"{variable} of {system}", branch, refs)
    for system, variable in _ONLY_THAT_IT_IS_ONE:
        if environ.get(variable, "").strip():
            return Target(f"{variable} of {system}", "the default branch", (), is_default=True)
    return None


def _is_of_a_fork(environ: Mapping[str, str]) -> bool:
    """Say whether GitLab runs the job in the fork: `origin/main` is the author's own there."""
    target, here = environ.get("CI_MERGE_REQUEST_PROJECT_ID"), environ.get("CI_PROJECT_ID")
    return bool(target and here and target != here)


def _sha(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name, "").strip().lower()
    return value if _SHA.fullmatch(value) else None
