"""The check run: the report beside the commit, with annotations on the lines of the policy files.

It is a projection of the job's result, not the gate: any workflow that may write check runs can
write one of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from policy_engine.github.answers import part_of
from policy_engine.github.failure import GitHubError, UnclearError
from policy_engine.report import Verdict

if TYPE_CHECKING:
    from policy_engine.github.client import Client
    from policy_engine.render.annotations import Annotation

LONGEST_SUMMARY = 65_000
"""What GitHub takes of a summary is 65,535 bytes."""
MOST_ANNOTATIONS = 500
"""The worst so many are shown: at 50 a request, it is ten requests a second apart."""

Conclusion = Literal["success", "neutral", "failure", "skipped"]
CONCLUSIONS: dict[Verdict, Conclusion] = {
    Verdict.PASS: "success",
    Verdict.WARN: "neutral",
    Verdict.NOT_APPLICABLE: "skipped",
    Verdict.FAIL: "failure",
    Verdict.NOT_EVALUATED: "failure",
    Verdict.ERROR: "failure",
}
_BATCH = 50
_LAST_PLAIN = "\uffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRun:
    """A finished check run.

    Attributes:
        name: What people see beside the commit.
        head_sha: The commit.
        attempt: Which run of the workflow, and which attempt: `4711/2`.
        url: Where the job is; None: not known.
        conclusion: GitHub's word for the verdict.
        title: One line.
        summary: Markdown, at most `LONGEST_SUMMARY` bytes.
        annotations: Worst first.
    """

    name: str
    head_sha: str
    attempt: str
    url: str | None
    conclusion: Conclusion
    title: str
    summary: str
    annotations: Sequence[Annotation] = ()


def write_check_run(client: Client, run: CheckRun) -> None:
    """Write a new check run: of the runs of one name on a commit, GitHub shows the latest.

    Raises:
        GitHubError: If GitHub does not take it all.
    """
    shown = [_plain(each.to_dict()) for each in run.annotations[:MOST_ANNOTATIONS]]
    number = _begun(client, run, shown[:_BATCH])
    added = _BATCH
    while added < len(shown):
        body = {"output": _output(run, shown[added : added + _BATCH])}
        try:
            # It adds: sent twice, it would add twice.
            client.patch("check-runs", str(number), body=body, repeat=False)
        except UnclearError:
            if _count(client, number) < added + len(body["output"]["annotations"]):
                raise
        added += _BATCH


def _begun(client: Client, run: CheckRun, annotations: Sequence[dict[str, Any]]) -> int:
    body = {
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.attempt,
        "status": "completed",
        "conclusion": run.conclusion,
        "output": _output(run, annotations),
        **({"details_url": run.url} if run.url else {}),
    }
    try:
        number = part_of(client.post("check-runs", body=body), "id")
    except UnclearError:
        number = _found(client, run)
        if number is None:
            number = part_of(client.post("check-runs", body=body), "id")
    if not isinstance(number, int):
        raise GitHubError("GitHub made a check run and does not say which")
    return number


def _found(client: Client, run: CheckRun) -> int | None:
    """Return the id of this attempt's check run, if it is there."""
    answer = client.get("commits", run.head_sha, "check-runs", check_name=run.name)
    listed = part_of(answer, "check_runs")
    for each in listed if isinstance(listed, list) else ():
        if part_of(each, "external_id") == run.attempt and isinstance(part_of(each, "id"), int):
            number: int = each["id"]
            return number
    return None


def _count(client: Client, number: int) -> int:
    answer = client.get("check-runs", str(number))
    count = part_of(part_of(answer, "output"), "annotations_count")
    return count if isinstance(count, int) else 0


def _output(run: CheckRun, annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"title": run.title, "summary": run.summary, "annotations": list(annotations)}


def _plain(annotation: dict[str, Any]) -> dict[str, Any]:
    """Return an annotation in the characters that check runs are known to take: no emoji."""
    return {
        key: "".join(c if c <= _LAST_PLAIN else f"\\U{ord(c):08x}" for c in value)
        if isinstance(value, str)
        else value
        for key, value in annotation.items()
    }
