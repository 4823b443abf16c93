"""The run that training code logs into."""

import mlflow

from policy_engine.errors import UsageError


def active_run() -> mlflow.ActiveRun:
    """Return MLflow's active run.

    Raises:
        UsageError: If there is none.
    """
    run = mlflow.active_run()
    if run is None:
        raise UsageError("there is no active run to log into: with mlflow.start_run(): …")
    return run
