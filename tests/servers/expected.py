"""What the gate says of the candidate on every server, and where it says otherwise, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from tests.servers.stands import Stand

Said: TypeAlias = tuple[str, str, str]
"""Outcome, effect and message of a finding."""

_FINDINGS = Path(__file__).with_name("findings.json")

_DIFFER_BY_NATURE = (
    (r"\b[0-9a-f]{32}\b", "ID"),
    (r"\bdigest [0-9a-f]{8}\b|\([0-9a-f]{8}\)", "DIGEST"),
    (r"\b\d+(\.\d+)? kB", "SIZE"),
    (r"\b\d+(\.\d+)? (m?s|min)\b", "TIME"),
    (r"\b3\.\d+\.\d+\b", "PYTHON"),
)
"""What differs from run to run, or from version to version of what trained."""


def plain(message: str) -> str:
    """Return a message without what differs by nature."""
    for pattern, word in _DIFFER_BY_NATURE:
        message = re.sub(pattern, word, message)
    return message


def expected(_stand: Stand) -> Mapping[str, Said]:
    """Return what is said of the candidate on a stand, by policy and part."""
    common: Mapping[str, list[str]] = json.loads(_FINDINGS.read_text("utf-8"))
    return {name: (said[0], said[1], said[2]) for name, said in common.items()}
