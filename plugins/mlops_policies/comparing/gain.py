"""The gain of a candidate over its baseline in one metric, as two numbers."""

from decimal import Decimal
from typing import NamedTuple, Self

from policy_engine.evidence import (
    Case,
    Measurement,
    Metric,
    MissingEvidence,
)


class Gain(NamedTuple):
    """Candidate and baseline in one metric, and how much better the candidate is."""

    metric: Metric
    candidate: Measurement
    baseline: Measurement

    @classmethod
    def of(cls, case: Case, question: str) -> Self:
        """Read both values; what the baseline lacks is said as the question it leaves open."""
        metric = case.metric
        candidate = case.candidate.metric(metric.name)
        try:
            baseline = case.baseline.metric(metric.name)
        except MissingEvidence as e:
            raise MissingEvidence(f"cannot tell {question}: {e}", e.remedy) from e
        return cls(metric, candidate, baseline)

    @property
    def value(self) -> Decimal:
        """The gain, in the metric's units; negative where the candidate is worse."""
        new, old = self.candidate.value, self.baseline.value
        return new - old if self.metric.goal == "maximize" else old - new

    @property
    def source(self) -> str:
        """Where it comes from."""
        return f"metric {self.metric.name} of candidate and baseline"
