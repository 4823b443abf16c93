"""The files that a first gate consists of, as text."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from policy_engine.cli.init.numbers import Point, example_values, written
from policy_engine.evidence.metrics import Goal, known
from policy_engine.quantities.words import first_few

_WIDTH = 100
"""Characters of a line that quotes a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedFile:
    """What the first policy file shall say.

    Attributes:
        name: The policy file's name, without its ending.
        metric: The metric that counts; None: the experiment's primary metric.
        goal: Its better direction; None where its name tells.
        alias: The rule of the version in use, `champion` or `fraud@champion`; None: no model is
            registered yet.
        paths: Globs of what training depends on; empty: every change needs a run.
        experiment: The experiment that the runs are in; None where that is not known.
        models: Names that models were logged or registered under.
        model_name: Which logged model of a run counts; None where there is only one.
        point: What one point of the metric is; None where its name tells, or nobody can.
        values: Of the metric, newest run first.
        of_training: Metrics of the rows that training saw, where the runs log no others.
        limits: What a backtest says of limits: where it is from, then a sentence a limit.
    """

    name: str
    metric: str | None
    goal: Goal | None
    alias: str | None
    paths: tuple[str, ...]
    experiment: str | None
    models: tuple[str, ...]
    model_name: str | None
    point: Point | None = None
    values: tuple[float, ...] = ()
    of_training: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


def policy_file(proposal: ProposedFile) -> str:
    """Return the policy file, each part with what it is for."""
    parts = (_scope, _metric, _candidate, _baseline, *((_limits,) if proposal.limits else ()))
    last = _POLICIES.format(threshold=_threshold(proposal))
    return "\n".join([_HEAD, *(part(proposal) for part in parts), last])


_HEAD = """\
# What a model must fulfil before its pull request may merge.
#   policy-engine validate                 are these files right?
#   policy-engine explain --effective      what do they come to, and where does it come from?
#   policy-engine explain NAME             why does a policy exist, and what does it read?
#   policy-engine test                     do they decide what we expect?
version: 1

# What holds for any model: policies/ of policy-engine has it, with the reason for each line.
# `strict` asks for more, `advisory` only tells.
extends: [recommended]
"""

_POLICIES = """\
# What only your team knows. A policy's settings: policy-engine explain NAME.
policies:
  # A model that grew by more than the pack's tenth is asked about; this is the most it may be.
  # model-size-budget: {{max_size: 200MB}}

  # The least (`min`) or most (`max`) that the metric may be, whatever the baseline is.
  # metric-threshold: {threshold}

  # What a point of the metric may cost to train.
  # cost-per-point: {{max_cost_per_point: 50 USD}}

  # The pack only tells of a gain that is not worth a merge; `overridable` makes it block.
  min-useful-gain: {{level: advisory}}
"""


def _scope(proposal: ProposedFile) -> str:
    """Return a hint at how to tell several models apart."""
    by = {"experiment": proposal.experiment} if proposal.experiment else {"model": "fraud-*"}
    if proposal.models:
        by = {"model": proposal.models[0]}
    lines = [
        "# Which candidates it judges: all, until you say so. A repository with several models has",
        f"# a file for each.\n# applies_to: {_flow(by)}",
    ]
    return "\n".join([*lines, ""])


def _limits(proposal: ProposedFile) -> str:
    """Return what a backtest says of limits, as a comment."""
    source, *limits = proposal.limits
    lines = [f"# What limits would have done to past runs ({source}):"]
    for limit in limits:
        lines += textwrap.wrap(limit, _WIDTH, initial_indent="# - ", subsequent_indent="#   ")
    return "\n".join([*lines, ""])


def _threshold(proposal: ProposedFile) -> str:
    """Return a limit that the newest run would keep."""
    pair = example_values(proposal.metric, proposal.goal, proposal.values)
    limit = "max" if _is_loss(proposal) else "min"
    metric = _flow(proposal.metric or "val_f1")
    return f"{{metric: {metric}, {limit}: {pair.worse}, level: mandatory}}"


def _metric(proposal: ProposedFile) -> str:
    if proposal.metric is None:
        return _no_metric(proposal)
    setting: dict[str, Any] = {"name": proposal.metric}
    kind = known(proposal.metric)
    goal = proposal.goal or (kind.goal if kind else None)
    if goal is not None:
        setting["goal"] = goal
    lines = ["# The metric that counts: of rows that training did not see."]
    flow = _flow(setting)
    if proposal.point is not None:
        lines.append("# A point is the least difference that you would talk about; it was taken as")
        lines.append(f"# {proposal.point.why}. Some policies count in points: decide what it is.")
        flow = f"{flow[:-1]}, point: {written(proposal.point.value)}}}"
    return "\n".join([*lines, f"metric: {flow}", ""])


