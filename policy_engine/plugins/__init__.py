"""Plugins: they are loaded, held to the hook contract, and their authors' mistakes are told."""

from policy_engine.plugins.manager import (
    OURS,
    TRACE,
    LoadedPlugins,
    Plugins,
    installed,
    load_plugins,
)

__all__ = ["OURS", "TRACE", "LoadedPlugins", "Plugins", "installed", "load_plugins"]
