"""Backtests of many runs against loops that only read them; an audit against single checks."""

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.dask_workers import dask_workers
from benchmarks.figures import Section
from benchmarks.scale_store import make_store
from benchmarks.server import mlflow_server, quiet_environment

FEW, MANY = 2_000, 20_000
MODELS, SINGLE = 200, 20
WORKERS = (1, 2, 4)
CLIENT_TARGET, FLOOR_TARGET, MEMORY_TARGET, AUDIT_TARGET = 0.8, 1.2, 1.2, 0.1
_POLICIES = """\
version: 1
extends: [recommended]
metric: {name: val_f1, goal: maximize}
prices: {default: 2 USD/h}
baseline:
  - best: {within: 90d}
"""
_MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What a process took: seconds, seconds of the processor, and memory (MB)."""

    wall: float
    processor: float
    memory: int


def measure(command: Path, root: Path) -> Section:
    """Return how long a backtest and an audit take, and the memory of the backtest.

    Args:
        command: The installed console script.
        root: A folder; the stores and the policies come into it.
    """
    (root / "p.yaml").write_text(_POLICIES, encoding="utf-8")
    rows, busy = [], [os.getloadavg()[0]]
    figures: dict[int, dict[str, Figure]] = {}
    for runs in (FEW, MANY):
        folder = root / str(runs)
        folder.mkdir()
        make_store(folder, runs=runs, registered=MODELS)
        with mlflow_server(folder) as address:
            looked = ["backtest", "--experiment", "team-*", "--format", "json=backtest.json"]
            figures[runs] = {
                "floor": _script("runs_by_requests", address, root),
                "backtest": _ours(command, root, address, looked),
                "client": _script("runs_by_client", address, root),
            }
            busy.append(os.getloadavg()[0])
            if runs == FEW:
                audit = _audit(command, root, address)
                for count in WORKERS:
                    with dask_workers(root, count) as scheduler:
                        figures[runs][f"dask {count}"] = _ours(
                            command, root, address, [*looked, "--dask", scheduler]
                        )
        rows += [_row(runs, name, each) for name, each in figures[runs].items()]
    return Section(
        name="history",
        headers=("runs", "what reads them", "seconds", "of the processor", "memory"),
        rows=rows,
        numbers=3,
        distributions=("mlflow-skinny", "requests", "pydantic", "policy-engine"),
        notes=[
            _said(figures[FEW], figures[MANY]),
            _of_audit(*audit),
            _of_others(busy),
        ],
    )


def _said(few: dict[str, Figure], many: dict[str, Figure]) -> str:
    ours = many["backtest"]
    client, floor = ours.wall / many["client"].wall, ours.wall / many["floor"].wall
    memory = ours.memory / few["backtest"].memory
    return (
        f"Of {MANY:,} runs the backtest takes {client:.2f} times the client's loop (the aim: "
        f"{CLIENT_TARGET}) and {floor:.2f} times the floor ({FLOOR_TARGET}); its memory is "
        f"{memory:.2f} times that of {FEW:,} ({MEMORY_TARGET}). Once each."
    )


def _of_others(busy: list[float]) -> str:
    return (
        f"Meanwhile {min(busy):.0f} to {max(busy):.0f} processes of the machine ran or waited for "
        "a processor (its load), server and reader among them."
    )


def _of_audit(together: float, single: float) -> str:
    return (
        f"An audit of {MODELS} registered models takes {together:.0f} s; so many single checks "
        f"take {single:.0f} s (of {SINGLE}): {together / single:.2f} times that ({AUDIT_TARGET})."
    )


def _row(runs: int, name: str, figure: Figure) -> tuple[str, ...]:
    names = {
        "floor": "bare `requests`",
        "backtest": "`policy-engine backtest`, `recommended`",
        "client": "a loop over `MlflowClient`",
        **{f"dask {n}": f"the same with `--dask`, {n} worker(s)" for n in WORKERS},
    }
    wall, processor = f"{figure.wall:.1f} s", f"{figure.processor:.1f} s"
    return f"{runs:,}", names[name], wall, processor, f"{figure.memory} MB"


def _script(module: str, address: str, root: Path) -> Figure:
    asked = [sys.executable, "-m", f"benchmarks.scripts.{module}", address]
    # Not its own word for its memory: a process begins with what its parent has.
    return _timed([sys.executable, "-c", _MEASURED, *asked], root)


def _ours(command: Path, root: Path, address: str, what: list[str]) -> Figure:
    asked = [str(command), *what, "--policies", "p.yaml", "--tracking-uri", address]
    return _timed([sys.executable, "-c", _MEASURED, *asked], root)


def _audit(command: Path, root: Path, address: str) -> tuple[float, float]:
    """Return the seconds of an audit, and of as many checks, reckoned from some."""
    took = _ours(command, root, address, ["audit", "--format", "json=audit.json"]).wall
    said: Any = json.loads((root / "audit.json").read_text(encoding="utf-8"))
    began = time.perf_counter()
    for row in said["versions"][:SINGLE]:
        _ours(command, root, address, ["check", "--model", row["of"]])
    return took, (time.perf_counter() - began) * len(said["versions"]) / SINGLE


def _timed(command: list[str], root: Path) -> Figure:
    # The scripts are modules of this checkout; the policies lie in the folder.
    environment = quiet_environment() | {"PYTHONPATH": str(Path(__file__).parents[1])}
    began, before = time.perf_counter(), _processor()
    done = subprocess.run(
        command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    wall = time.perf_counter() - began
    return Figure(wall, _processor() - before, int(done.stdout.split()[-1]))


def _processor() -> float:
    """Return what children that ended took of the processor (seconds)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
