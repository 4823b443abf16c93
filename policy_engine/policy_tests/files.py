"""From files and folders to policy tests; every problem of every file is said at once."""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from policy_engine.errors import UsageError
from policy_engine.loading import Loaded, load
from policy_engine.policy import Outcome
from policy_engine.policy_file import PolicyFile, shapes
from policy_engine.policy_file.shapes import Place, wrote
from policy_engine.policy_tests.evidence import read_evidence
from policy_engine.policy_tests.model import COVERED, Case, Expected, PolicyTest
from policy_engine.problems import PolicyFileError, Problems, near_or_all, shown
from policy_engine.records import EvidenceRecord
from policy_engine.report import Effect
from policy_engine.saved import read_evidence as read_saved
from policy_engine.yaml_source import LARGEST_FILE, Item, ScalarNode, load_yaml

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
"""When a case is judged that does not say `at`: always the same moment."""

_SUFFIXES = frozenset({".yaml", ".yml"})
_KEYS = ("version", "policy_file", "cases", "not_possible")
_CASE = ("name", "at", "evidence", "expect")
_EXPECTED = ("outcome", "part", "message", "effect")
_EXAMPLE = "cases: [{name: …, evidence: {candidate: {…}}, expect: {model-size-budget: fail}}]"
_OUTCOMES = tuple(outcome.value for outcome in Outcome)
_EFFECTS = tuple(e.value for e in Effect if e is not Effect.WAIVED)


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


