"""What GitHub's API knows and the event does not say: asked only where it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from policy_engine.github.failure import GitHubError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policy_engine.github.answers import PullRequest
    from policy_engine.github.client import Client
    from policy_engine.github.event import Event

T = TypeVar("T")

LONGEST_S = 45.0
"""How long GitHub may take in all to say who judges and what is judged (seconds)."""


@dataclass(slots=True)
class Hub:
    """GitHub's API where the job has a token; else it knows nothing.

    Args:
        environ: The environment variables of the job.
    """

    environ: Mapping[str, str]
    _client: Client | None = field(default=None, init=False)

    @property
    def has_token(self) -> bool:
        """Whether it can be asked."""
        return bool(self.environ.get("GITHUB_TOKEN"))

    @property
    def is_fresh(self) -> bool:
        """Whether the machine was made for this job, and its clone with it."""
        return self.environ.get("RUNNER_ENVIRONMENT") == "github-hosted"

    @property
    def client(self) -> Client:
        """The client, connected once.

        Raises:
            UsageError: If there is no token, or a variable is malformed.
        """
        if self._client is None:
            # Imported here: a job whose clone tells everything asks GitHub nothing.
            from policy_engine.github.client import connect  # noqa: PLC0415

            self._client = connect(self.environ, total_s=LONGEST_S)
        return self._client

    def known(self, question: Callable[[Client], T]) -> T | None:
        """Return an answer that a check can do without; None where GitHub gives none."""
        if not self.has_token:
            return None
        try:
            return question(self.client)
        except GitHubError:
            return None


class NoSuchProposalError(GitHubError):
    """It is not known which pull request, or which commit of it, a job is about (exit 3)."""


def resolved(event: Event, hub: Hub) -> Event:
    """Return the event with what only the API knows of its pull request.

    Without a token the pull request stays unknown. A second stage finds it by the head commit of
    the workflow run that it follows, never by what that run left behind.

    Raises:
        GitHubError: If the API does not tell which pull request a second stage is about, or which
            commit is the head of one that was commented on.
    """
    if event.is_comment:
        return _with(event, _commented(event, hub))
    if not event.is_proposal or event.is_pull_request or not hub.has_token:
        return event
    if event.pull_request is not None:  # a merge group names its own
        number = event.pull_request
        pull = hub.known(lambda client: client.pull(number))
        return event if pull is None else _with(event, pull)
    return _with(event, _by_head(event, hub)) if event.is_second_stage else event


def _commented(event: Event, hub: Hub) -> PullRequest:
    number = event.pull_request or 0
    if not hub.has_token:
        raise NoSuchProposalError(
            f"the comment on pull request #{number} does not say its commit: "
            "give the step `env: GITHUB_TOKEN: ${{ github.token }}`"
        )
    return hub.client.pull(number)


def _by_head(event: Event, hub: Hub) -> PullRequest:
    sha = event.head_sha or ""
    owner = (event.head_repository or "").partition("/")[0]
    head = f"{owner}:{event.head_branch}" if owner and event.head_branch else None
    found = hub.client.open_pulls(sha, head)
    if len(found) > 1:  # one branch, proposed to several
        found = tuple(p for p in found if p.base_ref == event.default_branch) or found
    if len(found) != 1:
        numbers = ", ".join(f"#{pull.number}" for pull in found)
        raise NoSuchProposalError(
            f"several pull requests have the head {sha[:12]}: {numbers}"
            if found
            else f"no open pull request has the head {sha[:12]} any more: "
            "a newer commit was pushed, or it was closed"
        )
    return found[0]


def _with(event: Event, pull: PullRequest) -> Event:
    of_a_group = event.pull_request is not None and not event.is_comment
    return replace(
        event,
        head_sha=pull.head_sha if event.is_comment else event.head_sha,
        pull_request=pull.number,
        author=pull.author,
        labels=pull.label_names,
        is_fork=pull.is_fork,
        # A merge group is compared with its own base.
        base_ref=event.base_ref if of_a_group else pull.base_ref,
        base_sha=event.base_sha if of_a_group else pull.base_sha,
    )


def tip(hub: Hub, branch: str) -> str:
    """Return the sha of a branch's latest commit.

    Raises:
        GitHubError: If there is no such branch, or GitHub does not answer.
    """
    try:
        return hub.client.tip(branch)
    except NotFoundError:
        raise GitHubError(f"GitHub has no branch {branch}, or the token may not see it") from None


def touched(hub: Hub, event: Event) -> tuple[str, ...] | None:
    """Return the paths that a pull request touches; None where the API does not tell."""
    number = event.pull_request
    asked = event.is_pull_request or event.is_second_stage or event.is_comment
    if number is None or not asked:
        return None
    paths = hub.known(lambda client: client.changed_paths(number))
    # GitHub tells of the newest head: what was pushed meanwhile says nothing of this commit.
    pull = hub.known(lambda client: client.pull(number)) if paths is not None else None
    return paths if pull is not None and pull.head_sha == event.head_sha else None
