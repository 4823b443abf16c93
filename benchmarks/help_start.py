"""Does the command start quickly: `policy-engine --help` against importing click alone."""

import sys
from pathlib import Path

from benchmarks.figures import Section
from benchmarks.server import quiet_environment
from benchmarks.timing import take_turns

ROUNDS = 30
TARGET = 1.5


def measure(command: Path, folder: Path) -> Section:
    """Return the times of both.

    Args:
        command: The installed console script.
        folder: Where to run.
    """
    commands = {
        "policy-engine --help": [str(command), "--help"],
        'python -c "import click"': [sys.executable, "-c", "import click"],
    }
    times = take_turns(commands, ROUNDS, cwd=folder, environment=quiet_environment())
    ours, click = times.values()
    return Section(
        name="help",
        headers=("command", "median", "quartiles", "ratio"),
        rows=[
            (
                f"`{name}`",
                f"{each.median * 1000:.0f} ms",
                f"{each.quartiles[0] * 1000:.0f} to {each.quartiles[1] * 1000:.0f} ms",
                f"{each.over(click):.2f}",
            )
            for name, each in times.items()
        ],
        numbers=3,
        distributions=("click",),
        notes=[
            (
                f"The target is a ratio of at most {TARGET}; it is {ours.over(click):.2f}. "
                f"{ROUNDS} rounds, taking turns."
            )
        ],
    )
