"""What a policy author tests with: evidence in one line, judged as the engine judges it.

    from policy_engine.testing import assert_outcome, bind, judge, model, run

    def test_a_model_over_budget_fails():
        policy = bind(ModelSizeBudget, max_size="200MB")
        found = judge(policy, candidate=run(model=model(size="250MB")))
        assert_outcome(found, "fail", part="size")

Nothing here reads MLflow. What a policy raises, and what it reads without declaring it, becomes a
finding as it would in a real check.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from policy_engine.evidence import Case, Change, Metric, Needs, resolve_metric
from policy_engine.judgement import findings_of
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.quantities import parse_bytes, parse_duration, parse_rate
from policy_engine.records import (
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

P = TypeVar("P", bound=Policy)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
"""The moment of judgement, unless a test gives another."""
STARTED = datetime(2026, 1, 31, 8, tzinfo=UTC)
"""When runs begin, unless a test gives another moment."""


def bind(policy: type[P], **settings: Any) -> P:
    """Return the policy with settings as a policy file writes them (`max_size="200MB"`).

    Raises:
        pydantic.ValidationError: If a setting is wrong.
    """
    return policy.model_validate(settings)


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


def case(
    policy: Policy | Needs,
    *,
    candidate: RunRecord | None = None,
    baseline: RunRecord | None = None,
    history: Iterable[RunRecord] = (),
    metric: str | Metric | None = None,
    **settings: Any,
) -> Case:
    """Return a case as one policy sees it.

    Args:
        policy: Whose needs open the evidence; or the needs themselves.
        candidate: The run under judgement; `run()` by default.
        baseline: The run to beat; None: no rule found one.
        history: Earlier runs, newest first.
        metric: The metric that counts. A name alone does for a metric that is known by name.
        **settings: `prices` (instance to `0.50 USD/h`), `first_run`, `change`, `now`, `later` (runs
            that ended after the candidate began, newest first).
    """
    later: Iterable[RunRecord] = settings.pop("later", ())
    prices = settings.pop("prices", {})
    change: Change | None = settings.pop("change", None)
    rule = "alias: champion"
    absent = PassedOver(rule=rule, why="the registered model has no such alias")
    found = BaselineRecord(
        rules=({"alias": "champion"},),
        found_by=rule if baseline else None,
        passed_over=() if baseline else (absent,),
        run=baseline,
    )
    return Case(
        evidence=CandidateRecord(
            run=candidate or run(), history=tuple(history), later=tuple(later)
        ),
        needs=(policy.reads() if isinstance(policy, Policy) else policy) | Needs.RUN,
        metric_setting=resolve_metric(metric, None, None, "the test")
        if isinstance(metric, str)
        else metric,
        found=found,
        prices={instance: parse_rate(price) for instance, price in prices.items()},
        change_record=change,
        **({"now": NOW} | settings),
    )


def judge(policy: Policy, **facts: Any) -> list[Finding]:
    """Return the policy's findings, as the engine gets them.

    Args:
        policy: The policy with its settings.
        **facts: What `case` takes.
    """
    return list(findings_of(policy, case(policy, **facts)))


def assert_outcome(
    findings: Iterable[Finding],
    outcome: Outcome | str,
    *,
    part: str | None = None,
    message: str | None = None,
) -> Finding:
    """Check one finding, and return it for more.

    Args:
        findings: What `judge` returned.
        outcome: What it must have found: `pass`, `fail`, `missing`, `inconclusive`,
            `not-applicable` or `error`.
        part: Which of the findings; needed where there are several.
        message: The whole message that it must have.

    Raises:
        AssertionError: If it is otherwise; lists all findings.
    """
    found = list(findings)
    mine = [f for f in found if f.part == part] if part is not None else found
    listed = "\n".join(f"  {f.outcome.value} [{f.part or '-'}] {f.message}" for f in found)
    if len(mine) != 1:
        which = f"part '{part}'" if part is not None else "the only one (say `part=`)"
        raise AssertionError(f"{len(mine)} findings are {which}; all of them:\n{listed}")
    finding = mine[0]
    if finding.outcome != Outcome(outcome):
        raise AssertionError(f"expected {Outcome(outcome).value}; the findings are:\n{listed}")
    if message is not None and finding.message != message:
        raise AssertionError(f"expected the message\n  {message}\nbut it is\n  {finding.message}")
    return finding
