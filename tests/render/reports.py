"""Reports to render, built from the records themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from policy_engine.evidence import Grade, Measurement
from policy_engine.evidence.record import PassedOver
from policy_engine.policy import Interval, Level, Limit, Op, Outcome
from policy_engine.report import (
    EXIT_CODES,
    BaselineRef,
    Champion,
    Change,
    Changed,
    Edit,
    Effect,
    Engine,
    Judged,
    Point,
    PolicySource,
    Proposal,
    Report,
    RunRef,
    Strictness,
    Subject,
    TradeOff,
    Verdict,
    WaiverUse,
    Where,
)

FILE = "policies/fraud.yaml"


def value(number: str, unit: str, grade: Grade = Grade.MEASURED, source: str = "") -> Measurement:
    return Measurement(Decimal(number), unit, grade, source)


def bound(number: str, unit: str, op: Op = "<=") -> Limit:
    return Limit(Decimal(number), unit, op)


def finding(name: str = "model-size-budget", **facts: Any) -> Judged:
    """A finding that passed, but for what is given."""
    plain: dict[str, Any] = {
        "id": name,
        "part": None,
        "policy": name,
        "plugin": "mlops_policies.general",
        "level": Level.OVERRIDABLE,
        "outcome": Outcome.PASS,
        "effect": Effect.NONE,
        "message": f"{name} is as it should be",
        "measured": None,
        "limit": None,
        "baseline": None,
        "remedy": None,
        "waiver": None,
        "where": Where(FILE, 14),
    }
    return Judged(**{**plain, **facts})


def candidate(**facts: Any) -> RunRef:
    plain: dict[str, Any] = {
        "run_id": "4f1e2d3c" + "0" * 24,
        "run_name": "brave-otter-12",
        "experiment": "fraud",
        "model_id": "m-" + "1" * 32,
        "model": "fraud-lr",
        "registered": "fraud/3",
        "commit": "1a2b3c4" + "d" * 33,
    }
    return RunRef(**{**plain, **facts})


def baseline(**facts: Any) -> BaselineRef:
    plain: dict[str, Any] = {
        "run_id": "89abcdef" + "0" * 24,
        "run_name": "calm-fox-3",
        "experiment": "fraud",
        "model_id": "m-" + "2" * 32,
        "model": "fraud-lr",
        "registered": "fraud/2",
        "commit": "5e6f7a8" + "d" * 33,
        "found_by": "alias: champion",
    }
    return BaselineRef(**{**plain, **facts})


def interval(**facts: Any) -> Interval:
    """Where a gain lies that may be chance."""
    plain: dict[str, Any] = {
        "low": Decimal("-0.31"),
        "high": Decimal("1.75"),
        "unit": "pt",
        "confidence": Decimal("0.9"),
        "shown": False,
        "on": "899 shared rows",
    }
    return Interval(**{**plain, **facts})


def change(**facts: Any) -> Change:
    """A metric that may have risen by chance, and whose policy warns."""
    plain: dict[str, Any] = {
        "what": "val_f1",
        "unit": "",
        "baseline": Decimal("0.9051"),
        "candidate": Decimal("0.9123"),
        "difference": "+0.72 pt, may be chance",
        "effect": Effect.WARN,
        "interval": interval(),
    }
    return Change(**{**plain, **facts})


CHANGES = (
    change(),
    change(
        what="model size",
        unit="B",
        baseline=Decimal(181_000_000),
        candidate=Decimal(253_000_000),
        difference="40% larger",
        effect=Effect.BLOCK,
        interval=None,
    ),
    change(
        what="training time",
        unit="s",
        baseline=None,
        candidate=Decimal(7200),
        difference="baseline not known",
        effect=None,
        interval=None,
    ),
)
"""The metric, the size and the time of the candidate beside the baseline's."""


