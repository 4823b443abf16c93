"""GitLab as an MLflow server, on loopback: the endpoints that it has, and 404 for all others.

After GitLab's page "MLflow client compatibility" and its `lib/api/ml/mlflow/` (version 18): ids of
experiments count within the project, those of runs are UUIDs; a search for runs takes one
experiment and ignores the filter; a model version has neither a run nor a source that leads to one.
There are no logged models, no version, and no listing of a run's artifacts by `artifacts/list`.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

TOKEN = "glpat-secret"
_PREFIX = "/api/v4/projects/7/ml/mlflow/api/2.0/mlflow/"
_ABSENT: tuple[int, dict[str, Any]] = (404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})


@dataclass(frozen=True, slots=True)
class GitLab:
    """A project of GitLab: where MLflow's client finds it, and what it was asked (method, path)."""

    uri: str
    asked: list[str]


@contextmanager
def gitlab(runs: Sequence[Mapping[str, Any]]) -> Iterator[GitLab]:
    """A project with one experiment, `fraud`, and these runs in it, the newest first."""
    server = _Server(runs)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        uri = f"http://127.0.0.1:{server.server_address[1]}/api/v4/projects/7/ml/mlflow"
        yield GitLab(uri, server.asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(run_id: str, name: str, metrics: Mapping[str, float], **tags: str) -> dict[str, Any]:
    """Return a finished run as GitLab tells it; `__` in a tag's name stands for a dot."""
    return {
        "info": {
            "run_id": run_id,
            "run_uuid": run_id,
            "experiment_id": "1",
            "start_time": 1_790_000_000_000,
            "end_time": 1_790_000_600_000,
            "run_name": name,
            "status": "FINISHED",
            "artifact_uri": f"mlflow-artifacts:/{run_id}",
            "lifecycle_stage": "active",
            "user_id": "3",
        },
        "data": {
            "metrics": [
                {"key": key, "value": value, "timestamp": 1_790_000_500_000, "step": 0}
                for key, value in metrics.items()
            ],
            "params": [{"key": "model", "value": "logistic"}],
            "tags": [{"key": key.replace("__", "."), "value": tags[key]} for key in tags],
        },
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, runs: Sequence[Mapping[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs = {each["info"]["run_id"]: each for each in runs}
        self.asked: list[str] = []
        self.answers: Mapping[str, Callable[[Mapping[str, Any]], tuple[int, dict[str, Any]]]] = {
            "GET experiments/get": self._experiment,
            "GET experiments/get-by-name": self._experiment,
            "POST experiments/search": lambda _: (200, {"experiments": [_EXPERIMENT]}),
            "GET runs/get": self._run,
            "POST runs/search": self._search,
            "GET registered-models/get": lambda _: _ABSENT,
            "GET registered-models/alias": lambda _: _ABSENT,
            "GET model-versions/get": lambda _: _ABSENT,
        }

    def _experiment(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        is_it = asked.get("experiment_id") == "1" or asked.get("experiment_name") == "fraud"
        return (200, {"experiment": _EXPERIMENT}) if is_it else _ABSENT

    def _run(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self.runs.get(asked.get("run_id"))
        return _ABSENT if found is None else (200, {"run": found})

    def _search(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        if asked["experiment_ids"][0] != "1":
            return _ABSENT
        return 200, {"runs": list(self.runs.values()), "next_page_token": None}


_EXPERIMENT = {
    "experiment_id": "1",
    "name": "fraud",
    "lifecycle_stage": "active",
    "artifact_location": "not_implemented",
    "tags": [],
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.loads(body))

    def _answer(self, asked: Mapping[str, Any]) -> None:
        path = urlsplit(self.path).path
        endpoint = f"{self.command} {path.removeprefix(_PREFIX)}"
        self.server.asked.append(endpoint)
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._send(401, {"message": "401 Unauthorized"})
        answer = self.server.answers.get(endpoint)
        if answer is None:
            return self._send(404, {"error": "404 Not Found"})
        return self._send(*answer(asked))

    def _send(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""
