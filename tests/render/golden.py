"""Whole outputs, kept as files: what a reader sees, to be looked at when it changes."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent / "golden"


def golden(name: str) -> str:
    """Return the output that is kept under a name."""
    return (_HERE / name).read_text(encoding="utf-8")
