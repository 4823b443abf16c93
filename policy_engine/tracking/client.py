"""MLflow's own client, for what plain HTTP cannot read: SQLite and other databases, Databricks.

Importing this module is cheap; making a `ClientStore` imports mlflow, which takes a second.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import posixpath
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from policy_engine.tracking.store import (
    Deadline,
    Entry,
    Json,
    NotFound,
    Unreadable,
    checked_experiment_id,
    checked_folder,
    checked_model_id,
    checked_name,
    checked_path,
    checked_run_id,
    checked_version,
    decoded,
    over_cap,
    over_deadline,
    redacted,
    same_for_all,
    shown,
    with_empty_files,
    without_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DATABASES = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
_PAGE = 1000
_MODELS_PAGE = 100
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_INVALID = "INVALID_PARAMETER_VALUE"

# MLflow phones home at a write, prints links and bars, and waits four minutes for a dead server.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class ClientStore:
    """Reads any store that MLflow's client reads; see `Store` for what each method returns.

    Its answers equal those of `RestStore`. It sets MLflow's environment variables for telemetry,
    printing, retries and timeouts where they are not set, and silences MLflow's loggers.

    Args:
        uri: Tracking URI; the model registry is read at the same.
        deadline: No read begins after it. A read under way is not broken off. It starts once the
            store is open.

    Raises:
        Unreadable: If the store cannot be opened.
    """

    request_count = 0

    def __init__(self, uri: str, deadline: Deadline) -> None:
        self._uri = uri
        self._address = without_secrets(uri)
        self._deadline = deadline
        self._secrets = _secrets(uri)
        self._roots: dict[str, str] = {}
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        database = urlsplit(uri).scheme.partition("+")[0] in _DATABASES
        if database:
            self._refuse_missing_packages()
        with self._reading(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of MLflow and what it imports, none of them ours
            from mlflow import MlflowClient  # noqa: PLC0415 -- takes a second, see above

            for name in ("mlflow", "alembic", "sqlalchemy"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            if database:
                self._refuse_other_schema()
            self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        # To import mlflow and open the store takes a slow machine longer than a read may take.
        deadline.restart()

    # Tracking.

    def run(self, run_id: str) -> Json:
        """Return a run, deleted ones too."""
        missing = {_ABSENT: f"MLflow at {self._address} has no run {checked_run_id(run_id)}"}
        with self._reading(missing):
            return _json(self._client.get_run(run_id))

    def runs(
        self,
        experiment_ids: Sequence[str],
        filter: str,  # noqa: A002 -- MLflow's word, and Store's
        *,
        limit: int,
        deleted: bool = False,
    ) -> list[Json]:
        """Return at most `limit` runs that match, those that began last first."""
        from mlflow.entities import ViewType  # noqa: PLC0415 -- see __init__

        ids = [checked_experiment_id(each) for each in experiment_ids]
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        found: list[Json] = []
        token: str | None = None
        while ids and len(found) < limit:
            with self._reading():
                page = self._client.search_runs(
                    ids,
                    filter,
                    run_view_type=view,
                    max_results=min(limit - len(found), _PAGE),
                    order_by=["attributes.start_time DESC"],
                    page_token=token,
                )
                found += [_json(each) for each in page]
                token = page.token
            if not token:
                break
        return found

    def experiment(self, experiment_id: str) -> Json:
        """Return an experiment by its id."""
        asked = checked_experiment_id(experiment_id)
        with self._reading({_ABSENT: f"MLflow at {self._address} has no experiment {asked}"}):
            return _json(self._client.get_experiment(asked))

    def experiment_by_name(self, name: str) -> Json:
        """Return an experiment by its name."""
        missing = f"MLflow at {self._address} has no experiment named '{shown(name)}'"
        with self._reading({_ABSENT: missing, _INVALID: missing}):
            experiment = self._client.get_experiment_by_name(checked_name(name))
            if experiment is None:
                raise NotFound(missing)
            return _json(experiment)

    def experiments(self) -> list[Json]:
        """Return all active experiments, as `experiment` does."""
        found: list[Json] = []
        token: str | None = None
        while True:
            with self._reading():
                page = self._client.search_experiments(max_results=_PAGE, page_token=token)
                found += [_json(each) for each in page]
                token = page.token
            if not token:
                return found

    # Models and files.

    def models_of_run(self, experiment_id: str, run_id: str) -> list[Json]:
        """Return each model that the run logged, whatever its status."""
        ids = [checked_experiment_id(experiment_id)]
        query = f"source_run_id = '{checked_run_id(run_id)}'"
        found: list[Json] = []
        token: str | None = None
        while True:
            with self._reading():
                page = self._client.search_logged_models(
                    ids, query, max_results=_MODELS_PAGE, page_token=token
                )
                found += [same_for_all(_json(each)) for each in page]
                token = page.token
            if not token:
                return found

    def model(self, model_id: str) -> Json:
        """Return a logged model."""
        asked = checked_model_id(model_id)
        with self._reading({_ABSENT: f"MLflow at {self._address} has no logged model {asked}"}):
            return same_for_all(_json(self._client.get_logged_model(asked)))

    def list_model(self, model_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a logged model."""
        return self._entries(self._model_root(model_id), checked_folder(folder))

    def list_run(self, run_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a run's own artifacts."""
        return self._entries(self._run_root(run_id), checked_folder(folder))

    def model_text(self, model_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a model."""
        what = f"the file '{shown(checked_path(path))}' of model {model_id}"
        return self._text(self._model_root(model_id), path, cap, what)

    def run_text(self, run_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a run."""
        what = f"the file '{shown(checked_path(path))}' of run {run_id}"
        return self._text(self._run_root(run_id), path, cap, what)

    # Registry.

    def version(self, name: str, version: str) -> Json:
        """Return a version of a registered model."""
        missing = f"MLflow at {self._address} has no version {version} of model '{shown(name)}'"
        asked = (checked_name(name), checked_version(version))
        with self._reading({_ABSENT: missing, _INVALID: missing}):
            return same_for_all(_json(self._client.get_model_version(*asked)))

    def version_by_alias(self, name: str, alias: str) -> Json:
        """Return the version that an alias points to."""
        missing = {
            _ABSENT: f"MLflow at {self._address} has no registered model '{shown(name)}'",
            _INVALID: f"the registered model '{shown(name)}' has no alias '{shown(alias)}'",
        }
        asked = (checked_name(name), checked_name(alias))
        with self._reading(missing):
            return same_for_all(_json(self._client.get_model_version_by_alias(*asked)))

    def registered_model(self, name: str) -> Json:
        """Return a registered model with its aliases."""
        missing = f"MLflow at {self._address} has no registered model '{shown(name)}'"
        with self._reading({_ABSENT: missing, _INVALID: missing}):
            return same_for_all(_json(self._client.get_registered_model(checked_name(name))))

    # Files, wherever they lie.

    def _model_root(self, model_id: str) -> str:
        if model_id not in self._roots:
            self._roots[model_id] = self.model(model_id)["info"]["artifact_uri"]
        return self._roots[model_id]

    def _run_root(self, run_id: str) -> str:
        if run_id not in self._roots:
            self._roots[run_id] = self.run(run_id)["info"]["artifact_uri"]
        return self._roots[run_id]

    def _repository(self, root: str) -> Any:
        """Return MLflow's reader of an artifact root; `list_artifacts` of its client asks more."""
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415 -- above
            get_artifact_repository,
        )

        served = urlsplit(root).scheme == "mlflow-artifacts"
        if served and urlsplit(self._uri).scheme not in {"http", "https"}:
            raise Unreadable(
                f"the files at {shown(root)} are kept by an MLflow server, and {self._address} "
                "does not know which: give that server's address as the tracking URI"
            )
        return get_artifact_repository(root, tracking_uri=self._uri, registry_uri=self._uri)

    def _entries(self, root: str, folder: str) -> list[Entry]:
        entries = self._listing(root, folder)
        return with_empty_files(entries, lambda file: self._text(root, file, 0, "it"))

    def _listing(self, root: str, folder: str) -> list[Entry]:
        with self._reading():
            return [
                Entry(each.path, each.is_dir, None if each.is_dir else each.file_size)
                for each in self._repository(root).list_artifacts(folder or None)
            ]

    def _text(self, root: str, path: str, cap: int, what: str) -> str:
        # Listed first: MLflow downloads whole files, however large.
        listed = {each.path: each for each in self._listing(root, posixpath.dirname(path))}
        entry = listed.get(path)
        if entry is None or entry.is_dir:
            raise NotFound(f"MLflow at {self._address} does not have {what}")
        if entry.size is not None and entry.size > cap:
            raise over_cap(what, cap, entry.size)
        with self._reading(), tempfile.TemporaryDirectory() as folder:
            local = self._repository(root).download_artifacts(path, folder)
            with Path(local).open("rb") as file:
                content = file.read(cap + 1)
        if len(content) > cap:
            raise over_cap(what, cap, None)
        return decoded(content, what)

    # Why there is none.

    @contextmanager
    def _reading(self, missing: Mapping[str, str] | None = None) -> Iterator[None]:
        """Turn whatever MLflow raises into NotFound or Unreadable, with one plain sentence."""
        if self._deadline.expired:
            raise over_deadline(self._address, self._deadline)
        try:
            yield
        except (NotFound, Unreadable):
            raise
        # MLflow and the drivers below it raise anything. `from None`: its text may hold a secret.
        except Exception as error:  # noqa: BLE001
            code = str(getattr(error, "error_code", ""))
            if missing is not None and code in missing:
                raise NotFound(missing[code]) from None
            raise Unreadable(self._sentence(error)) from None

    def _sentence(self, error: Exception) -> str:
        text = getattr(error, "message", None) or str(error)
        if "out-of-date database schema" in text:
            return self._other_schema()
        lines = redacted(text, self._secrets).strip().splitlines() or [type(error).__name__]
        return f"MLflow at {self._address} could not be read: {shown(lines[0])}"

    def _other_schema(self) -> str:
        return (
            f"the database {self._address} has the schema of another MLflow version: "
            f"back it up, then run `mlflow db upgrade {self._address}`"
        )

    def _refuse_missing_packages(self) -> None:
        if any(importlib.util.find_spec(name) is None for name in ("sqlalchemy", "alembic")):
            kind = "SQLite" if self._uri.lower().startswith("sqlite") else "a database"
            raise Unreadable(f"reading {kind} needs `pip install policy-engine[local]`")

    def _refuse_other_schema(self) -> None:
        """Refuse it before MLflow's store does: where a table is new to it, that store migrates."""
        import sqlalchemy  # noqa: PLC0415 -- only the extra `local` has it

        # Private, but the only place where MLflow says which schema it wants.
        from mlflow.store.db.utils import (  # noqa: PLC0415 -- see __init__
            _get_latest_schema_revision,
            _get_schema_version,
        )

        engine = sqlalchemy.create_engine(self._uri)
        try:
            found = _get_schema_version(engine)  # type: ignore[no-untyped-call] # MLflow's
            if found != _get_latest_schema_revision():  # type: ignore[no-untyped-call] # MLflow's
                raise Unreadable(self._other_schema())
        finally:
            engine.dispose()


def _json(entity: Any) -> Json:
    """Return an entity of MLflow as its REST API would send it."""
    # The server's own translation; it keeps 64-bit integers numbers.
    from mlflow.utils.proto_json_utils import message_to_json  # noqa: PLC0415 -- see __init__

    value: Json = json.loads(message_to_json(entity.to_proto()))
    return value


def _secrets(uri: str) -> tuple[str, ...]:
    """Return the texts that no message may show."""
    try:
        password = urlsplit(uri).password or ""
    except ValueError:
        password = ""
    names = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN")
    return (password, unquote(password), *(os.environ.get(name, "") for name in names))
