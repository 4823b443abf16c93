"""The command: arguments in, exit code out. It decides nothing, and imports late.

`app` is the command and how it ends, `options` what several commands ask for; `commands` has a file
for each command. What only one needs lies here under its name.
"""

from importlib import import_module
from os import scandir

from policy_engine.cli.app import cli, main

for _name in sorted(file.name for file in scandir(f"{__path__[0]}/commands")):
    if _name.endswith(".py") and not _name.startswith("_"):
        import_module(f"{__name__}.commands.{_name[:-3]}")  # it adds its command

__all__ = ["cli", "main"]
