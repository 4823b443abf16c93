"""The change under judgement, as GitHub Actions describes it: its environment and its event file.

The event file is data from outside: a pull request chooses its author, labels and branch names.
What is read here has the right type and shape, or reading stops with `EventError`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from policy_engine.github.payload import (
    MAX_EVENT_BYTES,
    EventError,
    Payload,
    Variables,
    event_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_EVENT_BYTES", "Event", "EventError", "read_event"]

_PULL_REQUEST_EVENTS = frozenset(
    {
        "pull_request",
        "pull_request_target",
        "pull_request_review",
        "pull_request_review_comment",
    }
)
# For this one GITHUB_SHA is the tip of the base branch; for the others, the merge commit.
_RUNS_ON_BASE = "pull_request_target"
_MERGE_GROUP = "merge_group"
# It names the pull request and not its head; GITHUB_SHA is the tip of the default branch.
_COMMENT = "issue_comment"
_SECOND_STAGE = "workflow_run"
# Their GITHUB_SHA is what somebody wants judged; any other event's is where a branch happens to be.
_OF_A_COMMIT = frozenset({"push", "workflow_dispatch"})
# A workflow that these start works on no pull request. Whatever else is taken to be about one.
_NO_PROPOSALS = frozenset({"push", "workflow_dispatch", "schedule", "repository_dispatch"})

# refs/heads/gh-readonly-queue/<base>/pr-<number>-<sha of the base>; <base> may hold slashes.
_QUEUE = re.compile(r"(?:refs/heads/)?gh-readonly-queue/.+/pr-([1-9][0-9]{0,17})-[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """What started this job of GitHub Actions.

    Attributes:
        name: The event, `pull_request` for example (GITHUB_EVENT_NAME).
        repository: The repository that the job runs in, `owner/name`.
        head_sha: The commit under judgement: the pull request's head, the merge group's head, the
            head of the workflow run that this one follows, else the commit that the job was
            started on (GITHUB_SHA). None after a comment: only GitHub's API knows it.
        merge_sha: The merge of the pull request into its base, made by GitHub; it is what a
            checkout on `pull_request` has as HEAD. None for every other event.
        base_sha: The commit that the pull request or merge group was compared with, or that a
            push found. On an old pull request it is stale: ask git for the merge base.
        base_ref: The branch that it goes to, `main` for example; None where nobody said.
        default_branch: The repository's default branch.
        pull_request: Its number, from 1; a merge group names it in its ref. None after a workflow
            of a pull request: only GitHub's API knows which one has the head.
        author: Login of who opened the pull request; None for a deleted account, or where only
            the API knows.
        labels: Names of its labels, in GitHub's order.
        is_fork: Whether its head lies in another repository; None where there is no pull request.
        run_url: Where people see this workflow run.
        server_url: The address of GitHub itself, `https://github.com` for example.
        follows: The event that started the workflow run which this one follows
            (`workflow_run` alone).
        head_branch: The branch of that workflow run's head.
        head_repository: The repository of that branch, `owner/name`.
    """

    name: str
    repository: str | None
    head_sha: str | None
    merge_sha: str | None
    base_sha: str | None
    base_ref: str | None
    default_branch: str | None
    pull_request: int | None
    author: str | None
    labels: tuple[str, ...]
    is_fork: bool | None
    run_url: str | None
    server_url: str | None = None
    follows: str | None = None
    head_branch: str | None = None
    head_repository: str | None = None

    @property
    def is_pull_request(self) -> bool:
        """Whether a pull request, or a review of one, started the job."""
        return self.name in _PULL_REQUEST_EVENTS

    @property
    def is_comment(self) -> bool:
        """Whether a comment on a pull request started the job: its head, only the API knows."""
        return self.name == _COMMENT and self.pull_request is not None

    @property
    def is_proposal(self) -> bool:
        """Whether the commit under judgement is one that somebody asks to merge."""
        if self.name == _SECOND_STAGE:
            return self.follows not in _NO_PROPOSALS
        return self.is_pull_request or self.is_comment or self.name == _MERGE_GROUP

    @property
    def is_second_stage(self) -> bool:
        """Whether the job follows another workflow: what that one left is a claim."""
        return self.name == _SECOND_STAGE

    @property
    def names_commit(self) -> bool:
        """Whether the event is about the commit `head_sha`."""
        return self.is_proposal or self.is_second_stage or self.name in _OF_A_COMMIT

    def is_of(self, address: str | None) -> bool:
        """Say whether a clone of this address is one of the job's repository, not of a fork."""
        if address is None or self.repository is None or self.server_url is None:
            return False
        host = re.escape(self.server_url.partition("://")[2])
        start = rf"(?:(?:https?|ssh)://(?:[^@/]*@)?{host}/|(?:[^@/]*@)?{host}:)"
        shape = rf"{start}{re.escape(self.repository)}(?:\.git)?/?"
        return re.fullmatch(shape, address, re.IGNORECASE) is not None


