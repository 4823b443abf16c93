"""MLflow's REST API, read over HTTP alone: four times faster than through MLflow's client.

The endpoints are those that MLflow has had since 2.9, and MLflow 3's for logged models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import shown
from policy_engine.tracking.assessments import current
from policy_engine.tracking.query import Query
from policy_engine.tracking.rest_api import ABSENT, INVALID, Api
from policy_engine.tracking.rest_registry import RestRegistry
from policy_engine.tracking.run_search import search
from policy_engine.tracking.store import (
    Entry,
    InRun,
    Json,
    Unsupported,
    checked_experiment_id,
    checked_folder,
    checked_model_id,
    checked_name,
    checked_path,
    checked_run_id,
    no_run,
    same_for_all,
    with_empty_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MODEL_FILES = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"
_SEARCH = "runs/search"
_RUN_FILES = "/get-artifact"
_PAGE = 1000  # experiments in one answer
_POINTS = "25000"  # values of a metric in one answer: MLflow's own default
_TRACES_PAGE = 500  # MLflow's own limit
_MODELS_PAGE = 100  # MLflow's own default for logged models


class RestStore:
    """Reads an MLflow server; see `Store` for what each method returns.

    Args:
        uri: Tracking URI, `http(s)://…`.
        deadline: When every read gives up.
        registry_uri: The registry's, where it is another server; None: the same.
    """

    def __init__(self, uri: str, deadline: Deadline, registry_uri: str | None = None) -> None:
        self._api = Api(uri, deadline)
        self._registry_api = self._api
        if registry_uri is not None and registry_uri.rstrip("/") != uri.rstrip("/"):
            self._registry_api = Api(registry_uri, deadline)
        self._registry = RestRegistry(self._registry_api)
        self._notes: dict[str, None] = {}
        self._has_logged_models: bool | None = None

    @property
    def request_count(self) -> int:
        """HTTP requests so far, retries included."""
        return sum(api.request_count for api in {self._api, self._registry_api})

    @property
    def is_local(self) -> bool:
        """It is none."""
        return False

    @property
    def server(self) -> str | None:
        """The server's version; of an MLflow 3 only that it is one, unless it was asked."""
        if self._api.known_version is not None:
            return self._api.known_version.text
        return "3" if self._has_logged_models else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What had to be read in another way, or only in part."""
        lacking = self._api.unsupported | self._registry_api.unsupported
        told = dict.fromkeys((*self._api.notes, *self._registry_api.notes))
        return (*self._notes, *told, *lacking)

    def _tell(self, note: str) -> None:
        self._notes.setdefault(note)

    # Tracking.

    def run(self, run_id: str) -> Json:
        """Return a run, deleted ones too."""
        path = "runs/get"
        why = no_run(self._api.address, run_id)
        missing = {ABSENT: why, INVALID: why}
        run = self._api.part(path, self._api.get(path, {"run_id": run_id}, missing), "run")
        return self._api.about(path, run, "run_id", run_id)

    def runs(
        self, experiment_ids: Sequence[str], query: Query, *, limit: int, deleted: bool = False
    ) -> list[Json]:
        """Return at most `limit` runs that the query fits, those that began last first."""
        ids = [checked_experiment_id(each) for each in experiment_ids]
        if not ids:
            return []

        def page(filter_: str, size: int, token: str | None) -> tuple[list[Json], str | None]:
            return self._page(ids, filter_, size, token, deleted=deleted)

        return search(page, query, limit, deleted=deleted, tell=self._tell)

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        """Return a page of an experiment's active runs by their start."""
        ids = [checked_experiment_id(experiment_id)]
        query = _query(ids, Query(started_from=since).filter, size, token, order="ASC")
        following, answer = self._api.post_for_page(_SEARCH, query)
        return lambda: self._runs_in(answer(), ids), following

    def _page(
        self, ids: list[str], filter_: str, size: int, token: str | None, *, deleted: bool
    ) -> tuple[list[Json], str | None]:
        answer = self._api.post(_SEARCH, _query(ids, filter_, size, token, deleted=deleted))
        return self._runs_in(answer, ids), self._api.next_page(_SEARCH, answer)

    def _runs_in(self, answer: Json, ids: list[str]) -> list[Json]:
        runs = list(self._api.records(_SEARCH, answer, "runs"))
        for run in runs:
            if self._api.info(_SEARCH, run).get("experiment_id") not in ids:
                raise self._api.wrong_shape(_SEARCH, "a run of another experiment")
            self._api.about(_SEARCH, run, "run_id", None)
        return runs

    def experiment(self, experiment_id: str) -> Json:
        """Return an experiment by its id."""
        path = "experiments/get"
        asked = checked_experiment_id(experiment_id)
        missing = {ABSENT: f"MLflow at {self._api.address} has no experiment {asked}"}
        answer = self._api.get(path, {"experiment_id": asked}, missing)
        return self._api.same(path, self._api.part(path, answer, "experiment"), experiment_id=asked)

    def experiment_by_name(self, name: str) -> Json:
        """Return an experiment by its name."""
        path = "experiments/get-by-name"
        missing = f"MLflow at {self._api.address} has no experiment named '{shown(name)}'"
        params = {"experiment_name": checked_name(name)}
        answer = self._api.get(path, params, {ABSENT: missing, INVALID: missing})
        return self._api.same(path, self._api.part(path, answer, "experiment"), name=name)

    def experiments(self) -> list[Json]:
        """Return all active experiments, as `experiment` does."""
        found = self._api.all_of("experiments/search", "experiments", {"max_results": _PAGE})
        if not all(isinstance(each.get("experiment_id"), str) for each in found):
            raise self._api.wrong_shape("experiments/search", "an experiment without an id")
        return found

    # Models and files.

    def models_of_run(self, experiment_id: str, run_id: str) -> list[Json]:
        """Return each model that the run logged, whatever its status."""
        path = "logged-models/search"
        if self._has_logged_models is False:
            raise Unsupported(f"MLflow at {self._api.address} keeps no logged models")
        query = {
            "experiment_ids": [checked_experiment_id(experiment_id)],
            "filter": f"source_run_id = '{checked_run_id(run_id)}'",
            "max_results": _MODELS_PAGE,
        }
        try:
            models = self._api.all_of(path, "models", query)
        except Unsupported:
            self._has_logged_models = False
            raise
        self._has_logged_models = True
        for each in models:
            self._api.about(path, each, "source_run_id", run_id)
            self._api.about(path, each, "model_id", None)
        return [same_for_all(each) for each in models]

    def model(self, model_id: str) -> Json:
        """Return a logged model."""
        path = f"logged-models/{checked_model_id(model_id)}"
        missing = {ABSENT: self._no_model(model_id)}
        model = self._api.part(path, self._api.get(path, {}, missing), "model")
        self._has_logged_models = True
        return same_for_all(self._api.about(path, model, "model_id", model_id))

    def list_model(self, model_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a model."""
        place = InRun.of(model_id)
        if place is not None:
            return place.entries(self.list_run(place.run_id, place.path(folder)))
        path = f"logged-models/{checked_model_id(model_id)}/artifacts/directories"
        params = {"artifact_directory_path": checked_folder(folder)} if folder else {}
        entries = self._api.entries(path, params, folder, self._no_model(model_id))
        return with_empty_files(entries, lambda file: self.model_text(model_id, file, 0))

    def list_run(self, run_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a run's own artifacts."""
        params = {"run_id": checked_run_id(run_id)}
        if folder:
            params["path"] = checked_folder(folder)
        missing = f"MLflow at {self._api.address} has no run {run_id}"
        entries = self._api.entries("artifacts/list", params, folder, missing)
        return with_empty_files(entries, lambda file: self.run_text(run_id, file, 0))

    def model_text(self, model_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a model."""
        place = InRun.of(model_id)
        if place is not None:
            return self.run_text(place.run_id, place.path(path), cap)
        url = _MODEL_FILES.format(checked_model_id(model_id))
        what = f"the file '{shown(checked_path(path))}' of model {model_id}"
        return self._api.text(url, {"artifact_file_path": path}, cap, what)

    def run_text(self, run_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a run."""
        params = {"run_id": checked_run_id(run_id), "path": checked_path(path)}
        return self._api.text(_RUN_FILES, params, cap, f"the file '{shown(path)}' of run {run_id}")

    def metric_history(self, run_id: str, key: str) -> list[Json]:
        """Return all values of a metric of a run."""
        path = "metrics/get-history"
        params = {"run_id": checked_run_id(run_id), "metric_key": key, "max_results": _POINTS}
        missing = {ABSENT: f"MLflow at {self._api.address} has no run {run_id}"}
        return self._api.all_by_get(path, "metrics", params, missing)

    def assessments(self, experiment_id: str, run_id: str) -> list[list[Json]]:
        """Return what was judged of each trace of a run, a list for each trace."""
        place = {"experiment_id": checked_experiment_id(experiment_id)}
        query = {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": place}],
            "filter": f"request_metadata.`mlflow.sourceRun` = '{checked_run_id(run_id)}'",
            "max_results": _TRACES_PAGE,
        }
        traces = self._api.all_of("/api/3.0/mlflow/traces/search", "traces", query)
        return [current(trace.get("assessments") or (), run_id) for trace in traces]

    # Registry.

    def version(self, name: str, version: str) -> Json:
        """Return a version of a registered model."""
        return self._registry.version(name, version)

    def version_by_alias(self, name: str, alias: str) -> Json:
        """Return the version that an alias points to."""
        return self._registry.version_by_alias(name, alias)

    def registered_model(self, name: str) -> Json:
        """Return a registered model with its aliases."""
        return self._registry.registered_model(name)

    def registered_models(self) -> list[Json]:
        """Return all registered models with their aliases."""
        return self._registry.registered_models()

    def versions_of_run(self, run_id: str) -> list[Json]:
        """Return the registered versions whose model the run logged."""
        return self._registry.versions_of_runs((run_id,))

    def versions_of_runs(self, run_ids: tuple[str, ...]) -> list[Json]:
        """Return the registered versions of the models of several runs, at most a thousand."""
        return self._registry.versions_of_runs(run_ids)

    # Why there is none.

    def _no_model(self, model_id: str) -> str:
        return f"MLflow at {self._api.address} has no logged model {model_id}"


def _query(
    ids: list[str],
    filter_: str,
    size: int,
    token: str | None,
    *,
    deleted: bool = False,
    order: str = "DESC",
) -> Json:
    query: Json = {
        "experiment_ids": ids,
        "filter": filter_,
        "run_view_type": "DELETED_ONLY" if deleted else "ACTIVE_ONLY",
        "max_results": size,
    }
    if filter_:  # what a server refuses is asked again in its simplest form: MLflow's own order
        query["order_by"] = [f"attributes.start_time {order}"]
    return {**query, "page_token": token} if token else query
