"""MLflow's REST API, read over HTTP alone: four times faster than through MLflow's client.

The endpoints are MLflow 3's. Each answer is checked to be about what was asked for, since MLflow's
own client takes a login page or an empty object for a run without metrics.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from policy_engine.tracking.credentials import SET_CREDENTIALS
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
    same_for_all,
    shown,
    with_empty_files,
)
from policy_engine.tracking.transport import Answer, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_API = "/api/2.0/mlflow/"
_MODEL_FILES = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"
_RUN_FILES = "/get-artifact"
_JSON_CAP = 64 * 1024 * 1024  # bytes; a run takes about 10 KB, a page has at most 1,000 of them
_PAGE = 1000  # runs or experiments in one answer
_MODELS_PAGE = 100  # MLflow's own default for logged models
_MOST_PAGES = 1000
_OK, _NOT_FOUND = 200, 404

_ABSENT = "RESOURCE_DOES_NOT_EXIST"
_INVALID = "INVALID_PARAMETER_VALUE"
_VERSION = re.compile(r"(\d{1,4})\.[0-9A-Za-z.+-]{1,40}")


class RestStore:
    """Reads an MLflow server; see `Store` for what each method returns.

    Args:
        uri: Tracking URI, `http(s)://…`.
        deadline: When every read gives up.
    """

    def __init__(self, uri: str, deadline: Deadline) -> None:
        self._transport = Transport(uri, deadline)
        self._address = self._transport.address

    @property
    def request_count(self) -> int:
        """HTTP requests so far, retries included."""
        return self._transport.request_count

    # Tracking.

    def run(self, run_id: str) -> Json:
        """Return a run, deleted ones too."""
        path = "runs/get"
        missing = {_ABSENT: f"MLflow at {self._address} has no run {checked_run_id(run_id)}"}
        run = self._part(path, self._get(path, {"run_id": run_id}, missing), "run")
        return self._about(path, run, "run_id", run_id)

    def runs(
        self,
        experiment_ids: Sequence[str],
        filter: str,  # noqa: A002 -- MLflow's word, and Store's
        *,
        limit: int,
        deleted: bool = False,
    ) -> list[Json]:
        """Return at most `limit` runs that match, those that began last first."""
        path = "runs/search"
        query: Json = {
            "experiment_ids": [checked_experiment_id(each) for each in experiment_ids],
            "filter": filter,
            "run_view_type": "DELETED_ONLY" if deleted else "ACTIVE_ONLY",
            "order_by": ["attributes.start_time DESC"],
        }
        found: list[Json] = []
        if not experiment_ids:
            return found
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            if token is None or len(found) >= limit:
                break
            query["max_results"] = min(limit - len(found), _PAGE)
            answer = self._post(path, {**query, "page_token": token} if token else query)
            for run in self._records(path, answer, "runs"):
                if self._info(path, run).get("experiment_id") not in experiment_ids:
                    raise self._wrong_shape(path, "a run of another experiment")
                found.append(self._about(path, run, "run_id", None))
            token = self._next(path, answer)
        return found[:limit]

    def experiment(self, experiment_id: str) -> Json:
        """Return an experiment by its id."""
        path = "experiments/get"
        asked = checked_experiment_id(experiment_id)
        missing = {_ABSENT: f"MLflow at {self._address} has no experiment {asked}"}
        answer = self._get(path, {"experiment_id": asked}, missing)
        return self._same(path, self._part(path, answer, "experiment"), experiment_id=asked)

    def experiment_by_name(self, name: str) -> Json:
        """Return an experiment by its name."""
        path = "experiments/get-by-name"
        missing = f"MLflow at {self._address} has no experiment named '{shown(name)}'"
        params = {"experiment_name": checked_name(name)}
        answer = self._get(path, params, {_ABSENT: missing, _INVALID: missing})
        return self._same(path, self._part(path, answer, "experiment"), name=name)

    def experiments(self) -> list[Json]:
        """Return all active experiments, as `experiment` does."""
        found = self._all("experiments/search", "experiments", {"max_results": _PAGE})
        if not all(isinstance(each.get("experiment_id"), str) for each in found):
            raise self._wrong_shape("experiments/search", "an experiment without an id")
        return found

    # Models and files.

    def models_of_run(self, experiment_id: str, run_id: str) -> list[Json]:
        """Return each model that the run logged, whatever its status."""
        path = "logged-models/search"
        query = {
            "experiment_ids": [checked_experiment_id(experiment_id)],
            "filter": f"source_run_id = '{checked_run_id(run_id)}'",
            "max_results": _MODELS_PAGE,
        }
        models = self._all(path, "models", query)
        for each in models:
            self._about(path, each, "source_run_id", run_id)
            self._about(path, each, "model_id", None)
        return [same_for_all(each) for each in models]

    def model(self, model_id: str) -> Json:
        """Return a logged model."""
        path = f"logged-models/{checked_model_id(model_id)}"
        missing = {_ABSENT: self._no_model(model_id)}
        model = self._part(path, self._get(path, {}, missing), "model")
        return same_for_all(self._about(path, model, "model_id", model_id))

    def list_model(self, model_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a logged model."""
        path = f"logged-models/{checked_model_id(model_id)}/artifacts/directories"
        params = {"artifact_directory_path": checked_folder(folder)} if folder else {}
        entries = self._entries(path, params, folder, self._no_model(model_id))
        return with_empty_files(entries, lambda file: self.model_text(model_id, file, 0))

    def list_run(self, run_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a run's own artifacts."""
        params = {"run_id": checked_run_id(run_id)}
        if folder:
            params["path"] = checked_folder(folder)
        missing = f"MLflow at {self._address} has no run {run_id}"
        entries = self._entries("artifacts/list", params, folder, missing)
        return with_empty_files(entries, lambda file: self.run_text(run_id, file, 0))

    def model_text(self, model_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a model."""
        url = _MODEL_FILES.format(checked_model_id(model_id))
        what = f"the file '{shown(checked_path(path))}' of model {model_id}"
        return self._text(url, {"artifact_file_path": path}, cap, what)

    def run_text(self, run_id: str, path: str, cap: int) -> str:
        """Return the text of one file of a run."""
        params = {"run_id": checked_run_id(run_id), "path": checked_path(path)}
        return self._text(_RUN_FILES, params, cap, f"the file '{shown(path)}' of run {run_id}")

    # Registry.

    def version(self, name: str, version: str) -> Json:
        """Return a version of a registered model."""
        path = "model-versions/get"
        params = {"name": checked_name(name), "version": checked_version(version)}
        missing = f"MLflow at {self._address} has no version {version} of model '{shown(name)}'"
        answer = self._get(path, params, {_ABSENT: missing, _INVALID: missing})
        found = self._same(path, self._part(path, answer, "model_version"), **params)
        return same_for_all(found)

    def version_by_alias(self, name: str, alias: str) -> Json:
        """Return the version that an alias points to."""
        path = "registered-models/alias"
        params = {"name": checked_name(name), "alias": checked_name(alias)}
        missing = {
            _ABSENT: self._no_registered_model(name),
            # MLflow says 400 where the model is there and the alias is not.
            _INVALID: f"the registered model '{shown(name)}' has no alias '{shown(alias)}'",
        }
        answer = self._get(path, params, missing)
        found = self._same(path, self._part(path, answer, "model_version"), name=name)
        return same_for_all(found)

    def registered_model(self, name: str) -> Json:
        """Return a registered model with its aliases."""
        path = "registered-models/get"
        missing = self._no_registered_model(name)
        answer = self._get(
            path, {"name": checked_name(name)}, {_ABSENT: missing, _INVALID: missing}
        )
        found = self._same(path, self._part(path, answer, "registered_model"), name=name)
        return same_for_all(found)

    # One question.

    def _get(self, path: str, params: Mapping[str, str], missing: Mapping[str, str]) -> Json:
        return self._json("GET", path, missing, params=params)

    def _post(self, path: str, body: Mapping[str, Any]) -> Json:
        return self._json("POST", path, {}, body=body)

    def _json(
        self,
        method: str,
        path: str,
        missing: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        """Return the JSON object of an answer.

        Args:
            method: GET or POST.
            path: Below `/api/2.0/mlflow/`.
            missing: The sentence of NotFound for each error code that means it.
            params: The query.
            body: Sent as JSON.
        """
        what = f"the answer to {path}"
        answer = self._transport.send(
            method, _API + path, cap=_JSON_CAP, what=what, params=params, body=body
        )
        if answer.status != _OK:
            raise self._refusal(path, answer, missing)
        value = _parsed(answer.body)
        if not isinstance(value, dict):
            raise Unreadable(
                f"MLflow at {self._address} sent no JSON object as {what}: check that the "
                f"tracking URI leads to MLflow and not to a login page, and {SET_CREDENTIALS}"
            )
        return value

    def _all(self, path: str, key: str, query: Mapping[str, Any]) -> list[Json]:
        """Return the records of all pages."""
        found: list[Json] = []
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            answer = self._post(path, {**query, "page_token": token} if token else query)
            found += self._records(path, answer, key)
            token = self._next(path, answer)
            if token is None:
                return found
        raise self._wrong_shape(path, "pages without end")

    def _entries(
        self, path: str, params: Mapping[str, str], folder: str, missing: str
    ) -> list[Entry]:
        found: list[Entry] = []
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            asked = {**params, "page_token": token} if token else params
            answer = self._get(path, asked, {_ABSENT: missing})
            if not isinstance(answer.get("root_uri"), str):
                raise self._wrong_shape(path, "no root_uri")
            found += [
                self._entry(path, each, folder) for each in self._records(path, answer, "files")
            ]
            token = self._next(path, answer)
            if token is None:
                return found
        raise self._wrong_shape(path, "pages without end")

    def _entry(self, path: str, record: Json, folder: str) -> Entry:
        name, is_dir, size = record.get("path"), record.get("is_dir"), record.get("file_size")
        if not isinstance(name, str) or not isinstance(is_dir, bool):
            raise self._wrong_shape(path, "a file without a path")
        if posixpath.dirname(name) != folder or posixpath.basename(name) in {"", ".", ".."}:
            raise self._wrong_shape(path, "a file of another folder")
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
            raise self._wrong_shape(path, "a size that is no number of bytes")
        return Entry(name, is_dir, None if is_dir else size)

    def _text(self, url: str, params: Mapping[str, str], cap: int, what: str) -> str:
        answer = self._transport.send("GET", url, cap=cap, what=what, params=params)
        if answer.status != _OK:
            missing = f"MLflow at {self._address} does not have {what}"
            raise self._refusal(url, answer, {_ABSENT: missing, _INVALID: missing})
        # MLflow sends every file as an attachment; a login page is none.
        if not answer.headers.get("Content-Disposition", "").startswith("attachment"):
            raise Unreadable(
                f"MLflow at {self._address} sent a web page in place of {what}: check that the "
                f"tracking URI leads to MLflow and not to a login page, and {SET_CREDENTIALS}"
            )
        return decoded(answer.body, what)

    # What an answer must be.

    def _part(self, path: str, answer: Json, key: str) -> Json:
        part = answer.get(key)
        if not isinstance(part, dict):
            raise self._wrong_shape(path, f"no '{key}'")
        return part

    def _info(self, path: str, record: Json) -> Json:
        return self._part(path, record, "info")

    def _about(self, path: str, record: Json, key: str, asked: str | None) -> Json:
        """Return the record if its `info` names what was asked for; any id where that is None."""
        value = self._info(path, record).get(key)
        if value != asked if asked is not None else not (isinstance(value, str) and value):
            raise self._wrong_shape(path, f"its '{key}' is not the one asked for")
        return record

    def _same(self, path: str, record: Json, **asked: str) -> Json:
        for key, value in asked.items():
            if record.get(key) != value:
                raise self._wrong_shape(path, f"its '{key}' is not the one asked for")
        return record

    def _records(self, path: str, answer: Json, key: str) -> Iterator[Json]:
        """Yield the objects of a list; MLflow leaves out a list that is empty."""
        records = answer.get(key, [])
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            raise self._wrong_shape(path, f"'{key}' is no list of objects")
        if not records and not answer.keys() <= {key, "next_page_token", "root_uri"}:
            raise self._wrong_shape(path, f"no '{key}'")
        yield from records

    def _next(self, path: str, answer: Json) -> str | None:
        token = answer.get("next_page_token")
        if token is not None and not isinstance(token, str):
            raise self._wrong_shape(path, "'next_page_token' is no text")
        return token or None

    # Why there is none.

    def _wrong_shape(self, path: str, why: str) -> Unreadable:
        return Unreadable(
            f"MLflow at {self._address} sent an answer of the wrong shape to {path} ({why}): "
            "check that the tracking URI leads to MLflow 3"
        )

    def _no_model(self, model_id: str) -> str:
        return f"MLflow at {self._address} has no logged model {model_id}"

    def _no_registered_model(self, name: str) -> str:
        return f"MLflow at {self._address} has no registered model '{shown(name)}'"

    def _refusal(
        self, path: str, answer: Answer, missing: Mapping[str, str]
    ) -> NotFound | Unreadable:
        error = _parsed(answer.body)
        code = error.get("error_code") if isinstance(error, dict) else None
        if isinstance(code, str) and code in missing:
            return NotFound(missing[code])
        if answer.status == _NOT_FOUND and code != _ABSENT:
            return self._unknown_endpoint(path)
        said = error.get("message") if isinstance(error, dict) else None
        quoted = f": {self._transport.quoted(said)}" if isinstance(said, str) else ""
        return Unreadable(
            f"MLflow at {self._address} refused {path} (HTTP {answer.status}){quoted}"
        )

    def _unknown_endpoint(self, path: str) -> Unreadable:
        """Return why the server does not know what every MLflow 3 knows: ask its version."""
        try:
            answer = self._transport.send("GET", "/version", cap=4096, what="its version")
        except Unreadable:
            found = None
        else:
            text = answer.body.decode("ascii", "replace").strip()
            found = _VERSION.fullmatch(text) if answer.status == _OK else None
        if found is None:
            return Unreadable(
                f"{self._address} does not look like an MLflow server; check the tracking URI"
            )
        if int(found[1]) < 3:  # noqa: PLR2004 -- the first version with logged models
            return Unreadable(
                f"the server at {self._address} runs MLflow {found[0]}; "
                "policy-engine needs MLflow 3"
            )
        return Unreadable(
            f"MLflow {found[0]} at {self._address} does not know {path}; "
            "check that nothing between here and there blocks it"
        )


def _parsed(body: bytes) -> Any:
    """Return the JSON value; None, which MLflow never sends, where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
