"""The values that an expression is evaluated on: of what it reads, and of nothing else.

Absent evidence has no key, so CEL finds none. Invalid and unreadable evidence that the text names
stops the evaluation before it begins: `has()` and `||` could pass over it otherwise.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from policy_engine.evidence import (
    Case,
    Change,
    EvidenceError,
    InvalidEvidence,
    MissingEvidence,
    Run,
)
from policy_engine.expressions.checking import EACH, Path

Reader = Callable[[], Any]
Absent = tuple[type[EvidenceError], ...]


def values(case: Case, reads: Iterable[Path]) -> dict[str, Any]:
    """Return the values by root, as plain data.

    What is invalid of an earlier run counts as absent: it is not under judgement.

    Raises:
        MissingEvidence: If there is no baseline, or no pull request, and the expression names it.
        NotApplicable: As `case.baseline`.
        InvalidEvidence: If something that it names is invalid.
        UnreadableEvidence: If something that it names could not be read.
    """
    paths = list(reads)
    roots = {path[0] for path in paths}
    found: dict[str, Any] = {}
    if "candidate" in roots:
        found["candidate"] = _Reading(case.candidate).run(_below(paths, "candidate"))
    if "baseline" in roots:
        found["baseline"] = _Reading(case.baseline).run(_below(paths, "baseline"))
    if "history" in roots:
        inner = _below(_below(paths, "history"), EACH)
        absent = (MissingEvidence, InvalidEvidence)
        found["history"] = [_Reading(run, absent).run(inner) for run in case.history]
    if "change" in roots:
        found["change"] = _change(case.change)
    return found


def _below(paths: Iterable[Path], name: str) -> list[Path]:
    return [path[1:] for path in paths if len(path) > 1 and path[0] == name]


class _Reading:
    """Reads one run: what is absent has no key, all else that is not a value is raised."""

    def __init__(self, run: Run, absent: Absent = (MissingEvidence,)) -> None:
        self._run = run
        self._absent = absent

    def run(self, paths: list[Path]) -> dict[str, Any]:
        run = self._run
        readers: dict[str, Reader] = {
            "run_id": lambda: run.run_id,
            "run_name": lambda: run.run_name,
            "experiment": lambda: run.experiment,
            "status": lambda: run.status,
            "duration_s": lambda: float(run.duration.value),
            "metrics": lambda: self._map("metrics", paths),
            "params": lambda: self._map("params", paths),
            "tags": lambda: self._map("tags", paths),
            "model": lambda: self._model(_below(paths, "model")),
        }
        return self._present((path[0] for path in paths), readers.__getitem__)

    def _map(self, section: str, paths: list[Path]) -> dict[str, Any]:
        """Return the names of a map that are read, or all where it is read as a whole."""
        run = self._run
        mine = [path for path in paths if path[0] == section]
        whole = any(len(path) == 1 for path in mine)
        named = (path[1] for path in mine if len(path) > 1)
        if section == "metrics":
            return self._present(
                run.metrics if whole else named,
                lambda name: lambda: float(run.metric(name).value),
            )
        if section == "params":
            names, read = run.param_names, run.param
        else:
            names, read = run.tag_names, run.tag
        return self._present(names if whole else named, lambda name: partial(read, name))

    def _model(self, paths: list[Path]) -> dict[str, Any]:
        model = self._run.model
        newest = model.versions[-1] if model.versions else None
        readers: dict[str, Reader] = {
            "name": lambda: model.name,
            "size": lambda: float(model.size.value),
            "flavors": lambda: list(model.flavors),
            "registered": lambda: newest and newest.name,
            "version": lambda: newest and newest.version,
        }
        return self._present((path[0] for path in paths), readers.__getitem__)

    def _present(self, names: Iterable[str], reader: Callable[[str], Reader]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in dict.fromkeys(names):
            try:
                value = reader(name)()
            except self._absent:
                continue
            if value is not None:
                found[name] = value
        return found


def _change(change: Change) -> dict[str, Any]:
    facts = {
        "pull_request": change.pull_request,
        "author": change.author,
        "labels": list(change.labels),
        "paths": None if change.paths is None else list(change.paths),
    }
    return {name: value for name, value in facts.items() if value is not None}
