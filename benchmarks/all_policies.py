"""What judging costs of a whole check: every built-in policy, 10,000 rows, a slice column of 10."""

import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Section
from benchmarks.server import quiet_environment
from benchmarks.timing import Times, take_turns
from policy_engine import plugins
from policy_engine.check import Options, check, load, read_evidence
from policy_engine.records import EvidenceRecord

ROUNDS = 7
METRICS = {
    "val_accuracy": "counts of rows",
    "val_f1": "bootstrap over counts",
    "val_roc_auc": "bootstrap over ranks",
}
"""Each metric that is judged by, and what its tests resample."""
_FOLDER = "all-policies"
TEXT = """\
version: 1
metric: {{name: {metric}, goal: maximize}}
baseline:
  - alias: champion
prices: {{default: 0.50 USD/h}}
policies:
  baseline-kind: on
  baseline-logged: on
  clean-tree: on
  code-lineage: on
  cost-per-point: {{max_cost_per_point: 5 USD}}
  data-freshness: on
  data-licence-and-consent: {{licences: [CC0-1.0]}}
  dataset-identity: on
  deep-margin: on
  equalized-odds-gap: {{attributes: [sex]}}
  explanation-logged: on
  four-fifths: {{attributes: [sex], favourable: 1}}
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
  safe-serialization: on
  same-eval-data: {{require_strong: true}}
  servable: on
  signature-and-example: on
  significant-improvement: on
  simple-model-tried: on
  train-cost-budget: {{max_cost: 50 USD}}
  train-test-leakage: on
"""


@dataclass(frozen=True, slots=True)
class Times3:
    """x."""
