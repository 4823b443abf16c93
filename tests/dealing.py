"""Which tests one worker takes, and in which order: those that share what is costly to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Callable

# What takes longest goes first: everybody would wait for one that began last. `doctor` asks for a
# server's newest state, so it comes before what others leave there.
FIRST = (
    *("cli/test_doctor", "action", "functional/test_tutorials", "functional/test_demo"),
    *("statistics/test_error_rates", "servers", "functional", "history", "training"),
    *("cli", "http", "tracking", "github"),
)
BY_FOLDER = ("action",)  # its tests share an installation that takes 20 s
BY_PARAMETER = ("servers", "functional/frameworks")  # the first word: a server, or a framework


def place(nodeid: str) -> str:
    """Return the file of a test, as FIRST says it: `cli/test_init.py`."""
    return nodeid.partition("::")[0].removeprefix("tests/")


def turn(nodeid: str) -> int:
    """Return when a test has its turn: the number of the first entry that names its file."""
    file = place(nodeid)
    return next((n for n, first in enumerate(FIRST) if file.startswith(first)), len(FIRST))


def together(nodeid: str) -> str:
    """Return what the tests have in common that one worker takes: `servers 2.22+s3`."""
    file = place(nodeid)
    for folder in (each for each in BY_FOLDER + BY_PARAMETER if file.startswith(f"{each}/")):
        parameters = nodeid.partition("[")[2].removesuffix("]")
        return f"{folder} {parameters.partition('-')[0]}" if folder in BY_PARAMETER else folder
    return file


class Dealt(LoadScopeScheduling):  # type: ignore[misc] # it carries no types
    """One worker takes what belongs together: `loadgroup` does not see the ids of pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


@pytest.hookimpl(tryfirst=True)  # before pytest puts those together that share a fixture
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., object]) -> Dealt:
    config.option.loadscopereorder = False  # the order is that of FIRST
    return Dealt(config, log)
