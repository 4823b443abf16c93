"""Slices of which only the metric and the number of rows were logged."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from policy_engine.evidence import Metric, MissingEvidence, Run
from policy_engine.statistics import metric_definitions, unpaired_z

_POWER = 0.8
_ROUNDS = 50
"""Of the iteration for a drop and its own standard error; it converges in far fewer."""
_HITS = frozenset({"hit_rate", "top_k_accuracy"})


@dataclass(frozen=True, slots=True)
class Reported:
    """One slice, as both runs report it.

    Attributes:
        name: `column=value`.
        candidate: The candidate's metric.
        baseline: The baseline's.
        n_candidate: Rows that the candidate was evaluated on (count).
        n_baseline: Rows that the baseline was evaluated on (count).
    """

    name: str
    candidate: float
    baseline: float
    n_candidate: int
    n_baseline: int

    def gain(self, goal: str) -> float:
        """Return how much better the candidate is, in the metric's units."""
        gain = float(Decimal(repr(self.candidate)) - Decimal(repr(self.baseline)))
        return gain if goal == "maximize" else -gain

    def p_drop(self, metric: Metric) -> float | None:
        """Return the p-value of no drop; None where counts do not tell it."""
        if not is_of_hits(metric):
            return None
        hits, before = (
            min(round(value * n), n)
            for value, n in (
                (self.candidate, self.n_candidate),
                (self.baseline, self.n_baseline),
            )
        )
        if metric.goal == "minimize":  # a hit is an error: more of them are the drop
            return unpaired_z(hits, self.n_candidate, before, self.n_baseline)
        return unpaired_z(before, self.n_baseline, hits, self.n_candidate)

    def test(self, metric: Metric) -> str:
        """Return what was tested, or why nothing was."""
        if not is_of_hits(metric):
            return f"without rows it is not known how much {metric.name} varies"
        return f"unpaired z on {self.n_candidate:,} and {self.n_baseline:,} rows, from their counts"

    def detectable(self, metric: Metric, alpha: float, beyond: float) -> float | None:
        """Return the drop that a test at alpha would see 4 times in 5 (the metric's units).

        It has to exceed `beyond` as observed, too. The standard error is that of the test, pooled,
        when the drop has come: a baseline without an error has none of its own.
        """
        if not is_of_hits(metric):
            return None
        normal = NormalDist()
        factor = normal.inv_cdf(1 - alpha) + normal.inv_cdf(_POWER)
        mine, theirs = self.n_candidate, self.n_baseline
        worse = -1 if metric.goal == "maximize" else 1
        drop = 1.0
        for _ in range(_ROUNDS):
            fallen = min(max(self.baseline + worse * drop, 0.0), 1.0)
            pooled = (fallen * mine + self.baseline * theirs) / (mine + theirs)
            error = float(pooled * (1 - pooled) * (1 / mine + 1 / theirs)) ** 0.5
            drop = max(factor * error, beyond + normal.inv_cdf(_POWER) * error)
        return drop


def is_of_hits(metric: Metric) -> bool:
    """Say whether a metric is a mean of 0/1 rows by its name."""
    found = metric_definitions(metric.name)
    words = metric.name.lower().replace("/", "_")
    return bool(found and found[0].kind == "accuracy") or any(words.endswith(hit) for hit in _HITS)


def reported_slices(
    declared: str, metric: Metric, candidate: Run, baseline: Run, why: MissingEvidence
) -> Iterator[Reported]:
    """Yield the slices of a declaration that both runs logged as metrics.

    Args:
        declared: A column, or `column=value`.
        metric: Whose `<metric>/<column>/<value>` are read, with `count/<column>/<value>`.
        candidate: One run.
        baseline: The other.
        why: Why the rows do not tell; said where no metric tells either.

    Raises:
        MissingEvidence: If there is none, or the two runs do not report the same.
    """
    column, _, value = declared.partition("=")
    prefix = f"{metric.name}/{column}/"
    values = sorted(
        {name.removeprefix(prefix) for name in baseline.metrics if name.startswith(prefix)}
    )
    if value:
        values = [value] if value in values else []
    if not values:
        raise MissingEvidence(
            f"slice {declared} is declared but absent: {why}; and there is no metric "
            f"{prefix}{value or '<value>'}",
            why.remedy,
        )
    for each in values:
        yield Reported(
            name=f"{column}={each}",
            candidate=float(candidate.metric(f"{prefix}{each}").value),
            baseline=float(baseline.metric(f"{prefix}{each}").value),
            n_candidate=_rows(candidate, f"count/{column}/{each}"),
            n_baseline=_rows(baseline, f"count/{column}/{each}"),
        )


def _rows(run: Run, name: str) -> int:
    return max(int(run.metric(name).value), 0)
