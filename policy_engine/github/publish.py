"""Tell GitHub of a report: job summary, outputs, check run, comment, annotations; in this order.

The decision is made before, and nothing here changes it. What cannot be published is said in a
sentence, on stderr and in the job summary, and the rest is published all the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from policy_engine.errors import PolicyEngineError
from policy_engine.github import check_run, comment, job
from policy_engine.github.client import Client, connect
from policy_engine.github.event import Event, read_event
from policy_engine.github.failure import GitHubError, NotAllowedError
from policy_engine.github.hub import Hub, resolved
from policy_engine.log import to_runner
from policy_engine.policy import Outcome
from policy_engine.render import as_markdown, rows
from policy_engine.render.annotations import annotate, as_github
from policy_engine.render.escape import LONG, code, command_data, terminal
from policy_engine.render.links import Links
from policy_engine.report import Effect, Report, Verdict

if TYPE_CHECKING:
    from policy_engine.github.check_run import CheckRun

NAME = "policy-engine"
"""What the check run of a gate without a name of its own is called."""
GATE = re.compile(r"[A-Za-z0-9._-]{1,50}")
"""What a gate may be called: it stands in the comment's marker."""

_LONGEST_COMMENT = 60_000  # bytes; GitHub takes 65,536 characters
_LEAST_SUMMARY = 2_000  # bytes; less would hold no verdict
_TAIL_ROOM = 500
_QUIET = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_ATTEMPT = re.compile(r"[0-9]{1,20}")
_COMMIT = re.compile(r"(?:^|@)([0-9a-f]{7,64})$")  # an edited tree has no lines to link to
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")


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
    publisher = _Publisher(report, how, environ, event)
    publisher.run()
    return tuple(publisher.problems)


