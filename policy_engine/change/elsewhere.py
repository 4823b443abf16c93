"""Policies of another repository: a second checkout that the job made beside the change.

Its trust is its own commit: the files are read from there, never from its work tree. Who named the
commit is whoever wrote the job; a folder that the change itself could have brought is refused.
"""

import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from policy_engine.change.situation import Job, asked, policy_source
from policy_engine.errors import UsageError
from policy_engine.git import work_tree as git
from policy_engine.git.files import GitTree
from policy_engine.git.tree import TreeError
from policy_engine.policy_file import Texts, committed_texts
from policy_engine.report import PolicySource


@dataclass(frozen=True, slots=True)
class Checkout:
    """The work tree of another repository than the one that the command runs in.

    Attributes:
        top: Its root.
        head: The commit that is checked out there.
        given: Each path of `--policies`, with the same from `top` (POSIX).
    """

    top: Path
    head: str
    given: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What the report calls the repository: `github.com/acme/policies`, else its folder."""
        address = asked(partial(git.origin, self.top)) or ""
        return _name(address) or f"./{self.top.name}"

    @property
    def ref(self) -> str:
        """What the report calls the commit."""
        return f"{self.name}@{self.head[:7]}"

    def texts(self) -> Texts | None:
        """Return the policy files of the commit, by their paths as given.

        Raises:
            TreeError: If they cannot be read.
        """
        tree = GitTree(self.top, self.head)
        files: dict[str, bytes] = {}
        beside: dict[str, bytes] = {}
        absent: list[str] = []
        for given, inside in self.given:
            found = committed_texts([inside], tree, "")
            if found is None:
                absent.append(given)
                continue
            is_file = inside in found.files
            folder = posixpath.dirname(given) if is_file else given
            files |= {_beneath(folder, path): text for path, text in found.files.items()}
            beside |= {_beneath(folder, path): text for path, text in found.neighbours.items()}
        if not files:
            return None
        neighbours = {path: text for path, text in beside.items() if path not in files}
        return Texts(files, neighbours, tuple(absent))

    def source(self, digest: str, root: Path, paths: Sequence[str]) -> PolicySource:
        """Return whose policies these are, as the work tree of the checkout has them.

        Args:
            digest: Of the policies.
            root: The folder that the command runs in.
            paths: The policy files, from `root`.
        """
        inside = [Path(os.path.relpath(_real(root / path), self.top)).as_posix() for path in paths]
        found = policy_source(self.top, digest, inside)
        edited = " (edited)" if found.ref is not None and found.ref.endswith(" (edited)") else ""
        return replace(found, ref=f"{self.ref}{edited}")


def checkout_of(given: Sequence[str], root: Path) -> Checkout | None:
    """Return the other repository in which policies lie; None where it is none, or the change's.

    Args:
        given: Policy files and folders, from `root`.
        root: The folder that the command runs in.

    Raises:
        UsageError: If they lie in several repositories, or in one without a commit.
    """
    if all(_is_plainly_here(root, path) for path in given):
        return None
    here = _top(root)
    change = here or _real(root)
    tops = {path: here if _is_led_by(change, root / path) else _top(root / path) for path in given}
    others = {top for top in tops.values() if top not in {here, None}}
    if not others:
        return None
    top = next(filter(None, others))
    one = given[0]
    other = next((path for path in given if tops[path] != tops[one]), None)
    if other is not None:
        raise UsageError(
            f"--policies: '{one}' and '{other}' are not of one repository; name paths of one, and "
            "check the other by a second command"
        )
    head = asked(partial(git.head, top))
    if head is None:
        raise UsageError(f"--policies {given[0]}: its repository has no commit that git can read")
    inside = (Path(os.path.relpath(_real(root / path), top)).as_posix() for path in given)
    names = [PurePosixPath(Path(path).as_posix()).as_posix() for path in given]
    return Checkout(top, head, tuple(zip(map(posixpath.normpath, names), inside, strict=True)))


def source_of(given: Sequence[str], root: Path, digest: str, paths: Sequence[str]) -> PolicySource:
    """Return which policies the work tree holds: of its own repository, or of another.

    Args:
        given: Policy files and folders, from `root`.
        root: The folder that the command runs in.
        digest: Of the policies.
        paths: The policy files that `given` leads to.
    """
    try:
        checkout = checkout_of(given, root)
    except UsageError:  # of several repositories: no one commit is all of theirs
        checkout = None
    if checkout is None:
        return policy_source(root, digest, paths)
    return checkout.source(digest, root, paths)


def refuse_the_changes_own(
    checkout: Checkout, job: Job, heads: Sequence[str], tip: Callable[[], str]
) -> None:
    """Refuse a checkout that the proposal could have brought or chosen.

    Args:
        checkout: The other checkout.
        job: What asks.
        heads: Commits of the proposal.
        tip: Gives the commit that is trusted of the change's own repository.

    Raises:
        UsageError: If it is one; says which sign of it was found.
        PoliciesUnreadable: As `tip`.
    """
    why = (
        _is_part_of_another(checkout)
        or _is_in_the_change(checkout, job.root, heads)
        or _holds_the_change(checkout, heads)
        or _is_another_branch(checkout, job, tip)
    )
    if why is not None:
        raise UsageError(
            f"--policies {checkout.given[0][0]}: {why}; check out a repository of your own in a "
            "step of the job, at a branch or commit that the job names"
        )


def _is_part_of_another(checkout: Checkout) -> str | None:
    if (checkout.top / ".git").is_dir() and not (checkout.top / ".git").is_symlink():
        return None
    return "it is a submodule or a linked work tree, and the change may say of which commit"


def _is_in_the_change(checkout: Checkout, root: Path, heads: Sequence[str]) -> str | None:
    """Say what the change holds at the place of the checkout, such as a submodule."""
    here = _top(root)
    if here is None or not checkout.top.is_relative_to(here):
        return None
    place = checkout.top.relative_to(here).as_posix()
    known = [asked(partial(git.resolve_commit, root, head)) for head in heads]
    commits = {sha for sha in (*known, asked(partial(git.head, root))) if sha is not None}
    if not commits:
        return "it lies in the change's own folder, and git cannot tell what the change holds there"
    for sha in commits:
        try:
            kind = GitTree(root, sha).kind(place)
        except TreeError as e:
            return f"it lies in the change's own folder: {e}"
        if kind is not None:
            return f"the change itself has {kind} at '{place}'"
    return None


def _holds_the_change(checkout: Checkout, heads: Sequence[str]) -> str | None:
    for head in heads:
        if asked(partial(git.merge_base, checkout.top, head, checkout.head)) == head:
            return f"its commit {checkout.head[:7]} is the change's own, or holds it"
    return None


def _is_another_branch(checkout: Checkout, job: Job, tip: Callable[[], str]) -> str | None:
    """Say whether it is the change's own repository at a commit that is not trusted there."""
    mine, its = (asked(partial(git.origin, folder)) for folder in (job.root, checkout.top))
    same = (mine is not None and _name(mine) == _name(its or "")) or (
        job.event is not None and job.event.is_of(its)
    )
    if not same:
        return None
    trusted = tip()
    if checkout.head == trusted:
        return None
    for folder in (job.root, checkout.top):
        if asked(partial(git.merge_base, folder, trusted, checkout.head)) == checkout.head:
            return None
    return (
        f"it is the change's own repository at {checkout.head[:7]}, which is not known to be of "
        "the branch that judges it"
    )


