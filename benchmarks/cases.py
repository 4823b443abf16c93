"""Different cases in memory: the same numbers as plain runs, as our records, and as plain JSON."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.scripts.verdict import Run
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    ModelRecord,
    RunRecord,
)
from policy_engine.policy_file import PolicyFile

_BEGAN = datetime(2026, 1, 31, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate and its baseline."""

    candidate: Run
    baseline: Run


class Undigested(EvidenceRecord):
    """Evidence whose digest is not computed: the digest is not a part of judging."""

    @property
    def digest(self) -> str:
        """Nothing."""
        return ""


def pairs(count: int) -> Iterator[Pair]:
    """Yield pairs with random metrics, sizes and durations, the same at each call.

    They are drawn so that each policy passes some and refuses some.
    """
    chance = random.Random(7)  # noqa: S311 (numbers, no secrets)
    for number in range(count):
        yield Pair(_run(chance, f"candidate-{number}"), _run(chance, f"baseline-{number}"))


def evidence(
    pairs: Sequence[Pair], file: PolicyFile, kind: type[EvidenceRecord]
) -> list[EvidenceRecord]:
    """Return one evidence record a pair, as it is collected for one policy file."""
    return [
        kind(
            needs=file.needs.names,
            candidates=(
                CandidateRecord(
                    run=_record(pair.candidate),
                    baselines=(
                        BaselineRecord(
                            rules=file.baseline,
                            metric="val_accuracy",
                            found_by="alias: champion",
                            run=_record(pair.baseline),
                        ),
                    ),
                ),
            ),
        )
        for pair in pairs
    ]


def together(evidence: Sequence[EvidenceRecord]) -> EvidenceRecord:
    """Return the candidates of several records of one kind as one record."""
    candidates = tuple(candidate for each in evidence for candidate in each.candidates)
    return evidence[0].model_copy(update={"candidates": candidates})


def as_json(pair: Pair) -> dict[str, dict[str, Any]]:
    """Return what the six comparisons need, as a policy language gets it."""
    return {
        role: {
            "status": run.status,
            "lifecycle": run.lifecycle,
            "model_status": run.model_status,
            "accuracy": run.accuracy,
            "seconds": run.seconds,
            "size": float(run.size),
            "logged_size": float(run.logged_size),
        }
        for role, run in (("candidate", pair.candidate), ("baseline", pair.baseline))
    }


def as_evidence(pair: Pair) -> dict[str, dict[str, Any]]:
    """Return both runs as the evidence file has them, and how long they took (seconds)."""
    return {
        role: {
            **_record(run).model_dump(mode="json", exclude_none=True),
            "seconds": run.seconds,
        }
        for role, run in (("candidate", pair.candidate), ("baseline", pair.baseline))
    }


def _run(chance: random.Random, name: str) -> Run:
    size = chance.randint(20_000_000, 210_000_000)
    return Run(
        name=name,
        experiment="fraud",
        status=chance.choices(("FINISHED", "FAILED"), (99, 1))[0],
        lifecycle="active",
        accuracy=chance.uniform(0.89, 0.97),
        seconds=chance.randint(60_000, 200_000_000) / 1000,
        model_status="READY",
        size=size,
        logged_size=size - 1000,
        flavors=("python_function", "sklearn"),
    )


def _record(run: Run) -> RunRecord:
    model = ModelRecord(
        model_id="m-" + "0" * 32,
        name="fraud-model",
        status=run.model_status,
        size=run.size,
        logged_size=run.logged_size,
        flavors=run.flavors,
    )
    return RunRecord(
        run_id="0" * 32,
        run_name=run.name,
        experiment=run.experiment,
        status=run.status,
        lifecycle=run.lifecycle,
        start_time=_BEGAN,
        end_time=_BEGAN + timedelta(seconds=run.seconds),
        metrics={"val_accuracy": run.accuracy},
        model=model,
        children=(),
    )
