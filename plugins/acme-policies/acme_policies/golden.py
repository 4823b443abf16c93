"""The baseline rule `acme-golden`: the run that a team has declared to be its golden one."""

from collections.abc import Mapping
from typing import Any

from policy_engine import MissingEvidence, hookimpl
from policy_engine.evidence import Run
from policy_engine.hookspecs import Tracking


@hookimpl
def resolve_baseline(rule: Mapping[str, Any], candidate: Run, tracking: Tracking) -> Run | None:
    """Find the newest run that carries the tag `acme.golden` with the value of the rule.

    Raises:
        MissingEvidence: If no finished run of the experiment carries it.
    """
    if "acme-golden" not in rule:
        return None
    name = str(rule["acme-golden"])
    runs = [run for run in tracking.by_tag("acme.golden", name) if run.run_id != candidate.run_id]
    if not runs:
        raise MissingEvidence(
            f"no finished run of the experiment has the tag acme.golden: {name}",
            f'declare one: mlflow.set_tag("acme.golden", "{name}")',
        )
    return runs[0]
