"""Whose policies judge a pull request: those of the default branch's tip, read as data.

What the pull request proposes is read beside them, to say what it would change. It judges only
where the default branch has no policies yet.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from policy_engine.change.elsewhere import Checkout, checkout_of, refuse_the_changes_own
from policy_engine.change.situation import Job, asked
from policy_engine.errors import PolicyEngineError, UsageError
from policy_engine.git import work_tree as git
from policy_engine.git.files import GitTree
from policy_engine.git.tree import Tree, TreeError
from policy_engine.github.event import Event
from policy_engine.github.hub import Hub, tip
from policy_engine.github.tree import ApiTree
from policy_engine.policy_file import Texts, committed_texts, from_root, is_policy_file


class PoliciesUnreadable(PolicyEngineError):  # noqa: N818 (a state, named in the contract)
    """The policies that are to judge cannot be read: nobody can decide (exit 3)."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The policy files that a pull request proposes.

    Attributes:
        texts: Their texts; None where they cannot be read.
        problem: Why they could not judge, as far as that is known before they are read.
    """

    texts: Texts | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Judges:
    """The policy files that judge a pull request.

    Attributes:
        texts: Their texts.
        ref: The commit that they are of: `main@1a2b3c4`, or the proposal's own.
        trusted: Whether they are the default branch's.
        proposed: What the pull request proposes instead; None where it changes none of them.
    """

    texts: Texts
    ref: str
    trusted: bool
    proposed: Proposed | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit whose files can be read: how messages and the report call it, and the files."""

    ref: str
    sha: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class Origin:
    """Where policy files are looked for: in which repository, at which paths.

    Attributes:
        job: What asks; it is about a proposal.
        given: Policy files and folders, as the user names them.
    """

    job: Job
    given: Sequence[str]

    @property
    def heads(self) -> tuple[str, ...]:
        """Commits of the proposal, its merge first: what its target gained meanwhile is in it."""
        event, ci = self.job.proposal, self.job.ci
        if event is not None:
            return tuple(filter(None, (event.merge_sha, event.head_sha)))
        return tuple(filter(None, (ci.merge_sha if ci else None, self.job.head_sha)))

    @property
    def root(self) -> Path:
        """The folder that the command runs in."""
        return self.job.root

    @property
    def hub(self) -> Hub:
        """GitHub's API."""
        return self.job.hub

    @property
    def prefix(self) -> str:
        """Where `root` lies in the repository: "" or a path with a `/` at its end."""
        return asked(lambda: git.prefix(self.root)) or ""

    def may_hold(self, path: str) -> bool:
        """Say whether a path, from the repository's root, is where policy files could lie."""
        starts = [posixpath.normpath(self.prefix + from_root(p, self.root)) for p in self.given]
        folders = {posixpath.dirname(s) or "." if is_policy_file(s) else s for s in starts}
        if any(start == path or start.startswith(f"{path}/") for start in starts):
            return True
        return is_policy_file(path) and (posixpath.dirname(path) or ".") in folders

    def texts(self, tree: Tree) -> Texts | None:
        """Return the policy files of a commit; None where it has none.

        Raises:
            TreeError: If they cannot be read.
            UsageError: If a path lies outside the repository.
        """
        paths = [from_root(path, self.root) for path in self.given]
        return committed_texts(paths, tree, self.prefix)


def judges_of(place: Origin) -> Judges:
    """Return the policy files that judge a pull request, and those that it proposes.

    Raises:
        PoliciesUnreadable: If the default branch, or a policy file there, cannot be read; or it
            has none and those of the proposal cannot be read either.
        UsageError: If a path lies outside the repository, or nobody has a policy file there.
    """
    checkout = checkout_of(place.given, place.root)
    if checkout is not None:
        return _judged_elsewhere(checkout, place)
    tip = _tip(place)
    trusted = _trusted_texts(place, tip)
    if trusted is None:
        return _judged_by_itself(tip, _proposed(place), place)
    touched = place.job.touched
    is_touched = touched is None or any(map(place.may_hold, touched))
    found = _proposed(place) if is_touched or trusted.absent else None
    if found is not None:
        _refuse_nowhere(tip, trusted, found)
    proposed = _overlaid(trusted, found, place) if is_touched and found else None
    return Judges(trusted, tip.ref, trusted=True, proposed=proposed)


