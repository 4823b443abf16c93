"""What is under judgement, as GitHub's event and git tell it."""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from policy_engine.errors import UsageError
from policy_engine.evidence.record import ChangeRecord
from policy_engine.git import work_tree as git
from policy_engine.git.ci import CiCommit, Target, ci_commit, ci_target
from policy_engine.git.files import GitTree
from policy_engine.git.tree import TreeError
from policy_engine.github.event import Event, read_event
from policy_engine.github.hub import Hub, resolved, touched
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.scope import matches
from policy_engine.report import PolicySource

T = TypeVar("T")

MOST_COMMITS = 50
"""Earlier commits of a change, and ancestors of its merge base, that are looked at."""


_DEEPEN = (
    "run `git fetch --unshallow`, or clone all of it (`fetch-depth: 0` of actions/checkout, "
    "`GIT_DEPTH: 0` of GitLab)"
)


class Job:
    """What asks for a verdict: a job of GitHub Actions, or somebody at a terminal.

    Attributes:
        event: What started the job; None outside GitHub Actions.
        hub: GitHub's API, as far as the job has a token.
        ci: The commit that another CI system says it runs on; None in GitHub Actions.
        target: Where another CI system, or the user, says that the change is to be merged.
        root: The folder that the command runs in.
    """

    def __init__(
        self, root: Path, environ: Mapping[str, str], trusted_ref: str | None = None
    ) -> None:
        """Read what the environment variables say.

        Args:
            root: The folder that the command runs in.
            environ: The environment variables.
            trusted_ref: The commit whose policies judge, as the user names it.

        Raises:
            UsageError: If a trusted ref is named in GitHub Actions, where the event says it.
            EventError: If GitHub's event file is missing or malformed.
            GitHubError: If it is not known which pull request a second stage is about.
        """
        self.root = root
        self.hub = Hub(environ)
        event = read_event(environ)
        self.event = resolved(event, self.hub) if event else None
        self.ci = None if event else ci_commit(environ)
        if event is not None and trusted_ref is not None:
            raise UsageError(
                "--trusted-ref: in GitHub Actions the event says which branch is the default one; "
                "leave the flag out"
            )
        self.target = Target.named(trusted_ref) if trusted_ref else None
        if self.target is None and event is None:
            self.target = ci_target(environ)

    @property
    def proposal(self) -> Event | None:
        """The event, if it is about a commit that somebody asks to merge."""
        return self.event if self.event is not None and self.event.is_proposal else None

    @property
    def is_proposal(self) -> bool:
        """Whether the job is about a commit that somebody asks to merge."""
        return self.proposal is not None or self.target is not None

    @cached_property
    def target_sha(self) -> str | None:
        """The commit whose policies judge outside GitHub; None where this clone lacks it."""
        refs = self.target.refs if self.target else ()
        if self.target is not None and self.target.is_default:
            branch = asked(lambda: git.default_branch(self.root))
            refs = (f"refs/remotes/{branch}",) if branch and branch.startswith("origin/") else ()
        found = (asked(partial(git.resolve_commit, self.root, ref)) for ref in refs)
        return next(filter(None, found), None)

    @cached_property
    def head_sha(self) -> str | None:
        """The head of a change outside GitHub: as the CI system says, else the work tree's."""
        return self.ci.sha if self.ci is not None else asked(lambda: git.head(self.root))

    @property
    def is_second_stage(self) -> bool:
        """Whether the job follows another workflow: what that one left is a claim."""
        return self.event is not None and self.event.is_second_stage

    @cached_property
    def base(self) -> str | None:
        """The branch that the change goes to, as this clone knows it.

        A clone of the fork has the author's own idea of that branch: there, GitHub's word counts.
        """
        event = self.event
        if event is None and self.target is not None:
            return self.target_sha
        if event is None or event.base_ref is None:
            return asked(lambda: git.default_branch(self.root))
        if not event.is_of(asked(lambda: git.origin(self.root))):
            return event.base_sha
        # Its whole name: anybody who may push can make a tag that is called `origin/main`.
        branch = f"refs/remotes/origin/{event.base_ref}"
        known = asked(lambda: git.merge_base(self.root, branch, event.head_sha or ""))
        return branch if known else event.base_sha

    @cached_property
    def touched(self) -> tuple[str, ...] | None:
        """The paths that the pull request changes; None where neither git nor the API can tell."""
        event = self.proposal
        if event is None:
            return self._touched_elsewhere()
        if event.head_sha is None:
            return None
        base, head = self.base, event.head_sha
        merge = event.merge_sha
        paths = asked(lambda: git.paths_of_change(self.root, base, head, merge)) if base else None
        return touched(self.hub, event) if paths is None else tuple(paths)

    def _touched_elsewhere(self) -> tuple[str, ...] | None:
        """Return what a change outside GitHub touches; None where git cannot tell."""
        base, head = self.target_sha, self.head_sha
        if base is None or head is None:
            return None
        merge = self.ci.merge_sha if self.ci is not None else None
        paths = asked(lambda: git.paths_of_change(self.root, base, head, merge))
        return None if paths is None else tuple(paths)