def publish_failure(
    problem: str, exit_code: int, how: Publishing, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Tell a job that nothing was judged: outputs, summary, one annotation.

    Args:
        problem: What went wrong; may have several lines, and quote what others wrote.
        exit_code: What the command ends with.
        how: As for a report.
        environ: As for a report.
    """
    lines = [line for line in problem.splitlines() if line.strip()] or ["unknown"]
    words = "\n".join(f"- {code(line, LONG)}" for line in lines)
    told = f"## Error: nothing was judged\n\n(exit code {exit_code})\n\n{words}\n"
    steps = _Steps()
    steps.take("the job summary", lambda: job.add_to_summary(environ, told))
    outputs = _outputs(Verdict.ERROR, exit_code, None, how)
    steps.take("the outputs", lambda: job.write_outputs(environ, outputs))
    first = command_data(terminal(lines[0], LONG))
    to_runner(f"::error title={NAME}::{first}\n")
    return tuple(steps.problems)


@dataclass(slots=True)
class _Steps:
    """Steps of which none keeps another from being taken."""

    problems: list[str] = field(default_factory=list)

    def take(self, what: str, step: Callable[[], str | None]) -> bool:
        """Take a step; whatever goes wrong becomes a sentence."""
        try:
            problem = step()
        except PolicyEngineError as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 -- the decision stands, whatever breaks here
            problem = f"it broke down: {type(error).__name__}"
        if problem is None:
            return True
        self.problems.append(f"{what} was not written: {problem}")
        sys.stderr.write(f"{NAME}: {terminal(self.problems[-1], LONG)}\n")
        return False


class _Publisher:
    def __init__(
        self, report: Report, how: Publishing, environ: Mapping[str, str], event: Event | None
    ) -> None:
        self._known = event
        self._report = report
        self._how = how
        self._environ = environ
        self._steps = _Steps()

    @property
    def problems(self) -> list[str]:
        return self._steps.problems

    def run(self) -> None:
        take, how = self._steps.take, self._how
        take("the job summary", self._summary)
        take("the outputs", self._write_outputs)
        has_run = how.check_run and take("the check run", self._check_run)
        if how.comments is not Comments.NEVER:
            take("the comment", self._comment)
        if how.annotations and not has_run:
            to_runner(as_github(self._report))
        if self.problems:
            words = "\n".join(f"> {code(problem, LONG)}" for problem in self.problems)
            told = f"\n> **Not everything was published**; the verdict stands.\n>\n{words}\n"
            take("the job summary", lambda: job.add_to_summary(self._environ, told))

    @cached_property
    def _event(self) -> Event:
        event = self._known or read_event(self._environ)
        if event is None:
            raise GitHubError("this is no job of GitHub Actions")
        return event

    @cached_property
    def _client(self) -> Client:
        return connect(self._environ, total_s=self._how.total_s)

    @cached_property
    def _links(self) -> Links:
        """Where runs and policy lines lead: built from configuration, never from a run."""
        commit = _COMMIT.search(self._report.policies.ref or "")
        return Links(
            mlflow=self._how.mlflow,
            server=self._environ.get("GITHUB_SERVER_URL"),
            repository=self._environ.get("GITHUB_REPOSITORY"),
            commit=commit[1] if commit else None,
        )

    def _summary(self) -> str | None:
        if not self._environ.get("GITHUB_STEP_SUMMARY"):
            return None
        room = job.room_in_summary(self._environ)
        if room < _LEAST_SUMMARY:
            return "the step's summary is full"
        text = as_markdown(
            self._report,
            limit=room - _TAIL_ROOM,
            elsewhere="the JSON report",
            links=self._links,
        )
        job.add_to_summary(self._environ, text)
        return None

    def _write_outputs(self) -> None:
        report = self._report
        outputs = _outputs(report.verdict, int(report.exit_code), report, self._how)
        job.write_outputs(self._environ, outputs)

    def _check_run(self) -> None:
        run = self._described(self._event)
        try:
            check_run.write(self._client, run)
        except NotAllowedError as error:
            raise GitHubError(
                f"{error}; a check run needs the token of a job with `checks: write`, "
                "which the job of a fork's pull request does not get"
            ) from None

    def _described(self, event: Event) -> CheckRun:
        if event.head_sha is None:
            raise GitHubError("nobody says on which commit")
        report, environ = self._report, self._environ
        verdict, counts = rows.WORDS[report.verdict], rows.tally(rows.every_finding(report))
        annotations = annotate(report)
        hidden = len(annotations) - check_run.MOST_ANNOTATIONS
        more = f", {hidden} annotations more in the job summary" if hidden > 0 else ""
        return check_run.CheckRun(
            name=f"{NAME} ({self._how.gate})" if self._how.gate else NAME,
            head_sha=event.head_sha,
            attempt="/".join(
                _digits(environ.get(name)) for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")
            ),
            url=event.run_url,
            conclusion=check_run.CONCLUSIONS[report.verdict],
            title=f"{verdict}: {counts}{more}",
            summary=as_markdown(
                report,
                limit=check_run.LONGEST_SUMMARY,
                elsewhere="the job summary",
                links=self._links,
            ),
            annotations=annotations,
        )

    def _comment(self) -> str | None:
        event = self._event
        if not event.is_proposal or event.name == "merge_group":
            return None  # a merge queue, a branch: nobody reads comments there
        try:
            if event.pull_request is None:
                event = resolved(event, Hub(self._environ))
            if event.pull_request is None:
                return "nobody says on which pull request"
            return comment.keep(
                self._client,
                comment.Place(
                    pull_request=event.pull_request,
                    head_sha=event.head_sha or "",
                    gate=self._how.gate or "default",
                    author=self._how.author,
                ),
                self._words(event),
                _decision(self._report),
                may_begin=self._how.comments is Comments.ALWAYS
                or has_something_to_say(self._report),
            )
        except NotAllowedError as error:
            remedy = (
                "the token of a fork's pull request may only read: let a second workflow publish"
                if event.is_fork and event.is_pull_request
                else "give the job `permissions: pull-requests: write`"
            )
            raise GitHubError(f"{error}; {remedy}") from None

    def _words(self, event: Event) -> str:
        tail = []
        if self._how.gate:
            tail.append(f"gate {code(self._how.gate)}")
        if event.run_url:
            tail.append(f"[the job that judged this]({event.run_url})")
        limit = _LONGEST_COMMENT - comment.MARKER_ROOM - _TAIL_ROOM
        text = as_markdown(self._report, limit=limit, links=self._links)
        return f"{text}\n<sub>{' · '.join(tail)}</sub>\n" if tail else text


def has_something_to_say(report: Report) -> bool:
    """Say whether a pull request without a comment needs one."""
    return report.verdict not in _QUIET or report.proposal is not None


def _outputs(
    verdict: Verdict, exit_code: int, report: Report | None, how: Publishing
) -> dict[str, str]:
    """Return the outputs: words of ours, whole numbers, and the path that the job itself gave."""
    findings = rows.every_finding(report) if report else []
    effects = Counter(finding.effect for finding in findings)
    passed = sum(finding.outcome is Outcome.PASS for finding in findings)
    counts = {
        "blocking": effects[Effect.BLOCK],
        "warnings": effects[Effect.WARN],
        "waived": effects[Effect.WAIVED],
        "passed": passed,
    }
    path = how.report_file if report and _PRINTABLE.fullmatch(how.report_file) else ""
    return {
        "verdict": verdict.value,
        "exit-code": str(exit_code),
        **{name: str(count) if report else "" for name, count in counts.items()},
        "report": path,
    }


def _decision(report: Report) -> str:
    """Return the digest of what was decided, whenever that was."""
    decided = report.to_dict()
    del decided["evaluated_at"]
    text = json.dumps(decided, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digits(text: str | None) -> str:
    return text if text and _ATTEMPT.fullmatch(text) else "0"
