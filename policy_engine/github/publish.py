"""Tell GitHub of a report: job summary, outputs, check run, comment, annotations; in this order.

The decision is made before, and nothing here changes it. What cannot be published is said in a
sentence, on stderr and in the job summary, and the rest is published all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from policy_engine.github import check_run, comment, job
from policy_engine.github.client import Client, connect
from policy_engine.github.event import Event, read_event
from policy_engine.github.failure import GitHubError, NotAllowedError
from policy_engine.github.hub import Hub, resolved
from policy_engine.github.steps import Steps
from policy_engine.github.wording import NAME, Wording, not_published, nothing_judged, outputs
from policy_engine.log import to_runner
from policy_engine.render.escape import LONG, command_data, terminal
from policy_engine.render.formats.github import as_github
from policy_engine.report import Report, Verdict

GATE = re.compile(r"[A-Za-z0-9._-]{1,50}")
"""What a gate may be called: it stands in the comment's marker."""

_LEAST_SUMMARY = 2_000  # bytes; less would hold no verdict


class Comments(StrEnum):
    """When there is a comment: always; once there is something to say; never."""

    ALWAYS = "always"
    PROBLEMS = "problems"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """What is published, and as whose.

    Attributes:
        comments: When there is a comment.
        check_run: Whether to write a check run.
        gate: Tells several gates on one pull request apart; None: there is one.
        author: Whose comments are ours; None: whoever the token stands for.
        total_s: How long GitHub is waited for, in all (seconds).
        mlflow: MLflow's address, for links to runs; None: there are none.
        report_file: Path of the JSON report, for the outputs; empty if there is none.
        annotations: Whether the job's log gets annotations; False where the log has them already.
    """

    comments: Comments = Comments.PROBLEMS
    check_run: bool = False
    gate: str | None = None
    author: str | None = None
    total_s: float = 120.0
    mlflow: str | None = None
    report_file: str = ""
    annotations: bool = True


def publish(
    report: Report, how: Publishing, environ: Mapping[str, str], event: Event | None = None
) -> tuple[str, ...]:
    """Publish a report, and return what could not be, a sentence each.

    Args:
        report: The decision.
        how: What is published.
        environ: The environment of a job of GitHub Actions.
        event: What started the job, if somebody read it already.
    """
    return tuple(_Publisher(report, how, environ, event).run())


def publish_failure(problem: str, exit_code: int, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Tell a job that nothing was judged, and return what could not be told.

    Args:
        problem: What went wrong; may have several lines, and quote what others wrote.
        exit_code: What the command ends with.
        environ: The environment of a job of GitHub Actions.
    """
    steps = Steps(NAME)
    told = nothing_judged(problem, exit_code)
    steps.take("the job summary", lambda: job.add_to_summary(environ, told))
    values = outputs(Verdict.ERROR, exit_code)
    steps.take("the outputs", lambda: job.write_outputs(environ, values))
    first = terminal(problem.strip().partition("\n")[0], LONG)
    to_runner(f"::error title={NAME}::{command_data(first)}\n")
    return tuple(steps.problems)


class _Publisher:
    def __init__(
        self, report: Report, how: Publishing, environ: Mapping[str, str], event: Event | None
    ) -> None:
        self._report = report
        self._how = how
        self._environ = environ
        self._known = event
        self._words = Wording(report, how.gate, how.mlflow, environ)

    def run(self) -> list[str]:
        steps, how = Steps(NAME), self._how
        steps.take("the job summary", self._summary)
        steps.take("the outputs", self._outputs)
        has_run = how.check_run and steps.take("the check run", self._check_run)
        if how.comments is not Comments.NEVER:
            steps.take("the comment", self._comment)
        if how.annotations and not has_run:
            to_runner(as_github(self._report))
        if steps.problems:
            told = not_published(steps.problems)
            steps.take("the job summary", lambda: job.add_to_summary(self._environ, told))
        return steps.problems

    @cached_property
    def _event(self) -> Event:
        event = self._known or read_event(self._environ)
        if event is None:
            raise GitHubError("this is not a job of GitHub Actions")
        # Of a comment's pull request only the API knows the head.
        unknown = event.is_comment and event.head_sha is None
        return resolved(event, Hub(self._environ)) if unknown else event

    @cached_property
    def _client(self) -> Client:
        return connect(self._environ, total_s=self._how.total_s)

    def _summary(self) -> str | None:
        if not self._environ.get("GITHUB_STEP_SUMMARY"):
            return None
        room = job.room_in_summary(self._environ)
        if room < _LEAST_SUMMARY:
            return "the step's summary is full"
        job.add_to_summary(self._environ, self._words.summary(room))
        return None

    def _outputs(self) -> None:
        report = self._report
        values = outputs(report.verdict, int(report.exit_code), report, self._how.report_file)
        job.write_outputs(self._environ, values)

    def _check_run(self) -> None:
        run = self._words.check_run(self._event)
        try:
            check_run.write_check_run(self._client, run)
        except NotAllowedError as error:
            raise GitHubError(
                f"{error}; a check run needs the token of a job with `checks: write`, "
                "which the job of a fork's pull request does not get"
            ) from None

    def _comment(self) -> str | None:
        event = self._event
        if not event.is_proposal or event.name == "merge_group":
            return None  # a merge queue, a branch: nobody reads comments there
        try:
            return self._kept(event)
        except NotAllowedError as error:
            remedy = (
                "the token of a fork's pull request may only read: let a second workflow publish"
                if event.is_fork and event.is_pull_request
                else "give the job `permissions: pull-requests: write`"
            )
            raise GitHubError(f"{error}; {remedy}") from None

    def _kept(self, event: Event) -> str | None:
        if event.pull_request is None:
            event = resolved(event, Hub(self._environ))
        if event.pull_request is None:
            return "nothing says on which pull request"
        place = comment.CommentSpot(
            pull_request=event.pull_request,
            head_sha=event.head_sha or "",
            gate=self._how.gate or "default",
            author=self._how.author,
        )
        always = self._how.comments is Comments.ALWAYS
        return comment.keep(
            self._client,
            place,
            self._words.comment(event),
            self._words.decision,
            may_begin=always or self._words.has_something_to_say,
        )
