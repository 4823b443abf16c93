"""Is a whole check quick: against scripts that somebody writes by hand, on the same server."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import Section
from benchmarks.server import Trained, quiet_environment
from benchmarks.timing import Times, take_turns

ROUNDS = 15
CLIENT_TARGET, REQUESTS_TARGET = 0.6, 2.5
_SCRIPTS = {
    "a script over `MlflowClient`": "by_client",
    "a script over `requests`": "by_requests",
}


def measure(
    command: Path, repository: Path, address: str, trained: Trained, python: str
) -> Section:
    """Return the times of a check and of both scripts.

    Args:
        command: The installed console script.
        repository: The work tree that it runs in.
        address: The MLflow server's.
        trained: What the server holds.
        python: The interpreter of the scripts, in the same environment as the command.
    """
    check = [str(command), "check", "--run", trained.candidate, "--tracking-uri", address]
    scripts = {
        name: [python, "-m", f"benchmarks.scripts.{module}", address, trained.candidate]
        for name, module in _SCRIPTS.items()
    }
    _assert_same_numbers(check, list(scripts.values()), repository)
    times = take_turns(
        {"`policy-engine check`": check, **scripts},
        ROUNDS,
        cwd=repository,
        environment=quiet_environment(),
    )
    ours, client, bare = times.values()
    is_skinny = python != sys.executable
    by_client, by_requests = ours.over(client), ours.over(bare)
    return Section(
        name="check-skinny" if is_skinny else "check",
        options="--only check --skinny PYTHON" if is_skinny else "",
        python=python,
        headers=("process", "median", "quartiles", "a check takes"),
        rows=[_row(name, each, ours) for name, each in times.items()],
        numbers=3,
        distributions=("mlflow-skinny", "requests", "pydantic", "policy-engine"),
        notes=[
            (
                f"The targets are at most {CLIENT_TARGET} and {REQUESTS_TARGET} times; it takes "
                f"{by_client:.2f} and {by_requests:.2f} times. {ROUNDS} rounds, taking turns."
            )
        ],
    )


def _row(name: str, times: Times, ours: Times) -> tuple[str, ...]:
    first, third = times.quartiles
    share = "" if times is ours else f"{ours.over(times):.2f} times that"
    return name, f"{times.median:.2f} s", f"{first:.2f} to {third:.2f} s", share


def _assert_same_numbers(check: list[str], scripts: list[list[str]], repository: Path) -> None:
    """Prove that all three came to the same numbers, before any of them is measured."""
    report = _json([*check, "--format", "json"], repository)
    subject = report["subjects"][0]
    measured = {(f["id"], f["part"]): f["measured"] for f in subject["findings"]}
    baseline = {(f["id"], f["part"]): f["baseline"] for f in subject["findings"]}
    for script in scripts:
        line = _json(script, repository)
        assert line["verdict"] == report["verdict"]
        assert line["candidate"] == subject["candidate"]["run_name"]
        assert line["baseline"] == subject["baseline"]["run_name"]
        assert line["experiment"] == subject["candidate"]["experiment"]
        pairs = [
            (line["accuracy"], measured["metric-threshold", "min"]),
            (line["points"], measured["min-useful-gain", "absolute"]),
            (line["size"], measured["model-size-budget", "size"]),
            (line["baseline_size"], baseline["model-size-budget", "growth"]),
            (line["cost"], measured["cost-per-point", None]),
            (line["baseline_cost"], baseline["cost-per-point", None]),
        ]
        for number, measurement in pairs:
            assert math.isclose(number, measurement["value"], rel_tol=1e-9), (number, measurement)


def _json(command: list[str], cwd: Path) -> Any:
    done = subprocess.run(
        command, cwd=cwd, env=quiet_environment(), check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)