@dataclass(frozen=True, slots=True)
class Situation:
    """The change, and where it branched off.

    Attributes:
        change: The pull request, or the commit alone; None outside a repository.
        ancestors: The merge base with the default branch and its first-parent ancestors,
            nearest first; on the default branch itself, the commits before this one.
        notes: A sentence for each thing that git could not tell, or another told in its place.
        no_commit: Why there is no commit to look for; None where there is one, or none is needed.
    """

    change: ChangeRecord | None
    ancestors: tuple[str, ...]
    notes: tuple[str, ...] = ()
    no_commit: str | None = None


def idle_globs(root: Path, files: Iterable[PolicyFile]) -> Iterator[str]:
    """Yield a sentence for each glob of `candidate.paths` at which the work tree has no file.

    A mistyped glob excuses every change from its run, and nothing else would tell.
    """
    asking = [file for file in files if file.candidate.paths]
    tracked = (asked(lambda: git.tracked_paths(root)) or []) if asking else []
    for file in asking if tracked else ():
        for glob in file.candidate.paths:
            if not any(matches(path, glob) for path in tracked):
                yield (
                    f"{file.path}: candidate.paths: '{glob}' matches no file that git tracks here: "
                    "while that is so, no change needs a run for its sake"
                )


def situation(job: Job, commit: str | None, *, search: bool, ancestors: bool) -> Situation:
    """Return what is under judgement; git is asked only for what is needed.

    Args:
        job: What asks.
        commit: The commit that a flag names; None: the pull request's head, else HEAD.
        search: Whether runs are looked for by commit.
        ancestors: Whether a baseline is looked for by commit.

    Raises:
        UsageError: If runs are looked for by commit, and neither flag nor event names one.
    """
    root, event = job.root, job.event
    if commit is None and search and event is not None and not event.names_commit:
        raise UsageError(
            f"the event '{event.name}' is about no commit to judge: "
            "name the candidate with --run, --model, --commit or --evidence"
        )
    head = _full(root, commit) if commit else (event.head_sha if event else None)
    ci: CiCommit | None = None
    if head is None and (search or ancestors):
        head = asked(lambda: git.head(root))
        ci = _named_by_ci(job.ci, head)
        head = ci.sha if ci else head
    if head is None:
        why = git.why_no_head(root) if search or ancestors else None
        return Situation(None, (), no_commit=why)
    base = job.base if search or ancestors else None
    fork_point = asked(lambda: git.merge_base(root, base, head)) if base else None
    later = _later_paths(root, fork_point, head) if base and search else {}
    before = _ancestors(root, fork_point, head) if ancestors else ()
    notes = [*_of_ci(root, ci)]
    if search or ancestors:
        notes += _lost(root, fork_point, before if ancestors else None)
    change = ChangeRecord(head_sha=head, later_paths=later, merge_sha=ci.merge_sha if ci else None)
    if event is not None and event.pull_request is not None:
        paths = job.touched if search and not commit else None
        change = _of_pull_request(change, event, paths, is_named=bool(commit))
    elif job.target is not None and search and not commit:
        change = change.model_copy(update={"paths": job.touched})
    return Situation(change, before, tuple(notes))


def _named_by_ci(ci: CiCommit | None, head: str | None) -> CiCommit | None:
    """Return what the CI system says where git says nothing, or the head of what is merged here."""
    return ci if ci is not None and head in {None, ci.merge_sha} else None


def _of_ci(root: Path, ci: CiCommit | None) -> Iterator[str]:
    if ci is not None:
        why = git.why_no_head(root) or "the work tree is the merge of that commit"
        yield f"the commit is {ci.sha[:12]}, as {ci.variable} of {ci.system} says: {why}"