def _tip(place: Origin) -> Commit:
    event = place.job.proposal
    return tip_of(event, place.hub, place.root) if event else _target_tip(place.job)


def _judged_elsewhere(checkout: Checkout, place: Origin) -> Judges:
    """Return the policy files of another repository's commit: the change proposes none of them."""
    refuse_the_changes_own(checkout, place.job, place.heads, lambda: _tip(place).sha)
    try:
        texts = checkout.texts()
    except TreeError as e:
        raise PoliciesUnreadable(
            f"the policies of {checkout.ref} judge this pull request and cannot be read: {e}"
        ) from e
    absent = place.given if texts is None else texts.absent
    if texts is None or absent:
        names = ", ".join(f"'{path}'" for path in absent)
        raise UsageError(f"there is no policy file at {names} in {checkout.ref}")
    return Judges(texts, checkout.ref, trusted=True)


def _refuse_nowhere(tip: Commit, trusted: Texts, found: "_Found") -> None:
    """Refuse a path where nobody has a policy file: one mistyped would take its gate away."""
    new = found.texts.absent if found.texts else trusted.absent
    nowhere = [path for path in trusted.absent if path in new]
    if nowhere:
        raise _no_policy_file(nowhere, tip, found)


def _no_policy_file(paths: Sequence[str], tip: Commit, found: "_Found") -> UsageError:
    names = ", ".join(f"'{path}'" for path in paths)
    unread = f", which cannot be read: {found.unreadable}" if found.unreadable else ""
    return UsageError(
        f"there is no policy file at {names}, neither in {tip.ref} nor in the pull request{unread}"
    )


def _trusted_texts(place: Origin, tip: Commit) -> Texts | None:
    try:
        try:
            return place.texts(tip.tree)
        except TreeError:
            if isinstance(tip.tree, ApiTree) or not place.hub.has_token:
                raise
            # A partial clone has the commit, and not what it holds.
            return place.texts(ApiTree(place.hub.client, tip.sha))
    except TreeError as e:
        raise PoliciesUnreadable(
            f"the policies of {tip.ref} judge this pull request and cannot be read: {e}"
        ) from e


def tip_of(event: Event, hub: Hub, root: Path) -> Commit:
    """Return the tip of the default branch.

    The clone of a machine that GitHub made for this job is as new as the job. Any other may have
    been there for long, so that the API is asked first where there is a token.

    Raises:
        PoliciesUnreadable: If neither git nor the API knows it.
    """
    branch = event.default_branch
    if branch is None:
        raise PoliciesUnreadable(
            "the event does not say which branch is the default one, "
            "so it is not known whose policies judge this pull request"
        )
    here = _tip_here(event, root, branch)
    if here is not None and (hub.is_fresh or not hub.has_token):
        return _commit_here(branch, here, root)
    try:
        sha = tip(hub, branch)
    except PolicyEngineError as e:
        if here is not None:
            return _commit_here(branch, here, root)
        raise PoliciesUnreadable(_unknown_tip(event, branch, e)) from e
    if asked(lambda: git.resolve_commit(root, sha)) is not None:
        return _commit_here(branch, sha, root)
    return Commit(f"{branch}@{sha[:7]}", sha, ApiTree(hub.client, sha))


