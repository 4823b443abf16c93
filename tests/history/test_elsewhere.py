"""Workers of a cluster come to the same report as one process, and one that dies loses nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.scale_store import make_store
from tests.command import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
POLICIES = """\
version: 1
extends: [recommended]
metric: {name: val_f1, goal: maximize}
baseline:
  - best: {within: 90d}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a store with 12 experiments."""
    root = tmp_path_factory.mktemp("elsewhere")
    make_store(root, runs=300, registered=2)
    return f"sqlite:///{root / 'mlflow.db'}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "p.yaml").write_text(POLICIES, "utf-8")
    (tmp_path / "q.yaml").write_text(POLICIES.replace("90d", "9d"), "utf-8")
    return tmp_path


def asked(address: str, *more: str) -> list[str]:
    return [
        *("backtest", "--experiment", "team-*", "--policies", "p.yaml", "--against", "q.yaml"),
        *("--tracking-uri", address, "--format", "json", *more),
    ]


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dask, ended with its pid."""
    begun = subprocess.Popen(
        [sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield begun
    finally:
        begun.kill()
        begun.wait()


@contextmanager
def cluster(here: Path, count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler on loopback with so many worker processes of one thread each."""
    file = here / "scheduler.json"
    with ExitStack() as begun:
        begun.enter_context(
            process(
                *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
                *("--no-dashboard", "--scheduler-file", str(file)),
            )
        )
        while not (file.exists() and file.read_text("utf-8")):
            time.sleep(0.05)
        address = json.loads(file.read_text("utf-8"))["address"]
        workers = [
            begun.enter_context(
                process(
                    *("distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"),
                    *("--nthreads", "1", "--name", f"w{number}", "--host", "127.0.0.1"),
                    *("--local-directory", str(here)),
                )
            )
            for number in range(count)
        ]
        if count:
            from distributed import Client

            with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # carries no types
                client.wait_for_workers(count, timeout=60)
        yield address, workers


def kill_one_at_work(scheduler: str, workers: list[subprocess.Popen[bytes]]) -> int:
    """Kill the first worker while a task runs on it; return how many tasks it had then."""
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # as above
        until = time.monotonic() + 60
        while time.monotonic() < until:
            names = {a: w["name"] for a, w in client.scheduler_info()["workers"].items()}
            for worker, keys in client.processing().items():
                if names.get(worker) == "w0" and keys:
                    workers[0].send_signal(signal.SIGKILL)
                    return len(keys)
            time.sleep(0.01)
    return 0


def test_two_workers_of_which_one_is_killed_say_what_one_process_says(
    here: Path, store: str
) -> None:
    alone = command(*asked(store))
    assert alone.code == 0, alone
    with (
        cluster(here, 2) as (scheduler, workers),
        subprocess.Popen(
            [sys.executable, "-m", "policy_engine", *asked(store, "--dask", scheduler)],
            stdout=subprocess.PIPE,
        ) as together,
    ):
        try:
            lost = kill_one_at_work(scheduler, workers)
            out, _ = together.communicate()
        finally:
            together.kill()
    assert lost > 0
    assert workers[0].returncode == -signal.SIGKILL
    said: dict[str, Any] = json.loads(out)
    assert said == json.loads(alone.out)
    assert out.decode() == alone.out
    assert together.returncode == 0


def test_what_needs_the_order_of_runs_is_refused(here: Path, store: str) -> None:
    for option, value in ("--limit", "5"), ("--resume", "r.jsonl"):
        told = command(*asked(store, "--dask", "tcp://127.0.0.1:1", option, value))
        assert told.code == 2
        assert told.err.splitlines()[-1] == (
            f"Error: {option} needs runs in their order, and --dask judges experiments side by "
            "side: leave out one of them"
        )
    assert not (here / "r.jsonl").exists()


def test_a_scheduler_without_workers_is_refused(here: Path, store: str) -> None:
    with cluster(here, 0) as (scheduler, _):
        told = command(*asked(store, "--dask", scheduler))
    assert told.code == 2
    assert (
        f"--dask {scheduler}: the scheduler has no workers; start some with `dask worker "
        f"{scheduler}` where policy-engine and your plugins are installed"
    ) in told.err