def _lost(root: Path, fork_point: str | None, before: Sequence[str] | None) -> Iterator[str]:
    """Yield what cannot be told of a change, for want of git or of history.

    Args:
        root: The folder.
        fork_point: Where the change branched off, if git knows.
        before: The commits in which a baseline is looked for; None: in none.
    """
    what = "which earlier runs of the change still count"
    what += " and which baselines its commits name" if before is not None else ""
    if fork_point is None:
        why = git.why_no_head(root)
        if why is not None:
            yield f"{what}, is not known: {why}"
        elif asked(lambda: git.is_shallow(root)):
            yield f"{what}, is not known, since this clone is shallow: {_DEEPEN}"
    elif before is not None and len(before) < MOST_COMMITS and asked(lambda: git.is_shallow(root)):
        yield (
            f"a baseline is looked for no further than {len(before)} commit(s) before the change, "
            f"since this clone is shallow: {_DEEPEN}"
        )


def _of_pull_request(
    change: ChangeRecord, event: Event, paths: tuple[str, ...] | None, *, is_named: bool
) -> ChangeRecord:
    """Return the change; a commit that a flag names needs a run, whatever the change touches."""
    return change.model_copy(
        update={
            "pull_request": event.pull_request,
            "repository": event.repository,
            "author": event.author,
            "merge_sha": None if is_named else event.merge_sha,
            "base_sha": event.base_sha,
            "labels": event.labels,
            "paths": paths,
        }
    )


def policy_source(root: Path, digest: str, paths: Sequence[str]) -> PolicySource:
    """Return which policies the work tree holds, and whether they are the default branch's own."""
    head = asked(lambda: git.head(root))
    if head is None:
        return PolicySource(digest)
    edited = asked(lambda: _is_edited(root, paths)) is not False
    branch = asked(lambda: git.default_branch(root))
    on_default = branch is not None and asked(lambda: git.merge_base(root, branch, head)) == head
    name = (branch or "").removeprefix("origin/")
    ref = f"{name}@{head[:7]}" if on_default else head[:7]
    return PolicySource(
        digest, ref=f"{ref} (edited)" if edited else ref, trusted=on_default and not edited
    )


def judging(source: PolicySource, change: ChangeRecord | None, job: Job) -> PolicySource:
    """Return the work tree's policies as they judge a change: of a pull request, a proposal."""
    proposed = change is not None and change.pull_request is not None
    return replace(source, trusted=False) if proposed or job.is_proposal else source


def _is_edited(root: Path, paths: Sequence[str]) -> bool:
    """Say whether any file of the work tree, or a policy file, is not as HEAD has it.

    Git's own word does not do for the policy files: an index can be told that a file is unchanged,
    and a filter can make any bytes look like HEAD's.
    """
    if git.is_dirty(root) is not False:
        return True
    tree, below = GitTree(root, git.head(root) or ""), git.prefix(root)
    return not all(_is_as_committed(tree, root, below, path) for path in paths)


def _is_as_committed(tree: GitTree, root: Path, below: str, path: str) -> bool:
    try:
        judged = (root / path).read_bytes()
        return tree.read(posixpath.normpath(below + path), len(judged)) == judged
    except (KeyError, OSError, TreeError):
        return False


def _full(root: Path, commit: str) -> str:
    """Return the sha that runs are tagged with; as given where this clone does not know it."""
    known = asked(lambda: git.first_parents(root, commit, limit=1))
    return known[0] if known else commit


def _later_paths(root: Path, base: str | None, head: str) -> dict[str, tuple[str, ...]]:
    commits = asked(lambda: git.commits_between(root, base, head)) if base else None
    later: dict[str, tuple[str, ...]] = {}
    for commit in [c for c in commits or () if c != head][:MOST_COMMITS]:
        paths = asked(partial(git.changed_paths, root, commit, head))
        if paths is None:
            break
        later[commit] = tuple(paths)
    return later


def _ancestors(root: Path, base: str | None, head: str) -> tuple[str, ...]:
    if base is None:
        return ()
    found = asked(lambda: git.first_parents(root, base, MOST_COMMITS + 1)) or []
    return tuple(found[1:] if base == head else found[:MOST_COMMITS])


def asked(question: Callable[[], T]) -> T | None:
    """Return git's answer; None where this clone cannot tell, which `Situation.notes` says."""
    try:
        return question()
    except (git.GitError, ValueError):
        return None
