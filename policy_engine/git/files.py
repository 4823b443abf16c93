"""The files of a commit that this clone has, asked of the `git` command."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from policy_engine.git import work_tree as git
from policy_engine.git.tree import EntryKind, TreeError, beneath

_KINDS = {
    "100644": EntryKind.FILE,
    "100664": EntryKind.FILE,  # written by very old versions of git
    "100755": EntryKind.FILE,
    "040000": EntryKind.FOLDER,
    "120000": EntryKind.LINK,
    "160000": EntryKind.SUBMODULE,
}


class _Entry(NamedTuple):
    kind: EntryKind
    object: str
    size: int


class GitTree:
    """A `policy_engine.git.tree.Tree` of a commit in the clone that holds a folder.

    What a partial clone left out is not fetched: it cannot be read.
    """

    def __init__(self, folder: Path, commit: str) -> None:
        """Read this commit (a full sha)."""
        self._folder = folder
        self._commit = commit
        self._listed: dict[str, Mapping[str, _Entry]] = {}

    def kind(self, path: str) -> EntryKind | None:
        """Return what stands at a path of the commit; None where nothing does."""
        return beneath(self, "", path.split("/") if path else ())

    def entries(self, folder: str) -> Mapping[str, EntryKind]:
        """Return what a folder of the commit holds, by name."""
        return {name: entry.kind for name, entry in self._entries(folder).items()}

    def read(self, path: str, at_most: int) -> bytes:
        """Return the bytes of a file of the commit."""
        folder, _, name = path.rpartition("/")
        entry = self._entries(folder)[name]
        if entry.size > at_most:
            raise TreeError(f"'{path}' is larger than {at_most} bytes")
        try:
            return git.blob(self._folder, entry.object)
        except (git.GitError, ValueError) as e:
            raise TreeError(f"'{path}' cannot be read: {e}") from e

    def _entries(self, folder: str) -> Mapping[str, _Entry]:
        if folder not in self._listed:
            try:
                answer = git.listing(self._folder, self._commit, folder)
            except (git.GitError, ValueError) as e:
                raise TreeError(f"'{folder or '.'}' cannot be read: {e}") from e
            self._listed[folder] = dict(map(_entry, answer))
        return self._listed[folder]


def _entry(line: str) -> tuple[str, _Entry]:
    facts, _, path = line.partition("\t")
    mode, _, object_, size = facts.split()
    entry = _Entry(_KINDS[mode], object_, int(size) if size.isdigit() else 0)
    return path.rpartition("/")[2], entry
