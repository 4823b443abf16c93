"""`validate --fix`: files on disk, written with the names of today."""

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import click

from policy_engine.errors import UsageError
from policy_engine.policy_file.fixing import fixed
from policy_engine.policy_file.outdated import Outdated
from policy_engine.quantities import count


def fix_files(outdated: Iterable[Outdated]) -> None:
    """Write each file anew that has old names, and say so; packs are their plugin's to fix.

    Raises:
        UsageError: If a file cannot be read or written.
    """
    ordered = sorted(outdated, key=lambda each: each.at)
    for name, mine in groupby(ordered, key=lambda each: each.at.file):
        path = Path(name)
        if not path.is_file():
            continue
        try:
            text, done = fixed(path.read_bytes().decode(), mine)
            path.write_bytes(text.encode())
        except OSError as e:
            raise UsageError(f"{path}: {e}") from e
        if done:
            click.echo(f"{path}: fixed {count(len(done), 'old name')}")
