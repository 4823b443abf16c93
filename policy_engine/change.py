"""What is under judgement, as GitHub's event and git tell it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from policy_engine import git
from policy_engine.github.event import Event, read_event
from policy_engine.records import ChangeRecord
from policy_engine.report import PolicySource

T = TypeVar("T")

MOST_COMMITS = 50
"""Earlier commits of a change, and ancestors of its merge base, that are looked at."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The change, and where it branched off.

    Attributes:
        change: The pull request, or the commit alone; None outside a repository.
        ancestors: The merge base with the default branch and its first-parent ancestors,
            nearest first; on the default branch itself, the commits before this one.
    """

    change: ChangeRecord | None
    ancestors: tuple[str, ...]


def situation(
    root: Path,
    commit: str | None,
    *,
    search: bool,
    ancestors: bool,
    environ: Mapping[str, str] | None = None,
) -> Situation:
    """Return what is under judgement; git is asked only for what is needed.

    Args:
        root: A folder of the work tree.
        commit: The commit that a flag names; None: the pull request's head, else HEAD.
        search: Whether runs are looked for by commit.
        ancestors: Whether a baseline is looked for by commit.
        environ: Environment variables; None: those of the process.

    Raises:
        EventError: If GitHub's event file is missing or malformed.
    """
    event = read_event(os.environ if environ is None else environ)
    head = _full(root, commit) if commit else (event.head_sha if event else None)
    if head is None and (search or ancestors):
        head = _asked(lambda: git.head(root))
    if head is None:
        return Situation(None, ())
    base = _base(root, event) if search or ancestors else None
    fork_point = _asked(lambda: git.merge_base(root, base, head)) if base else None
    return Situation(
        _change(root, event, head, base if search else None, fork_point, is_named=bool(commit)),
        _ancestors(root, fork_point, head) if ancestors else (),
    )


def policy_source(root: Path, digest: str, paths: Sequence[str]) -> PolicySource:
    """Return which policies the work tree holds, and whether they are the default branch's own."""
    head = _asked(lambda: git.head(root))
    if head is None:
        return PolicySource(digest)
    edited = _asked(lambda: _is_edited(root, paths)) is not False
    branch = _asked(lambda: git.default_branch(root))
    on_default = branch is not None and _asked(lambda: git.merge_base(root, branch, head)) == head
    name = (branch or "").removeprefix("origin/")
    ref = f"{name}@{head[:7]}" if on_default else head[:7]
    return PolicySource(
        digest, ref=f"{ref} (edited)" if edited else ref, trusted=on_default and not edited
    )


def judging(source: PolicySource, change: ChangeRecord | None) -> PolicySource:
    """Return the policies as they judge a change: those of a pull request's tree are a proposal."""
    proposed = change is not None and change.pull_request is not None
    return replace(source, trusted=False) if proposed else source


def _is_edited(root: Path, paths: Sequence[str]) -> bool:
    """Say whether any file of the work tree, or a policy file, is not as HEAD has it."""
    return git.is_dirty(root) is not False or not all(git.is_tracked(root / p) for p in paths)


def _full(root: Path, commit: str) -> str:
    """Return the sha that runs are tagged with; as given where this clone does not know it."""
    known = _asked(lambda: git.first_parents(root, commit, limit=1))
    return known[0] if known else commit


def _change(
    root: Path,
    event: Event | None,
    head: str,
    base: str | None,
    fork_point: str | None,
    *,
    is_named: bool,
) -> ChangeRecord:
    """Return the change; a commit that a flag names owes a run, whatever the change touches."""
    later = _later_paths(root, fork_point, head) if base else {}
    change = ChangeRecord(head_sha=head, later_paths=later)
    if event is None or event.pull_request is None:
        return change
    return change.model_copy(
        update={
            "pull_request": event.pull_request,
            "repository": event.repository,
            "author": event.author,
            "merge_sha": None if is_named else event.merge_sha,
            "base_sha": event.base_sha,
            "labels": event.labels,
            "paths": None if is_named else _paths(root, base, head),
        }
    )


def _base(root: Path, event: Event | None) -> str | None:
    """Return the branch that the change goes to, as this clone knows it."""
    if event is not None and event.base_ref is not None:
        tip = f"origin/{event.base_ref}"
        known = _asked(lambda: git.merge_base(root, tip, event.head_sha or ""))
        return tip if known else event.base_sha
    return _asked(lambda: git.default_branch(root))


def _paths(root: Path, base: str | None, head: str) -> tuple[str, ...] | None:
    paths = _asked(lambda: git.paths_of_change(root, base, head)) if base else None
    return None if paths is None else tuple(paths)


def _later_paths(root: Path, base: str | None, head: str) -> dict[str, tuple[str, ...]]:
    commits = _asked(lambda: git.commits_between(root, base, head)) if base else None
    later: dict[str, tuple[str, ...]] = {}
    for commit in [c for c in commits or () if c != head][:MOST_COMMITS]:
        paths = _asked(partial(git.changed_paths, root, commit, head))
        if paths is None:
            break
        later[commit] = tuple(paths)
    return later


def _ancestors(root: Path, base: str | None, head: str) -> tuple[str, ...]:
    if base is None:
        return ()
    found = _asked(lambda: git.first_parents(root, base, MOST_COMMITS + 1)) or []
    return tuple(found[1:] if base == head else found[:MOST_COMMITS])


def _asked(question: Callable[[], T]) -> T | None:
    """Return git's answer; None where this clone cannot tell, such as a shallow one."""
    try:
        return question()
    except (git.GitError, ValueError):
        return None