def _saved(place: Place, target: Path) -> EvidenceRecord | None:
    record = read_saved(target)
    if record.unreadable is not None or len(record.candidates) != 1:
        why = record.unreadable or f"it has {len(record.candidates)} candidates"
        place.wrong(f"one candidate is due: {why}", "collect the evidence of one run")
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
        self._loaded: dict[str, Loaded | None] = {}

    def test(self, path: str, text: bytes) -> PolicyTest | None:
        try:
            root = load_yaml(text, path).root
        except PolicyFileError as error:
            self._problems.found.extend(error.problems)
            return None
        items = shapes.mapping(Place(root, "", self._problems), "version: 1")
        if items is None or not shapes.is_version_1(root.at, items, self._problems):
            return None
        for name, item in items.items():
            if name not in _KEYS:
                shapes.unknown_key(self._problems, item, name, name, _KEYS)
        for name in ("policy_file", "cases"):
            if name not in items:
                example = "policy_file: ../fraud.yaml" if name == "policy_file" else _EXAMPLE
                self._problems.add(root.at, name, "missing setting", f"write it like {example}")
        if not {"policy_file", "cases"} <= items.keys():
            return None
        loaded = self._policies(
            Place(items["policy_file"].node, "policy_file", self._problems), path
        )
        if loaded is None:
            return None
        file = loaded.policies.files[0]
        return PolicyTest(
            path=path,
            loaded=loaded,
            cases=tuple(self._cases(items["cases"], file, path)),
            not_possible=self._not_possible(items.get("not_possible"), file),
        )

    def _policies(self, place: Place, path: str) -> Loaded | None:
        """Return the policy file under test; what is wrong in it is said as `validate` says it."""
        name = shapes.text(place, "the path of a policy file")
        if name is None:
            return None
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        if not (self._root / target).is_file():
            place.wrong(f"there is no file {shown(target)}", "write it from this file's own folder")
            return None
        if target not in self._loaded:
            self._loaded[target] = None
            try:
                self._loaded[target] = load((target,), self._root)
            except PolicyFileError as error:
                self._problems.found.extend(error.problems)
        return self._loaded[target]

    def _cases(self, section: Item, file: PolicyFile, path: str) -> Iterator[Case]:
        names: set[str] = set()
        for place in shapes.sequence(Place(section.node, "cases", self._problems), _EXAMPLE) or ():
            before = len(self._problems.found)
            items = shapes.mapping(place, _EXAMPLE, _CASE)
            for key in ("name", "evidence", "expect") if items is not None else ():
                if key not in (items or {}):
                    key_path = f"{place.key}.{key}"
                    remedy = f"write it like {_EXAMPLE}"
                    self._problems.add(place.node.at, key_path, "missing setting", remedy)
            case = self._case(place, items, file, path) if items else None
            if case is not None and case.name in names:
                place.wrong(f"two cases are called {shown(case.name)}", "give it another name")
            if case is not None and len(self._problems.found) == before:
                names.add(case.name)
                yield case

    def _case(
        self, place: Place, items: Mapping[str, Item], file: PolicyFile, path: str
    ) -> Case | None:
        name = shapes.text(place.of("name", items["name"])) if "name" in items else None
        at = self._moment(place.of("at", items["at"])) if "at" in items else None
        evidence, collected = None, None
        if "evidence" in items:
            evidence = self._evidence(place.of("evidence", items["evidence"]), at, file, path)
            collected = evidence.collected_at if evidence else None
        expected = (
            self._expected(place.of("expect", items["expect"]), file) if "expect" in items else ()
        )
        if name is None or evidence is None:
            return None
        return Case(place.node.at, name, at or collected or AT, evidence, tuple(expected))

    def _moment(self, place: Place) -> datetime | None:
        value = place.node.data
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        remedy = "write it like 2026-11-22T12:00:00Z, without quotes"
        place.wrong(f"a moment is due, not {wrote(place.node)}", remedy)
        return None

    def _evidence(
        self, place: Place, at: datetime | None, file: PolicyFile, path: str
    ) -> EvidenceRecord | None:
        """Return inline evidence, or that of a file: JSON as collected, YAML as written inline."""
        if not isinstance(place.node, ScalarNode):
            return read_evidence(place, at or AT, file)
        name = shapes.text(place, "evidence, or the path of an evidence file,")
        if name is None:
            return None
        target = self._root / posixpath.dirname(path) / name
        inside = os.path.realpath(target).startswith(os.path.realpath(self._root) + os.sep)
        if not (inside and target.is_file()):
            place.wrong(f"there is no evidence file {shown(name)} here")
            return None
        if target.suffix not in _SUFFIXES:
            return _saved(place, target)
        shared = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        try:
            root = load_yaml(_bytes(target), shared).root
        except PolicyFileError as error:
            self._problems.found.extend(error.problems)
            return None
        return read_evidence(Place(root, "evidence", self._problems), at or AT, file)

    # --- what is expected ---------------------------------------------------------------------

    def _expected(self, place: Place, file: PolicyFile) -> list[Expected]:
        example = "expect: {model-size-budget: fail}"
        items = shapes.mapping(place, example)
        if items is not None and not items:
            place.wrong("nothing is expected", f"write it like {example}")
        found: list[Expected] = []
        for id_, item in (items or {}).items():
            if not self._is_bound(item, f"{place.key}.{id_}", id_, file):
                continue
            inner = place.of(id_, item)
            is_list = not isinstance(inner.node.data, (str, dict))
            several = (
                shapes.sequence(inner, "[{part: size, outcome: fail}]") if is_list else [inner]
            )
            found += [e for each in several or () if (e := self._one(each, id_)) is not None]
        return found

    def _is_bound(self, item: Item, key: str, id_: str, file: PolicyFile) -> bool:
        bound = [binding.id for binding in file.bindings]
        if id_ in bound:
            return True
        remedy = near_or_all(id_, bound, "bound there")
        self._problems.add(item.at, key, f"{file.path} binds no {shown(id_)}", remedy, id_)
        return False

    def _one(self, place: Place, id_: str) -> Expected | None:
        if isinstance(place.node, ScalarNode):
            outcome = shapes.choice(place, _OUTCOMES)
            return Expected(place.node.at, id_, Outcome(outcome)) if outcome else None
        items = shapes.mapping(place, "{outcome: missing, message: no baseline}", _EXPECTED)
        if items is None:
            return None
        if "outcome" not in items:
            remedy = f"write one of: {', '.join(_OUTCOMES)}"
            place.problems.add(place.node.at, f"{place.key}.outcome", "missing setting", remedy)
            return None
        outcome = shapes.choice(place.of("outcome", items["outcome"]), _OUTCOMES)
        known: dict[str, Any] = {
            key: shapes.text(place.of(key, items[key]))
            for key in ("part", "message")
            if key in items
        }
        if "effect" in items:
            effect = shapes.choice(place.of("effect", items["effect"]), _EFFECTS)
            known["effect"] = Effect(effect) if effect else None
        return Expected(place.node.at, id_, Outcome(outcome), **known) if outcome else None

    def _not_possible(
        self, section: Item | None, file: PolicyFile
    ) -> dict[str, dict[Outcome, str]]:
        if section is None:
            return {}
        place = Place(section.node, "not_possible", self._problems)
        example = "not_possible: {run-finished: {missing: every run has a status}}"
        said: dict[str, dict[Outcome, str]] = {}
        for id_, item in (shapes.mapping(place, example) or {}).items():
            if not self._is_bound(item, f"not_possible.{id_}", id_, file):
                continue
            inner = place.of(id_, item)
            words = tuple(outcome.value for outcome in COVERED)
            for word, why in (shapes.mapping(inner, example, words) or {}).items():
                text = shapes.text(inner.of(word, why), "a reason")
                if text is not None:
                    said.setdefault(id_, {})[Outcome(word)] = text
        return said
