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

from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import redacted, shown, without_secrets
from policy_engine.source.foreign import whole
from policy_engine.tracking.assessments import current
from policy_engine.tracking.query import Query
from policy_engine.tracking.run_search import search
from policy_engine.tracking.store import (
    Entry,
    InRun,
    Json,
    NotFound,
    ReadFailed,
    Refused,
    Unsupported,
    checked_experiment_id,
    checked_folder,
    checked_model_id,
    checked_name,
    checked_path,
    checked_run_id,
    checked_version,
    decoded,
    is_local,
    no_run,
    of_runs,
    over_cap,
    over_deadline,
    same_for_all,
    with_empty_files,
    with_page,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


_DATABASES = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
_SERVED = frozenset({"mlflow-artifacts", "http", "https"})
_PAGE = 1000
_MODELS_PAGE = 100
_TRACES_PAGE = 500
_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_INVALID = "INVALID_PARAMETER_VALUE"
_REFUSED = frozenset({_INVALID, "BAD_REQUEST"})
_LACKING = frozenset({"ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"})

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
        uri: Tracking URI.
        deadline: No read begins after it. A read under way is not broken off. It starts once the
            store is open.
        registry_uri: The registry's; None: where MLflow looks by default.

    Raises:
        Unreadable: If the store cannot be opened.
    """

    request_count = 0

    def __init__(self, uri: str, deadline: Deadline, registry_uri: str | None = None) -> None:
        self._uri = uri
        self._registry_uri = registry_uri
        self._address = without_secrets(uri)
        self._deadline = deadline
        self._secrets = _secrets(uri)
        self._roots: dict[str, str] = {}
        self._notes: dict[str, None] = {}
        self._has_logged_models: bool | None = None
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        database = urlsplit(uri).scheme.partition("+")[0] in _DATABASES
        if database:
            self._refuse_missing_packages()
        with self._reading(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of MLflow and what it imports, none of them ours
            from mlflow import MlflowClient, __version__  # noqa: PLC0415 -- takes a second, see above

            self._refuse_older_mlflow(__version__)
            for name in ("mlflow", "alembic", "sqlalchemy", "databricks"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
            if database:
                self._refuse_other_schema(__version__)
            self._client = MlflowClient(tracking_uri=uri, registry_uri=registry_uri)
        # To import mlflow and open the store takes a slow machine longer than a read may take.
        deadline.restart()

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine."""
        return is_local(self._uri)

    @property
    def server(self) -> None:
        """Not known: MLflow's client does not tell it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be read in another way, or only in part."""
        return tuple(self._notes)

    def _tell(self, note: str) -> None:
        self._notes.setdefault(note)

    # Tracking.

    def run(self, run_id: str) -> Json:
        """Return a run, deleted ones too."""
        why = no_run(self._address, run_id)
        missing = {_ABSENT: why, _INVALID: why}
        with self._reading(missing):
            return _json(self._client.get_run(run_id))

    def runs(
        self, experiment_ids: Sequence[str], query: Query, *, limit: int, deleted: bool = False
    ) -> list[Json]:
        """Return at most `limit` runs that the query fits, those that began last first."""
        from mlflow.entities import ViewType  # noqa: PLC0415 -- see __init__

        ids = [checked_experiment_id(each) for each in experiment_ids]
        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        if not ids:
            return []

        def page(filter_: str, size: int, token: str | None) -> tuple[list[Json], str | None]:
            order = ["attributes.start_time DESC"] if filter_ else None
            with self._reading():
                found = self._client.search_runs(
                    ids, filter_, view, max_results=size, order_by=order, page_token=token
                )
                return [_json(each) for each in found], found.token or None

        return search(page, query, limit, deleted=deleted, tell=self._tell)

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        """Return a page of an experiment's active runs by their start."""
        ids, order = [checked_experiment_id(experiment_id)], ["attributes.start_time ASC"]
        with self._reading():
            found = self._client.search_runs(
                ids,
                Query(started_from=since).filter,
                max_results=size,
                order_by=order,
                page_token=token,
            )
            return lambda: [_json(each) for each in found], found.token or None

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
                with_page(found, map(_json, page), "the list of experiments")
                token = page.token
            if not token:
                return found

    # Models and files.

    def models_of_run(self, experiment_id: str, run_id: str) -> list[Json]:
        """Return each model that the run logged, whatever its status."""
        if self._has_logged_models is False:
            raise Unsupported(f"MLflow at {self._address} keeps no logged models")
        ids = [checked_experiment_id(experiment_id)]
        query = f"source_run_id = '{checked_run_id(run_id)}'"
        found: list[Json] = []
        token: str | None = None
        while True:
            with self._reading(optional=True):
                page = self._client.search_logged_models(
                    ids, query, max_results=_MODELS_PAGE, page_token=token
                )
                models = (same_for_all(_json(each)) for each in page)
                with_page(found, models, f"the list of models of run {run_id}")
                token = page.token
            if not token:
                return found

    def model(self, model_id: str) -> Json:
        """Return a logged model."""
        asked = checked_model_id(model_id)
        with self._reading({_ABSENT: f"MLflow at {self._address} has no logged model {asked}"}):
            return same_for_all(_json(self._client.get_logged_model(asked)))

    def list_model(self, model_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a model."""
        place = InRun.of(model_id)
        if place is not None:
            return place.entries(self.list_run(place.run_id, place.path(folder)))
        return self._entries(self._model_root(model_id), checked_folder(folder))

    def list_run(self, run_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a run's own artifacts."""
        return self._entries(self._run_root(run_id), checked_folder(folder))

    def model_text(self, model_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a model."""
        place = InRun.of(model_id)
        if place is not None:
            return self.run_text(place.run_id, place.path(path), cap)
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

    def registered_models(self) -> list[Json]:
        """Return all registered models with their aliases."""
        found: list[Json] = []
        token: str | None = None
        while True:
            with self._reading():
                page = self._client.search_registered_models(max_results=500, page_token=token)
                with_page(found, map(_json, page), "the list of registered models")
                token = page.token
            if not token:
                return [same_for_all(each) for each in found]

    def metric_history(self, run_id: str, key: str) -> list[Json]:
        """Return all values of a metric of a run."""
        missing = {_ABSENT: f"MLflow at {self._address} has no run {checked_run_id(run_id)}"}
        with self._reading(missing):
            return [_json(each) for each in self._client.get_metric_history(run_id, key)]

    def assessments(self, experiment_id: str, run_id: str) -> list[list[Json]]:
        """Return what was judged of each trace of a run, a list for each trace."""
        query = f"request_metadata.`mlflow.sourceRun` = '{checked_run_id(run_id)}'"
        found: list[list[Json]] = []
        token: str | None = None
        while True:
            with self._reading(optional=True):
                page = self._client.search_traces(
                    locations=[checked_experiment_id(experiment_id)],
                    filter_string=query,
                    include_spans=False,
                    max_results=_TRACES_PAGE,
                    page_token=token,
                )
                judged = (
                    [each.to_dictionary() for each in trace.info.assessments or ()]
                    for trace in page
                )
                rows = (current(each, run_id) for each in judged)
                with_page(found, rows, f"the list of traces of run {run_id}")
                token = page.token
            if not token:
                return found

    def versions_of_run(self, run_id: str) -> list[Json]:
        """Return the registered versions whose model the run logged."""
        return self.versions_of_runs((run_id,))

    def versions_of_runs(self, run_ids: tuple[str, ...]) -> list[Json]:
        """Return the registered versions of the models of several runs, at most a thousand."""
        query = of_runs(run_ids)
        with self._reading():
            found = self._client.search_model_versions(query, max_results=_PAGE)
            return [same_for_all(_json(each)) for each in found]

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
            raise ReadFailed(
                f"the files at {shown(root)} are kept by an MLflow server, and {self._address} "
                "does not know which: give that server's address as the tracking URI"
            )
        return get_artifact_repository(
            root, tracking_uri=self._uri, registry_uri=self._registry_uri
        )

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
        # A server's own JSON leaves out the size of an empty file.
        if entry.size is None and urlsplit(root).scheme not in _SERVED:
            raise ReadFailed(
                f"{what} is not read: its store does not say how large it is, and MLflow's client "
                "reads files whole"
            )
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
    def _reading(
        self, missing: Mapping[str, str] | None = None, *, optional: bool = False
    ) -> Iterator[None]:
        """Turn whatever MLflow raises into NotFound or Unreadable, with one plain sentence.

        Args:
            missing: The sentence of NotFound for each error code that means it.
            optional: Whether the store may lack this kind of read, since older ones do.
        """
        if self._deadline.expired:
            raise over_deadline(self._address, self._deadline)
        try:
            yield
        except (NotFound, ReadFailed):
            raise
        # MLflow and the drivers below it raise anything. `from None`: its text may hold a secret.
        except Exception as error:  # noqa: BLE001
            code = str(getattr(error, "error_code", ""))
            if missing is not None and code in missing:
                raise NotFound(missing[code]) from None
            if optional and code in _LACKING:
                self._has_logged_models = False
                raise Unsupported(self._sentence(error)) from None
            kind = Refused if code in _REFUSED else ReadFailed
            raise kind(self._sentence(error)) from None

    def _sentence(self, error: Exception) -> str:
        text = getattr(error, "message", None) or str(error)
        lines = redacted(text, self._secrets).strip().splitlines() or [type(error).__name__]
        return f"MLflow at {self._address} could not be read: {shown(lines[0])}"

    def _refuse_missing_packages(self) -> None:
        if any(importlib.util.find_spec(name) is None for name in ("sqlalchemy", "alembic")):
            kind = "SQLite" if self._uri.lower().startswith("sqlite") else "a database"
            raise ReadFailed(f"reading {kind} needs `pip install policy-engine[local]`")

    def _refuse_older_mlflow(self, version: str) -> None:
        """Refuse MLflow 2, whose client knows no logged models; training may well use it."""
        if version.partition(".")[0] in {"0", "1", "2"}:
            raise ReadFailed(
                f"reading {self._address} needs the client of MLflow 3, and MLflow {version} is "
                "installed: run the check in an environment of its own, with "
                "`pip install 'policy-engine[local]' 'mlflow-skinny>=3,<4'`"
            )

    def _refuse_other_schema(self, version: str) -> None:
        """Refuse it before MLflow's store does: where a table is new to it, that store migrates."""
        import sqlalchemy  # noqa: PLC0415 -- only the extra `local` has it
        from alembic.script import ScriptDirectory  # noqa: PLC0415 -- as above

        # Private, but the only place where MLflow says which schema it wants.
        from mlflow.store.db.utils import (  # noqa: PLC0415 -- see __init__
            _get_alembic_config,
            _get_schema_version,
        )

        engine = sqlalchemy.create_engine(self._uri)
        try:
            found = _get_schema_version(engine)  # type: ignore[no-untyped-call] # MLflow's
        finally:
            engine.dispose()
        scripts = ScriptDirectory.from_config(_get_alembic_config(""))  # type: ignore[no-untyped-call]
        if found == scripts.get_current_head():
            return
        known = {script.revision for script in scripts.walk_revisions()}
        raise ReadFailed(other_schema(self._address, found, version, older=found in known | {None}))


def other_schema(address: str, found: str | None, version: str, *, older: bool) -> str:
    """Return why a database of another schema is not read, and what to do.

    Args:
        address: The database, without its password.
        found: The revision of its schema; None where it has none.
        version: The MLflow that is installed here.
        older: Whether the database is the older side: MLflow knows each revision before its own.
    """
    revision = f"(revision {shown(found) if found else 'none'})"
    if older:
        return (
            f"the database {address} has the schema of an MLflow older than the {version} that is "
            f"installed here {revision}: start `mlflow server --backend-store-uri {address}` with "
            "the MLflow that trains into it, and give that server's address; or back it up and run "
            f"`mlflow db upgrade {address}`, after which training needs MLflow {version} or newer "
            "too"
        )
    return (
        f"the database {address} has the schema of an MLflow newer than the {version} that is "
        f"installed here {revision}: install the MLflow that trains into it, or a newer one, where "
        "the check runs: `pip install --upgrade mlflow-skinny`"
    )


def _json(entity: Any) -> Json:
    """Return an entity of MLflow as its REST API would send it."""
    # The server's own translation; it keeps 64-bit integers numbers.
    from mlflow.utils.proto_json_utils import message_to_json  # noqa: PLC0415 -- see __init__

    value: Json = whole(json.loads(message_to_json(entity.to_proto())))
    return value


def _secrets(uri: str) -> tuple[str, ...]:
    """Return the texts that no message may show."""
    try:
        password = urlsplit(uri).password or ""
    except ValueError:
        password = ""
    names = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN")
    return (password, unquote(password), *(os.environ.get(name, "") for name in names))
