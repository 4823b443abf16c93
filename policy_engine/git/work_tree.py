"""The facts that git knows of a work tree, asked of the `git` command.

It only reads: nothing here writes to the repository, fetches, or waits for a password. Paths are
as git stores them: POSIX, from the root of the repository.

What concerns the folder alone (`head`, `is_dirty`, `default_branch`, ...) has a plain answer where
there is no git or no repository. What compares commits raises `GitError` there: an empty list
would read as "nothing changed".
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

from policy_engine.errors import PolicyEngineError

if TYPE_CHECKING:
    from pathlib import Path

GIT_TIMEOUT_S = 5.0
"""The longest that one question to git may take, in seconds."""

MOST_COMMITS = 250
"""The most commits of a branch that are listed; GitHub's own limit for a pull request."""

# A full or short sha, or the name of a branch or a tag. Ranges, `rev:path`, `@{...}` and whatever
# could be read as an option are none.
_REVISION = re.compile(r"\w(?:[\w/+#=~^@-]|\.(?!\.)){0,249}")

# A commit hook or a wrapper may have set these; they would lead git away from the folder.
_ELSEWHERE = frozenset(
    {
        *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE"),
        *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
        *("GIT_NAMESPACE", "GIT_PREFIX", "GIT_SHALLOW_FILE"),
    }
)
_READ_ONLY = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # a ref may have git read one commit in place of another
    "GIT_GRAFT_FILE": os.devnull,  # `.git/info/grafts` gives a commit other parents
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # the texts in _NO_WORK_TREE are English
}
# The configuration of a repository may name a program as its file-system monitor.
_SAFELY = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")

_NO_WORK_TREE = ("not a git repository", "must be run in a work tree")
_OTHER_OWNER = re.compile(r"detected dubious ownership in repository at '(.+)'")

# In this order; `origin/HEAD` points to one of the others, or to a branch of another name.
_DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)


class GitError(PolicyEngineError):
    """Git could not answer; one plain sentence says why."""


class _NoRepositoryError(GitError):
    """There is no git command, or the folder lies in no work tree."""


def head(folder: Path, *, timeout_s: float = GIT_TIMEOUT_S) -> str | None:
    """Return the full sha of HEAD; None without git, a repository or a first commit.

    Raises:
        GitError: If git fails for another reason, or takes longer than `timeout_s` seconds.
    """
    answer = _of_folder(folder, "rev-parse", "--verify", "--quiet", "HEAD", timeout_s=timeout_s)
    return answer.strip() or None


def why_no_head(folder: Path) -> str | None:
    """Return why git names no commit here, and what to do; None where it names one."""
    try:
        _ask(folder, "rev-parse", "--git-dir")
        if head(folder) is None:
            return f"the repository at {folder.absolute()} has no commit yet: make one"
    except GitError as e:
        return str(e)
    return None


def unread(folder: Path) -> str | None:
    """Return why git says nothing of a folder that lies in a repository; None where it does."""
    here = folder.absolute()
    in_repository = any((each / ".git").exists() for each in (here, *here.parents))
    return why_no_head(folder) if in_repository else None


def is_dirty(folder: Path, *, timeout_s: float = GIT_TIMEOUT_S) -> bool | None:
    """Tell whether a tracked file differs from HEAD; None without git or a work tree.

    Untracked files do not count: a training run leaves its own beside the code.

    Raises:
        GitError: If git fails for another reason, or takes longer than `timeout_s` seconds.
    """
    question = (
        *("status", "--porcelain=v1", "-z", "--no-renames"),
        *("--untracked-files=no", "--ignore-submodules=untracked"),
    )
    try:
        return bool(_ask(folder, *question, timeout_s=timeout_s))
    except _NoRepositoryError:
        return None


def is_tracked(file: Path, *, timeout_s: float = GIT_TIMEOUT_S) -> bool:
    """Tell whether git tracks this file; False without git or a repository.

    Raises:
        GitError: If git fails for another reason, or takes longer than `timeout_s` seconds.
    """
    question = ("ls-files", "-z", "--", file.name)
    return bool(_of_folder(file.parent, *question, timeout_s=timeout_s))


def tracked_paths(folder: Path) -> list[str]:
    """Return the tracked paths at or below the folder, seen from it; none without a repository.

    Raises:
        GitError: If git fails for another reason than an absent repository.
    """
    return _of_folder(folder, "ls-files", "-z").split("\0")[:-1]