def trade_off(**facts: Any) -> TradeOff:
    points = (
        Point("candidate", candidate().run_id, Decimal("0.9386"), Decimal("1.40")),
        Point("baseline", baseline().run_id, Decimal("0.9314"), Decimal("1.20")),
    )
    plain = {"metric": "val_f1", "goal": "maximize", "unit": "USD", "points": points}
    return TradeOff(**{**plain, **facts})


def subject(*findings: Judged, verdict: Verdict = Verdict.PASS, **facts: Any) -> Subject:
    plain: dict[str, Any] = {
        "policy_file": FILE,
        "reason": None,
        "candidate": candidate(),
        "baseline": baseline(),
        "passed_over": (),
        "notes": (),
    }
    return Subject(findings=findings, verdict=verdict, **{**plain, **facts})


def report(*subjects: Subject, **facts: Any) -> Report:
    """A report whose verdict is that of its first subject."""
    verdict = facts.pop("verdict", subjects[0].verdict if subjects else Verdict.NOT_EVALUATED)
    plain: dict[str, Any] = {
        "verdict": verdict,
        "exit_code": EXIT_CODES[verdict],
        "subjects": subjects,
        "policies": PolicySource("sha256:" + "ab" * 32, "main@1a2b3c4", trusted=True),
        "evidence_digest": "sha256:" + "cd" * 32,
        "engine": Engine("0.1.0", ("mlops_policies 0.1.0",)),
        "evaluated_at": datetime(2026, 11, 22, 12, tzinfo=UTC),
        "waivers": WaiverUse(),
    }
    return Report(**{**plain, **facts})


def changed(**facts: Any) -> Changed:
    """A size limit that the proposal loosens."""
    plain: dict[str, Any] = {
        "policy_file": FILE,
        "run_id": "4f1e2d3c" + "0" * 24,
        "id": "model-size-budget",
        "part": "size",
        "outcome": Outcome.FAIL,
        "effect": Effect.BLOCK,
        "proposed_outcome": Outcome.PASS,
        "proposed_effect": Effect.NONE,
    }
    return Changed(**{**plain, **facts})


def edit(**facts: Any) -> Edit:
    """A size limit that is loosened."""
    plain: dict[str, Any] = {
        "policy_file": FILE,
        "key": "policies.model-size-budget.max_size",
        "change": "changed",
        "strictness": Strictness.LOOSER,
        "level": Level.OVERRIDABLE,
        "before": "200MB",
        "after": "900MB",
        "was": Where(FILE, 14),
        "where": Where(FILE, 15),
    }
    return Edit(**{**plain, **facts})


def edited() -> Report:
    """A report on a pull request that edits three rules, and has no run."""
    gone = edit(
        key="policies.latency",
        change="removed",
        level=Level.MANDATORY,
        before="{max: 50ms}",
        after=None,
        where=None,
    )
    scope = edit(
        key="applies_to.model",
        change="added",
        level=None,
        before=None,
        after="nobody",
        was=None,
        where=Where(FILE, 3),
    )
    metric = edit(
        key="metric.goal", strictness=Strictness.NEITHER, level=None, before="a", after="b"
    )
    proposed = proposal(
        verdict=Verdict.NOT_APPLICABLE,
        findings=0,
        edits=(gone, edit(), scope, metric),
        more_edits=2,
    )
    reason = "the change does not touch training/**: it needs no run"
    return replace(nothing_judged(Verdict.NOT_APPLICABLE, reason), proposal=proposed)


def champion(*findings: Judged, **facts: Any) -> Champion:
    """The champion, which passes today and fails as proposed."""
    plain: dict[str, Any] = {
        "found_by": "alias: fraud@champion",
        "today": Verdict.PASS,
        "left_out": ("no-regression",),
        "proposed": subject(*(findings or (SIZE,)), verdict=Verdict.FAIL, baseline=None),
    }
    return Champion(**{**plain, **facts})


def proposal(*changed: Changed, **facts: Any) -> Proposal:
    """A proposal under which the report would only warn."""
    plain: dict[str, Any] = {
        "digest": "sha256:" + "ef" * 32,
        "verdict": Verdict.WARN,
        "problem": None,
        "findings": 31,
    }
    return Proposal(changed=changed, **{**plain, **facts})


