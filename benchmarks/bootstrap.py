"""Our paired bootstrap against scipy.stats.bootstrap: the same rows, the same run.

    python benchmarks/bootstrap.py                   # 10,000 rows, 10,000 resamples: a minute
    python benchmarks/bootstrap.py --resamples 1000

SciPy gets a vectorised statistic, the quickest that a careful user would write, and batches that
keep its memory near 100 MB. Ours gets lists, as evidence holds them, and its time includes turning
them into numbers. Both must find the same interval, up to their own chance.
"""

import argparse
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.figures import Section
from policy_engine.statistics import Outputs, PairedRows, Resampled, RowMetric, paired_bootstrap

ALPHA = 0.05
BATCH = 100
"""Resamples that SciPy evaluates at once."""


@dataclass(frozen=True, slots=True)
class Task:
    """A metric, written for SciPy with an axis, and how much of SciPy's time ours may take."""

    kind: Any
    scipy: Callable[[Any, Any, int], Any]
    column: str
    share: float


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of both, and the lower bounds in standard errors apart."""

    task: Task
    ours: float
    scipy: float
    apart: float

    @property
    def holds(self) -> bool:
        """Whether ours took no more than its share of SciPy's time."""
        return self.ours <= self.task.share * self.scipy


def _accuracy(truth: Any, said: Any, axis: int) -> Any:
    return (truth == said).mean(axis=axis)


def _f1(truth: Any, said: Any, axis: int) -> Any:
    return 2 * (truth & said).sum(axis=axis) / (truth.sum(axis=axis) + said.sum(axis=axis))


def _auc(truth: Any, score: Any, axis: int) -> Any:
    ranks = stats.rankdata(score, axis=axis)
    true = truth.sum(axis=axis)
    pairs = true * (truth.shape[axis] - true)
    return ((ranks * truth).sum(axis=axis) - true * (true + 1) / 2) / pairs


def _average_precision(truth: Any, score: Any, axis: int) -> Any:
    order = np.argsort(-score, axis=axis)
    hits = np.take_along_axis(truth, order, axis=axis)
    seen = np.arange(1, truth.shape[axis] + 1)
    precision = np.cumsum(hits, axis=axis) / seen  # equal scores of drawn rows are left in order
    return (precision * hits).sum(axis=axis) / hits.sum(axis=axis)


def _log_loss(truth: Any, score: Any, axis: int) -> Any:
    return -np.log(np.where(truth, score, 1 - score)).mean(axis=axis)


def _brier(truth: Any, score: Any, axis: int) -> Any:
    return ((truth - score) ** 2).mean(axis=axis)


def _mae(truth: Any, said: Any, axis: int) -> Any:
    return np.abs(truth - said).mean(axis=axis)


def _rmse(truth: Any, said: Any, axis: int) -> Any:
    return np.sqrt(((truth - said) ** 2).mean(axis=axis))


TASKS = (
    Task("accuracy", _accuracy, "classes", 0.1),
    Task("f1", _f1, "classes", 0.1),
    Task("roc_auc", _auc, "scores", 1),
    Task("average_precision", _average_precision, "scores", 1),
    Task("log_loss", _log_loss, "scores", 1),
    Task("brier", _brier, "scores", 1),
    Task("mae", _mae, "numbers", 1),
    Task("rmse", _rmse, "numbers", 1),
)


class Data:
    """Two models on the same rows, as arrays."""

    def __init__(self, rows: int) -> None:
        random = np.random.default_rng(7)
        truth = random.random(rows) < 0.3
        shared = random.normal(size=rows)
        scores: list[Any] = [
            stats.logistic.cdf(skill * truth - 1 + 0.8 * shared + 0.6 * random.normal(size=rows))
            for skill in (1.6, 1.5)
        ]
        number = random.normal(size=rows)
        numbers: list[Any] = [number + scale * random.normal(size=rows) for scale in (0.5, 0.51)]
        self.columns: dict[str, tuple[Any, Any, Any]] = {
            "classes": (truth, scores[0] > 0.5, scores[1] > 0.5),
            "scores": (truth, scores[0], scores[1]),
            "numbers": (number, numbers[0], numbers[1]),
        }

    def rows(self, column: str) -> PairedRows:
        """Return the same as lists, as evidence holds them."""
        truth, ours, theirs = self.columns[column]
        kind = "scores" if column == "scores" else "predictions"
        candidate, baseline = (Outputs(**{kind: each.tolist()}) for each in (ours, theirs))
        return PairedRows(targets=truth.tolist(), candidate=candidate, baseline=baseline)


