"""The files of a commit that no clone has, asked of GitHub's API one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policy_engine.git.tree import EntryKind, TreeError, beneath
from policy_engine.github.failure import GitHubError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.github.client import Client

# A submodule is listed as a file; reading it tells.
_KINDS = {
    "file": EntryKind.FILE,
    "dir": EntryKind.FOLDER,
    "symlink": EntryKind.LINK,
    "submodule": EntryKind.SUBMODULE,
}


class ApiTree:
    """A `policy_engine.git.tree.Tree` of a commit that GitHub has, one of a fork's too."""

    def __init__(self, client: Client, commit: str) -> None:
        """Read this commit (a full sha)."""
        self._client = client
        self._commit = commit
        self._listed: dict[str, Mapping[str, EntryKind] | None] = {}

    def kind(self, path: str) -> EntryKind | None:
        """Return what stands at a path of the commit; None where nothing does."""
        top, *names = path.split("/")
        return None if self._entries(top) is None else beneath(self, top, names)

    def entries(self, folder: str) -> Mapping[str, EntryKind]:
        """Return what a folder of the commit holds, by name."""
        found = self._entries(folder)
        if found is None:
            raise TreeError(f"'{folder}' is not there")
        return found

    def read(self, path: str, at_most: int) -> bytes:
        """Return the bytes of a file of the commit."""
        try:
            data = self._client.file(path, self._commit)
        except GitHubError as e:
            raise TreeError(str(e)) from e
        if len(data) > at_most:
            raise TreeError(f"'{path}' is larger than {at_most} bytes")
        return data

    def _entries(self, folder: str) -> Mapping[str, EntryKind] | None:
        """Return what a folder holds; None where nothing is at its path."""
        if not folder:
            raise TreeError(
                "GitHub's API is not asked for the root of the repository; "
                "keep policies in a folder, or check out with `fetch-depth: 0`"
            )
        if folder not in self._listed:
            try:
                found = self._client.folder(folder, self._commit)
            except NotFoundError:
                self._listed[folder] = None
            except GitHubError as e:
                raise TreeError(str(e)) from e
            else:
                self._listed[folder] = {
                    e.path.rpartition("/")[2]: _KINDS.get(e.kind, EntryKind.SUBMODULE)
                    for e in found
                }
        return self._listed[folder]
