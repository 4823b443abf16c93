"""How long a caller waits for the model."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field

from mlops_policies.comparing.amounts import about
from mlops_policies.reading.probe import PROBE_IT, probe_count, require_own_probe, span
from policy_engine.evidence import Case, InvalidEvidence, Measurement, MissingEvidence, Needs, Run
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Duration, Percent, Tighter, divide, show, show_both

HARDWARE_TAG = "bench.hardware"
BEYOND = 10
"""A percentile is judged as a number where at least so many requests lie beyond it."""
GROWTH_N = {50: 1000, 95: 1000, 99: 5000}
"""Requests a side from which growth is judged as a number: equal models seldom fail then."""
ALPHA = "0.05"
"""The one-sided error of each bound that `probe_serving` logs."""
POWERFUL = Decimal("1.512")
"""So many times its own width must a bound at `ALPHA` be off, to decide 4 times in 5: the normal
distribution's quantiles of 0.95 and 0.8, added, over that of 0.95."""
_MOST_TIMES = 20
"""How many times nearer than it is a bound can be brought by more requests, 400 times as many."""
_MS = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class _Sample:
    """A measured percentile (s), of how many requests, on which machine.

    Attributes:
        latency: The percentile of the requests.
        n: How many there were (count).
        hardware: The machine.
        low: What the true percentile is at least (s); None where nobody logged it.
        high: What it is at most.
    """

    latency: Measurement
    n: Decimal
    hardware: str | None
    low: Decimal | None
    high: Decimal | None

    @classmethod
    def of(cls, run: Run, q: int) -> Self:
        """Read what the run logged.

        Raises:
            MissingEvidence: If it has no sample, or one of another model.
            InvalidEvidence: If a number is none that could have been measured.
        """
        name = f"latency.p{q}_ms"
        if name not in run.metrics or "latency.n" not in run.metrics:
            absent = name if name not in run.metrics else "latency.n"
            raise MissingEvidence(
                f"the {run.role} run has no latency sample: there is no metric {absent}", PROBE_IT
            )
        require_own_probe(run, f"the {run.role} run has no latency sample")
        latency = span(run, name, _MS)
        low, high = (_bound(run, f"latency.p{q}_{side}_ms") for side in ("low", "high"))
        if (low or latency.value) <= latency.value <= (high or latency.value):
            n = probe_count(run, "latency.n").value
            return cls(latency, n, run.tags.get(HARDWARE_TAG), low, high)
        raise InvalidEvidence(
            f"metric {name} of the {run.role} run does not lie between its bounds", PROBE_IT
        )


def _bound(run: Run, name: str) -> Decimal | None:
    return span(run, name, _MS).value if name in run.metrics else None


