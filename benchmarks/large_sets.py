"""Large evaluation sets: from rows to a verdict, and with five slices.

    python benchmarks/large_sets.py                   # 200,000 rows: half a minute
    python benchmarks/large_sets.py --rows 1000000

What is timed is what a rule does with two tables that were read: to join them, to see which metric
was logged, whether there is enough to test, and the test. Slices are five, of equal size.
"""

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.figures import Section
from mlops_policies.comparing.comparison import Plan, compare, compare_rows
from mlops_policies.comparing.paired import definition_of, tables_of
from policy_engine.evidence import Needs, Run, resolve_metric
from policy_engine.evidence.record import Cell, RunRecord, TableRecord

METRICS = ("accuracy", "f1", "roc_auc", "average_precision", "log_loss", "rmse", "r2")
_NUMBERS = frozenset({"rmse", "r2"})
_SLICES = 5


def measure(rows: int = 200_000) -> Section:
    """Return the processor's seconds for each metric, of the whole and of its slices too.

    Args:
        rows: Evaluated rows (count).
    """
    return Section(
        name="large",
        headers=("metric", "all rows", "and five slices"),
        rows=[_row(name, rows) for name in METRICS],
        numbers=2,
        distributions=("numpy", "scipy", "policy-engine"),
        notes=[f"{rows:,} rows of two models; seconds of the processor, on one core."],
    )


def _row(name: str, rows: int) -> tuple[str, ...]:
    whole, sliced = _seconds(name, rows)
    return f"`{name}`", f"{whole:.2f} s", f"{whole + sliced:.2f} s"


def _seconds(name: str, rows: int) -> tuple[float, float]:
    candidate, baseline = _runs(rows, is_number=name in _NUMBERS)
    metric = resolve_metric(name, None, None, "the benchmark")
    began = time.process_time()
    compare(candidate, baseline, metric, Plan())
    compared = time.process_time()
    tables = tables_of(candidate, baseline)
    definition = definition_of(metric, candidate, baseline, tables)
    for first in range(_SLICES):
        places = range(first, rows, _SLICES)
        compare_rows(tables, definition, metric, Plan(), only=places)
    return compared - began, time.process_time() - compared


def _runs(rows: int, *, is_number: bool) -> tuple[Run, Run]:
    random = np.random.default_rng(7)
    truth = random.normal(size=rows) if is_number else (random.random(rows) < 0.3) * 1
    shared = random.normal(size=rows)
    made = []
    for digit, role, skill in (("a", "candidate", 1.6), ("b", "baseline", 1.5)):
        noise = 0.8 * shared + 0.6 * random.normal(size=rows)
        score = 1 / (1 + np.exp(1 - skill * truth - noise))
        said = truth + noise / skill if is_number else (score > 0.5) * 1
        columns: dict[str, tuple[Cell, ...]] = {"row_id": tuple(range(rows))}
        columns |= {"target": _cells(truth), "prediction": _cells(said), "score": _cells(score)}
        table = TableRecord(run_id=digit * 32, source="predictions.json", columns=columns)
        record = RunRecord(run_id=digit * 32, predictions=table)
        made.append(Run(record, Needs.PREDICTIONS | Needs.REPEATS, role))
    return made[0], made[1]


def _cells(values: Any) -> tuple[Cell, ...]:
    listed: Sequence[Cell] = values.tolist()
    return tuple(listed)


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser(description="Measure comparisons on large evaluation sets.")
    parser.add_argument("--rows", type=int, default=200_000)
    print(measure(parser.parse_args().rows).as_markdown())


if __name__ == "__main__":
    main()
