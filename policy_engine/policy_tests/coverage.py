"""Which bound policies no case shows to pass, to fail, or to miss their evidence."""

import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from policy_engine.loading import load
from policy_engine.policy import Outcome
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_tests.judging import Result
from policy_engine.policy_tests.model import COVERED, PolicyTest


def untested(tests: Iterable[PolicyTest], results: Iterable[Result], root: Path) -> list[str]:
    """Return a sentence for each binding that lacks a case, of every policy file concerned.

    A policy file is concerned if a test names it, or if it lies beside one that a test names.

    Args:
        tests: All tests.
        results: The results of their cases; one that differs shows nothing.
        root: The repository's root.

    Raises:
        UsageError, PolicyFileError, PluginError: As `load`, for a file that no test names.
    """
    tests = list(tests)
    plain_last = sorted(tests, key=lambda test: test.policies.profile is None)
    files = {test.policies.path: test.policies for test in plain_last}
    seen: dict[tuple[str, str], set[Outcome]] = {}
    for result in results:
        if not result.differences:
            for each in result.case.expected:
                key = (result.test.policies.path, each.id)
                seen.setdefault(key, set()).add(each.outcome)
    for test in tests:
        for id_, reasons in test.not_possible.items():
            seen.setdefault((test.policies.path, id_), set()).update(reasons)
    for folder in sorted({posixpath.dirname(path) for path in files}):
        for file in load((folder or ".",), root).policies.files:
            files.setdefault(file.path, file)
    return [line for path in sorted(files) for line in _lacking(files[path], seen)]


def _lacking(file: PolicyFile, seen: dict[tuple[str, str], set[Outcome]]) -> Iterator[str]:
    for binding in file.bindings:
        shown = seen.get((file.path, binding.id), set())
        lacking = [outcome.value for outcome in COVERED if outcome not in shown]
        if lacking:
            yield f"{file.path}: {binding.id}: no case expects {' or '.join(lacking)}"
