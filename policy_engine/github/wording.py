"""What GitHub is told of a report: the words of summary, comment and check run, and the outputs."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from policy_engine.github import check_run, comment
from policy_engine.github.event import Event
from policy_engine.github.failure import GitHubError
from policy_engine.policy import Outcome
from policy_engine.render import rows
from policy_engine.render.annotations import annotate
from policy_engine.render.escape import LONG, code
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.links import Links
from policy_engine.report import Effect, Report, Verdict

NAME = "policy-engine"
"""What the check run of a gate without a name of its own is called."""

_LONGEST_COMMENT = 60_000  # bytes; GitHub takes 65,536 characters
_TAIL_ROOM = 500
_QUIET = frozenset({Verdict.PASS, Verdict.NOT_APPLICABLE})
_NUMBER = re.compile(r"[0-9]{1,20}")
_ELSEWHERE = re.compile(r"(?:\.|[^/@]+[.:][^/@]*)/")  # a ref of another repository: its host first
_COMMIT = re.compile(r"(?:^|@)([0-9a-f]{7,64})$")  # an edited tree has no lines to link to
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one report, in one job.

    Attributes:
        report: The decision.
        gate: Tells several gates on one pull request apart; None: there is one.
        mlflow: MLflow's address, for links to runs; None: there are none.
        environ: The job's variables.
    """

    report: Report
    gate: str | None
    mlflow: str | None
    environ: Mapping[str, str]

    def summary(self, room: int) -> str:
        """Return the job summary, in at most so many bytes."""
        return self._markdown(room - _TAIL_ROOM, "the JSON report")

    def comment(self, event: Event) -> str:
        """Return the comment without its marker."""
        tail = []
        if self.gate:
            tail.append(f"gate {code(self.gate)}")
        if event.run_url:
            tail.append(f"[the job that judged this]({event.run_url})")
        limit = _LONGEST_COMMENT - comment.MARKER_ROOM - _TAIL_ROOM
        text = self._markdown(limit, "the job summary and the JSON report")
        return f"{text}\n<sub>{' · '.join(tail)}</sub>\n" if tail else text

    def check_run(self, event: Event) -> check_run.CheckRun:
        """Return the check run.

        Raises:
            GitHubError: If nothing says on which commit.
        """
        if event.head_sha is None:
            raise GitHubError("nothing says on which commit")
        annotations = annotate(self.report)
        hidden = len(annotations) - check_run.MOST_ANNOTATIONS
        more = f", {hidden} annotations more in the job summary" if hidden > 0 else ""
        counts = rows.tally(rows.every_finding(self.report))
        numbers = (self.environ.get(f"GITHUB_RUN_{name}", "") for name in ("ID", "ATTEMPT"))
        return check_run.CheckRun(
            name=f"{NAME} ({self.gate})" if self.gate else NAME,
            head_sha=event.head_sha,
            attempt="/".join(n if _NUMBER.fullmatch(n) else "0" for n in numbers),
            url=event.run_url,
            conclusion=check_run.CONCLUSIONS[self.report.verdict],
            title=f"{rows.WORDS[self.report.verdict]}: {counts}{more}",
            summary=self._markdown(check_run.LONGEST_SUMMARY, "the job summary"),
            annotations=annotations,
        )

    @property
    def has_something_to_say(self) -> bool:
        """Whether a pull request without a comment needs one."""
        return self.report.verdict not in _QUIET or self.report.proposal is not None

    @property
    def decision(self) -> str:
        """The digest of what was decided, whenever that was."""
        decided = self.report.to_dict()
        del decided["evaluated_at"]
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()

    def _markdown(self, limit: int, elsewhere: str) -> str:
        # Built from configuration, never from a run.
        ref = self.report.policies.ref or ""
        commit = None if _ELSEWHERE.match(ref) else _COMMIT.search(ref)
        links = Links(
            mlflow=self.mlflow,
            server=self.environ.get("GITHUB_SERVER_URL"),
            repository=self.environ.get("GITHUB_REPOSITORY"),
            commit=commit[1] if commit else None,
        )
        return as_markdown(self.report, limit=limit, elsewhere=elsewhere, links=links)


def outputs(
    verdict: Verdict, exit_code: int, report: Report | None = None, report_file: str = ""
) -> dict[str, str]:
    """Return a step's outputs: words of ours, whole numbers, and a path that the job itself gave.

    Args:
        verdict: The report's; `error` where there is none.
        exit_code: What the command ends with.
        report: The report; None: nothing was judged.
        report_file: Where the report lies.
    """
    findings = rows.every_finding(report) if report else []
    effects = Counter(finding.effect for finding in findings)
    counts = {
        "blocking": effects[Effect.BLOCK],
        "warnings": effects[Effect.WARN],
        "waived": effects[Effect.WAIVED],
        "passed": sum(finding.outcome is Outcome.PASS for finding in findings),
    }
    path = report_file if report and _PRINTABLE.fullmatch(report_file) else ""
    return {
        "verdict": verdict.value,
        "exit-code": str(exit_code),
        **{name: str(count) if report else "" for name, count in counts.items()},
        "report": path,
    }


def nothing_judged(problem: str, exit_code: int) -> str:
    """Return the job summary of a check that ended without a report."""
    lines = "\n".join(f"- {code(line, LONG)}" for line in problem.splitlines() if line.strip())
    return f"## Error: nothing was judged\n\n(exit code {exit_code})\n\n{lines}\n"


def not_published(problems: list[str]) -> str:
    """Return what the job summary says of what could not be published."""
    lines = "\n".join(f"> - {code(problem, LONG)}" for problem in problems)
    return f"\n> **Not everything was published**; the verdict stands.\n>\n{lines}\n"
