"""Wall times of processes that take turns, so that a busy machine slows all of them alike."""

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Times:
    """The wall times of one command, one a round (seconds)."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median (seconds)."""
        return statistics.median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and the third quartile (seconds)."""
        first, _, third = statistics.quantiles(self.seconds, n=4)
        return first, third

    def over(self, other: "Times") -> float:
        """Return the median, over the rounds, of this time divided by the other's."""
        pairs = zip(self.seconds, other.seconds, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)


def take_turns(
    commands: Mapping[str, Sequence[str]], rounds: int, *, cwd: Path, environment: dict[str, str]
) -> dict[str, Times]:
    """Return the times of commands that run one after the other, round by round.

    Each run is a new process. One round beforehand is not counted: it fills the file cache and
    writes what bytecode is not there yet. Who begins changes with the round.

    Raises:
        subprocess.CalledProcessError: If a command fails.
    """
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    names = list(commands)
    for number in range(-1, rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            began = time.perf_counter()
            subprocess.run(
                commands[name], cwd=cwd, env=environment, check=True, stdout=subprocess.DEVNULL
            )
            if number >= 0:
                seconds[name].append(time.perf_counter() - began)
    return {name: Times(tuple(each)) for name, each in seconds.items()}
