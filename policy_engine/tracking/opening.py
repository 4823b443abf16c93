"""Which reader a tracking URI asks for; what names no store is refused before anybody connects."""

import os
import re
from contextlib import closing
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import quote

from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import shown, without_secrets
from policy_engine.tracking.store import NoSuchStore, ReadFailed, Store

_OF_MLFLOW = frozenset("http https postgresql mysql mssql databricks databricks-uc uc".split())
"""Schemes that MLflow reads by itself, SQLite aside."""
_PLUGINS = {"azureml": "azureml-mlflow", "arn": "sagemaker-mlflow"}
"""The package of MLflow's plugin for a managed store, by the scheme of its address."""
_HOST = re.compile(r"(localhost|[\w.-]+):\d{1,5}(/[^\s]*)?", re.ASCII)


def open_store(uri: str, deadline: Deadline, registry_uri: str | None = None) -> Store:
    """Return a reader of the store at a tracking URI; a server is not asked anything yet.

    Args:
        uri: `http(s)://…` for a server, else anything that MLflow's client reads.
        deadline: When every read gives up.
        registry_uri: Where the registered models are; None: where MLflow itself would look, by
            `MLFLOW_REGISTRY_URI`, else by its own default for the tracking URI.

    Raises:
        NoSuchStore: If a URI is empty, a SQLite file is not there, or it is a file store.
        Unreadable: If a database cannot be opened, a token cannot be sent, or MLflow's plugin for
            the store is not installed.
    """
    registry = registry_uri or os.environ.get("MLFLOW_REGISTRY_URI") or None
    if spoken_to_directly(uri) and (registry is None or spoken_to_directly(registry)):
        # Imported here: a reader of saved evidence or of SQLite needs no `requests`.
        from policy_engine.tracking.rest import RestStore  # noqa: PLC0415

        return RestStore(uri, deadline, registry)
    for each in (uri, registry):
        if each is not None and not spoken_to_directly(each):
            _refuse_what_holds_no_runs(each, each.partition(":")[0].lower())
    # Imported here: importing mlflow takes a second, and a server needs none of it.
    from policy_engine.tracking.client import ClientStore  # noqa: PLC0415

    return ClientStore(uri, deadline, registry)


def spoken_to_directly(uri: str) -> bool:
    """Say whether a tracking URI is of a server that is read without MLflow's client."""
    return uri.partition(":")[0].lower() in {"http", "https"} and not _needs_mlflow_client()


def _needs_mlflow_client() -> bool:
    """Whether the environment asks for authentication that only MLflow's client speaks."""
    sigv4 = os.environ.get("MLFLOW_TRACKING_AWS_SIGV4", "").lower() in {"true", "1"}
    return sigv4 or bool(os.environ.get("MLFLOW_TRACKING_AUTH"))


def _refuse_what_holds_no_runs(uri: str, scheme: str) -> None:
    if not uri.strip():
        raise NoSuchStore("no tracking URI: give --tracking-uri or set MLFLOW_TRACKING_URI")
    if scheme.partition("+")[0] == "sqlite":
        _refuse_absent_database(uri)
    elif _HOST.fullmatch(uri):
        raise NoSuchStore(
            f"the address {shown(uri)} has no scheme: write http://{shown(uri)}, or https://"
        )
    elif scheme in _PLUGINS or ("://" in uri and scheme != "file"):
        _refuse_without_plugin(uri, scheme)
    elif scheme not in _OF_MLFLOW:
        folder = without_secrets(uri).removeprefix("file:").removeprefix("//")
        raise NoSuchStore(
            f"{without_secrets(uri)} is a file store, which MLflow no longer reads: "
            f"move it with `mlflow migrate-filestore --source {shown(folder)} "
            "--target sqlite:///mlflow.db` and give that address"
        )


def _refuse_without_plugin(uri: str, scheme: str) -> None:
    """Raise Unreadable where MLflow needs a plugin for the scheme, and none is installed."""
    if scheme.partition("+")[0] in _OF_MLFLOW:
        return
    if any(each.name == scheme for each in entry_points(group="mlflow.tracking_store")):
        return
    package = _PLUGINS.get(scheme)
    remedy = (
        f"pip install {package}, beside policy-engine"
        if package
        else "install its plugin for MLflow, or check the tracking URI"
    )
    raise ReadFailed(
        f"MLflow reads {without_secrets(uri)} with a plugin, and none for '{shown(scheme)}' is "
        f"installed: {remedy}"
    )


def _refuse_absent_database(uri: str) -> None:
    """Raise NoSuchStore where MLflow would make a new, empty database out of a typing mistake."""
    # What stands before an @ could be a password; no file is called so.
    name = uri.partition("://")[2].rpartition("@")[2].removeprefix("/").partition("?")[0]
    if name in {"", ":memory:"}:
        raise NoSuchStore("the tracking URI names no file: write sqlite:///path/to/mlflow.db")
    path = Path(name)
    if not path.is_file():
        raise NoSuchStore(
            f"there is no SQLite file {shown(name)}: MLflow makes it when a first run is trained; "
            f"train one, or check the tracking URI{_here(path)}"
        )
    if not _has_mlflow_tables(path):
        raise NoSuchStore(f"{shown(name)} is not a MLflow database; check the tracking URI")


def _here(path: Path) -> str:
    """Say which folder a relative path was looked for in: a training may run in another."""
    return "" if path.is_absolute() else f" (it was looked for in {Path.cwd()})"


def _has_mlflow_tables(path: Path) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'experiments'"
    import sqlite3  # noqa: PLC0415 (a server needs none of it)

    try:
        # Read-only: an empty file stays empty.
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchone() is not None
    except sqlite3.OperationalError:
        return True  # locked, or no permission: MLflow's own message says more
    except sqlite3.DatabaseError:
        return False
