"""Where a repository's training code seems to be."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

_IMPORTS = re.compile(rb"^\s*(?:import|from)\s+mlflow\b|\"(?:import|from) mlflow\b", re.MULTILINE)
_PASSED_OVER = frozenset(
    ("tests", "test", "node_modules", "site-packages", "build", "dist", "mlruns", "docs", "venv")
)
_PINS = ("requirements.txt", "pyproject.toml", "environment.yml", "conda.yaml", "uv.lock")
_MEANT = re.compile(r"[][{}*?!\\]|\s(?:/|$)|(?:^|/)\s")
_MOST_FILES = 20_000
_LARGEST = 2**20  # bytes of a file that is looked into


def candidate_paths(root: Path) -> tuple[str, ...]:
    """Return globs of what training seems to depend on, from the repository's root.

    Folders with a file that imports mlflow, and the files that pin what training runs with; nothing
    where no file imports it.
    """
    found = list(_training_files(root))
    if not found:
        return ()
    globs = [_glob(path) for path in found]
    pins = [name for name in _PINS if (root / name).is_file()]
    return (*_outermost(globs), *pins)


def _training_files(root: Path) -> Iterator[PurePosixPath]:
    looked = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in _PASSED_OVER and not f.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if _MEANT.search(path.relative_to(root).as_posix()):
                continue  # a glob would read it otherwise
            if path.suffix in {".py", ".ipynb"} and looked < _MOST_FILES and _imports(path):
                yield PurePosixPath(path.relative_to(root).as_posix())
            looked += 1


def _imports(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return _IMPORTS.search(stream.read(_LARGEST)) is not None
    except OSError:
        return False


def _glob(path: PurePosixPath) -> str:
    """Return the folder of a training file, or the file itself where that is the root."""
    return path.name if path.parent == PurePosixPath() else f"{path.parent}/**"


def _outermost(globs: Iterable[str]) -> tuple[str, ...]:
    """Return the globs without those that another one covers."""
    once = dict.fromkeys(globs)
    return tuple(
        glob for glob in once if not any(other != glob and _covers(other, glob) for other in once)
    )


def _covers(other: str, glob: str) -> bool:
    return other.endswith("/**") and glob.startswith(other.removesuffix("**"))
