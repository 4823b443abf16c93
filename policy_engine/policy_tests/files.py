"""From files and folders to policy tests; every problem of every file is said at once."""

import os
import posixpath
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from policy_engine.errors import UsageError
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.evidence.saved import read_evidence as read_saved
from policy_engine.judging.moment_of_judgement import YEARS
from policy_engine.loading import Loaded, load
from policy_engine.policy_file import PolicyFile, shapes
from policy_engine.policy_file.profiles import Demands
from policy_engine.policy_file.reading import Written, note_missing, read_mapping, read_outline
from policy_engine.policy_file.shapes import NodePlace, wrote
from policy_engine.policy_tests.evidence import read_case_evidence
from policy_engine.policy_tests.expecting import read_expected, read_not_possible
from policy_engine.policy_tests.keys import CaseKeys, PolicyTestFile
from policy_engine.policy_tests.model import PolicyTest, PolicyTestCase
from policy_engine.source.problems import PolicyFileError, Problems, excerpt
from policy_engine.source.yaml_source import LARGEST_FILE, ScalarNode, load_yaml

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
"""When a case is judged that does not say `at`: always the same moment."""

_SUFFIXES = frozenset({".yaml", ".yml"})
_EXAMPLE = "cases: [{name: …, evidence: {candidate: {…}}, expect: {model-size-budget: fail}}]"


def read_tests(paths: Sequence[str], root: Path) -> tuple[PolicyTest, ...]:
    """Return the policy tests of files and folders.

    Args:
        paths: Files and folders (their `*.yaml` and `*.yml`, not deeper), from `root`.
        root: The repository's root.

    Raises:
        UsageError: If a path is not there or cannot be read.
        PolicyFileError: If a test, or a policy file under test, is wrong; holds every problem.
        PluginError: If a plugin cannot be loaded.
    """
    problems = Problems()
    reader = _Reader(root, problems)
    tests = [reader.test(path, text) for path, text in _texts(paths, root)]
    problems.raise_any()
    return tuple(test for test in tests if test is not None)


def _texts(paths: Sequence[str], root: Path) -> Iterator[tuple[str, bytes]]:
    for given in dict.fromkeys(paths):
        start = root / given
        try:
            inside = sorted(start.iterdir()) if start.is_dir() else [start]
            for path in inside:
                if path == start or path.suffix in _SUFFIXES:
                    name = given if path == start else posixpath.join(given, path.name)
                    yield posixpath.normpath(name), _bytes(path)
        except OSError as e:
            raise UsageError(f"policy tests '{given}': {e.strerror}") from e


def _saved(place: NodePlace, target: Path) -> EvidenceRecord | None:
    record = read_saved(target)
    if record.unreadable is not None or len(record.candidates) != 1:
        why = record.unreadable or f"it has {len(record.candidates)} candidates"
        place.wrong(f"one candidate is needed: {why}", "collect the evidence of one run")
        return None
    return record


def _bytes(path: Path) -> bytes:
    """Return the bytes of a file, one more than allowed at most: `load_yaml` refuses that."""
    with path.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


class _Reader:
    """Reads files of tests; loads each policy file under test once."""

    def __init__(self, root: Path, problems: Problems) -> None:
        self._root = root
        self._problems = problems
        self._loaded: dict[tuple[str, str | None], Loaded | None] = {}

    def test(self, path: str, text: bytes) -> PolicyTest | None:
        try:
            root = load_yaml(text, path)
        except PolicyFileError as error:
            self._problems.found.extend(error.problems)
            return None
        written = read_outline(PolicyTestFile, root, self._problems)
        if written is None:
            return None
        note_missing(PolicyTestFile, written)
        if not {"policy_file", "cases"} <= written.items.keys():
            return None
        profile = written.place("profile") if "profile" in written else None
        loaded = self._policies(written.place("policy_file"), profile, path)
        if loaded is None:
            return None
        file = loaded.policies.files[0]
        return PolicyTest(
            path=path,
            loaded=loaded,
            cases=tuple(self._cases(written.place("cases"), file, path)),
            not_possible=(
                read_not_possible(written.place("not_possible"), file)
                if "not_possible" in written
                else {}
            ),
        )

    def _policies(self, place: NodePlace, profile: NodePlace | None, path: str) -> Loaded | None:
        """Return the policy file under test; what is wrong in it is said as `validate` says it."""
        name = shapes.text(place, "the path of a policy file")
        under = shapes.text(profile, "the name of a profile") if profile else None
        if name is None or (profile is not None and under is None):
            return None
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if not (self._root / target).is_file():
            place.wrong(
                f"there is no file {excerpt(target)}", "write it from this file's own folder"
            )
            return None
        if (target, under) not in self._loaded:
            self._loaded[target, under] = None
            try:
                self._loaded[target, under] = load((target,), self._root, Demands((), under))
            except PolicyFileError as error:
                self._problems.found.extend(error.problems)
        return self._loaded[target, under]

    def _cases(self, section: NodePlace, file: PolicyFile, path: str) -> Iterator[PolicyTestCase]:
        names: set[str] = set()
        for place in shapes.sequence(section, _EXAMPLE) or ():
            before = len(self._problems.found)
            written = read_mapping(CaseKeys, place, _EXAMPLE)
            if written is None:
                continue
            note_missing(CaseKeys, written, _EXAMPLE)
            case = self._case(written, file, path)
            if case is not None and case.name in names:
                place.wrong(f"two cases are called {excerpt(case.name)}", "give it another name")
            if case is not None and len(self._problems.found) == before:
                names.add(case.name)
                yield case

    def _case(self, written: Written, file: PolicyFile, path: str) -> PolicyTestCase | None:
        name = shapes.text(written.place("name")) if "name" in written else None
        at = self._moment(written.place("at")) if "at" in written else None
        evidence, collected = None, None
        if "evidence" in written:
            evidence = self._evidence(written.place("evidence"), at, file, path)
            collected = evidence.collected_at if evidence else None
        expected = read_expected(written.place("expect"), file) if "expect" in written else ()
        if name is None or evidence is None:
            return None
        return PolicyTestCase(written.at, name, at or collected or AT, evidence, tuple(expected))

    def _moment(self, place: NodePlace) -> datetime | None:
        value = place.node.data
        if isinstance(value, date) and value.year not in YEARS:
            place.wrong(f"expected a year from {YEARS[0]} to {YEARS[-1]}, got {value.year}")
            return None
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        remedy = "write it like 2026-11-22T12:00:00Z, without quotes"
        place.wrong(f"expected a moment, got {wrote(place.node)}", remedy)
        return None

    def _evidence(
        self, place: NodePlace, at: datetime | None, file: PolicyFile, path: str
    ) -> EvidenceRecord | None:
        """Return inline evidence, or that of a file: JSON as collected, YAML as written inline."""
        if not isinstance(place.node, ScalarNode):
            return read_case_evidence(place, at or AT, file)
        name = shapes.text(place, "evidence, or the path of an evidence file,")
        if name is None:
            return None
        target = self._root / posixpath.dirname(path) / name
        inside = os.path.realpath(target).startswith(os.path.realpath(self._root) + os.sep)
        if not (inside and target.is_file()):
            place.wrong(f"there is no evidence file {excerpt(name)} here")
            return None
        if target.suffix not in _SUFFIXES:
            return _saved(place, target)
        shared = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        try:
            root = load_yaml(_bytes(target), shared)
        except PolicyFileError as error:
            self._problems.found.extend(error.problems)
            return None
        return read_case_evidence(NodePlace(root, "evidence", self._problems), at or AT, file)
