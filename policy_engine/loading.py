"""From the texts of policy files to policies that can judge, and the plugins they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policy_engine import plugins
from policy_engine.plugins import Plugins
from policy_engine.policy_file import Draft, PolicySet, load_merged, named_plugins, policy_paths
from policy_engine.policy_file.library import plugin_and_pack
from policy_engine.policy_file.profiles import NO_DEMANDS, Demands


@dataclass(frozen=True, slots=True)
class Loaded:
    """Valid policies, the plugins that they come from, and the files that they lie in.

    Attributes:
        policies: The policies.
        plugins: The plugins.
        paths: The files, and those beside them.
        drafts: Each policy file as it was merged: every value at its own place.
    """

    policies: PolicySet
    plugins: Plugins
    paths: tuple[str, ...]
    drafts: tuple[Draft, ...] = ()


def load(paths: Sequence[str], root: Path = Path(), demands: Demands = NO_DEMANDS) -> Loaded:
    """Return the policies of files and folders, valid as a whole, and the plugins they name.

    Args:
        paths: Policy files and folders, from `root`.
        root: The repository's root.
        demands: What is asked of every policy file.

    Raises:
        UsageError: If a path is not there or holds no policy file, a baseline rule is unknown, or
            there is no such pack or profile.
        PolicyFileError: If a policy file is wrong; it holds every problem.
        PluginError: If a plugin cannot be loaded.
    """
    return load_texts(*policy_paths(paths, root), demands)


def load_texts(
    files: Mapping[str, bytes], neighbours: Mapping[str, bytes], demands: Demands = NO_DEMANDS
) -> Loaded:
    """Return the policies of these texts, wherever they were read.

    Args:
        files: Policy files, by path.
        neighbours: Files that these may extend, by path.
        demands: What is asked of every policy file.

    Raises:
        UsageError, PolicyFileError, PluginError: As `load`.
    """
    bringing = [plugin for plugin, _ in map(plugin_and_pack, demands.require) if plugin]
    offered = plugins.load_plugins(named_plugins(files, neighbours), bringing)
    policies, drafts = load_merged(
        files, offered.policies, offered.packs, neighbours, demands, rules=offered.baseline_rules
    )
    return Loaded(policies, offered, (*files, *neighbours), drafts)
