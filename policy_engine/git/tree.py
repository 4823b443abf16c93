"""The files of one commit, wherever it is kept: read as data, never checked out."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from policy_engine.errors import PolicyEngineError


class TreeError(PolicyEngineError):
    """A file of a commit cannot be read, or is none; one plain sentence says why."""


class EntryKind(StrEnum):
    """What a name in a folder of a commit stands for."""

    FILE = "a file"
    FOLDER = "a folder"
    LINK = "a symbolic link"
    SUBMODULE = "a submodule"


class Tree(Protocol):
    """The files of one commit. Paths are POSIX, from the root of the repository; "" is the root."""

    def kind(self, path: str) -> EntryKind | None:
        """Return what stands at a path; None where nothing does. No link is followed on the way.

        Raises:
            TreeError: If a folder on the way is a link or a submodule, or cannot be read.
        """

    def entries(self, folder: str) -> Mapping[str, EntryKind]:
        """Return what a folder holds, by name.

        Args:
            folder: A folder that is there.

        Raises:
            TreeError: If it cannot be read.
        """

    def read(self, path: str, at_most: int) -> bytes:
        """Return the bytes of a file.

        Args:
            path: A file that is there.
            at_most: The most bytes that it may have.

        Raises:
            TreeError: If it is larger, or cannot be read.
        """


def beneath(tree: Tree, top: str, names: Sequence[str]) -> EntryKind | None:
    """Return what stands beneath a folder that is there, at the end of these names.

    Raises:
        TreeError: As `Tree.kind`.
    """
    kind: EntryKind | None = EntryKind.FOLDER
    folder = top
    for name in names:
        if kind in {EntryKind.LINK, EntryKind.SUBMODULE}:  # what it leads to is not known
            raise TreeError(f"'{folder}' is {kind}; policy files lie in plain folders")
        if kind is not EntryKind.FOLDER:
            return None
        kind = tree.entries(folder).get(name)
        folder = f"{folder}/{name}" if folder else name
    return kind
