"""What changed from baseline to candidate, quantity by quantity. It judges nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from policy_engine.evidence import (
    Case,
    EvidenceError,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    NotApplicable,
    Run,
    training_cost,
)
from policy_engine.evidence.cost import COST, training_time
from policy_engine.evidence.measurement import Metric
from policy_engine.evidence.metrics import known
from policy_engine.policy import Interval
from policy_engine.quantities import divide, show
from policy_engine.report import Change, Effect, Judged

MOST = 8
"""Changes that are listed: what a reader takes in at one look."""

_EVALUATION = "evaluation"
_TRAINING_COST = "training cost"
_NO_COST = f"not known: log `{COST}`, or set `prices:`"
_PERCENTILES = {95: "p95 latency", 50: "median latency", 99: "p99 latency"}
_SLOWER = ("slower", "faster")
_MORE = ("more", "less")
_TWICE = Decimal(2)
_TIMES = "\N{MULTIPLICATION SIGN}"
_WORST = (Effect.BLOCK, Effect.WARN, Effect.WAIVED, Effect.NONE)
_Read = Callable[[Run], Measurement]
_Words = tuple[str, str]


def changes_of(case: Case, findings: Sequence[Judged]) -> tuple[Change, ...]:
    """Return what is known of candidate and baseline: the metric first, at most eight quantities.

    Args:
        case: The candidate, and its baseline where there is one.
        findings: What the policies found: they say who minds, and which test decided.
    """
    sides = _Sides(case, _baseline(case), findings)
    listed: dict[str, Change] = {}
    for change in (*sides.metrics(), *sides.quantities(), *_measured_by(findings)):
        listed.setdefault(change.what, change)
    return tuple(listed.values())[:MOST]


def effect_on(what: str, findings: Iterable[Judged]) -> Effect | None:
    """Return the worst that a finding about a quantity does to the merge; None: there is none."""
    effects = {finding.effect for finding in findings if finding.about == what}
    return next((effect for effect in _WORST if effect in effects), None)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Candidate and baseline, and what was found of them."""

    case: Case
    baseline: Run | None
    findings: Sequence[Judged]

    def metrics(self) -> Iterator[Change]:
        """Yield the metric that counts, then the other metrics that findings are about."""
        with suppress(EvidenceError):
            yield from self._metric(self.case.metric)
        for name in dict.fromkeys(finding.about for finding in self.findings):
            if name is not None and name in self.case.candidate.metrics:
                kind = known(name)
                goal, point = (kind.goal, kind.point) if kind else ("maximize", None)
                yield from self._metric(Metric(name, goal, point, "its name"))

    def quantities(self) -> Iterator[Change]:
        """Yield what everybody asks of a model: how large, how slow, how expensive."""
        yield from self._quantity("model size", lambda run: run.model.size, ("larger", "smaller"))
        yield from self._latency()
        yield from self._cost()
        yield from self._quantity("training time", training_time, ("longer", "shorter"))
        yield from self._quantity("rows evaluated", _rows, ("more", "fewer"))

    def _metric(self, metric: Metric) -> Iterator[Change]:
        about = (f.interval for f in self.findings if f.about == metric.name)
        interval = next((each for each in about if each is not None), None)
        for change in self._both(metric.name, lambda run: run.metric(metric.name)):
            said = _gain_words(change, metric, interval)
            yield replace(change, unit="", interval=interval, difference=said)

    def _latency(self) -> Iterator[Change]:
        """Yield the percentile that a finding is about, else the first that was logged."""
        names = {what: f"latency.p{q}_ms" for q, what in _PERCENTILES.items()}
        logged = [what for what, name in names.items() if name in self.case.candidate.metrics]
        judged = [what for what in logged if effect_on(what, self.findings)]
        for what in (judged or logged)[:1]:
            yield from self._quantity(what, _milliseconds(names[what]), _SLOWER)

    def _cost(self) -> Iterator[Change]:
        """Yield what training cost; everybody asks for that, so what is not known is said to be."""
        prices = self.case.prices
        try:
            training_cost(self.case.candidate, prices)
        except (MissingEvidence, InvalidEvidence) as e:
            is_invalid = COST in self.case.candidate.metrics
            why = f"not known: {e}" if is_invalid else _NO_COST
            yield Change(
                what=_TRAINING_COST,
                unit="",
                baseline=None,
                candidate=None,
                difference=why,
                effect=effect_on(_TRAINING_COST, self.findings),
                interval=None,
            )
            return
        except (EvidenceError, NotApplicable):
            return
        yield from self._quantity(
            _TRAINING_COST, lambda run: training_cost(run, prices), ("more expensive", "cheaper")
        )

    def _quantity(self, what: str, read: _Read, words: _Words) -> Iterator[Change]:
        for change in self._both(what, read):
            if change.baseline is not None and change.candidate is not None:
                said = _ratio_words(change.baseline, change.candidate, words)
                yield replace(change, difference=said)
            else:
                yield change

    def _both(self, what: str, read: _Read) -> Iterator[Change]:
        """Yield the quantity if the candidate has it, with the baseline's if that has it too."""
        try:
            after = read(self.case.candidate)
        except (EvidenceError, NotApplicable):
            return
        before = None
        if self.baseline is not None:
            with suppress(EvidenceError, NotApplicable):
                before = read(self.baseline)
        if before is not None and before.unit != after.unit:
            before = None
        yield Change(
            what=what,
            unit=after.unit,
            baseline=None if before is None else before.value,
            candidate=after.value,
            difference="no baseline" if self.baseline is None else "baseline not known",
            effect=effect_on(what, self.findings),
            interval=None,
        )


