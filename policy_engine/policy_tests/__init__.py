"""Policy tests: cases in YAML that say what a policy file must find, judged without MLflow.

    tests = read_tests(["policies/tests"], root)     # PolicyFileError: all that is wrong
    results = [result for test in tests for result in judged(test)]
    as_text(tests, results)

A case is evidence, inline or in a file, and what each named policy is expected to find on it.
`recorded` makes one of a real run.
"""

from policy_engine.policy_tests.coverage import untested
from policy_engine.policy_tests.files import read_tests
from policy_engine.policy_tests.judging import Difference, Result, judged
from policy_engine.policy_tests.model import Expected, PolicyTest, PolicyTestCase
from policy_engine.policy_tests.recording import recorded
from policy_engine.policy_tests.showing import tests_as_junit, tests_as_text

__all__ = [
    "Difference",
    "Expected",
    "PolicyTest",
    "PolicyTestCase",
    "Result",
    "judged",
    "read_tests",
    "recorded",
    "tests_as_junit",
    "tests_as_text",
    "untested",
]
