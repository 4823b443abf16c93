"""The command: arguments in, exit code out. It decides nothing, and imports late.

`app` is the command and how it ends, `options` what several commands ask for; `commands` has a file
for each command. What only one needs lies here under its name.
"""

from importlib import import_module
from pathlib import Path

from policy_engine.cli.app import cli, main

for _file in sorted(Path(__file__).parent.glob("commands/[a-z]*.py")):
    import_module(f"{__name__}.commands.{_file.stem}")  # it adds its command

__all__ = ["cli", "main"]
