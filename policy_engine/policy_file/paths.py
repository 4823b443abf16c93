"""From files and folders to the texts of policy files: the one place that reads them from disk."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from policy_engine.errors import UsageError
from policy_engine.git import work_tree as git
from policy_engine.policy_file.waivers import NAMES as WAIVERS
from policy_engine.source.yaml_source import LARGEST_FILE

DEFAULT = "policies"
"""The folder of policy files, unless others are given."""
MOST_FILES = 500
"""YAML files of one folder that are read: a proposal may hold any number."""

_BACK = "\\"  # a path as Windows writes it, on a system that reads it as a name
_SUFFIXES = frozenset({".yaml", ".yml"})


def policy_paths(paths: Sequence[str], root: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Read policy files, and what lies beside them: files to extend, and `waivers.yaml`.

    A folder gives its `*.yaml` and `*.yml`, not deeper, without `waivers.yaml` and names that begin
    with `_`: those are neighbours only.

    Args:
        paths: Files and folders, absolute or relative to `root`.
        root: The repository's root; no link within it may lead out of it.

    Returns:
        Policy files and their neighbours, by POSIX path relative to `root`; what lies outside of
        `root` is named as it was given.

    Raises:
        UsageError: If a path does not exist, a folder has no policy file, a link leads out of
            `root`, or a file cannot be read.
    """
    files: dict[str, bytes] = {}
    beside: dict[str, bytes] = {}
    for given in paths:
        try:
            chosen, others = _read_one(given, root)
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"'{given}' cannot be read: {why}") from error
        files.update(chosen)
        beside.update(others)
    return files, {key: text for key, text in beside.items() if key not in files}


def is_policy_file(name: str) -> bool:
    """Say whether a file of a policy folder is one that policies are read from, by its name."""
    return PurePath(name).suffix in _SUFFIXES


def is_part(name: str) -> bool:
    """Say whether a file judges nothing itself, by its name: parts to extend, and waivers."""
    return name.startswith("_") or name in WAIVERS


def _read_one(given: str, root: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    start = Path(os.path.normpath(root / given))
    if not start.exists():
        raise UsageError(f"there is no policy file or folder '{given}'{_hint(given, root)}")
    named = _Names(given, start, Path(os.path.normpath(root)))
    folder = start if start.is_dir() else start.parent
    siblings = list(_siblings(folder))
    if len(siblings) > MOST_FILES:
        raise UsageError(f"the folder '{given}' holds more than {MOST_FILES} YAML files")
    chosen = [p for p in siblings if not is_part(p.name)] if folder == start else [start]
    if not chosen:
        raise UsageError(f"the folder '{given}' has no policy file (*.yaml or *.yml)")
    return (
        {named.key(path): _read(path, named) for path in chosen},
        {named.key(path): _read(path, named) for path in siblings if path not in chosen},
    )


def _hint(given: str, root: Path) -> str:
    """Return what to do about a path that is not there: another folder, or a first policy file."""
    if _BACK in given:
        return f"; write it {given.replace(_BACK, '/')}"
    try:
        top = git.top(root)
    except (git.GitError, ValueError):
        top = None
    if top and not Path(given).is_absolute() and (Path(top) / given).exists():
        up = os.path.relpath(top, root).replace(os.sep, "/")
        return f" in this folder; the repository's root has it: cd {up}, and run it there"
    return "; `policy-engine init` proposes a first one" if given == DEFAULT else ""


class _Names:
    """How the paths that one argument leads to are called in messages and reports."""

    def __init__(self, given: str, start: Path, root: Path) -> None:
        self._given = Path(given)
        self._start = start
        # Absolute: `../central` is relative to `.`, and does not lie in it.
        here = _absolute(root)
        self._root = here if _absolute(start).is_relative_to(here) else None

    def key(self, path: Path) -> str:
        """Return the path from the root, or as it was given; see that no link leaves the root."""
        if self._root is None:
            beside = self._given if self._start.is_dir() else self._given.parent
            return (
                self._given.as_posix() if path == self._start else (beside / path.name).as_posix()
            )
        key = _absolute(path).relative_to(self._root).as_posix()
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise UsageError(f"'{key}' is a link that leads out of the repository")
        return key


def _absolute(path: Path) -> Path:
    """Return a path from the root of the file system, with its links as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 (`absolute` keeps `..`)


def _siblings(folder: Path) -> Iterator[Path]:
    """Yield the YAML files of a folder, sorted; a broken link too: it is an error, not nothing."""
    for path in sorted(folder.iterdir()):
        if is_policy_file(path.name) and not path.is_dir():
            yield path


def _read(path: Path, named: _Names) -> bytes:
    """Return the bytes of a file, one more than allowed at most: `load_yaml` refuses that."""
    key = named.key(path)
    if not path.is_file():
        what = "is a link to nothing" if path.is_symlink() else "is not a file that can be read"
        raise UsageError(f"'{key}' {what}")
    with path.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)
