"""Policy files: which policies judge which candidates, by which limits, against which baseline.

    files, neighbours = policy_paths(["policies"], root)
    plugins = named_plugins(files, neighbours)          # load these, then
    policies = load_policies(files, offered, packs, neighbours)

Files come as text, not as paths, so that they can be read from disk, from git or from an API.
All problems of all files are said at once, as one `PolicyFileError`.
"""

from policy_engine.policy_file.baseline import KnownRules
from policy_engine.policy_file.bindings import Binding
from policy_engine.policy_file.committed import Texts, committed_texts, from_root
from policy_engine.policy_file.keys import AppliesTo, BindingKeys, MetricSetting
from policy_engine.policy_file.load import (
    PolicyFile,
    PolicySet,
    load_merged,
    load_policies,
    named_plugins,
)
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.offers import Offered, PackText
from policy_engine.policy_file.paths import is_policy_file, policy_paths
from policy_engine.source.problems import PolicyFileError, Problem

__all__ = [
    "AppliesTo",
    "Binding",
    "BindingKeys",
    "Draft",
    "KnownRules",
    "MetricSetting",
    "Offered",
    "PackText",
    "PolicyFile",
    "PolicyFileError",
    "PolicySet",
    "Problem",
    "Texts",
    "committed_texts",
    "from_root",
    "is_policy_file",
    "load_merged",
    "load_policies",
    "named_plugins",
    "policy_paths",
]
