"""Predictions tables for the tests of policies that compare rows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from policy_engine.testing import run, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_engine.evidence.record import RunRecord, TableRecord


def rows(target: Sequence[Any], prediction: Sequence[Any], **columns: Any) -> TableRecord:
    """Return a table whose rows are named r0, r1, …"""
    names = [f"r{i}" for i in range(len(target))]
    return table(row_id=names, target=target, prediction=prediction, **columns)


def counted(
    wins: int, losses: int, n: int, both: int | None = None, **columns: Any
) -> tuple[RunRecord, RunRecord]:
    """Return a candidate that alone is right on `wins` rows, and a baseline on `losses`.

    Both are right on `both` rows, by default on all others.
    """
    agreed = n - wins - losses if both is None else both
    wrong = n - wins - losses - agreed
    new = [1] * wins + [0] * losses + [1] * agreed + [0] * wrong
    old = [0] * wins + [1] * losses + [1] * agreed + [0] * wrong
    kept = {name: list(cells) for name, cells in columns.items()}
    return tuple(  # type: ignore[return-value]
        run(
            run_id=digit * 32,
            run_name=name,
            metrics={"val_accuracy": sum(said) / n},
            predictions=rows([1] * n, said, **kept),
        )
        for digit, name, said in (("a", "new", new), ("b", "old", old))
    )


def scored(n: int, shift: float, seed: int = 1, **facts: Any) -> RunRecord:
    """Return a run of two classes whose scores are `shift` apart, with a table of them."""
    drawn = random.Random(seed)  # noqa: S311 (seeded test data)
    truth = [int(drawn.random() < 0.4) for _ in range(n)]
    noise = random.Random(seed + round(1000 * shift))  # noqa: S311 (seeded test data)
    scores = [round(shift * t + (1 - shift) * noise.random(), 6) for t in truth]
    said = [int(score > 0.5) for score in scores]
    return run(**({"predictions": rows(truth, said, score=scores)} | facts))


def seeded(values: Sequence[float], digit: str = "a", first: int = 0, **facts: Any) -> RunRecord:
    """Return a run with its repeats: one a value of val_accuracy, with the seeds from `first`."""
    runs = [
        run(
            **(
                {
                    "run_id": f"{digit}{i:031d}",
                    "params": {"seed": str(first + i), "depth": "3"},
                    "metrics": {"val_accuracy": value},
                }
                | facts
            )
        )
        for i, value in enumerate(values)
    ]
    return runs[0].model_copy(update={"repeats": tuple(runs[1:])})
