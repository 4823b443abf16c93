"""A section of figures: a table with what it was measured on, and its place in the README."""

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tabulate import tabulate

README = Path(__file__).with_name("README.md")
_VERSIONS = """
import platform, sys
from importlib.metadata import version
print("Python", platform.python_version())
for name in sys.argv[1:]:
    print(name, version(name))
"""


@dataclass(frozen=True, slots=True)
class Section:
    """What one measurement gave.

    Attributes:
        name: Its name on the command line and between the markers.
        headers: The table's.
        rows: The table's cells, as they are shown.
        numbers: How many columns, from the right, hold numbers.
        distributions: Whose versions matter.
        notes: More to say, one paragraph each.
        options: What `run.py` was called with, to measure this section alone.
        python: The interpreter in whose environment it was measured.
    """

    name: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int
    distributions: Sequence[str]
    notes: Sequence[str] = ()
    options: str = ""
    python: str = sys.executable

    @property
    def command(self) -> str:
        """What measures it."""
        return f"python benchmarks/run.py {self.options or f'--only {self.name}'}"

    def as_markdown(self) -> str:
        """Return the table, what follows from it, and what it was measured on."""
        texts = len(self.headers) - self.numbers
        align = ["left"] * texts + ["right"] * self.numbers
        table = tabulate(
            self.rows,
            headers=self.headers,
            tablefmt="github",
            disable_numparse=True,
            colalign=align,
        )
        paragraphs = [table, *self.notes, self._provenance()]
        return "\n\n".join(paragraphs)

    def _provenance(self) -> str:
        asked = [self.python, "-c", _VERSIONS, *self.distributions]
        told = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        return (
            f"`{self.command}`, {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores "
            f"({_processor()}), {', '.join(told.splitlines())}."
        )


def write(section: Section, readme: Path = README) -> None:
    """Put a section between its markers.

    Raises:
        ValueError: If the README has no such markers.
    """
    begin, end = f"<!-- {section.name}: begin -->", f"<!-- {section.name}: end -->"
    before, found, rest = readme.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{readme} has no lines '{begin}' and '{end}'")
    text = f"{before}{begin}\n\n{section.as_markdown()}\n\n{end}{after}"
    readme.write_text(text, encoding="utf-8")


def _processor() -> str:
    """Return the processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