def _target_tip(job: Job) -> Commit:
    """Return the commit that a proposal outside GitHub is judged by.

    Raises:
        PoliciesUnreadable: If this clone does not have it. The proposal's own policies never stand
            in for it.
    """
    target, sha = job.target, job.target_sha
    if target is not None and sha is not None:
        return _commit_here(target.name, sha, job.root)
    name, said_by = (target.name, target.said_by) if target else ("", "")
    branch = name if target and target.refs else "BRANCH"
    raise PoliciesUnreadable(
        f"the policies of {name} judge this change ({said_by}), and this clone does not have them: "
        f"fetch them first (`git fetch origin {branch}:refs/remotes/origin/{branch}`), or name a "
        "commit that it has with --trusted-ref"
    )


def _tip_here(event: Event, root: Path, branch: str) -> str | None:
    if not event.is_of(asked(lambda: git.origin(root))):
        return None
    return asked(lambda: git.resolve_commit(root, f"refs/remotes/origin/{branch}"))


def _commit_here(branch: str, sha: str, root: Path) -> Commit:
    return Commit(f"{branch}@{sha[:7]}", sha, GitTree(root, sha))


def _unknown_tip(event: Event, branch: str, error: PolicyEngineError) -> str:
    return (
        f"the policies of {branch} judge this pull request, this clone does not have "
        f"origin/{branch} of {event.repository or 'its repository'}, and the API does not help: "
        f"{error}; check out with `fetch-depth: 0`, or give the step GITHUB_TOKEN"
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The policy files of a pull request's head: `unreadable` says why they are not known."""

    ref: str
    texts: Texts | None
    unreadable: str | None = None


def _proposed(place: Origin) -> _Found:
    """Return the policy files of the proposal: of its merge, as far as there is one.

    What the default branch gained meanwhile is in the merge, and not in the head.
    """
    head = place.heads[-1] if place.heads else ""
    for sha in place.heads:
        if asked(partial(git.resolve_commit, place.root, sha)) is not None:
            return _read(place, sha, GitTree(place.root, sha))
    if not head or not place.hub.has_token:
        return _Found(head[:7], None, f"this clone does not have its head {head[:7]}")
    return _read(place, head, ApiTree(place.hub.client, head))


def _read(place: Origin, sha: str, tree: Tree) -> _Found:
    try:
        return _Found(sha[:7], place.texts(tree))
    except TreeError as e:
        return _Found(sha[:7], None, str(e))


def _judged_by_itself(tip: Commit, proposed: _Found, place: Origin) -> Judges:
    """Let the proposal judge: the default branch has no policies yet."""
    if proposed.unreadable is not None:
        names = ", ".join(f"'{path}'" for path in place.given)
        raise PoliciesUnreadable(
            f"{tip.ref} has no policy file at {names}, and those of the pull request "
            f"cannot be read: {proposed.unreadable}"
        )
    if proposed.texts is None:
        raise _no_policy_file(place.given, tip, proposed)
    return Judges(proposed.texts, proposed.ref, trusted=False)


def _overlaid(trusted: Texts, found: _Found, place: Origin) -> Proposed | None:
    """Return the trusted files with what the pull request makes of those that it touches.

    What else differs, the default branch gained after the pull request was made.
    """
    touched = place.job.touched
    ours = None if touched is None else set(touched)

    def theirs(path: str) -> bool:
        return ours is None or posixpath.normpath(place.prefix + path) in ours

    if found.unreadable is not None:
        return Proposed(None, found.unreadable)
    texts = found.texts or Texts({}, {})
    files = _merged(trusted.files, texts.files, theirs)
    if not files:
        return Proposed(Texts({}, {}), "the pull request leaves no policy file")
    proposed = Texts(files, _merged(trusted.neighbours, texts.neighbours, theirs))
    return None if proposed == trusted else Proposed(proposed)


def _merged(
    old: Mapping[str, bytes], new: Mapping[str, bytes], theirs: Callable[[str], bool]
) -> dict[str, bytes]:
    return {
        path: (new if theirs(path) else old)[path]
        for path in {**old, **new}
        if path in (new if theirs(path) else old)
    }
