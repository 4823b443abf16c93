"""The demo's folder: what the demo makes there, and the promise to remove nothing else."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from policy_engine.errors import UsageError

MARKER = ".policy-engine-demo"
_MARKER_TEXT = (
    "policy-engine demo made this folder; it may remove mlflow.db and mlartifacts here.\n"
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the demo keeps its store, its models and its policies."""

    path: Path

    @property
    def database(self) -> Path:
        """MLflow's embedded store."""
        return self.path / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """The folder of the models; MLflow wants its place absolute."""
        return self.path.resolve() / "mlartifacts"

    @property
    def policies(self) -> Path:
        """The folder of the policy files; the reader may edit them."""
        return self.path / "policies"

    @property
    def policy_file(self) -> Path:
        """The policy file that the demo puts there."""
        return self.policies / "demo.yaml"

    def reports(self, number: int) -> dict[str, Path]:
        """Return the files of a pull request's reports by format; their folder is made."""
        folder = self.path / "reports"
        folder.mkdir(exist_ok=True)
        endings = {"text": "txt", "markdown": "md", "html": "html", "json": "json"}
        return {name: folder / f"pr-{number}.{ending}" for name, ending in endings.items()}

    @property
    def tracking_uri(self) -> str:
        """The store as MLflow's tools name it."""
        return f"sqlite:///{self.database.as_posix()}"

    @property
    def has_own_rules(self) -> bool:
        """Whether somebody changed the policies since the demo wrote them."""
        written = sorted(path.name for path in self.policies.iterdir())
        return (
            written != ["demo.yaml"] or self.policy_file.read_text("utf-8") != packaged_policies()
        )


def packaged_policies() -> str:
    """Return the policy file that the demo begins with."""
    return files("policy_engine.cli.demo").joinpath("policies/demo.yaml").read_text("utf-8")


def claim(path: Path) -> Folder:
    """Return the folder if the demo may have it; nothing is written yet.

    Raises:
        UsageError: If there is something at `path` that no demo made.
    """
    if path.exists() and not (path.is_dir() and _is_ours(path)):
        raise UsageError(
            f"{path} is there already and was not made by the demo, so the demo leaves it alone; "
            "name another folder with --folder"
        )
    return Folder(path)


def prepare_folder(folder: Folder) -> bool:
    """Make a claimed folder ready for training; say whether an earlier demo's store was removed.

    An edited policy file stays as it is.

    Raises:
        UsageError: If the folder cannot be written to.
    """
    path = folder.path
    try:
        folder.policies.mkdir(parents=True, exist_ok=True)
        (path / MARKER).write_text(_MARKER_TEXT, "utf-8")
        (path / ".gitignore").write_text("*\n", "utf-8")
        had_store = _clear(folder)
        if not folder.policy_file.exists():
            folder.policy_file.write_text(packaged_policies(), "utf-8")
    except OSError as e:
        raise UsageError(f"the demo cannot write to {path}: {e.strerror}") from e
    return had_store


def _is_ours(path: Path) -> bool:
    return (path / MARKER).is_file() or not any(path.iterdir())


def _clear(folder: Folder) -> bool:
    """Remove the store and the models of an earlier demo; nothing else."""
    had_store = folder.database.exists()
    for file in _database_files(folder):
        file.unlink(missing_ok=True)
    if folder.artifacts.is_dir() and not folder.artifacts.is_symlink():
        shutil.rmtree(folder.artifacts)
    return had_store


def _database_files(folder: Folder) -> Iterator[Path]:
    """Yield the database and what SQLite may leave beside it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        yield folder.database.with_name(folder.database.name + suffix)
