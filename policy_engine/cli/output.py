"""Where a report goes: one format to stdout, any number to files."""

import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policy_engine.cli.streams import Stderr, Stdout
from policy_engine.errors import PluginError, UsageError
from policy_engine.hookspecs import Renderer
from policy_engine.log import Log
from policy_engine.render import FORMATS, TERMINAL
from policy_engine.report import Report

NARROWEST = 40


@dataclass(frozen=True, slots=True)
class Place:
    """A format and the file that it goes to; None: stdout."""

    format: str
    file: Path | None

    def write(self, text: str) -> None:
        """Write what the format gives.

        Raises:
            UsageError: If it cannot be written.
        """
        write(text, self.file, f"--format {self.format}={self.file}")


@dataclass(frozen=True, slots=True)
class Output(Place):
    """A format of the report, and what renders it."""

    render: Renderer


def places(texts: Sequence[str], formats: Collection[str]) -> list[Place]:
    """Return where `--format NAME[=FILE]` wants each format.

    Args:
        texts: The option's values.
        formats: The names that there are.

    Raises:
        UsageError: If a format is unknown, two want stdout, or a file cannot be written.
    """
    asked: list[Place] = []
    for text in texts:
        name, _, file = text.partition("=")
        if name not in formats:
            raise UsageError(f"--format {name}: unknown; choose from {', '.join(sorted(formats))}")
        if text.endswith("=") or (file and file in {str(place.file) for place in asked}):
            raise UsageError(f"--format {text}: each file needs a name of its own")
        path = Path(file) if file else None
        if path is not None and not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            raise UsageError(f"--format {text}: {path.parent} is not a folder to write to")
        asked.append(Place(name, path))
    on_stdout = [place.format for place in asked if place.file is None]
    if len(on_stdout) > 1:
        raise UsageError(
            f"--format: {' and '.join(on_stdout)} both go to stdout; write one as NAME=FILE"
        )
    return asked


def parse_formats(texts: Sequence[str], more: Mapping[str, Renderer]) -> list[Output]:
    """Return the outputs of a report; where none is stdout's, the text is.

    Args:
        texts: The values of `--format`.
        more: Formats that plugins add.

    Raises:
        UsageError: If a format is unknown, two want stdout, or a file cannot be written.
    """
    formats = {**FORMATS, **more}
    asked = places(texts, formats)
    if all(place.file is not None for place in asked):
        asked.append(Place(TERMINAL, None))
    return [Output(place.format, place.file, formats[place.format]) for place in asked]


def write_report(report: Report, outputs: Sequence[Output], *, verbose: bool = False) -> None:
    """Render the report to all outputs, stdout last.

    Args:
        report: The report.
        outputs: Where it goes.
        verbose: Whether text on stdout shows every finding with all that checks it by hand.

    Raises:
        UsageError: If a file cannot be written.
        PluginError: If a plugin's renderer breaks down.
    """
    for output in sorted(outputs, key=lambda o: o.file is None):
        is_terminal = output.file is None and output.format == TERMINAL
        text = _for_terminal(report, verbose) if is_terminal else _rendered(output, report)
        output.write(text)


def _rendered(output: Output, report: Report) -> str:
    try:
        text = output.render(report)
    except (Exception, SystemExit) as e:  # a plugin raises anything
        if output.format in FORMATS:
            raise
        raise PluginError(f"--format {output.format}: it raised {type(e).__name__}: {e}") from e
    if not isinstance(text, str):
        raise PluginError(f"--format {output.format}: it returned {text!r:.100}, which is not text")
    return text


def write(text: str, file: Path | None, option: str) -> None:
    """Write text to a file, or to stdout.

    Args:
        text: What is written.
        file: Where; None: stdout.
        option: What asked for it, for the message.

    Raises:
        UsageError: If it cannot be written.
    """
    if file is None:
        print_text(text)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as e:
        raise UsageError(f"{option}: {e.strerror}") from e


def print_text(text: str) -> None:
    """Print to stdout; a reader that went away, or a narrow encoding, changes no exit code.

    Raises:
        UsageError: If stdout cannot be written for another reason, such as a full disk.
    """
    stdout: Any = sys.stdout
    if isinstance(stdout, Log):
        stdout = stdout.stream  # a format keeps commands out, or is made of them
    if not isinstance(stdout, (Stdout, Stderr)):
        stdout = Stdout(stdout)
    stdout.write(text)
    stdout.flush()


def _for_terminal(report: Report, verbose: bool) -> str:
    """Return the text report as wide as the terminal; colour only where one is."""
    from policy_engine.render.formats.text import as_text

    width = max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return as_text(report, width=width, colour=colour, verbose=verbose)
