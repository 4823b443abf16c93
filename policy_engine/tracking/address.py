"""Where MLflow is."""

import os


def tracking_uri(given: str | None) -> str:
    """Return the tracking URI that is given, else the environment's; nothing: there is none."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or ""
