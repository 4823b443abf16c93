"""How many commits lie between a baseline and its candidate, where git knows both."""

import re
from pathlib import Path

from policy_engine.evidence.record import BaselineRecord, CandidateRecord, EvidenceRecord, RunRecord
from policy_engine.git import work_tree as git
from policy_engine.policy_file.scope import commit_of

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def with_commits(root: Path, evidence: EvidenceRecord) -> EvidenceRecord:
    """Return the evidence with the commits that each candidate has and its baseline has not.

    Args:
        root: The folder whose repository is asked.
        evidence: As it was collected.
    """
    if not any(candidate.baselines for candidate in evidence.candidates):
        return evidence
    known: dict[tuple[str, str], int | None] = {}
    counted = tuple(_candidate(root, each, known) for each in evidence.candidates)
    try:
        # A shallow clone counts what it has, and that is too few.
        if all(count is None for count in known.values()) or git.is_shallow(root):
            return evidence
    except git.GitError:
        return evidence
    return evidence.model_copy(update={"candidates": counted})


def _candidate(
    root: Path, candidate: CandidateRecord, known: dict[tuple[str, str], int | None]
) -> CandidateRecord:
    head = commit_of(candidate.run) or ""
    baselines = tuple(_baseline(root, head, each, known) for each in candidate.baselines)
    return candidate.model_copy(update={"baselines": baselines})


def _baseline(
    root: Path, head: str, record: BaselineRecord, known: dict[tuple[str, str], int | None]
) -> BaselineRecord:
    base = commit_of(record.run) if isinstance(record.run, RunRecord) else None
    pair = (base or "", head)
    if pair not in known:
        known[pair] = _count(root, *pair)
    return record if known[pair] is None else record.model_copy(update={"commits": known[pair]})


def _count(root: Path, base: str, head: str) -> int | None:
    if not (_SHA.fullmatch(base) and _SHA.fullmatch(head)):
        return None
    try:
        return git.count_between(root, base, head)
    except git.GitError:
        return None