class LatencyPercentileBudget(Policy, name="latency-percentile-budget"):
    """The slowest answers come in time, and no later than the baseline's by more than is allowed.

    Users meet the slow answers, not the mean one. With `p_q` the time that `q` percent of the
    requests do not exceed, and `n` requests:

    - `latency`: `p_q <= max`
    - `growth`: `p_q <= (1 + max_growth) * p_q,B`; judged only where both ran on the same hardware
      (tag `bench.hardware`), else `inconclusive`

    Where the run has bounds of the percentile, as `probe_serving` logs them, both are tested: what
    the bounds show passes or fails, else it is `inconclusive`. That `low` is above the limit is the
    exact binomial test of how many requests took longer, with an error of 5 %; growth fails where
    `low` is above the limit of the baseline's `high`, and passes where `high` is within that of its
    `low`. Of equal models 0 to 3 % fail +25 % so, though run times vary by 5 to 10 % from one
    moment to the next on one machine, and a 95th percentile that is 10 % over the limit passes in
    less than 1 %.

    Without bounds the numbers decide, and the finding says so: `latency` from `min_n` requests on
    (a percentile is worth as much as the requests beyond it, and 10 of them need
    `n = 10 / (1 - q/100)`), `growth` from `growth_n` on. A 95th percentile that is 10 % over the
    limit passes in up to 22 % then (200 requests), and up to 8 % of equal models fail +25 %.

    The metrics are in milliseconds. Where the run says which model was served (tag
    `serving.model_id`), it must be the run's own.

    Source: MLPerf Inference, which judges the 90th percentile of at least 1,024 single queries, and
    the 99th for servers.

    Log it: `policy_engine.training.probe_serving(info.model_uri, requests=1000)`; or the metrics
    `latency.p50_ms`, `latency.p95_ms`, `latency.p99_ms` and `latency.n` of a load test of your own,
    with `latency.p95_low_ms`, `latency.p95_high_ms` and so on where it knows them.
    """

    needs = Needs.MODEL | Needs.BASELINE

    percentile: Literal[50, 95, 99] = Field(
        default=95, description="Which percentile is judged (percent of the requests)."
    )
    max: Annotated[Duration, Tighter.LOWER] = Field(
        description="Longest time at that percentile (s).", examples=["50ms", "0.2s"]
    )
    max_growth: Annotated[Annotated[Percent, Field(ge=0)] | None, Tighter.LOWER] = Field(
        default=None, description="Largest growth over the baseline's (percent of it)."
    )
    growth_n: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Fewest requests of each side to judge growth without bounds (requests). Off: "
        "1,000; 5,000 for the 99th.",
    )
    min_n: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Fewest requests to judge the percentile without bounds (requests). Off: 20 "
        "for the 50th, 200 for the 95th, 1,000 for the 99th.",
    )

    def reads(self) -> Needs:
        """Leave the baseline out where growth is not judged."""
        return Needs.MODEL if self.max_growth is None else self.needs

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `latency`, and `growth` where it is limited."""
        sample = _Sample.of(case.candidate, self.percentile)
        yield self._latency(sample)
        if self.max_growth is not None:
            growth = self.max_growth
            yield part("growth", lambda: self._growth(case, sample, growth))

    def _latency(self, sample: _Sample) -> Finding:
        finding = Finding.judge(
            sample.latency,
            "<=",
            self.max,
            self._what,
            part="latency",
            note=f" ({show(sample.n, '')} requests)",
            remedy=_QUICKER.format("max"),
        )
        shown = _shown(sample.low, sample.high, self.max)
        if shown is not None:
            return self._by_test(finding, sample, shown)
        least = self.min_n or divide(Decimal(100 * BEYOND), Decimal(100 - self.percentile))
        if sample.n >= least:
            return finding._replace(detail=f"{finding.whole}{_AS_NUMBERS}")
        return finding._replace(
            outcome=Outcome.INCONCLUSIVE,
            message=f"too few requests to judge the {self._what}",
            detail=f"{finding.whole}; {least:f} are needed to judge this percentile",
            remedy=f"measure more: probe_serving(…, requests={least:f})",
        )

    def _by_test(self, finding: Finding, sample: _Sample, outcome: Outcome) -> Finding:
        """Return the finding as the bounds of the percentiles decide it."""
        what = self._what if finding.part == "latency" else f"growth of the {self._what}"
        told = f"{finding.whole}; {_between(sample)}"
        if outcome is Outcome.INCONCLUSIVE:
            return finding._replace(
                outcome=outcome,
                message=self._unsettled(finding, sample)
                or f"the {what} is too near its limit to tell from chance",
                detail=f"{told}, which does not decide",
                remedy=self._more(finding, sample),
            )
        remedy = _QUICKER.format("max" if finding.part == "latency" else "max_growth")
        return finding._replace(
            outcome=outcome, detail=told, remedy=remedy if outcome is Outcome.FAIL else None
        )

    def _more(self, finding: Finding, sample: _Sample) -> str:
        """Say how many requests decide, where the true percentile is what was measured."""
        bound = sample.low if sample.latency.value > self.max else sample.high
        away = abs(sample.latency.value - self.max)
        if finding.part != "latency" or bound is None or not away:
            return f"measure more requests: probe_serving(…, requests={4 * sample.n:f})"
        quicker = _QUICKER.format("max")
        reach = divide(POWERFUL * abs(sample.latency.value - bound), away)
        if reach > _MOST_TIMES:
            return f"more requests hardly settle it, so near {show(self.max, 's')}: {quicker}"
        n = about(math.ceil(sample.n * max(reach, Decimal(1)) ** 2))
        return (
            f"measure more requests, probe_serving(…, requests=N): {n} decide 4 times in 5, if the "
            "true value is the one seen here"
        )

    def _unsettled(self, finding: Finding, sample: _Sample) -> str | None:
        """Return what so many requests leave open of the limit; None where a bound is lacking."""
        if finding.part != "latency" or sample.low is None or sample.high is None:
            return None
        value, limit = show_both(sample.latency.value, self.max, "s")
        return (
            f"{self._what} {value} against {limit}: {show(sample.n, '')} requests do not settle it "
            f"({show(sample.low, 's')} to {show(sample.high, 's')})"
        )

    def _growth(self, case: Case, sample: _Sample, max_growth: Decimal) -> Finding:
        before = _Sample.of(case.baseline, self.percentile)
        limit = (1 + max_growth) * before.latency.value
        finding = Finding.judge(
            sample.latency,
            "<=",
            limit,
            self._what,
            part="growth",
            baseline=before.latency,
            note=f" (the baseline's {before.latency} and {show(max_growth, '%')})",
            remedy=_QUICKER.format("max_growth"),
        )
        doubt = _incomparable(sample, before)
        if doubt is None:
            shown = _growth_shown(sample, before, 1 + max_growth)
            if shown is not None:
                finding = self._by_test(finding, sample, shown)
                return finding._replace(detail=f"{finding.whole}; baseline: {_between(before)}")
            doubt = self._too_few(sample, before)
        if doubt is None:
            return finding._replace(detail=f"{finding.whole}{_AS_NUMBERS}")
        return finding._replace(
            outcome=Outcome.INCONCLUSIVE,
            message=f"growth of the {self._what} cannot be judged: {doubt[0]}",
            detail=f"{finding.whole}; this is not judged: {doubt[0]}",
            remedy=doubt[1],
        )

    def _too_few(self, sample: _Sample, before: _Sample) -> tuple[str, str] | None:
        """Say that a side has too few requests to compare numbers; None: they are enough."""
        least = self.growth_n or GROWTH_N[self.percentile]
        if min(sample.n, before.n) >= least:
            return None
        counts = f"{show(sample.n, '')} and {show(before.n, '')}"
        return (
            f"growth needs {least} requests a side, and there are {counts}",
            f"measure both with more: probe_serving(…, requests={least})",
        )

    @property
    def _what(self) -> str:
        return "median latency" if self.percentile == 50 else f"p{self.percentile} latency"  # noqa: PLR2004 (the median)


_QUICKER = "make the model quicker to answer, or raise {} and say why"
_AS_NUMBERS = (
    "; compared as numbers, so near the limit chance decides: probe_serving logs the bounds that "
    "tell"
)


def _shown(low: Decimal | None, high: Decimal | None, limit: Decimal) -> Outcome | None:
    """Return what bounds show of a limit; None where there are none that could."""
    if low is not None and low > limit:
        return Outcome.FAIL
    if high is None:
        return None
    return Outcome.PASS if high <= limit else Outcome.INCONCLUSIVE


def _growth_shown(sample: _Sample, before: _Sample, times: Decimal) -> Outcome | None:
    """Return what the bounds of both show of growth; None where one of them has none."""
    if sample.low is None or sample.high is None or before.low is None or before.high is None:
        return None
    if sample.low > times * before.high:
        return Outcome.FAIL
    return Outcome.PASS if sample.high <= times * before.low else Outcome.INCONCLUSIVE


def _between(sample: _Sample) -> str:
    """Return between which times the true percentile lies, as a sentence's end."""
    sides = [
        f"{word} {show(value, 's', sample.latency.value)}"
        for word, value in (("at least", sample.low), ("at most", sample.high))
        if value is not None
    ]
    sure = show(1 - Decimal(ALPHA), "%")
    return f"by the exact binomial test it is truly {' and '.join(sides)} ({sure} sure each way)"


def _incomparable(sample: _Sample, before: _Sample) -> tuple[str, str] | None:
    """Say why two samples cannot be compared, and what would fix it; None: they can."""
    for side, each in (("candidate", sample), ("baseline", before)):
        if each.hardware is None:
            return (
                f"nothing says on which hardware the {side} was measured",
                f"set the tag: mlflow.set_tag({HARDWARE_TAG!r}, '…'); probe_serving does",
            )
    if sample.hardware != before.hardware:
        return (
            f"the candidate ran on '{sample.hardware}' and the baseline on '{before.hardware}'",
            "measure both on one kind of machine",
        )
    return None
