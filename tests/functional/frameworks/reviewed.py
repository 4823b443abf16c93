"""The reviewed tables: what each policy of a pack says of each framework's first run."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Said = Mapping[str, str]
"""By policy and part: the outcome, and in brackets the effect, where it has one."""

PACKS = ("recommended", "strict")


def columns(pack: str) -> Mapping[str, Said]:
    """Return the table of a pack by framework; what is left empty is not said.

    Whoever changes a cell says why no team is told something wrong there.
    """
    path = Path(__file__).with_name(f"{pack}.csv")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return {
        framework: {row[0]: row[place] for row in rows if row[place]}
        for place, framework in enumerate(header)
        if place
    }


def said_of(findings: Sequence[Mapping[str, Any]]) -> Said:
    """Return the cells of a report's findings."""
    return {
        "/".join(filter(None, (each["policy"], each["part"]))): _cell(each) for each in findings
    }


def _cell(finding: Mapping[str, Any]) -> str:
    outcome, effect = finding["outcome"], finding["effect"]
    return str(outcome) if effect == "none" else f"{outcome} ({effect})"
