"""How a first gate ends: the newest run is judged by what was written, and one step comes next."""

from collections.abc import Iterator
from contextlib import redirect_stdout
from sys import stderr
from typing import TYPE_CHECKING

from policy_engine.check import Options, check
from policy_engine.cli.init.texts import evaluation_metric
from policy_engine.errors import PolicyEngineError
from policy_engine.render import rows
from policy_engine.render.blocks import blocks, reasons
from policy_engine.render.escape import LONG, terminal

if TYPE_CHECKING:
    from policy_engine.cli.init import Seen
    from policy_engine.cli.init.texts import ProposedFile
    from policy_engine.report import Report

_ONE_RUN = (
    "call fit and this within `with mlflow.start_run():`, or autologging ends the run with fit"
)


def conclusion(
    seen: "Seen", proposal: "ProposedFile", uri: str | None, timeout_s: float
) -> Iterator[str]:
    """Yield what the newest run comes to under the policies here, and what to do next.

    Args:
        seen: What is there.
        proposal: What was proposed.
        uri: The tracking URI.
        timeout_s: The wall-clock budget of the reads (seconds).
    """
    run = seen.survey.newest
    if run is None:
        yield "next     read the policy file; train a run, then `policy-engine check`"
        return
    if proposal.metric is None and proposal.of_training:
        name, line = evaluation_metric(proposal.of_training)
        yield f"next     log a metric of evaluation rows in the training's run: {line}"
        yield f"         {_ONE_RUN};"
        yield f"         and say `metric: {{name: {name}, goal: maximize}}` in the policy file;"
        yield "         then train, and `policy-engine check`"
        return
    try:
        with redirect_stdout(stderr):  # whatever a plugin prints
            report = check(Options(runs=(run,), tracking_uri=uri, timeout_s=timeout_s))
    except PolicyEngineError as e:
        yield f"checked  the newest run, {run[:8]}: {_said(str(e))}"
        yield "next     `policy-engine doctor` says what a check needs here"
        return
    decision = rows.DECISIONS[report.verdict]
    yield f"checked  the newest run, {run[:8]}: {decision}: {_said('; '.join(reasons(report)))}"
    if first := _first_remedy(report):
        yield f"to do    {_said(first)}"
    yield f"next     read the policy file; `policy-engine check --run {run}` shows the whole report"


def _first_remedy(report: "Report") -> str | None:
    """Return what to do about what blocks first."""
    for subject in report.subjects:
        for block in blocks(subject.findings):
            if block.kind in {"error", "blocking"}:
                return block.first.remedy
    return None


def _said(text: str) -> str:
    return terminal(text, LONG)
