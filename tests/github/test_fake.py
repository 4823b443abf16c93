"""The fake itself: it must catch what GitHub would refuse, or the other tests prove nothing."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.github.fake.contract import DESCRIPTION, operations
from tests.github.fake.server import GitHubFake
from tests.github.fake.state import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNOTATION = {
    "path": "policies/fraud.yaml",
    "start_line": 1,
    "end_line": 1,
    "annotation_level": "failure",
    "message": "too large",
}
RUN: dict[str, Any] = {
    "name": "models",
    "head_sha": HEAD,
    "status": "completed",
    "conclusion": "failure",
    "output": {"title": "models", "summary": "one fails"},
}


@pytest.fixture
def fake() -> Iterator[GitHubFake]:
    """A fake that may be asked for what it refuses."""
    made = GitHubFake()
    yield made
    made.close()


def ask(fake: GitHubFake, method: str, path: str, body: Any = None, **headers: str) -> int:
    """Return the status of one request; `path` is from the repository on."""
    known = {
        "Authorization": f"token {fake.token}",
        "X-GitHub-Api-Version": "2022-11-28",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(  # noqa: S310 -- loopback
        f"{fake.api_url}/repos/acme/fraud{path}",
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers=known | headers,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- as above
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def output(**facts: Any) -> dict[str, Any]:
    """Return a check run whose output has these facts."""
    return RUN | {"output": RUN["output"] | facts}


def test_the_description_names_its_source_and_its_licence() -> None:
    assert DESCRIPTION["x-source"] == "@octokit/openapi@23.0.2"
    assert len(DESCRIPTION["x-source-sha256"]) == 64
    assert DESCRIPTION["x-notice"].startswith("MIT License Copyright (c) 2020 Octokit")


def test_every_operation_of_the_description_is_served(fake: GitHubFake) -> None:
    assert {each.content["operationId"] for each in operations()} == set(fake.api.routes)


def test_what_github_allows_is_no_violation(fake: GitHubFake) -> None:
    assert ask(fake, "POST", "/issues/7/comments", {"body": "x" * 65_536}) == 201
    assert ask(fake, "POST", "/check-runs", output(annotations=[ANNOTATION] * 50)) == 201
    assert ask(fake, "GET", "") == 200
    assert fake.violations == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/issues/7/comments", {"body": "x" * 65_537}),
        ("/issues/7/comments", {"body": " \n"}),
        ("/issues/7/comments", {"body": 7}),
        ("/issues/7/comments", {}),
        ("/check-runs", output(annotations=[ANNOTATION] * 51)),
        ("/check-runs", output(summary="🚀" * 20_000)),
        ("/check-runs", output(text="x" * 65_536)),
        ("/check-runs", output(annotations=[ANNOTATION | {"title": "x" * 256}])),
        ("/check-runs", output(annotations=[ANNOTATION | {"message": "é" * 40_000}])),
        ("/check-runs", output(annotations=[ANNOTATION | {"annotation_level": "error"}])),
        ("/check-runs", output(annotations=[ANNOTATION | {"end_line": 0}])),
        ("/check-runs", {k: v for k, v in RUN.items() if k != "conclusion"}),
        ("/check-runs", RUN | {"output": {"title": "without a summary"}}),
        ("/check-runs", RUN | {"conclusion": "pass"}),
        ("/check-runs", RUN | {"completed_at": "yesterday"}),
    ],
)
def test_what_github_refuses_is_a_violation(fake: GitHubFake, path: str, body: Any) -> None:
    assert ask(fake, "POST", path, body) == 422
    assert len(fake.violations) > 0
    assert (fake.state.comments, fake.state.check_runs) == ([], [])


@pytest.mark.parametrize("query", ["?sort=newest", "?per_page=many", "?page=1&page=2"])
def test_a_query_that_github_does_not_know_is_a_violation(fake: GitHubFake, query: str) -> None:
    assert ask(fake, "GET", f"/issues/7/comments{query}") == 422
    assert len(fake.violations) == 1


@pytest.mark.parametrize(
    "headers", [{"X-GitHub-Api-Version": "2026-03-10"}, {"Accept": "text/html"}]
)
def test_headers_that_we_must_not_send_are_violations(
    fake: GitHubFake, headers: dict[str, str]
) -> None:
    assert ask(fake, "GET", "/pulls/7", **headers) == 422
    assert len(fake.violations) == 1


def test_an_unknown_token_is_refused_and_remembered(fake: GitHubFake) -> None:
    assert ask(fake, "GET", "/pulls/7", Authorization="token nobody") == 401
    assert fake.tokens == {"nobody"}


def test_a_path_that_nobody_should_ask_for_is_a_violation(fake: GitHubFake) -> None:
    assert ask(fake, "GET", "/hooks") == 404
    assert fake.violations == ["GET /repos/acme/fraud/hooks: nothing that we use"]


def test_a_forks_token_may_not_write(fake: GitHubFake) -> None:
    fake.as_fork()
    assert ask(fake, "POST", "/issues/7/comments", {"body": "hello"}) == 403
    assert ask(fake, "POST", "/check-runs", RUN) == 403
    assert (fake.state.comments, fake.state.check_runs, fake.violations) == ([], [], [])


def test_a_person_may_comment_but_make_no_check_run(fake: GitHubFake) -> None:
    token = f"token {fake.as_person('ana')}"
    assert ask(fake, "POST", "/check-runs", RUN, Authorization=token) == 403
    assert ask(fake, "POST", "/issues/7/comments", {"body": "hi"}, Authorization=token) == 201
    assert [comment.author for comment in fake.state.comments] == ["ana"]


def test_annotations_of_a_check_run_add_up(fake: GitHubFake) -> None:
    assert ask(fake, "POST", "/check-runs", output(annotations=[ANNOTATION] * 50)) == 201
    (run,) = fake.state.check_runs
    more = {"output": output(annotations=[ANNOTATION])["output"]}
    assert ask(fake, "PATCH", f"/check-runs/{run.id}", more) == 200
    assert ask(fake, "GET", f"/check-runs/{run.id}/annotations") == 200
    assert (len(run.annotations), fake.violations) == (51, [])


def test_a_failure_after_commit_has_its_effect(fake: GitHubFake) -> None:
    fake.fail("POST", "issues/7/comments", after_commit=True)
    assert ask(fake, "POST", "/issues/7/comments", {"body": "hi"}) == 502
    assert fake.bodies == ["hi"]


def test_a_failure_has_no_effect_otherwise(fake: GitHubFake) -> None:
    fake.fail("POST", "issues/7/comments")
    assert ask(fake, "POST", "/issues/7/comments", {"body": "hi"}) == 502
    assert fake.bodies == []
