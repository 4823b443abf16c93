"""What a policy's own baseline rules find is looked for only if somebody asks."""

from __future__ import annotations

from policy_engine.evidence.record import BaselineRecord
from policy_engine.history.sought import Rules, sought

BEST: Rules = ({"best": {"within": "90d"}},)
NAMED: Rules = ({"best": {"within": "90d"}}, {"run": "a" * 32})


class Looking:
    """Finds a baseline, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, rules: Rules) -> BaselineRecord:
        self.times += 1
        return BaselineRecord(rules=rules, metric="auc", found_by="best", among=3)


def test_a_baseline_is_looked_for_once_and_only_if_somebody_asks_what_was_found() -> None:
    looking = Looking()
    found = sought(BEST, "auc", looking)
    assert (found.rules, found.metric, looking.times) == (BEST, "auc", 0)
    assert (found.among, found.found_by, found.run) == (3, "best", None)
    assert looking.times == 1


def test_a_rule_that_reads_the_store_is_asked_at_once_and_not_while_a_policy_judges() -> None:
    looking = Looking()
    assert sought(NAMED, "auc", looking) == looking(NAMED)
    assert looking.times == 2
