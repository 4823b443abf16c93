"""Policy files and bindings with what they come to today, whoever the candidate is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from policy_engine.evidence import Case, Metric, Needs, resolve_metric
from policy_engine.evidence.record import (
    NAMED_BASELINE,
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
)
from policy_engine.judging.clock import NO_CLOCK, Clock
from policy_engine.judging.effects import level_on
from policy_engine.judging.waiving import Waiving
from policy_engine.policy import Finding, Level, Outcome
from policy_engine.policy_file import Binding, PolicyFile
from policy_engine.policy_file.waiver import Waiver
from policy_engine.report import Engine, PolicySource, Verdict


@dataclass(frozen=True, slots=True)
class Context:
    """What a report says beside the judgement itself.

    Attributes:
        now: The moment of judgement (UTC).
        source: Whose policies judge.
        engine: Who judges.
        proposed: Whether somebody asks to merge what is judged.
        claimed: Whether the evidence as a whole is a claim of the job that wrote it.
        clock: What ends policies that take too long.
    """

    now: datetime
    source: PolicySource
    engine: Engine
    proposed: bool = False
    claimed: bool = False
    clock: Clock = NO_CLOCK


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """What is the same for every subject of one evaluation.

    Attributes:
        evidence: All of it.
        collected: The needs that it was collected for.
        now: The moment of judgement (UTC).
        at_best: The verdict where nothing speaks against a candidate: policies that the pull
            request itself proposes cannot let it pass.
        claimed: Whether every value is a claim, however it says that it is known.
        waiving: The waivers, and what becomes of each.
        clock: What ends policies that take too long.
    """

    evidence: EvidenceRecord
    collected: Needs
    now: datetime
    at_best: Verdict
    claimed: bool
    waiving: Waiving
    clock: Clock

    @classmethod
    def of(cls, evidence: EvidenceRecord, context: Context, waivers: Sequence[Waiver] = ()) -> Self:
        """Return it for this evidence at this moment."""
        change = evidence.change
        asked = context.proposed or (change is not None and change.pull_request is not None)
        proposed = asked and not context.source.trusted
        return cls(
            evidence=evidence,
            collected=Needs.of(evidence.needs),
            now=context.now,
            at_best=Verdict.WARN if proposed else Verdict.PASS,
            claimed=context.claimed,
            waiving=Waiving(waivers, context.now, change, proposed=proposed),
            clock=context.clock,
        )


@dataclass(frozen=True, slots=True)
class BoundPolicy:
    """A binding, today.

    Attributes:
        binding: The binding.
        needs: What its policy may read.
        reads: The same as a key: hashing a flag is slow.
        needs_baseline: Whether it, or its `when`, reads the baseline.
        level: Its level today.
        refusal: The finding instead of the policy's own, where the evidence lacks what it needs.
    """

    binding: Binding
    needs: Needs
    reads: tuple[str, ...]
    needs_baseline: bool
    level: Level
    refusal: Finding | None

    @classmethod
    def of(cls, binding: Binding, here: EvaluationFacts) -> Self:
        """Return what the binding comes to for this evidence at this moment."""
        needs = binding.policy.reads() | Needs.RUN
        absent = binding.needs & ~here.collected & ~Needs.RUN
        message = f"the evidence was collected without {', '.join(absent.names)}"
        return cls(
            binding=binding,
            needs=needs,
            reads=needs.names,
            needs_baseline=Needs.BASELINE in binding.needs,
            level=level_on(here.now, binding),
            refusal=_collect_again(message) if absent else None,
        )


@dataclass(frozen=True, slots=True)
class BoundFile:
    """A policy file, today: its bindings, and the metric that it judges by, if it says one."""

    file: PolicyFile
    policies: tuple[BoundPolicy, ...]
    metric: Metric | None

    @classmethod
    def of(cls, file: PolicyFile, here: EvaluationFacts) -> Self:
        """Return what the file comes to for this evidence at this moment."""
        return cls(file, tuple(BoundPolicy.of(b, here) for b in file.bindings), _metric_of(file))

    def case(
        self,
        record: CandidateRecord,
        needs: Needs,
        baseline: BaselineRecord | None,
        here: EvaluationFacts,
    ) -> Case:
        """Return what a policy with these needs sees of the candidate."""
        file = self.file
        change = here.evidence.change
        return Case(
            record, needs, self.metric, baseline, file.prices, file.first_run, change, here.now
        )


def baseline_for(file: PolicyFile, candidate: CandidateRecord) -> BaselineRecord | None:
    """Return what was collected for the file's rules, or for a baseline that a flag named."""
    metric = file.metric.name if file.metric else None
    for record in candidate.baselines:
        if record.rules == file.baseline and record.metric == metric:
            return record
    named = [r for r in candidate.baselines if r.found_by == NAMED_BASELINE]
    return named[0] if named else None


def _metric_of(file: PolicyFile) -> Metric | None:
    setting = file.metric
    if setting is None:
        return None
    point = setting.point
    if point is not None and setting.scale == "percent":
        point = point.scaleb(-2)
    metric = resolve_metric(setting.name, setting.goal, point, file.path)
    return replace(metric, positive=setting.positive)


def _collect_again(message: str) -> Finding:
    remedy = "collect the evidence again with the policies that judge it"
    return Finding(outcome=Outcome.ERROR, message=message, remedy=remedy)


OTHER_RULES = _collect_again(
    "the evidence was collected with other baseline rules than the policy file's"
)
"""The finding of a policy that reads the baseline where none was looked for by the file's rules."""
