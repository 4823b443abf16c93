"""Whether there is a baseline at all."""

from collections.abc import Iterator

from policy_engine.evidence import Case, Needs
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.quantities import show


class BaselineLogged(Policy, name="baseline-logged"):
    """There is a finished baseline, and it has the metric that counts.

    A number alone says nothing: 0.94 accuracy may be the majority class. Without a baseline every
    comparison silently becomes a rubber stamp, so its absence is a finding of its own.

    It asks for a run that a baseline rule resolves, with status FINISHED, not deleted, and with a
    finite value of the metric. Where the policy file declares `first_run: true`, and there can be
    none yet, it is `not-applicable`.

    Source: TFMA passes change thresholds without a baseline ("rubber stamp").
    """

    needs = Needs.BASELINE

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        run = case.baseline
        rule = case.found.found_by if case.found else None
        who = f"baseline {run.run_name or run.run_id} ({rule or 'named'})"
        if run.status != "FINISHED" or run.lifecycle != "active":
            state = "is deleted" if run.lifecycle != "active" else f"has status {run.status}"
            yield Finding(
                outcome=Outcome.FAIL,
                message=f"{who} {state}; it must be FINISHED and not deleted",
                remedy="point the baseline rule at a run that ended well",
            )
            return
        value = run.metric(case.metric.name)
        yield Finding(
            outcome=Outcome.PASS,
            message=f"{who} has {case.metric.name} {show(value.value, '')}",
            baseline=value,
        )
