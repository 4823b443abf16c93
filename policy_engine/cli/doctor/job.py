"""What GitHub tells the job: the event, what the token may do, whose the head is."""

from collections.abc import Callable

from policy_engine.change.situation import Job
from policy_engine.cli.doctor.line import Line, State
from policy_engine.errors import PolicyEngineError
from policy_engine.github.event import Event
from policy_engine.github.failure import NotAllowedError


def event_line(job: Job) -> Line:
    """Say what is judged, and for which event."""
    event = job.event
    if event is None:
        said = "this is not a job of GitHub Actions: the work tree and its policies are judged"
        return Line("event", State.NOT_APPLICABLE, said)
    sha = (event.head_sha or "no commit")[:12]
    if not event.names_commit:
        remedy = "name the candidate with --run, --model, --commit or --evidence"
        return Line("event", State.OK, f"{event.name}: it is about no commit to judge", remedy)
    number = f" of pull request #{event.pull_request}" if event.pull_request else ""
    if event.is_second_stage and event.is_proposal and event.pull_request is None:
        remedy = "give the step `env: GITHUB_TOKEN: ${{ github.token }}`"
        return Line("event", State.PROBLEM, f"{event.name}: which pull request, is unknown", remedy)
    return Line("event", State.OK, f"{event.name}: {sha}{number} is judged")


def token_line(job: Job) -> Line:
    """Say what the token may read; GitHub tells nobody what it may write."""
    if job.event is None:
        return Line("token", State.NOT_APPLICABLE, "only a job of GitHub Actions has one")
    if not job.hub.has_token:
        remedy = "give the step `env: GITHUB_TOKEN: ${{ github.token }}`"
        said = "there is none: no comment, no check run, and the clone has to tell everything"
        return Line("token", State.NOT_APPLICABLE, said, remedy)
    try:
        client = job.hub.client
        branch, sha = job.event.default_branch or "main", job.event.head_sha or ""
        may = {
            "contents": _may(lambda: client.tip(branch)),
            "pull-requests": client.may_read("pulls"),
            "checks": client.may_read("commits", sha, "check-runs"),
        }
    except PolicyEngineError as e:
        return Line("token", State.PROBLEM, str(e), "see whether GITHUB_TOKEN is the job's own")
    lacks = [f"`{name}: read`" for name in ("contents", "pull-requests") if not may[name]]
    reads = ", ".join(name for name, allowed in may.items() if allowed) or "nothing"
    said = f"it may read {reads}; what it may write, only writing tells"
    if lacks:
        remedy = f"give the job `permissions:` with {' and '.join(lacks)}"
        return Line("token", State.PROBLEM, said, remedy)
    remedy = "a comment needs `pull-requests: write`, a check run `checks: write`"
    return Line("token", State.OK, said, remedy)


def _may(question: Callable[[], object]) -> bool:
    try:
        question()
    except NotAllowedError:
        return False
    return True


def fork_line(event: Event | None) -> Line:
    """Say whose the head is, and what that means for secrets."""
    if event is None or not event.is_proposal:
        return Line("fork", State.NOT_APPLICABLE, "there is no pull request")
    if event.is_fork is None:
        return Line("fork", State.NOT_APPLICABLE, "a merge group has no secrets to lose")
    if not event.is_fork:
        return Line("fork", State.OK, "the head lies in this repository")
    if event.is_second_stage:
        said = "the head lies in a fork, and this is the second stage: its evidence is a claim"
        return Line("fork", State.OK, said)
    if event.name == "pull_request_target" or event.is_comment:
        said = "the head lies in a fork, and this job has secrets"
        remedy = "use `pull_request`, and `workflow_run` for what needs secrets"
        return Line("fork", State.PROBLEM, said, remedy)
    said = "the head lies in a fork: no secrets, and a token that may only read"
    remedy = "save the evidence, and judge it in a workflow on `workflow_run`"
    return Line("fork", State.OK, said, remedy)
