"""What a policy author tests with: evidence in one line, judged as the engine judges it.

    from policy_engine.testing import assert_outcome, bind, judge, model, run

    def test_a_model_over_budget_fails():
        policy = bind(ModelSizeBudget, max_size="200MB")
        found = judge(policy, candidate=run(model=model(size="250MB")))
        assert_outcome(found, "fail", part="size")

Nothing here reads MLflow. What a policy raises, and what it reads without declaring it, becomes a
finding as it would in a real check.

`check_policies` judges a whole policy file the same way, and `Tracking` stands for MLflow where a
plugin's baseline rule is tested. With pytest, `check_policies` is a fixture too.
"""

from policy_engine.testing.evidence import NOW, STARTED, case, model, run, table
from policy_engine.testing.judging import assert_outcome, bind, judge
from policy_engine.testing.whole import Tracking, check_policies

__all__ = [
    "NOW",
    "STARTED",
    "Tracking",
    "assert_outcome",
    "bind",
    "case",
    "check_policies",
    "judge",
    "model",
    "run",
    "table",
]
