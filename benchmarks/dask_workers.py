"""A Dask cluster on loopback: a scheduler and some worker processes, ended by their pids."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.server import quiet_environment


@contextmanager
def dask_workers(root: Path, count: int) -> Iterator[str]:
    """Run so many workers of one thread each, and yield the scheduler's address once all are there.

    Args:
        root: A folder for what they write.
        count: How many.
    """
    file = root / f"scheduler-{count}.json"
    with ExitStack() as begun:
        begun.enter_context(
            _process(
                *("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
                *("--no-dashboard", "--scheduler-file", str(file)),
            )
        )
        while not (file.exists() and file.read_text(encoding="utf-8")):
            time.sleep(0.05)
        address = str(json.loads(file.read_text(encoding="utf-8"))["address"])
        for _ in range(count):
            begun.enter_context(
                _process(
                    *("distributed.cli.dask_worker", address, "--no-nanny", "--no-dashboard"),
                    *("--nthreads", "1", "--host", "127.0.0.1", "--local-directory", str(root)),
                )
            )
        from distributed import Client  # noqa: PLC0415 (half a second, and only for this)

        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # carries no types
            client.wait_for_workers(count, timeout=60)
        yield address


@contextmanager
def _process(*arguments: str) -> Iterator[None]:
    begun = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env=quiet_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        begun.terminate()
        begun.wait()
