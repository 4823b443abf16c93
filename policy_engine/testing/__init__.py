"""What a policy author tests with: evidence in one line, judged as the engine judges it.

    from policy_engine.testing import assert_outcome, bind, judge, model, run

    def test_a_model_over_budget_fails():
        policy = bind(ModelSizeBudget, max_size="200MB")
        found = judge(policy, candidate=run(model=model(size="250MB")))
        assert_outcome(found, "fail", part="size")

Nothing here reads MLflow. What a policy raises, and what it reads without declaring it, becomes a
finding as it would in a real check.

`check_policies` judges a whole policy file the same way. With pytest it is a fixture too.
`check_renderer`, `check_notifier` and `resolve` try a plugin's other hooks, each on its own;
`Tracking` stands for MLflow where a baseline rule is tested.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policy_engine.testing.evidence import NOW, STARTED, case, model, run, table
    from policy_engine.testing.hooks import (
        Listener,
        Received,
        check_notifier,
        check_renderer,
        listening,
        reports,
        resolve,
    )
    from policy_engine.testing.judging import assert_outcome, bind, judge
    from policy_engine.testing.whole import Tracking, check_policies

# On first use: every run of pytest where policy-engine is installed loads `pytest_plugin` beside.
_HOMES = {
    "Listener": "hooks",
    "NOW": "evidence",
    "Received": "hooks",
    "STARTED": "evidence",
    "Tracking": "whole",
    "assert_outcome": "judging",
    "bind": "judging",
    "case": "evidence",
    "check_notifier": "hooks",
    "check_policies": "whole",
    "check_renderer": "hooks",
    "judge": "judging",
    "listening": "hooks",
    "model": "evidence",
    "reports": "hooks",
    "resolve": "hooks",
    "run": "evidence",
    "table": "evidence",
}

__all__ = [
    "NOW",
    "STARTED",
    "Listener",
    "Received",
    "Tracking",
    "assert_outcome",
    "bind",
    "case",
    "check_notifier",
    "check_policies",
    "check_renderer",
    "judge",
    "listening",
    "model",
    "reports",
    "resolve",
    "run",
    "table",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'policy_engine.testing' has no attribute '{name}'")
    return getattr(import_module(f"policy_engine.testing.{_HOMES[name]}"), name)
