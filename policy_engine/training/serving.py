"""Does MLflow's own scoring server serve the model, how fast, in how much memory?

    with mlflow.start_run():
        info = mlflow.sklearn.log_model(model, name="fraud", input_example=X_train[:5])
        training.probe_serving(info.model_uri)

It belongs into the training job: the gate starts no model, it reads what is logged here.

Needs `mlflow` (not `mlflow-skinny`) and what the model needs, in the environment of the training.
"""

import http.client
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow.models import Model

from policy_engine.errors import UsageError
from policy_engine.http.deadline import Deadline
from policy_engine.http.reading import held_response
from policy_engine.training.active import active_run
from policy_engine.training.machine import hardware_name, peak_memory_mb
from policy_engine.training.percentiles import percentile, percentile_bounds
from policy_engine.training.scoring import HOST, served

EXAMPLE = "serving_input_example.json"
"""The file of a logged model that holds its input example as the scoring server wants it."""
PERCENTILES = (50, 95, 99)

_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class Answers:
    """What the server answered.

    Attributes:
        latencies_ms: Of each measured request that was answered well (ms).
        sent: The requests sent, with the first one, whose time is not measured.
        errors: Those of them that were not answered with status 200.
        first_error: What the first of these came to.
    """

    latencies_ms: list[float] = field(default_factory=list)
    sent: int = 0
    errors: int = 0
    first_error: str = ""


def probe_serving(
    model_uri: str,
    *,
    requests: int = 200,
    timeout_s: float = 120.0,
    hardware: str | None = None,
) -> dict[str, float]:
    """Serve a logged model for a moment, and log into the active run what came of it.

    MLflow's scoring server loads the model in a process of its own: one worker, on a free port of
    the loopback address, in this environment (as `mlflow models serve --env-manager local`), in an
    empty folder, so that files beside the training script do not help. It gets the model's input
    example again and again, one request at a time over one connection. It is ended in all cases.

    Logged metrics:

    - `serving.load_s`: from the start of the process to its first healthy answer (s); most of it
      is Python importing
    - `serving.requests`, `serving.errors`: requests sent, and those not answered with status 200.
      One request goes first, to warm up; it counts here, but its time does not
    - `latency.p50_ms`, `latency.p95_ms`, `latency.p99_ms`: from sending a request to having all of
      its answer (ms): the smallest time that at least so many percent of the requests do not
      exceed; only requests that were answered well count
    - `latency.p95_low_ms`, `latency.p95_high_ms` and so on: between which times the true percentile
      lies (an error of 5 % on each side, by the binomial test); absent where so few requests do not
      tell: the upper one takes 59 requests for the 95th percentile, 299 for the 99th
    - `latency.n`: how many those were
    - `serving.peak_rss_mb`: the most memory that the server ever held (MB, 10**6 bytes), where the
      machine tells, and the server is one process (that of MLflow 2.16 is not, of 2.22 it is)

    Logged tags: `serving.model_id` (of a model logged by MLflow 2, its UUID),
    `serving.probed_at` (UTC) and `bench.hardware`.

    It is a smoke test with a little load: one caller, one input. The 95th percentile needs 200
    requests, the 99th 1,000, and two models can be told apart in speed from 1,000 on.

    Args:
        model_uri: The logged model, such as `info.model_uri` of what `log_model` returned.
        requests: How many requests are measured (at least 1).
        timeout_s: The longest that loading may take, and all requests together again (s). When it
            is over, the request under way counts as an error and no more are sent.
        hardware: What to call this machine in `bench.hardware`; latencies are compared only where
            it is equal. None: processor and number of cores.

    Returns:
        The logged metrics by name.

    Raises:
        UsageError: If there is no active run, the model has no input example or no model id, or
            the server did not come up; then nothing is logged.
    """
    if requests < 1:
        raise UsageError(f"requests is {requests}; at least 1 is needed")
    active_run()
    model_id, metrics = _probed(model_uri, requests, timeout_s)
    mlflow.log_metrics(metrics)
    mlflow.set_tags(
        {
            "serving.model_id": model_id,
            "serving.probed_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "bench.hardware": hardware or hardware_name(),
        }
    )
    return metrics


