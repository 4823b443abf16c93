"""Policy tests: cases in YAML that say what a policy file must find, judged without MLflow.

    tests = read_tests(["policies/tests"], root)     # PolicyFileError: all that is wrong
    results = [result for test in tests for result in judged(test)]
    as_text(tests, results)

A case is evidence, inline or in a file, and what each named policy is expected to find on it.
`recorded` makes one of a real run.
"""

from policy_engine.policy_tests.coverage import uncovered
from policy_engine.policy_tests.files import read_tests
from policy_engine.policy_tests.judging import Difference, Result, judged
from policy_engine.policy_tests.model import Case, Expected, PolicyTest
from policy_engine.policy_tests.recording import recorded
from policy_engine.policy_tests.showing import as_junit, as_text

__all__ = [
    "Case",
    "Difference",
    "Expected",
    "PolicyTest",
    "Result",
    "as_junit",
    "as_text",
    "judged",
    "read_tests",
    "recorded",
    "uncovered",
]
