"""The benchmarks' own promises: figures are stated for all that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import all_policies
from policy_engine.check import load

if TYPE_CHECKING:
    from pathlib import Path


def test_the_share_of_judging_is_measured_with_every_policy(tmp_path: Path) -> None:
    for metric in all_policies.TASKS:
        bound = all_policies.bind(tmp_path, metric)
        loaded = load((f"all-policies/{metric}.yaml",), tmp_path)
        assert bound == len(loaded.plugins.policies)
