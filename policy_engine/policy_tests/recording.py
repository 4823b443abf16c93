"""A policy test made of a real run: what may be kept of it, and what is found on that today."""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from policy_engine.errors import UsageError
from policy_engine.evidence.parts import TableRecord
from policy_engine.evidence.record import (
    NAMED_BASELINE,
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
    RunRecord,
)
from policy_engine.loading import Loaded
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_tests.evidence import read_case_evidence
from policy_engine.policy_tests.judging import findings_of_case
from policy_engine.policy_tests.model import PolicyTest, PolicyTestCase
from policy_engine.policy_tests.readable import as_yaml
from policy_engine.policy_tests.row_counts import counted_rows, numbered_rows
from policy_engine.policy_tests.sharing import NOT_KEPT, kept_run
from policy_engine.report import Judged
from policy_engine.source.problems import Problems, Spot
from policy_engine.source.yaml_source import load_yaml

MOST_EARLIER = 20
"""Earlier runs that a case keeps, newest first."""


def recorded(
    loaded: Loaded,
    evidence: EvidenceRecord,
    path: str,
    name: str,
    at: datetime,
    *,
    rows: bool = False,
) -> str:
    """Return a file of policy tests (YAML) with one case.

    Args:
        loaded: One policy file.
        evidence: What was collected of one run.
        path: Where the file will lie.
        name: The case's name.
        at: The moment of judgement.
        rows: Whether to keep rows of predictions that counts cannot say: numbers, without ids.

    Raises:
        UsageError: If there is no candidate, or nothing of the policy file is judged on it.
    """
    if len(evidence.candidates) != 1:
        why = evidence.unreadable or evidence.absent or f"{len(evidence.candidates)} candidates"
        raise UsageError(f"nothing to record: {why}")
    test = PolicyTest(path, loaded, (), {})
    content = _evidence(evidence, test.policies, rows=rows)
    kept = _read_back(content, at, test.policies)
    spot = Spot(path, 1, 1)
    found = findings_of_case(test, PolicyTestCase(spot, name, at, kept, ()))
    if not found:
        raise UsageError(f"nothing to record: {test.policies.path} does not apply to the run")
    before = findings_of_case(test, PolicyTestCase(spot, name, at, evidence, ()))
    file: dict[str, Any] = {
        "version": 1,
        "policy_file": posixpath.relpath(test.policies.path, posixpath.dirname(path) or "."),
        "cases": [{"name": name, "at": at, "evidence": content, "expect": _expect(found)}],
    }
    text = as_yaml(file)
    return "".join(f"# {line}\n" for line in _said(before, found)) + text


def _evidence(evidence: EvidenceRecord, file: PolicyFile, *, rows: bool) -> dict[str, Any]:
    names = set(_named(file))
    candidate = evidence.candidates[0]
    content: dict[str, Any] = {"candidate": kept_run(candidate.run, names)}
    for record in candidate.baselines:
        if isinstance(record.run, RunRecord):
            _add_baseline(content, record, kept_run(record.run, names), file)
    _add_rows(content, candidate, file, one_by_one=rows)
    if change := _change(evidence.change):
        content["change"] = change
    for key in ("history", "later"):
        runs = getattr(candidate, key)
        if isinstance(runs, tuple) and runs:
            content[key] = [kept_run(run, names) for run in runs[:MOST_EARLIER]]
    return content


def _is_of_the_file(record: BaselineRecord, file: PolicyFile) -> bool:
    return record.rules == file.baseline or record.found_by == NAMED_BASELINE


def _add_baseline(
    content: dict[str, Any], record: BaselineRecord, run: dict[str, Any], file: PolicyFile
) -> None:
    """Add a run that rules found, in the shortest form that says whose rules they were."""
    if _is_of_the_file(record, file):
        content["baseline"] = run
        if record.commits is not None:
            content["commits"] = record.commits
        return
    own = [b.id for b in file.bindings if b.policy.rules() == (record.rules,)]
    if own:
        content.setdefault("baseline_of", {}).update(dict.fromkeys(own, run))
        return
    facts = record.model_dump(mode="json", exclude_none=True, include={"rules", "metric"})
    full = {**facts, "found_by": "the case", "run": {"run_id": "1" * 32, **run}}
    content.setdefault("baselines", []).append(full)


def _add_rows(
    content: dict[str, Any], candidate: CandidateRecord, file: PolicyFile, *, one_by_one: bool
) -> None:
    """Add what both predicted: as counts, else, where that is asked for, row by row."""
    mine = candidate.run.predictions
    runs = (r.run for r in candidate.baselines if _is_of_the_file(r, file))
    theirs = [run.predictions for run in runs if isinstance(run, RunRecord)]
    table = theirs[0] if theirs and isinstance(theirs[0], TableRecord) else None
    if not isinstance(mine, TableRecord):
        return
    if counts := counted_rows(mine, table):
        content["rows"] = counts
        return
    if numbered := numbered_rows(mine, table) if one_by_one else None:
        for side, columns in zip(("candidate", "baseline"), numbered, strict=True):
            if columns is not None:
                content[side] = {**content[side], "predictions": columns}


def _change(change: ChangeRecord | None) -> dict[str, Any]:
    """Return the commits that a change is about: no name, no path."""
    if change is None:
        return {}
    kept = {"head_sha", "merge_sha", "base_sha", "pull_request"}
    return change.model_dump(mode="json", exclude_none=True, include=kept)


def _named(file: PolicyFile) -> Iterable[str]:
    """Yield the tags and parameters that the policy file itself names."""
    yield from file.evidence.names
    yield from file.evidence.names.values()
    if file.applies_to is not None:
        yield from file.applies_to.tags
    for binding in file.bindings:
        if binding.keys.when is not None:
            yield from (path[-1] for path in binding.keys.when.reads)


def _read_back(content: Mapping[str, Any], at: datetime, file: PolicyFile) -> EvidenceRecord:
    """Return the evidence as a test will read it."""
    text = as_yaml(content)
    problems = Problems()
    root = load_yaml(text.encode(), "evidence of the run")
    record = read_case_evidence(NodePlace(root, "evidence", problems), at, file)
    problems.raise_any()
    assert record is not None  # noqa: S101 (nothing was wrong with it)
    return record


def _expect(found: Sequence[Judged]) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    for finding in found:
        one: dict[str, str] = {"outcome": finding.outcome.value}
        if finding.part is not None:
            one["part"] = finding.part
        expected.setdefault(finding.id, []).append(one)
    return {
        id_: several if len(several) > 1 or "part" in several[0] else several[0]["outcome"]
        for id_, several in expected.items()
    }


def _said(before: Sequence[Judged], found: Sequence[Judged]) -> Iterable[str]:
    yield "Recorded from a real run. What could say who is left out:"
    yield from (f"- {each}" for each in NOT_KEPT)
    yield "Read it through before you commit it: no list knows your names."
    then = {(f.id, f.part): f.outcome for f in before}
    now = {(f.id, f.part): f.outcome for f in found}
    for id_, part in dict.fromkeys([*then, *now]):
        one, other = then.get((id_, part)), now.get((id_, part))
        if one is not other:
            named = f"{id_} ({part})" if part else id_
            yield f"{named}: {one or 'nothing'} on the run, {other or 'nothing'} on what is kept"