def measure(rows: int = 10_000, resamples: int = 10_000) -> Section:
    """Return the times of both for every metric, on the same data, and the memory of ours.

    Args:
        rows: Evaluated rows (count).
        resamples: Resamples of each interval (count).
    """
    data = Data(rows)
    paired_bootstrap(RowMetric("f1"), data.rows("classes"), goal="maximize", seed=1)  # imports
    ours = {task.kind: _ours(task, data, resamples) for task in TASKS}
    peak = _peak_mb(data, resamples)
    results = list(_results(data, ours, resamples))
    over = ", ".join(f"`{result.task.kind}`" for result in results if not result.holds)
    return Section(
        name="bootstrap",
        headers=("metric", "ours", "SciPy", "share", "at most", "lower bounds apart"),
        rows=[_row(result) for result in results],
        numbers=5,
        distributions=("numpy", "scipy", "policy-engine"),
        notes=[
            (
                f"{rows:,} rows, {resamples:,} resamples, paired. "
                f"{f'Over their share: {over}' if over else 'All keep their share'}; the bounds "
                "are apart in standard errors. Beside the rows, ours held at most "
                f"{peak:.0f} MB."
            )
        ],
    )


def _row(result: Result) -> tuple[str, ...]:
    return (
        f"`{result.task.kind}`",
        f"{result.ours:.3f} s",
        f"{result.scipy:.2f} s",
        f"{result.ours / result.scipy:.3f}",
        f"{result.task.share:.1f}",
        f"{result.apart:.3f} SE",
    )


def main() -> None:
    """Print the section."""
    parser = argparse.ArgumentParser(description="Compare our bootstrap with SciPy's.")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    arguments = parser.parse_args()
    print(measure(arguments.rows, arguments.resamples).as_markdown())


def _ours(task: Task, data: Data, resamples: int) -> tuple[float, Resampled]:
    rows = data.rows(task.column)
    began = time.perf_counter()
    found = paired_bootstrap(
        RowMetric(task.kind), rows, goal="maximize", seed=1, resamples=resamples
    )
    return time.perf_counter() - began, found


def _results(
    data: Data, ours: dict[str, tuple[float, Resampled]], resamples: int
) -> Iterator[Result]:
    for task in TASKS:
        began = time.perf_counter()
        theirs = stats.bootstrap(
            data.columns[task.column],
            _difference(task),
            paired=True,
            vectorized=True,
            batch=BATCH,
            n_resamples=resamples,
            confidence_level=1 - 2 * ALPHA,
            method="percentile",
            rng=np.random.default_rng(1),
        )
        seconds = time.perf_counter() - began
        mine, found = ours[task.kind]
        interval = found.interval(ALPHA)
        apart = abs(interval.lower - theirs.confidence_interval.low) / interval.standard_error
        assert apart < 0.2, f"{task.kind}: the lower bounds lie {apart:.2f} standard errors apart"
        yield Result(task, mine, seconds, float(apart))


def _difference(task: Task) -> Callable[..., Any]:
    def difference(truth: Any, ours: Any, theirs: Any, axis: int = -1) -> Any:
        return task.scipy(truth, ours, axis) - task.scipy(truth, theirs, axis)

    return difference


def _peak_mb(data: Data, resamples: int) -> float:
    """Return the most memory that ours allocates for any metric (MB); not timed."""
    peaks = []
    for task in TASKS:
        rows = data.rows(task.column)
        tracemalloc.start()
        paired_bootstrap(RowMetric(task.kind), rows, goal="maximize", seed=1, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return max(peaks) / 1e6


if __name__ == "__main__":
    main()
