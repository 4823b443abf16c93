"""What a job says to its runner: outputs for later steps, and the summary that people read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from policy_engine.github.failure import GitHubError

SUMMARY_BUDGET = 900_000
"""Bytes of the job summary: over 1 MiB GitHub drops the whole of it, and fails the step."""


def write_outputs(environ: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Give a step's outputs to the runner; nothing where no runner asks for them.

    Raises:
        GitHubError: If the runner's file cannot be written.
    """
    # No value can end early: it is not known where it ends.
    end = secrets.token_hex(16)
    text = "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in outputs.items())
    _append(environ, "GITHUB_OUTPUT", text)


def room_in_summary(environ: Mapping[str, str]) -> int:
    """Return how many bytes may still be added to the job summary; 0 where there is none."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return 0
    try:
        used = Path(path).stat().st_size
    except OSError:
        used = 0
    return max(0, SUMMARY_BUDGET - used)


def add_to_summary(environ: Mapping[str, str], text: str) -> None:
    """Add Markdown to the job summary.

    Raises:
        GitHubError: If the runner's file cannot be written.
    """
    _append(environ, "GITHUB_STEP_SUMMARY", text)


def _append(environ: Mapping[str, str], variable: str, text: str) -> None:
    path = environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise GitHubError(f"{variable}: {error.strerror}") from None
