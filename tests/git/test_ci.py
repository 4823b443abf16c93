"""Which commit a CI system names: the variables as its documentation has them."""

from __future__ import annotations

import pytest

from policy_engine.git.ci import CiCommit, ci_commit

HEAD = "a" * 40
MERGE = "b" * 40


@pytest.mark.parametrize(
    ("system", "variable"),
    [
        ("GitLab", "CI_COMMIT_SHA"),
        ("Azure Pipelines", "BUILD_SOURCEVERSION"),
        ("Bitbucket", "BITBUCKET_COMMIT"),
        ("Buildkite", "BUILDKITE_COMMIT"),
        ("CircleCI", "CIRCLE_SHA1"),
        ("Jenkins", "GIT_COMMIT"),
    ],
)
def test_each_system_names_the_commit_that_it_checked_out(system: str, variable: str) -> None:
    assert ci_commit({variable: HEAD}) == CiCommit(system, variable, HEAD, None)


@pytest.mark.parametrize(
    ("system", "source", "checked_out"),
    [
        ("GitLab", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA"),
        ("Azure Pipelines", "SYSTEM_PULLREQUEST_SOURCECOMMITID", "BUILD_SOURCEVERSION"),
    ],
)
def test_on_a_merge_the_head_of_the_request_is_named_with_its_merge(
    system: str, source: str, checked_out: str
) -> None:
    environ = {source: HEAD, checked_out: MERGE}
    assert ci_commit(environ) == CiCommit(system, source, HEAD, MERGE)
    assert ci_commit({source: HEAD, checked_out: HEAD}) == CiCommit(system, source, HEAD, None)
    assert ci_commit({source: "", checked_out: MERGE}) == CiCommit(system, checked_out, MERGE, None)


@pytest.mark.parametrize("value", ["", "HEAD", "main", "a" * 39, "a" * 41, "g" * 40])
def test_what_is_no_whole_sha_names_nothing(value: str) -> None:
    """Buildkite says HEAD where a build was started by hand."""
    assert ci_commit({"BUILDKITE_COMMIT": value}) is None
    assert ci_commit({}) is None
