"""The six policies that every measurement binds."""

POLICY_FILE = "policies/fraud.yaml"

# `growth_from` is low, so that the small models of the benchmark are compared with one another.
TEXT = """\
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline:
  - alias: champion
prices: {default: 0.50 USD/h}
policies:
  run-finished: on
  baseline-logged: on
  model-size-budget: {max_size: 200MB, max_growth: 10%, growth_from: 10kB}
  min-useful-gain: {min_abs: 0.5pt}
  cost-per-point: {max_cost_per_point: 5 USD}
  metric-threshold: {metric: val_accuracy, min: 0.9}
"""
