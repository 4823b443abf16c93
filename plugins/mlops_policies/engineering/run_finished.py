"""Whether training ended well."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from policy_engine.evidence import Case, Needs
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Tighter, show

RunStatus = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


class RunFinished(Policy, name="run-finished"):
    """Training ended well: the run is finished, its model is ready, its metric is a number.

    A run that crashed after its last epoch has metrics and a model like any other; NaN compares
    false with every limit and slips through rules that are written the wrong way round.

    - `run`: its status is one of `allow_status`, and it is not deleted
    - `model`: the logged model is READY
    - `metric`: the metric that counts is there and finite; left out where neither the policy file
      nor the experiment names one

    Source: the run and logged-model states of MLflow's entities.
    """

    needs = Needs.MODEL

    allow_status: Annotated[tuple[RunStatus, ...], Tighter.FEWER] = Field(
        default=("FINISHED",),
        min_length=1,
        strict=False,
        description="The run statuses that count as ended well (RUNNING, SCHEDULED, FINISHED, "
        "FAILED, KILLED).",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `run`, `model`, and `metric` where one is named."""
        yield self._run(case)
        yield part("model", lambda: _model(case))
        if case.metric_setting is not None or case.evidence.run.primary_metric is not None:
            yield part("metric", lambda: _metric(case))

    def _run(self, case: Case) -> Finding:
        run = case.candidate
        if run.lifecycle != "active":
            return Finding(
                outcome=Outcome.FAIL,
                part="run",
                message="the run is deleted",
                remedy=f"restore it: mlflow runs restore --run-id {run.run_id}",
            )
        if run.status in self.allow_status:
            return Finding(outcome=Outcome.PASS, part="run", message=f"the run is {run.status}")
        return Finding(
            outcome=Outcome.FAIL,
            part="run",
            message=f"the run is {run.status}; it must be {' or '.join(self.allow_status)}",
            remedy="train again, and let the run end by itself (with mlflow.start_run(): …)",
        )


def _model(case: Case) -> Finding:
    model = case.candidate.model
    if model.status == "READY":
        return Finding(outcome=Outcome.PASS, part="model", message=f"model '{model.name}' is READY")
    return Finding(
        outcome=Outcome.FAIL,
        part="model",
        message=f"model '{model.name}' is {model.status}; it must be READY",
        remedy="log the model again, and see that the upload ends",
    )


def _metric(case: Case) -> Finding:
    value = case.candidate.metric(case.metric.name)
    return Finding(
        outcome=Outcome.PASS,
        part="metric",
        message=f"{case.metric.name} is {show(value.value, '')}, a finite number",
        measured=value,
    )
