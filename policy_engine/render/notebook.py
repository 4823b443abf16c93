"""The report as a notebook shows it: one small HTML table."""

from functools import partial

from tabulate import tabulate

from policy_engine.render import champions, edits
from policy_engine.render.escape import html_text
from policy_engine.render.rows import every_finding, limit, measured_cell, ordered
from policy_engine.report import Report

_HEAD = ("effect", "outcome", "policy", "part", "measured", "limit", "why", "how to fix")
_LONGEST = 1000  # characters of a message


def notebook_table(report: Report) -> str:
    """Return the verdict, then a table of all findings, those that block first."""
    rows = [
        [
            html_text(cell or "", _LONGEST)
            for cell in (
                finding.effect.value,
                finding.outcome.value,
                finding.id,
                finding.part,
                measured_cell(finding),
                limit(finding),
                finding.message,
                finding.remedy,
            )
        ]
        for finding in ordered(every_finding(report))
    ]
    # The cells are escaped already.
    table = tabulate(rows, headers=_HEAD, tablefmt="unsafehtml", disable_numparse=True)
    reasons = "".join(
        f"<p>{html_text(s.reason, _LONGEST)}</p>" for s in report.subjects if s.reason
    )
    proposed = report.proposal.edits if report.proposal else ()
    edited = "".join(
        f"<p>proposed, {edits.WORDS[e.strictness]}: {html_text(edits.words(e), _LONGEST)}</p>"
        for e in proposed
    )
    quote = partial(html_text, longest=_LONGEST)
    edited += "".join(f"<p>{line.text}</p>" for line in champions.lines(report.proposal, quote))
    head = f"<p><b>{report.verdict.value}</b> (exit code {int(report.exit_code)})</p>"
    return head + reasons + (table if rows else "") + edited
