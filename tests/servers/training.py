"""The training of the small team, in the environment of its MLflow."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.servers.environments import Python

_SCRIPT = Path(__file__).with_name("train.py")


def train(
    client: Python, told: Mapping[str, str], variables: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Let the team train; the last line that it prints has the ids of its runs.

    Args:
        client: What it trains with.
        told: The commits of `champion` and `candidate`.
        variables: The tracking URI, and secrets where MLflow's client writes artifacts itself.
    """
    return subprocess.run(
        [client.path, str(_SCRIPT), json.dumps(told)],
        env={**os.environ, **client.variables, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