def _probed(model_uri: str, requests: int, timeout_s: float) -> tuple[str, dict[str, float]]:
    """Return the model's id, and what was measured while it was served."""
    with TemporaryDirectory(prefix="probe-serving-") as folder:
        root = Path(folder)
        model = Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=str(root / "model")))
        example = _example(model, model_uri)
        model_id = _model_id(model, model_uri)
        with served(model, root, timeout_s) as server:
            load_s = server.wait_until_healthy(timeout_s)
            answers = _ask(server.port, example, requests, Deadline(timeout_s))
            memory_mb = peak_memory_mb(server.process.pid) if server.is_one_process else None
    if answers.errors:
        _LOGGER.warning(
            "%d of %d requests to the served model failed; the first: %s",
            *(answers.errors, answers.sent, answers.first_error),
        )
    return model_id, _metrics(load_s, answers, memory_mb)


def _ask(port: int, example: bytes, requests: int, deadline: Deadline) -> Answers:
    """Send the example once, and then `requests` times with a watch in hand."""
    answers = Answers()
    connection = http.client.HTTPConnection(HOST, port)
    connection.response_class = held_response(deadline, deadline.seconds)
    try:
        for number in range(requests + 1):
            left = deadline.remaining()
            if not left:
                break
            latency_ms = _timed(partial(_ask_once, connection, example, left), answers)
            if latency_ms is not None and number > 0:
                answers.latencies_ms.append(latency_ms)
    finally:
        connection.close()
    return answers


def _timed(ask: Callable[[], str], answers: Answers) -> float | None:
    """Count one request, and return how long it took (ms) if it was answered well."""
    start = time.perf_counter_ns()
    error = ask()
    nanoseconds = time.perf_counter_ns() - start
    answers.sent += 1
    if error:
        answers.errors += 1
        answers.first_error = answers.first_error or error
        return None
    return nanoseconds / 1e6


def _ask_once(connection: http.client.HTTPConnection, example: bytes, timeout_s: float) -> str:
    """Send one request; return what went wrong, or nothing."""
    connection.timeout = timeout_s
    if connection.sock is not None:
        connection.sock.settimeout(timeout_s)
    try:
        connection.request("POST", "/invocations", example, {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return type(error).__name__
    return "" if response.status == http.client.OK else f"{response.status} {_code(body)}".strip()


def _code(body: bytes) -> str:
    """Return MLflow's code of an error, not its message, which may hold rows of the example."""
    try:
        return str(json.loads(body)["error_code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _metrics(load_s: float, answers: Answers, memory_mb: float | None) -> dict[str, float]:
    metrics = {
        "serving.load_s": load_s,
        "serving.requests": float(answers.sent),
        "serving.errors": float(answers.errors),
    }
    if memory_mb is not None:
        metrics["serving.peak_rss_mb"] = memory_mb
    if answers.latencies_ms:
        metrics["latency.n"] = float(len(answers.latencies_ms))
        for q in PERCENTILES:
            metrics[f"latency.p{q}_ms"] = percentile(answers.latencies_ms, q)
            low, high = percentile_bounds(answers.latencies_ms, q)
            metrics |= {} if low is None else {f"latency.p{q}_low_ms": low}
            metrics |= {} if high is None else {f"latency.p{q}_high_ms": high}
    return metrics


def _model_id(model: Path, model_uri: str) -> str:
    """Return the model's id; of a model logged by MLflow 2, which has none, its UUID."""
    logged = Model.load(str(model))
    model_id = getattr(logged, "model_id", None)
    if model_id is not None:
        return str(model_id)
    version = str(logged.mlflow_version or "")
    if not version.startswith("2.") or logged.model_uuid is None:
        raise UsageError(
            f"model {model_uri} has no id that its probe could name: log it with MLflow's log_model"
        )
    return str(logged.model_uuid)


def _example(model: Path, model_uri: str) -> bytes:
    file = model / EXAMPLE
    if file.is_file():
        return file.read_bytes()
    if (model / "input_example.json").is_file():
        raise UsageError(
            f"model {model_uri} has no file {EXAMPLE}, and MLflow {mlflow.__version__} is "
            "installed: MLflow 2.16 or newer writes it; log the model with that to probe it"
        )
    raise UsageError(f"model {model_uri} has no input example to send: log it with input_example=…")
