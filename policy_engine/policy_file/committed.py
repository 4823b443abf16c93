"""From files and folders of a commit to the texts of policy files, by the rules of `paths`."""

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from policy_engine.errors import UsageError
from policy_engine.git.tree import EntryKind, Tree, TreeError
from policy_engine.policy_file.paths import MOST_FILES, is_part, is_policy_file
from policy_engine.source.yaml_source import LARGEST_FILE


@dataclass(frozen=True, slots=True)
class Texts:
    """Policy files, and the files beside them that they may extend, by path.

    Paths are POSIX, from the folder that the command runs in.

    Attributes:
        files: The policy files.
        neighbours: What lies beside them.
        absent: The paths that were asked for and hold no policy file.
    """

    files: Mapping[str, bytes]
    neighbours: Mapping[str, bytes]
    absent: tuple[str, ...] = field(default=(), compare=False)

    @property
    def all(self) -> dict[str, bytes]:
        """Both, by path."""
        return {**self.neighbours, **self.files}


def from_root(given: str, root: Path) -> str:
    """Return a path that the user gave relative to the folder that the command runs in.

    Raises:
        UsageError: If it is absolute and lies elsewhere.
    """
    path = Path(given)
    if not path.is_absolute():
        return posixpath.normpath(PurePosixPath(path).as_posix())
    inside = Path(os.path.normpath(path))
    here = Path(os.path.abspath(root))  # noqa: PTH100 (`resolve` would follow links)
    if not inside.is_relative_to(here):
        raise _outside(given)
    return inside.relative_to(here).as_posix()


def committed_texts(paths: Iterable[str], tree: Tree, prefix: str) -> Texts | None:
    """Read the policy files of a commit.

    Args:
        paths: Files and folders, as `from_root` gives them.
        tree: The commit.
        prefix: Where the folder that the command runs in lies: "" for the repository's root,
            else with a `/` at its end.

    Returns:
        Them; None where none of the paths holds any. A path that holds none is `absent`.

    Raises:
        UsageError: If a path leads out of the repository.
        TreeError: If a policy file is a link, or cannot be read.
    """
    files: dict[str, bytes] = {}
    beside: dict[str, bytes] = {}
    absent: list[str] = []
    for path in paths:
        chosen, others = _read_one(path, tree, prefix)
        files.update(chosen)
        beside.update(others)
        if not chosen:
            absent.append(path)
    if not files:
        return None
    neighbours = {key: text for key, text in beside.items() if key not in files}
    return Texts(files, neighbours, tuple(absent))


def _read_one(path: str, tree: Tree, prefix: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    start = posixpath.normpath(prefix + path)
    if start == ".." or start.startswith("../"):
        raise _outside(path)
    start = "" if start == "." else start
    kind = tree.kind(start)
    if kind is None:
        return {}, {}
    if kind is EntryKind.FOLDER:
        names = _yaml_files(tree, start)
        chosen = [name for name in names if not is_part(name)]
        folder, shown = start, path
    else:
        _refuse_other(kind, start)
        folder, _, name = start.rpartition("/")
        names, chosen, shown = _yaml_files(tree, folder), [name], posixpath.dirname(path)
    texts = {
        name: tree.read(posixpath.join(folder, name), LARGEST_FILE)
        for name in dict.fromkeys((*names, *chosen))
    }
    keys = {name: posixpath.normpath(posixpath.join(shown, name)) for name in texts}
    return (
        {keys[name]: texts[name] for name in chosen},
        {keys[name]: texts[name] for name in names if name not in chosen},
    )


def _yaml_files(tree: Tree, folder: str) -> Sequence[str]:
    """Return the YAML files of a folder, sorted."""
    kinds = tree.entries(folder)
    names = [
        n for n, kind in sorted(kinds.items()) if is_policy_file(n) and kind != EntryKind.FOLDER
    ]
    if len(names) > MOST_FILES:
        raise TreeError(f"'{folder or '.'}' holds more than {MOST_FILES} YAML files")
    for name in names:
        _refuse_other(kinds[name], posixpath.join(folder, name))
    return names


def _refuse_other(kind: EntryKind, path: str) -> None:
    if kind is not EntryKind.FILE:
        raise TreeError(f"'{path}' is {kind}; a policy file is a plain file")


def _outside(given: str) -> UsageError:
    return UsageError(
        f"--policies {given}: it lies outside the repository, and in no other that git can "
        "read; in a pull request policies are read from a commit, so name a file or folder of one"
    )