def evaluation_metric(of_training: Sequence[str]) -> tuple[str, str]:
    """Return what a training logs that has no metric of evaluation rows: its name, and the line.

    Args:
        of_training: The metrics of the rows that training saw, as autologging writes them.
    """
    is_regression = any("r2" in name or "squared" in name for name in of_training)
    name = "val_r2" if is_regression else "val_accuracy"
    return name, f'mlflow.log_metric("{name}", model.score(X_test, y_test))'


def _to_log(proposal: ProposedFile) -> str:
    """Return the name under which a team without a metric is asked to log one."""
    return evaluation_metric(proposal.of_training)[0] if proposal.of_training else "val_f1"


def _no_metric(proposal: ProposedFile) -> str:
    lines = ["# The metric that counts. Until you say it, the experiment's primary metric does."]
    if proposal.of_training:
        _, line = evaluation_metric(proposal.of_training)
        seen = first_few(proposal.of_training, 2)
        verb = "is" if len(proposal.of_training) == 1 else "are"
        lines = [
            "# The metric that counts: of rows that training did not see. The runs log none yet;",
            f"# {seen} {verb} of the rows that training saw.",
            "# Log one in the training, in the same run, and name it here:",
            f"#   {line}",
        ]
    return "\n".join([*lines, f"# metric: {{name: {_to_log(proposal)}, goal: maximize}}", ""])


def _candidate(proposal: ProposedFile) -> str:
    lines = ["# What training depends on: a pull request that touches none of it needs no new run."]
    names = [f"  model_name: {_flow(proposal.model_name)}"] if proposal.model_name else []
    if proposal.paths:
        lines += ["candidate:", "  paths:", *(f"    - {_flow(path)}" for path in proposal.paths)]
        return "\n".join([*lines, *names, ""])
    lines.append('# candidate: {paths: ["training/**"]}')
    return "\n".join([*lines, *(["candidate:", *names] if names else []), ""])


def _baseline(proposal: ProposedFile) -> str:
    lines = ["# The run to beat: rules, tried in order.", "baseline:"]
    if proposal.alias is not None:
        lines.append(f"  - alias: {_flow(proposal.alias)} # the version in use")
    else:
        lines += [
            "  # Once a model is in use: register it under a name; give that version this alias.",
            "  # - alias: NAME@champion",
        ]
    lines.append("  - commit: merge-base # else the run of where the pull request branched off")
    lines.append("# For the very first model, when there can be no baseline; remove it afterwards:")
    lines.append("# first_run: true")
    return "\n".join([*lines, ""])


def first_test(proposal: ProposedFile) -> str:
    """Return the first policy test."""
    metric = proposal.metric or _to_log(proposal)
    pair = example_values(proposal.metric, proposal.goal, proposal.values)
    tags = "" if proposal.metric else f", primary_metric: {{name: {metric}, goal: maximize}}"
    return _TEST.format(
        name=proposal.name, metric=_flow(metric), better=pair.better, worse=pair.worse, tags=tags
    )


def _is_loss(proposal: ProposedFile) -> bool:
    kind = known(proposal.metric) if proposal.metric else None
    return (kind.goal if kind else proposal.goal) == "minimize"


_TEST = """\
# What {name}.yaml must decide. `policy-engine test` judges these cases, without MLflow;
# `policy-engine record --run ID` makes one of a real run.
version: 1
policy_file: ../{name}.yaml
cases:
  - name: a run that ended well, with a baseline to beat
    evidence:
      candidate: {{metrics: {{{metric}: {better}}}, model: {{size: 1MB}}{tags}}}
      baseline: {{metrics: {{{metric}: {worse}}}}}
    expect:
      run-finished: pass
      baseline-logged: pass

  - name: a run that was killed proves nothing
    evidence:
      candidate: {{status: KILLED, metrics: {{{metric}: {better}}}{tags}}}
      baseline: {{metrics: {{{metric}: {worse}}}}}
    expect:
      run-finished: {{outcome: fail, effect: block}}

  - name: without a baseline nobody can say what a model is worth
    evidence:
      candidate: {{metrics: {{{metric}: {better}}}, model: {{size: 1MB}}{tags}}}
    expect:
      baseline-logged: {{outcome: missing, effect: block}}
"""


def _flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    text: str = yaml.safe_dump(
        [value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.strip()[1:-1]