def _baseline(case: Case) -> Run | None:
    try:
        return case.baseline
    except (EvidenceError, NotApplicable):
        return None


def _milliseconds(name: str) -> _Read:
    def read(run: Run) -> Measurement:
        value = run.metric(name)
        return Measurement(divide(value.value, Decimal(1000)), "s", value.grade, value.source)

    return read


def _rows(run: Run) -> Measurement:
    """Return how many rows of evaluation data the run names."""
    rows = [d.rows for d in run.datasets if d.context == _EVALUATION and d.rows is not None]
    if len(rows) != 1:
        raise MissingEvidence("the run does not say how many rows it was evaluated on")
    return Measurement(Decimal(rows[0]), "rows", Grade.LOGGED, "dataset")


def _measured_by(findings: Iterable[Judged]) -> Iterator[Change]:
    """Yield what a policy measured on both sides, and nothing else here knows."""
    for finding in findings:
        after, before = finding.measured, finding.baseline
        if finding.about and after and before and after.unit == before.unit:
            yield Change(
                what=finding.about,
                unit=after.unit,
                baseline=before.value,
                candidate=after.value,
                difference=_ratio_words(before.value, after.value, _MORE),
                effect=effect_on(finding.about, findings),
                interval=None,
            )


def _gain_words(change: Change, metric: Metric, interval: Interval | None) -> str:
    """Return the difference of a metric, and what the test says of chance."""
    if change.baseline is None or change.candidate is None:
        return change.difference
    more = change.candidate - change.baseline
    if not more:
        return "equal"
    said = _signed_words(more, change.baseline, metric.point)
    if metric.goal == "minimize":
        said += " (worse)" if more > 0 else " (better)"
    if interval is None:
        return said
    return f"{said}, more than chance" if interval.shown else f"{said}, may be chance"


def _signed_words(more: Decimal, before: Decimal, point: Decimal | None) -> str:
    if point is not None:
        said = show(divide(more, point), "pt")
    elif before:
        said = show(divide(more, before.copy_abs()), "%")
    else:
        said = show(more, "")
    return f"+{said}" if more > 0 else said


def _ratio_words(before: Decimal, after: Decimal, words: _Words) -> str:
    """Return how a quantity grew or shrank: `17 times larger`, `8.2% smaller`, `equal`."""
    more, less = words
    if before == after:
        return "equal"
    if before <= 0 or after <= 0:
        return more if after > before else less
    great, small = max(before, after), min(before, after)
    word, ratio = more if after > before else less, divide(great, small)
    if ratio >= _TWICE:
        return f"{_short(ratio)} {_TIMES} {word}"
    return f"{_short(divide(great - small, before) * 100)}% {word}"


def _short(number: Decimal) -> str:
    """Return a number above 0 with two significant digits, or as many as stand before the point."""
    if number.adjusted() >= 1:
        return f"{number:,.0f}"
    return f"{number:.{1 - number.adjusted()}f}"
