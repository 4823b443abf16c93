"""How far a gain varies between two logged runs, as the policy itself would test it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from policy_engine.change.prepared import Prepared
from policy_engine.change.situation import Job
from policy_engine.check import Options, collected
from policy_engine.cli.plan.asked import Asked
from policy_engine.cli.plan.basis import Basis, test_of_counts
from policy_engine.errors import UsageError
from policy_engine.evidence import Case, MissingEvidence, UnreadableEvidence
from policy_engine.evidence.metrics import known
from policy_engine.judging.bindings_today import (
    BoundFile,
    Context,
    EvaluationFacts,
    baseline_for,
)
from policy_engine.loading import load_texts
from policy_engine.policy import GainSpread
from policy_engine.report import Engine, PolicySource
from policy_engine.statistics import DifferingRows

_FILE = "plan.yaml"


def learned(asked: Asked) -> Basis:
    """Return how far the gain varies between the runs, by the test that would judge it.

    Raises:
        UsageError: If the direction of the metric is not known, or there is no store.
        EvidenceError: If the runs do not tell.
    """
    if known(asked.metric) is None and asked.goal is None:
        raise UsageError(
            f"it is not known whether a greater {asked.metric} is better: say --goal maximize or "
            "--goal minimize"
        )
    ready = Prepared.of(load_texts({_FILE: _text(asked)}, {}), Job(Path(), {}))
    policy = ready.policies.files[0].bindings[0].policy
    found = policy.gain_spread(_case(asked, ready))
    spread = found.spread
    if isinstance(spread, DifferingRows):
        spread = replace(spread, exact=asked.effect is not None)
    return Basis(
        found.metric,
        spread,
        _test(asked, found),
        _said(found.spread, found.where),
        asked.rows or found.spread.have,
    )


def _test(asked: Asked, found: GainSpread) -> str:
    if isinstance(found.spread, DifferingRows):
        return test_of_counts(asked)
    return found.test.partition(",")[0]


def _said(spread: object, where: str) -> str:
    if isinstance(spread, DifferingRows):
        return f"the two runs differ on {spread.differing:,} of {where}"
    return f"as between the two runs on {where}"


def _text(asked: Asked) -> bytes:
    """Return a policy file with the policy that would judge it."""
    metric: dict[str, Any] = {"name": asked.metric}
    if asked.goal is not None:
        metric["goal"] = asked.goal
    if asked.positive is not None:
        metric["positive"] = asked.positive
    settings = {"method": "seeds", "min_seeds": 2} if asked.seeds else {}
    file = {"version": 1, "metric": metric, "policies": {asked.policy: settings or True}}
    return json.dumps(file).encode()


def _case(asked: Asked, ready: Prepared) -> Case:
    options = Options(
        runs=(asked.run or "",),
        baseline=asked.baseline,
        tracking_uri=asked.tracking_uri,
        timeout_s=asked.timeout,
    )
    evidence = collected(options, ready)
    if evidence.unreadable is not None:
        raise UnreadableEvidence(evidence.unreadable)
    if not evidence.candidates:
        raise MissingEvidence(evidence.absent or f"there is no run {asked.run}")
    now = datetime.now(UTC)
    context = Context(now, PolicySource("", trusted=True), Engine("", ()))
    here = EvaluationFacts.of(evidence, context)
    (file,), record = ready.policies.files, evidence.candidates[0]
    bound = BoundFile.of(file, here)
    return bound.case(record, bound.policies[0].needs, baseline_for(file, record), here)