def read_event(environ: Mapping[str, str]) -> Event | None:
    """Return what started this job; None outside GitHub Actions.

    Args:
        environ: The environment variables.

    Raises:
        EventError: If the event file is missing, larger than 25 MiB or malformed, or a variable is.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    variables = Variables(environ)
    payload = event_file(environ)
    event = _any_event(variables, payload)
    if event.is_pull_request:
        return _pull_request(event, payload)
    special = {_MERGE_GROUP: _merge_group, _SECOND_STAGE: _workflow_run, "push": _push}
    special[_COMMENT] = _comment
    read = special.get(event.name)
    return read(event, payload) if read else event


def _any_event(variables: Variables, payload: Payload) -> Event:
    return Event(
        name=variables.event_name,
        repository=variables.repository,
        head_sha=variables.sha,
        merge_sha=None,
        base_sha=None,
        base_ref=None,
        default_branch=payload.line("repository.default_branch"),
        pull_request=None,
        author=None,
        labels=(),
        is_fork=None,
        run_url=variables.run_url,
        server_url=variables.server_url,
    )


def _pull_request(event: Event, payload: Payload) -> Event:
    # GitHub forgets the head's repository when a fork is deleted: still not this repository.
    home = payload.line("pull_request.base.repo.full_name")
    return replace(
        event,
        head_sha=payload.required_sha("pull_request.head.sha"),
        merge_sha=None if event.name == _RUNS_ON_BASE else event.head_sha,
        base_sha=payload.required_sha("pull_request.base.sha"),
        base_ref=payload.line("pull_request.base.ref"),
        pull_request=payload.number("pull_request.number"),
        author=payload.line("pull_request.user.login"),
        labels=payload.names("pull_request.labels"),
        is_fork=home is None or payload.line("pull_request.head.repo.full_name") != home,
    )


def _merge_group(event: Event, payload: Payload) -> Event:
    base_ref = payload.line("merge_group.base_ref")
    return replace(
        event,
        head_sha=payload.required_sha("merge_group.head_sha"),
        base_sha=payload.sha("merge_group.base_sha"),
        base_ref=base_ref.removeprefix("refs/heads/") if base_ref else None,
        pull_request=_queued(payload.line("merge_group.head_ref")),
    )


def _comment(event: Event, payload: Payload) -> Event:
    """Return the event of a comment; on a plain issue it proposes nothing."""
    if not payload.has("issue.pull_request"):
        return event
    return replace(
        event,
        head_sha=None,
        pull_request=payload.number("issue.number"),
        author=payload.line("issue.user.login"),
        labels=payload.names("issue.labels"),
    )


def _push(event: Event, payload: Payload) -> Event:
    before = payload.sha("before")
    return replace(event, base_sha=before if before and before.strip("0") else None)


def _workflow_run(event: Event, payload: Payload) -> Event:
    """Return the event as the first workflow had it; which pull request it is, nobody says here.

    `workflow_run.pull_requests` is empty for forks, and names by branch what could have moved on.
    """
    follows = payload.line("workflow_run.event")
    if follows is None:
        raise payload.wrong("workflow_run.event", "the name of an event", None)
    branch = payload.line("workflow_run.head_branch")
    home = payload.line("workflow_run.head_repository.full_name")
    found = replace(
        event,
        head_sha=payload.required_sha("workflow_run.head_sha"),
        follows=follows,
        head_branch=branch,
        head_repository=home,
        # Only the queue itself starts this event: a fork may call its branch as it likes.
        pull_request=_queued(branch) if follows == _MERGE_GROUP else None,
    )
    is_fork = event.repository is None or home != event.repository
    return replace(found, is_fork=is_fork if found.is_proposal else None)


def _queued(ref: str | None) -> int | None:
    """Return the pull request that a ref of the merge queue names."""
    queued = _QUEUE.fullmatch(ref or "")
    return int(queued[1]) if queued else None
