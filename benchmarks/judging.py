"""How many cases a second are judged: six policies with findings, against six comparisons."""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import cases, peers
from benchmarks.figures import Section
from benchmarks.policies import POLICY_FILE, TEXT
from policy_engine import Outcome
from policy_engine.check import load
from policy_engine.cli.app import GC_THRESHOLD
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy_file import PolicySet
from policy_engine.report import Engine, PolicySource, Subject

CASES = 100_000
BATCH = 1000
_CEL_EVIDENCE = "CEL, both runs of the evidence for each program"
_CEL_DICTS = "CEL, a dict of picked numbers for each program"
_CEL_CONTEXT = "CEL, one context of picked numbers for all"
_PASSED = {Outcome.PASS, Outcome.NOT_APPLICABLE}
_CONTEXT = Context(datetime(2026, 2, 1, tzinfo=UTC), PolicySource("sha256:0"), Engine("0", ()))

Answers = Sequence[tuple[bool, ...]]


@dataclass(slots=True)
class Contender:
    """One way to judge.

    Attributes:
        name: As the table says it.
        prepare: Makes what it judges out of the pairs of a batch; not measured.
        judge: Judges a batch; measured.
        answers: Takes out of the result which policies each case passes; not measured.
        each: How many of a batch's cases it judges; fewer for one that is slow.
        threshold: New objects before Python looks for rubbish.
    """

    name: str
    prepare: Callable[[Sequence[cases.Pair]], Any]
    judge: Callable[[Any], Any]
    answers: Callable[[Any], Answers]
    each: int = BATCH
    threshold: int = GC_THRESHOLD
    seconds: list[float] = field(default_factory=list)

    def run(self, pairs: Sequence[cases.Pair], expected: Answers) -> None:
        """Judge a batch, take the time, and prove that the answers are right."""
        prepared = self.prepare(pairs[: self.each])
        gc.set_threshold(self.threshold)
        began = time.perf_counter()
        result = self.judge(prepared)
        self.seconds.append(time.perf_counter() - began)
        assert list(self.answers(result)) == list(expected[: self.each]), self.name

    @property
    def rates(self) -> list[float]:
        """Cases a second of each batch, slowest first."""
        return sorted(self.each / seconds for seconds in self.seconds)


def measure(count: int = CASES) -> Section:
    """Return the cases a second of every contender, on the same cases, batch by batch."""
    policies = _policies()
    contenders = [*_ours(policies), *_others()]
    left = cases.pairs(count)
    while pairs := list(islice(left, BATCH)):
        expected = [peers.by_python(pair) for pair in pairs]
        for contender in contenders:
            contender.run(pairs, expected)
    medians = {each.name: statistics.median(each.rates) for each in contenders}
    ours = medians[contenders[0].name]
    shares = [f"{ours / medians[name]:.2f}" for name in (_CEL_EVIDENCE, _CEL_DICTS, _CEL_CONTEXT)]
    return Section(
        name="judging",
        headers=("judge", "cases", "cases a second", "quartiles", "ours to it"),
        rows=[_row(each, ours) for each in contenders],
        numbers=4,
        distributions=("policy-engine", "common-expression-language", "regopy"),
        notes=[
            (
                f"The target is at least CEL's rate on the same six comparisons: it is {shares[1]} "
                f"of it with a dict for each program, and {shares[2]} with one context for all. "
                f"Against CEL on both whole runs, a row added later, it is {shares[0]}; that is "
                f"another question, and not the target."
            ),
            (
                "Medians over batches, taking turns. All judge the same cases, and all verdicts "
                "are the same. Ours yields findings (nine a case) with message, numbers, grade, "
                "remedy and effect, in exact decimals; the others yield six booleans out of floats."
                " In all rows but one Python looks for rubbish as seldom as in the command."
            ),
        ],
    )


def _row(contender: Contender, ours: float) -> tuple[str, ...]:
    first, median, third = statistics.quantiles(contender.rates, n=4)
    return (
        contender.name,
        f"{contender.each * len(contender.seconds):,}",
        f"{median:,.0f}",
        f"{first:,.0f} to {third:,.0f}",
        f"{ours / median:.2g}",
    )


def _ours(policies: PolicySet) -> list[Contender]:
    def together(evidence: Any) -> Any:
        return evaluate(policies, evidence, _CONTEXT).subjects

    def alone(evidence: Any) -> Any:
        return [evaluate(policies, each, _CONTEXT).subjects[0] for each in evidence]

    def records(kind: type[EvidenceRecord]) -> Callable[[Sequence[cases.Pair]], Any]:
        return lambda pairs: cases.evidence(pairs, policies.files[0], kind)

    return [
        Contender(
            "policy-engine, many candidates an evaluation",
            lambda pairs: cases.together(records(cases.Undigested)(pairs)),
            together,
            _answers,
        ),
        Contender(
            "the same, with Python's own threshold of rubbish",
            lambda pairs: cases.together(records(cases.Undigested)(pairs)),
            together,
            _answers,
            threshold=gc.get_threshold()[0],
        ),
        Contender(
            "policy-engine, an evaluation each",
            records(cases.Undigested),
            alone,
            _answers,
            each=BATCH // 5,
        ),
        Contender(
            "the same, with the digest of the evidence",
            records(EvidenceRecord),
            alone,
            _answers,
            each=BATCH // 5,
        ),
    ]


def _others() -> list[Contender]:
    def contender(
        name: str, judge: Callable[[Any], tuple[bool, ...]], each: int = BATCH
    ) -> Contender:
        return Contender(
            name,
            lambda pairs: [cases.as_json(pair) for pair in pairs],
            lambda batch: [judge(case) for case in batch],
            lambda result: result,
            each,
        )

    whole = contender(_CEL_EVIDENCE, peers.cel_with_evidence(), BATCH // 5)
    whole.prepare = lambda pairs: [cases.as_evidence(pair) for pair in pairs]
    python = contender("plain Python comparisons", peers.by_python)
    python.prepare = list
    return [
        whole,
        contender(_CEL_DICTS, peers.cel_with_dicts()),
        contender(_CEL_CONTEXT, peers.cel_with_context()),
        contender("Rego, a query", peers.rego_by_query(), BATCH // 50),
        contender("Rego, a bundle", peers.rego_by_bundle(), BATCH // 10),
        python,
    ]


def _answers(subjects: Sequence[Subject]) -> Answers:
    return [
        tuple(
            all(f.outcome in _PASSED for f in subject.findings if f.id == policy)
            for policy in peers.ORDER
        )
        for subject in subjects
    ]


def _policies() -> PolicySet:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, POLICY_FILE)
        file.parent.mkdir()
        file.write_text(TEXT, encoding="utf-8")
        return load((file.parent.name,), Path(folder)).policies
