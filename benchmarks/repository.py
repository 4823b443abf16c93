"""A git repository as a pull request leaves it: policies on `main`, a commit on a branch."""

import subprocess
from pathlib import Path

from benchmarks.policies import POLICY_FILE, TEXT
from benchmarks.server import quiet_environment

_WHO = ("-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "commit.gpgsign=false")


def make(folder: Path) -> str:
    """Make the repository in a folder that is not there yet; return the branch's commit."""
    (folder / POLICY_FILE).parent.mkdir(parents=True)
    (folder / POLICY_FILE).write_text(TEXT, encoding="utf-8")
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    _commit(folder, "policies")
    _git(folder, "switch", "--quiet", "--create", "more-trees")
    (folder / "train.py").write_text("trees = 21\n", encoding="utf-8")
    _commit(folder, "more trees")
    return _git(folder, "rev-parse", "HEAD")


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "--all")
    _git(folder, *_WHO, "commit", "--quiet", "--message", message)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=quiet_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
