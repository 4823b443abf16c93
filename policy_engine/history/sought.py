"""A baseline of a policy's own rules, which is looked for only if the policy asks what was found.

Most end before: what their candidate lacks decides, or what of the past is not known.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from policy_engine.evidence.record import BaselineRecord

Rules = tuple[dict[str, Any], ...]
Find = Callable[[Rules], BaselineRecord]


def sought(rules: Rules, metric: str | None, find: Find) -> BaselineRecord:
    """Return what rules find, at once where that reads the store: a policy must not wait for it.

    Args:
        rules: The rules.
        metric: The metric's name in the policy file.
        find: Finds it.
    """
    if any("run" in rule for rule in rules):
        return find(rules)
    return cast("BaselineRecord", _Sought(rules, metric, find))


class _Sought:
    """As much of a record as tells whose it is; the rest is that of the one that is found."""

    def __init__(self, rules: Rules, metric: str | None, find: Find) -> None:
        self.rules, self.metric, self._find = rules, metric, find

    @cached_property
    def _found(self) -> BaselineRecord:
        return self._find(self.rules)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)
