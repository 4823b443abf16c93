"""What the gate says of the candidate on every server, and where it says otherwise, and why."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is said otherwise on some stands, and why that is right; left out: on any."""

    why: str
    servers: Sequence[str] = ()
    clients: Sequence[str] = ()
    findings: Mapping[str, Said]

    def concerns(self, stand: Stand) -> bool:
        """Say whether a stand is one of these."""
        return (not self.servers or stand.server in self.servers) and (
            not self.clients or stand.trained_with in self.clients
        )


DIFFERENCES = (
    Difference(
        why="MLflow 2 gives a model no id: it is called by its run and the folder it lies in",
        clients=("2.9", "2.16", "2.22"),
        findings={"servable": ("missing", "none", "no serving probe of model runs:/ID/model")},
    ),
)
"""Reviewed: whoever adds a line says why no team is told something wrong there."""


def expected(stand: Stand) -> Mapping[str, Said]:
    """Return what is said of the candidate on a stand, by policy and part."""
    common: Mapping[str, list[str]] = json.loads(_FINDINGS.read_text("utf-8"))
    said = {name: (outcome, effect, text) for name, (outcome, effect, text) in common.items()}
    for difference in DIFFERENCES:
        if difference.concerns(stand):
            said |= difference.findings
    return said
