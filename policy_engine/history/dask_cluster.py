"""The workers of a Dask cluster that runs already, as an executor of the standard library."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from policy_engine.errors import UsageError
from policy_engine.http.deadline import Deadline

_CONNECT_S = 10.0


@contextmanager
def workers(scheduler: str, deadline: Deadline) -> Iterator[Executor]:
    """Give an executor whose tasks the workers run; a task whose worker dies goes to another one.

    Args:
        scheduler: Its address, such as tcp://host:8786.
        deadline: When to give up.

    Raises:
        UsageError: If Dask is not installed, or no scheduler answers, or none of its workers.
    """
    try:
        from distributed import Client  # noqa: PLC0415 (half a second, and only for this)
    except ImportError as e:
        raise UsageError(
            f"--dask needs distributed ({e}): pip install 'policy-engine[dask]'"
        ) from e
    wait = min(_CONNECT_S, deadline.remaining())
    try:
        client: Any = Client(scheduler, timeout=wait, set_as_default=False)  # type: ignore[no-untyped-call]  # carries no types
    except (OSError, ValueError) as e:
        raise UsageError(
            f"--dask {scheduler}: no scheduler answers there ({e}); name it as "
            "`dask scheduler` prints it, such as tcp://host:8786"
        ) from e
    with client:
        if not client.scheduler_info()["workers"]:
            raise UsageError(
                f"--dask {scheduler}: the scheduler has no workers; start some with `dask worker "
                f"{scheduler}` where policy-engine and your plugins are installed"
            )
        executor: Executor = client.get_executor()
        yield executor