def nothing_judged(verdict: Verdict, reason: str) -> Report:
    """A report on a policy file that has no candidate."""
    return report(subject(verdict=verdict, reason=reason, candidate=None, baseline=None))


SIZE = finding(
    part="size",
    outcome=Outcome.FAIL,
    effect=Effect.BLOCK,
    message="model size is 253.0 MB; it must be at most 200.0 MB",
    measured=value("253000000", "B"),
    limit=bound("200000000", "B"),
    baseline=value("181000000", "B"),
    remedy="prune or quantise the model, or raise max_size and say why in the pull request",
)
EXPLAINED = finding(
    "explanation-logged",
    outcome=Outcome.MISSING,
    effect=Effect.WARN,
    level=Level.ADVISORY,
    message="the candidate run has no file explanation/importance.json",
    remedy="log it: policy_engine.training.log_importance(names, values)",
    where=Where(FILE, 22),
)
LATENCY = finding(
    "eu-latency",
    policy="latency-percentile-budget",
    outcome=Outcome.INCONCLUSIVE,
    effect=Effect.WARN,
    message="p95 latency is 49.6 ms on 12 requests; 100 are needed to say that it is under 50 ms",
    measured=value("0.0496", "s", Grade.LOGGED),
    limit=bound("0.05", "s"),
    remedy="measure at least 100 requests",
    where=Where(FILE, 18),
)
COST = finding(
    "cost-per-point",
    outcome=Outcome.FAIL,
    effect=Effect.WAIVED,
    message="one point costs 61.00 USD; it must be at most 50.00 USD",
    measured=value("61", "USD", Grade.LOGGED),
    limit=bound("50", "USD"),
    remedy="train shorter",
    waiver={
        "id": "cost-per-point",
        "model": "fraud-*",
        "ceiling": "70 USD",
        "approved_by": "@ben",
        "expires": "2027-01-31",
    },
    where=Where(FILE, 16),
)
SCORE = finding(
    "metric-threshold",
    measured=value("0.9123", "val_f1", Grade.LOGGED),
    limit=bound("0.9", "val_f1", ">="),
    baseline=value("0.9051", "val_f1", Grade.LOGGED),
    message="val_f1 is 0.9123 val_f1; it must be at least 0.9 val_f1",
)
GAIN = finding(
    "significant-improvement",
    outcome=Outcome.INCONCLUSIVE,
    effect=Effect.WARN,
    message="val_f1 gains 0.72 pt, which may be chance",
    measured=value("-0.31", "pt", Grade.RECOMPUTED),
    limit=bound("0", "pt", ">"),
    remedy="evaluate on more rows",
    about="val_f1",
    interval=interval(),
)
SLICE = finding(
    "no-slice-regression",
    part="country=EU",
    outcome=Outcome.FAIL,
    effect=Effect.BLOCK,
    message="val_f1 drops by 3.20 pt in slice country=EU; 1.00 pt is allowed",
    measured=value("3.2", "pt", Grade.RECOMPUTED),
    limit=bound("1", "pt"),
)
SEEDED = finding("seeds-fixed", message="parameter seed is 7")
TABULAR = finding(
    "no-deep-learning-on-small-data",
    outcome=Outcome.NOT_APPLICABLE,
    message="the model is a LogisticRegression",
)


def mixed() -> Report:
    """One finding that blocks, two that warn, one waived, two that passed, one beside the point."""
    return report(
        subject(
            SCORE,
            TABULAR,
            SIZE,
            SEEDED,
            EXPLAINED,
            LATENCY,
            COST,
            verdict=Verdict.FAIL,
            passed_over=(PassedOver(rule="commit: merge-base", why="no run for commit 9f8e7d6"),),
            notes=("2 other runs of this commit were not judged",),
            changes=CHANGES,
        )
    )
