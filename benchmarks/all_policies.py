"""What judging takes of a whole check: every built-in policy, 10,000 rows, a slice column of 10."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Section
from benchmarks.server import quiet_environment
from benchmarks.timing import Times
from policy_engine.check import load

ROUNDS = 7
TASKS = {"val_accuracy": "counts of rows", "val_f1": "resampled counts"}
"""Each metric that is judged by, and what its tests take."""
_FOLDER = "all-policies"
TEXT = """\
version: 1
metric: {{name: {metric}, goal: maximize}}
baseline:
  - alias: champion
prices: {{default: 0.50 USD/h}}
policies:
  baseline-fresh: {{max_age: 180d}}
  baseline-kind: on
  baseline-logged: on
  clean-tree: on
  code-lineage: {{level: advisory}}  # there is no pull request
  cost-per-point: {{max_cost_per_point: 5 USD}}
  data-freshness: on
  data-licence-and-consent: {{licences: [CC0-1.0]}}
  dataset-identity: on
  deep-margin: on
  equalized-odds-gap: {{attributes: [sex]}}
  explanation-logged: on
  expression: {{that: candidate.metrics.{metric} > 0.5, message: better than a coin}}
  four-fifths: {{attributes: [sex], favourable: 1}}
  history-limit: {{metric: {metric}}}
  latency-percentile-budget: {{max: 50ms, max_growth: 50%}}
  metric-recomputed: {{metrics: [val_accuracy, val_f1, val_roc_auc]}}
  metric-threshold: {{metric: {metric}, min: 0.5}}
  min-useful-gain: on
  model-size-budget: {{max_size: 200MB, max_growth: 50%}}
  no-dominant-feature: on
  no-regression: on
  no-slice-regression: {{slices: [region]}}
  pareto-dominated: on
  pii-columns: on
  pinned-requirements: on
  run-finished: on
  safe-serialization: {{level: advisory}}  # scikit-learn's trees are pickles
  same-eval-data: {{require_strong: true}}
  servable: on
  signature-and-example: on
  significant-improvement: on
  simple-model-tried: on
  train-cost-budget: {{max_cost: 50 USD}}
  train-test-leakage: on
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rounds of one metric gave (seconds).

    Attributes:
        check: The whole check, a new process each time.
        judging: Judging alone, in a new process each time: with what it imports.
        outcomes: How many findings of each outcome.
    """

    check: Times
    judging: Times
    outcomes: Counter[str]


def measure(command: Path, repository: Path, address: str, commit: str) -> Section:
    """Return the times of a check by all policies, and how much of it is judging.

    Args:
        command: The installed console script.
        repository: The work tree that it runs in; the policy files go there.
        address: The MLflow server's.
        commit: The commit that the candidate says it was trained on.
    """
    candidate = _train(address, commit)
    judged = {metric: _judged(metric, candidate, command, repository, address) for metric in TASKS}
    bound = bind(repository, next(iter(TASKS)))
    outcomes = next(iter(judged.values())).outcomes
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    return Section(
        name="policies",
        headers=("metric", "its tests take", "`check --run`", "judging", "share"),
        rows=[_row(metric, each) for metric, each in judged.items()],
        numbers=3,
        distributions=("mlflow-skinny", "numpy", "scipy", "policy-engine"),
        notes=[
            (
                f"{bound} policies, all that are built in; {sum(outcomes.values())} findings "
                f"({counts}) with the first metric. Medians of {ROUNDS} rounds, the share too."
            ),
            "Judging is timed in a new process, so it includes what it imports.",
        ],
    )


def _row(metric: str, judged: Judged) -> tuple[str, ...]:
    return (
        f"`{metric}`",
        TASKS[metric],
        f"{judged.check.median:.2f} s",
        f"{judged.judging.median:.2f} s",
        f"{judged.judging.over(judged.check):.0%}",
    )


def _judged(metric: str, candidate: str, command: Path, repository: Path, address: str) -> Judged:
    """Collect once and keep what was read; then check and judge in turns."""
    bind(repository, metric)
    policies, saved = f"{_FOLDER}/{metric}.yaml", f"{_FOLDER}/{metric}.json"
    read = ["--run", candidate, "--tracking-uri", address, "--policies", policies]
    check = [str(command), "check", *read, "--format", "json"]
    judge = [sys.executable, "-m", "benchmarks.scripts.judge", policies, saved]
    _run([str(command), "collect", *read, "--output", saved], repository)
    whole, judging = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = json.loads(_run(check, repository))
        whole.append(time.perf_counter() - began)
        judging.append(float(_run(judge, repository)))
    outcomes = Counter(f["outcome"] for each in report["subjects"] for f in each["findings"])
    return Judged(Times(tuple(whole)), Times(tuple(judging)), outcomes)


def _run(command: list[str], cwd: Path) -> bytes:
    """Return what a process printed."""
    environment = quiet_environment()
    done = subprocess.run(command, cwd=cwd, env=environment, check=True, stdout=subprocess.PIPE)
    return done.stdout


def bind(repository: Path, metric: str) -> int:
    """Write a policy file, and return how many policies it binds: all there are.

    Raises:
        RuntimeError: If there is a built-in policy that the file does not bind.
    """
    file = repository / _FOLDER / f"{metric}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(TEXT.format(metric=metric), encoding="utf-8")
    loaded = load((f"{_FOLDER}/{file.name}",), repository)
    bound = {binding.policy_name for binding in loaded.policies.files[0].bindings}
    if left := set(loaded.plugins.policies) - bound:
        raise RuntimeError(f"bind {', '.join(sorted(left))} in {__file__}")
    return len(bound)


def _train(address: str, commit: str) -> str:
    """Log three runs in a process of their own; return the candidate's id."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scripts.train_rows", address, commit],
        env=quiet_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()[-1]
