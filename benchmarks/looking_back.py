"""Backtests of many runs against loops that only read them; an audit against single checks."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Section
from benchmarks.scale_store import make_store
from benchmarks.server import mlflow_server, quiet_environment

FEW, MANY = 2_000, 20_000
MODELS, SINGLE = 200, 20
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


def measure(command: Path, root: Path) -> Section:
    """Return how long a backtest and an audit take, and the memory of the backtest.

    Args:
        command: The installed console script.
        root: A folder; the stores and the policies come into it.
    """
    (root / "p.yaml").write_text(_POLICIES, encoding="utf-8")
    rows, figures = [], {}
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
            if runs == FEW:
                audit = _audit(command, root, address)
        rows += [_row(runs, name, each) for name, each in figures[runs].items()]
    return Section(
        name="history",
        headers=("runs", "what reads them", "seconds", "memory"),
        rows=rows,
        numbers=2,
        distributions=("mlflow-skinny", "requests", "pydantic", "policy-engine"),
        notes=[_said(figures[FEW], figures[MANY]), _of_audit(*audit)],
    )


def _said(few: dict[str, tuple[float, int]], many: dict[str, tuple[float, int]]) -> str:
    ours, memory = many["backtest"]
    client, floor = ours / many["client"][0], ours / many["floor"][0]
    return (
        f"Of {MANY:,} runs the backtest takes {client:.2f} times the client's loop (the aim: "
        f"{CLIENT_TARGET}) and {floor:.2f} times the floor ({FLOOR_TARGET}); its memory is "
        f"{memory / few['backtest'][1]:.2f} times that of {FEW:,} ({MEMORY_TARGET}). Once each."
    )


def _of_audit(together: float, single: float) -> str:
    return (
        f"An audit of {MODELS} registered models takes {together:.0f} s; so many single checks "
        f"take {single:.0f} s (of {SINGLE}): {together / single:.2f} times that ({AUDIT_TARGET})."
    )


def _row(runs: int, name: str, figure: tuple[float, int]) -> tuple[str, ...]:
    names = {
        "floor": "bare `requests`",
        "backtest": "`policy-engine backtest`, `recommended`",
        "client": "a loop over `MlflowClient`",
    }
    return f"{runs:,}", names[name], f"{figure[0]:.1f} s", f"{figure[1]} MB"


def _script(module: str, address: str, root: Path) -> tuple[float, int]:
    took, told = _timed([sys.executable, "-m", f"benchmarks.scripts.{module}", address], root)
    return took, int(told.split()[-1])


def _ours(command: Path, root: Path, address: str, what: list[str]) -> tuple[float, int]:
    asked = [str(command), *what, "--policies", "p.yaml", "--tracking-uri", address]
    took, told = _timed([sys.executable, "-c", _MEASURED, *asked], root)
    return took, int(told.split()[-1])


def _audit(command: Path, root: Path, address: str) -> tuple[float, float]:
    """Return the seconds of an audit, and of as many checks, reckoned from some."""
    took, _ = _ours(command, root, address, ["audit", "--format", "json=audit.json"])
    said: Any = json.loads((root / "audit.json").read_text(encoding="utf-8"))
    began = time.perf_counter()
    for row in said["versions"][:SINGLE]:
        _ours(command, root, address, ["check", "--model", row["of"]])
    return took, (time.perf_counter() - began) * len(said["versions"]) / SINGLE


def _timed(command: list[str], root: Path) -> tuple[float, str]:
    # The scripts are modules of this checkout; the policies lie in the folder.
    environment = quiet_environment() | {"PYTHONPATH": str(Path(__file__).parents[1])}
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return time.perf_counter() - began, done.stdout