def is_shallow(folder: Path) -> bool:
    """Tell whether the history was cut off by a shallow clone; False without a repository.

    Raises:
        GitError: If git fails for another reason.
    """
    return _of_folder(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def default_branch(folder: Path) -> str | None:
    """Return the branch that pull requests go to, as a revision for the functions below.

    That is where `origin/HEAD` points, else the first that exists of `origin/main`,
    `origin/master`, `main` and `master`; None when none does.

    Raises:
        GitError: If git fails for another reason than an absent repository.
    """
    form = "--format=%(refname)%00%(symref)%00%(refname:short)%00%(symref:short)"
    lines = _of_folder(folder, "for-each-ref", form, *_DEFAULT_BRANCHES).splitlines()
    found = {}
    for line in lines:
        name, points_to, short, points_to_short = line.split("\0")
        found[name] = points_to_short if points_to else short
    return next((found[name] for name in _DEFAULT_BRANCHES if name in found), None)


def merge_base(folder: Path, one: str, other: str) -> str | None:
    """Return the best common ancestor of two commits; None when they share no history.

    In a shallow clone the answer may be None for commits that do share one: see `is_shallow`.

    Raises:
        GitError: If git does not know one of them.
        ValueError: If one is not a plausible revision.
    """
    commits = (_revision(one), _revision(other))
    question = ("merge-base", "--end-of-options", *commits)
    return _ask(folder, *question, also_fine=1).strip() or None


def first_parents(folder: Path, commit: str, limit: int = 50) -> list[str]:
    """Return the commit itself, then its first-parent ancestors, `limit` shas at most.

    Raises:
        GitError: If git does not know the commit.
        ValueError: If it is not a plausible revision.
    """
    question = ("rev-list", "--first-parent", f"--max-count={limit:d}", "--end-of-options")
    return _ask(folder, *question, _revision(commit), "--").split()


def commits_between(folder: Path, base: str, head: str) -> list[str]:
    """Return the commits of `head` that `base` does not have, newest first, at most 250.

    Newest first means that no commit comes after one of its ancestors, whatever its date says.

    Raises:
        GitError: If git does not know one of the two.
        ValueError: If one is not a plausible revision.
    """
    question = ("rev-list", "--topo-order", f"--max-count={MOST_COMMITS}", "--end-of-options")
    return _ask(folder, *question, f"{_revision(base)}..{_revision(head)}", "--").split()


def count_between(folder: Path, base: str, head: str) -> int:
    """Return how many commits `head` has that `base` does not have.

    Raises:
        GitError: If git does not know one of the two.
        ValueError: If one is not a plausible revision.
    """
    question = ("rev-list", "--count", "--end-of-options")
    return int(_ask(folder, *question, f"{_revision(base)}..{_revision(head)}", "--"))


def changed_paths(folder: Path, older: str, newer: str) -> list[str]:
    """Return the paths that differ between two commits; a renamed file under both names.

    Raises:
        GitError: If git does not know one of the two.
        ValueError: If one is not a plausible revision.
    """
    # A `.gitmodules` of the work tree may say that a submodule never counts as changed.
    shown = ("-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none")
    question = ("diff-tree", *shown, "--end-of-options")
    answer = _ask(folder, *question, _revision(older), _revision(newer), "--")
    return answer.split("\0")[:-1]


def paths_of_change(folder: Path, base: str, head: str, merge: str | None = None) -> list[str]:
    """Return the paths that a pull request may change: every one that its merge can bring.

    Branches that were merged both ways have several merge bases. A head that takes a file from one
    of them differs in it from the others alone, and the merge brings it all the same: so they are
    the paths that differ from any of them.

    Args:
        folder: A folder of the clone.
        base: The branch that the change goes to.
        head: The head of the change.
        merge: The commit that merges the two, if the forge made one; what it brings counts too,
            where the clone has it.

    Raises:
        GitError: If git does not know one of the two, they share no history, or the clone is
            shallow: it may lack a merge base.
        ValueError: If one is not a plausible revision.
    """
    bases = _merge_bases(folder, base, head)
    if not bases:
        raise GitError(f"git knows no common ancestor of {base} and {head} in {folder}")
    if is_shallow(folder):
        raise GitError(f"the clone in {folder} is shallow: it may lack a merge base of {head}")
    paths = {path for each in bases for path in changed_paths(folder, each, head)}
    target = _merged_into(folder, merge, head) if merge else None
    if merge and target:
        paths.update(changed_paths(folder, target, merge))
    return sorted(paths)


def _merge_bases(folder: Path, one: str, other: str) -> list[str]:
    commits = (_revision(one), _revision(other))
    question = ("merge-base", "--all", "--end-of-options", *commits)
    return _ask(folder, *question, also_fine=1).split()


def _merged_into(folder: Path, merge: str, head: str) -> str | None:
    """Return the commit that `merge` merges `head` into; None where the clone cannot tell."""
    if resolve_commit(folder, merge) is None:
        return None
    question = ("rev-list", "--parents", "--max-count=1", "--end-of-options", _revision(merge))
    _, *parents = _ask(folder, *question, "--").split()
    return parents[0] if len(parents) == 2 and parents[1] == head else None  # noqa: PLR2004 -- a merge of two


def resolve_commit(folder: Path, revision: str) -> str | None:
    """Return the full sha of a commit that this clone has; None where it has none of that name.

    Raises:
        GitError: If git fails for another reason than an absent repository.
        ValueError: If it is not a plausible revision.
    """
    # `^0` is the commit itself, and nothing where the name is of another kind of object.
    question = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{_revision(revision)}^0")
    return _of_folder(folder, *question).strip() or None


def prefix(folder: Path) -> str:
    """Return a folder's path from the root of its work tree: "" or `a/b/`; "" without a repository.

    Raises:
        GitError: If git fails for another reason.
    """
    return _of_folder(folder, "rev-parse", "--show-prefix").rstrip("\n")


def top(folder: Path) -> str | None:
    """Return the root of the work tree that a folder lies in; None where it lies in none.

    Raises:
        GitError: If git fails for another reason, such as a folder of another owner.
    """
    return _of_folder(folder, "rev-parse", "--show-toplevel").rstrip("\n") or None


def origin(folder: Path) -> str | None:
    """Return the address that `origin` was cloned from; None where there is none.

    It may hold a password: show it to nobody.

    Raises:
        GitError: If git fails for another reason.
    """
    return _of_folder(folder, "config", "--get", "remote.origin.url").strip() or None


def listing(folder: Path, commit: str, path: str) -> list[str]:
    """Return what a folder of a commit holds, as `ls-tree --long` writes it; "" is its root.

    Raises:
        GitError: If git does not know the commit, or lacks what it holds.
        ValueError: If it is not a plausible revision.
    """
    question = ("ls-tree", "-z", "--long", "--full-tree", "--end-of-options", _revision(commit))
    return _ask(folder, *question, "--", f"{path}/" if path else ".").split("\0")[:-1]


def blob(folder: Path, object_: str) -> bytes:
    """Return the bytes of a stored file.

    Raises:
        GitError: If this clone does not have it.
        ValueError: If it is not a plausible name of an object.
    """
    return _answer(folder, "cat-file", "blob", _revision(object_))


def _revision(text: str) -> str:
    if not _REVISION.fullmatch(text):
        raise ValueError(f"{text[:80]!a} is not the name of a commit")
    return text


def _of_folder(folder: Path, *question: str, timeout_s: float = GIT_TIMEOUT_S) -> str:
    """Ask what has an empty answer where there is no repository, or nothing in it (exit 1)."""
    try:
        return _ask(folder, *question, timeout_s=timeout_s, also_fine=1)
    except _NoRepositoryError:
        return ""


def _ask(folder: Path, *question: str, timeout_s: float = GIT_TIMEOUT_S, also_fine: int = 0) -> str:
    r"""Return what git answers on standard output, as text.

    A name that is not UTF-8 comes with its odd bytes written as `\xff`, so that every path can be
    printed and compared.
    """
    answer = _answer(folder, *question, timeout_s=timeout_s, also_fine=also_fine)
    return answer.decode(errors="backslashreplace")


def _answer(
    folder: Path, *question: str, timeout_s: float = GIT_TIMEOUT_S, also_fine: int = 0
) -> bytes:
    """Return what git answers on standard output."""
    # S603, S607: no shell; the user's own git; _revision keeps options out of the arguments.
    try:
        result = subprocess.run(  # noqa: S603
            ["git", *_SAFELY, "-C", os.fspath(folder), *question],  # noqa: S607
            env={k: v for k, v in os.environ.items() if k not in _ELSEWHERE} | _READ_ONLY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=timeout_s,
        )
    except FileNotFoundError:
        raise _NoRepositoryError("there is no git command on the PATH: install git") from None
    except subprocess.TimeoutExpired:
        raise GitError(
            f"git {question[0]} in {folder} took longer than {timeout_s:.1f} s"
        ) from None
    except OSError as error:
        raise GitError(f"the git command cannot be run: {error.strerror}") from None
    if result.returncode not in (0, also_fine):
        raise _failure(folder, question[0], result)
    return result.stdout


def _failure(folder: Path, command: str, result: subprocess.CompletedProcess[bytes]) -> GitError:
    text = result.stderr.decode(errors="backslashreplace")
    if any(phrase in text for phrase in _NO_WORK_TREE):
        return _NoRepositoryError(
            f"there is no git work tree at {folder.absolute()}: run this in a clone"
        )
    refused = _OTHER_OWNER.search(text)
    if refused is not None:
        return GitError(
            f"git does not read {refused[1]}, which belongs to another user: run "
            f"`git config --global --add safe.directory {shlex.quote(refused[1])}`"
        )
    said = [line.removeprefix("fatal: ") for line in text.splitlines() if line.startswith("fatal:")]
    reason = said[0][:200] if said else f"exit code {result.returncode}"
    return GitError(f"git {command} failed in {folder}: {reason}")
