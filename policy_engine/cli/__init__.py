"""The command: arguments in, exit code out. It decides nothing, and imports late.

`app` is the command and how it ends; each other module holds commands that belong together.
"""

from policy_engine.cli import (  # importing them adds their commands
    about,
    authoring,
    diagnosis,
    gate,
    github,
    kit,
    looking_back,
    planning,
    starting,
    tour,
)
from policy_engine.cli.app import cli, main

__all__ = [
    "about",
    "authoring",
    "cli",
    "diagnosis",
    "gate",
    "github",
    "kit",
    "looking_back",
    "main",
    "planning",
    "starting",
    "tour",
]