def _top(path: Path) -> Path | None:
    """Return the root of the work tree that a path lies in, whatever links lead there."""
    place = _real(path)
    while not place.is_dir() and place != place.parent:
        place = place.parent
    found = asked(partial(git.top, place))
    return _real(Path(found)) if found else None


def _is_plainly_here(root: Path, given: str) -> bool:
    """Say whether a path leads down from `root`, by no link and into no other work tree.

    So it is with nearly every path, and git needs not be asked.
    """
    path = Path(os.path.normpath(given))
    steps = [root / step for step in (path, *path.parents) if step != Path()]
    return not path.is_absolute() and not any(
        step.name == ".." or step.is_symlink() or os.path.lexists(step / ".git") for step in steps
    )


def _is_led_by(change: Path, path: Path) -> bool:
    """Say whether a path leads through a link in the change's folder, which it may have made."""
    plain = Path(os.path.normpath(Path.cwd() / path))
    return any(
        step.is_symlink() and _real(step.parent).is_relative_to(change)
        for step in (plain, *plain.parents)
    )


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _beneath(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, posixpath.basename(path)))


def _name(address: str) -> str | None:
    """Return host and path of a repository's address, without user and password; None for none."""
    text = address.strip()
    scheme, _, rest = text.partition("://")
    if not rest:
        host, colon, path = text.partition(":")
        if not colon or "/" in host:
            return None  # a folder of this machine
        rest, scheme = f"{host}/{path}", "ssh"
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host = parts.hostname or ""
    except ValueError:
        return None
    path = parts.path.strip("/").removesuffix(".git")
    return f"{host}/{path}".lower() if host and path and scheme != "file" else None
