"""Runs in which nothing changed, and runs that got worse, judged by `history-limit` itself."""

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.rates import ALPHA, Random, Rate
from mlops_policies.general.history_limit import HistoryLimit
from policy_engine.evidence.record import DatasetRecord, RunRecord
from policy_engine.policy import Outcome
from policy_engine.testing import STARTED, bind, case, run

METRIC = "latency.p95_ms"
_DATA = DatasetRecord(name="test", digest="d1", context="evaluation", rows=1000)
_FACTS: dict[str, Any] = {"datasets": (_DATA,), "tags": {"bench.hardware": "a machine"}}
_SLOTS = [
    run(run_id=f"{n + 1:032x}", start_time=STARTED - timedelta(hours=2 * n + 2), **_FACTS)
    for n in range(200)
]
_CANDIDATE = run(**_FACTS)
Judge = Callable[[Any, float], Outcome]


def equal_runs(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a run in which nothing changed fails."""
    for spread in (0.02, 0.05, 0.10, 0.20):
        for runs in (8, 25, 100):
            world = f"nothing changed, times vary by {100 * spread:g} %, {runs} earlier runs"
            drawn = np.exp(spread * random.normal(size=(trials, runs + 1)))
            rate = _fails(100 * drawn, _judge(runs))
            yield Rate(world, "fails (history-limit)", rate, trials, at_most=ALPHA)
    for spread, said in ((0.05, 0.09), (0.10, 0.25)):
        world = f"nothing changed, times vary by {100 * spread:g} %"
        two = np.exp(spread * random.normal(size=(trials, 2)))
        rate = float((two[:, 0] > 1.1 * two[:, 1]).mean())
        yield Rate(world, "over the last run by 10 %", rate, trials, said=said)
    drawn = random.normal(size=(trials, 6))
    limit = drawn[:, 1:].mean(axis=1) + 1.645 * drawn[:, 1:].std(axis=1, ddof=1)
    rate = float((drawn[:, 0] > limit).mean())
    yield Rate("nothing changed, 5 earlier runs", "z-score above 1.645", rate, trials, said=0.105)
    drawn = 0.85 + 0.01 * random.normal(size=(trials, 26))
    judge = _judge(25, "auc")
    rate = _fails(drawn, judge)
    world = "nothing changed, AUC varies by 1 pt, 25 earlier runs"
    yield Rate(world, "fails (history-limit)", rate, trials, at_most=ALPHA)


def slower_runs(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a slowdown is found, and what a step in the history hides."""
    for runs in (8, 25, 100):
        drawn = np.exp(0.05 * random.normal(size=(trials, runs + 1)))
        drawn[:, 0] *= 1.25
        world = f"25 % slower, times vary by 5 %, {runs} earlier runs"
        theory = _power(runs, math.log(1.25) / 0.05)
        yield Rate(
            world, "fails (history-limit)", _fails(drawn, _judge(runs)), trials, None, theory
        )
    drawn = np.exp(0.05 * random.normal(size=(trials, 26)))
    drawn[:, 11:] *= 1.5  # the older 15 of 25; the newest come first
    drawn[:, 0] *= 1.25
    world = "25 % slower, times vary by 5 %, 10 earlier runs, 15 before took half as long again"
    theory = _power(10, math.log(1.25) / 0.05)
    yield Rate(world, "fails (history-limit)", _fails(drawn, _judge(25)), trials, None, theory)
    limit = drawn[:, 1:].mean(axis=1) + 1.75 * drawn[:, 1:].std(axis=1, ddof=1)
    rate = float((drawn[:, 0] > limit).mean())
    yield Rate(world, "the same, the step averaged over", rate, trials, said=0.0)


def _judge(runs: int, metric: str = METRIC) -> Judge:
    goal = "minimize" if metric == METRIC else "maximize"
    policy = bind(HistoryLimit, metric=metric, goal=goal, window=max(runs, 8))

    def judge(earlier: Any, value: float) -> Outcome:
        history = [_with(slot, metric, x) for slot, x in zip(_SLOTS, earlier, strict=False)]
        given = case(policy, candidate=_with(_CANDIDATE, metric, value), history=history)
        (finding,) = policy.evaluate(given)
        return finding.outcome

    return judge


def _power(runs: int, shift: float) -> float:
    """Return how often a shift (standard deviations) is beyond the interval of so many runs."""
    limit = stats.t.isf(ALPHA, runs - 1)
    return float(stats.nct.sf(limit, runs - 1, shift / math.sqrt(1 + 1 / runs)))


def _with(record: RunRecord, metric: str, value: float) -> RunRecord:
    return record.model_copy(update={"metrics": {metric: value}})


def _fails(drawn: Any, judge: Judge) -> float:
    rows = drawn.tolist()
    return sum(judge(row[1:], row[0]) is Outcome.FAIL for row in rows) / len(rows)
