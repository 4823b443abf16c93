"""Which plugins the policy files at some paths name, and those that are always there."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policy_engine.plugins import Plugins


def named_plugins_of(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the plugins that policy files name; what else they say may be half written."""
    from pathlib import Path

    from policy_engine.policy_file import named_plugins, policy_paths

    return named_plugins(*policy_paths(paths, Path()))


def plugins_of(paths: tuple[str, ...]) -> "Plugins":
    """Return the built-in plugins, and those that the policy files at these paths name."""
    from policy_engine import check, plugins

    return check.load(paths).plugins if paths else plugins.load_plugins()
