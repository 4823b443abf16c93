"""Evidence and cases in one line."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

from policy_engine.evidence import Case, Change, Metric, Needs, resolve_metric
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    Cell,
    FileRecord,
    ModelRecord,
    PassedOver,
    RunRecord,
    TableRecord,
    metric_value,
)
from policy_engine.policy import Policy
from policy_engine.quantities import parse_bytes, parse_duration, parse_rate

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
"""The moment of judgement, unless a test gives another."""
STARTED = datetime(2026, 1, 31, 8, tzinfo=UTC)
"""When runs begin, unless a test gives another moment."""


def model(
    name: str = "model",
    *,
    size: str | int | None = "1MB",
    flavors: Iterable[str] = ("python_function", "sklearn"),
    files: Mapping[str, int] | None = None,
    **facts: Any,
) -> ModelRecord:
    """Return a logged model that is READY.

    Args:
        name: The name that it was logged under.
        size: The sum of its stored files: `250MB`, a number of bytes, or None for not known.
        flavors: What its MLmodel file names.
        files: Path to size (bytes) of each stored file.
        **facts: Any other field of the evidence file's `model`, such as `status` or `versions`.
    """
    known: dict[str, Any] = {
        "model_id": "m-" + "0" * 32,
        "name": name,
        "size": parse_bytes(size) if isinstance(size, str) else size,
        "flavors": tuple(flavors),
    }
    if files is not None:
        known["files"] = tuple(FileRecord(path=path, size=n) for path, n in files.items())
    return ModelRecord(**(known | facts))


def table(source: str = "policy_engine/predictions.json", **columns: Iterable[Cell]) -> TableRecord:
    """Return a predictions table: `table(row_id=…, target=…, prediction=…)`, columns of one length.

    Args:
        source: Its path among the run's artifacts.
        **columns: The cells of each column.
    """
    cells = {name: tuple(column) for name, column in columns.items()}
    return TableRecord(run_id="0" * 32, source=source, columns=cells)


def run(
    *,
    metrics: Mapping[str, float] | None = None,
    duration: str = "1h",
    children: Iterable[RunRecord] = (),
    **facts: Any,
) -> RunRecord:
    """Return a FINISHED run.

    Args:
        metrics: Its last metrics; NaN and infinity become what they are in evidence: invalid.
        duration: From `start_time` to `end_time`, such as `2h`.
        children: Its child runs.
        **facts: Any other field of the evidence file's `run`: `params`, `tags`, `model`, `status`,
            `run_name`, …; `end_time` instead of `duration`.
    """
    start = facts.get("start_time", STARTED)
    known: dict[str, Any] = {
        "run_id": "0" * 32,
        "start_time": start,
        "end_time": start and start + timedelta(seconds=float(parse_duration(duration))),
        "metrics": {name: metric_value(value) for name, value in (metrics or {}).items()},
        "children": tuple(children),
    }
    return RunRecord(**(known | facts))


class Beside(TypedDict, total=False):
    """What a case holds beside its runs and its metric.

    Attributes:
        prices: What an hour of an instance costs: instance to `0.50 USD/h`; `default` for others.
        first_run: Whether the policy file says that there can be no baseline yet.
        change: The pull request.
        now: The moment of judgement (UTC); `NOW` by default.
        later: Runs that ended after the candidate began, newest first.
        commits: How many commits lie between baseline and candidate.
    """

    prices: Mapping[str, str]
    first_run: bool
    change: Change | None
    now: datetime
    later: Iterable[RunRecord]
    commits: int | None


def case(
    policy: Policy | Needs,
    *,
    candidate: RunRecord | None = None,
    baseline: RunRecord | None = None,
    history: Iterable[RunRecord] = (),
    metric: str | Metric | None = None,
    **beside: Unpack[Beside],
) -> Case:
    """Return a case as one policy sees it.

    Args:
        policy: Whose needs open the evidence; or the needs themselves.
        candidate: The run under judgement; `run()` by default.
        baseline: The run to beat; None: no rule found one.
        history: Earlier runs, newest first.
        metric: The metric that counts. A name alone does for a metric that is known by name.
        **beside: What else a policy may see: `Beside`.
    """
    rule = "alias: champion"
    absent = PassedOver(rule=rule, why="the registered model has no such alias")
    found = BaselineRecord(
        rules=({"alias": "champion"},),
        found_by=rule if baseline else None,
        passed_over=() if baseline else (absent,),
        run=baseline,
        commits=beside.get("commits"),
    )
    return Case(
        evidence=CandidateRecord(
            run=candidate or run(), history=tuple(history), later=tuple(beside.get("later", ()))
        ),
        needs=(policy.reads() if isinstance(policy, Policy) else policy) | Needs.RUN,
        metric_setting=resolve_metric(metric, None, None, "the test")
        if isinstance(metric, str)
        else metric,
        found=found,
        prices={name: parse_rate(price) for name, price in beside.get("prices", {}).items()},
        first_run=beside.get("first_run", False),
        change_record=beside.get("change"),
        now=beside.get("now", NOW),
    )
