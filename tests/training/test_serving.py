from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine import training
from policy_engine.check import Options, check
from policy_engine.errors import UsageError
from policy_engine.http.deadline import Deadline
from policy_engine.training.machine import hardware_name, peak_memory_mb
from policy_engine.training.percentiles import percentile, percentile_bounds
from policy_engine.training.scoring import Server, free_port, running
from policy_engine.training.serving import _ask
from tests.http.slow_server import dripping, serving
from tests.mlflow_server import logging_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

REQUESTS = 30


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """MLflow over a new SQLite file."""
    import mlflow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow says when it is imported is not ours
        import mlflow.pyfunc.scoring_server
        import mlflow.sklearn

        root = tmp_path_factory.mktemp("probe")
        with logging_to(f"sqlite:///{root / 'mlflow.db'}"):
            mlflow.create_experiment("probe", artifact_location=str(root / "artifacts"))
            mlflow.set_experiment("probe")
            yield mlflow


def log_model(mlflow: ModuleType, *, example: bool = True, **options: Any) -> Any:
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression

    data = load_breast_cancer(as_frame=True)
    rows = data.data.iloc[:, :4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas', about MLflow's way to look at an example
        return mlflow.sklearn.log_model(
            LogisticRegression(max_iter=1000).fit(rows, data.target),
            name="model",
            input_example=rows.head(3) if example else None,
            pip_requirements=["scikit-learn"],
            **options,
        )


@pytest.fixture(scope="module")
def probed(mlflow: ModuleType) -> tuple[Any, Any, dict[str, float]]:
    """A really served model: its run, what log_model said, and what the probe returned."""
    with mlflow.start_run() as run:
        info = log_model(mlflow)
        metrics = training.probe_serving(info.model_uri, requests=REQUESTS)
    return mlflow.get_run(run.info.run_id), info, metrics


def test_a_served_model_leaves_all_of_the_evidence(
    probed: tuple[Any, Any, dict[str, float]],
) -> None:
    run, info, metrics = probed
    assert run.data.metrics == metrics
    assert set(metrics) >= {
        *("serving.load_s", "serving.requests", "serving.errors"),
        *("latency.p50_ms", "latency.p95_ms", "latency.p99_ms", "latency.n"),
        *("latency.p50_low_ms", "latency.p50_high_ms", "latency.p95_low_ms", "latency.p99_low_ms"),
    }
    assert not {"latency.p95_high_ms", "latency.p99_high_ms"} & set(metrics)  # 30 requests
    assert metrics["serving.errors"] == 0
    assert metrics["serving.requests"] == REQUESTS + 1  # one to warm up
    assert metrics["latency.n"] == REQUESTS
    assert 0 < metrics["serving.load_s"] < 120
    assert 0 < metrics["latency.p50_ms"] <= metrics["latency.p95_ms"] <= metrics["latency.p99_ms"]
    assert run.data.tags["serving.model_id"] == info.model_id
    assert run.data.tags["bench.hardware"] == hardware_name()
    assert run.data.tags["serving.probed_at"].endswith("+00:00")


POLICIES = """
version: 1
policies:
  servable: on
  latency-percentile-budget: {max: 10s, min_n: 30}
  signature-and-example: on
  pinned-requirements: on
  safe-serialization: on
"""


def judged(mlflow: ModuleType, run_id: str, folder: Path) -> dict[str, str]:
    """Check a run as the gate does; return the outcomes by policy and part."""
    (folder / "policies").mkdir()
    (folder / "policies" / "serving.yaml").write_text(POLICIES)
    report = check(Options(runs=(run_id,), root=folder, tracking_uri=mlflow.get_tracking_uri()))
    (subject,) = report.subjects
    return {
        f"{f.policy} {f.part}" if f.part else f.policy: f.outcome.value for f in subject.findings
    }


def test_the_gate_judges_a_probed_model(
    mlflow: ModuleType, probed: tuple[Any, Any, dict[str, float]], tmp_path: Path
) -> None:
    assert judged(mlflow, probed[0].info.run_id, tmp_path) == {
        "servable load": "pass",
        "servable requests": "pass",
        "servable errors": "pass",
        "latency-percentile-budget latency": "pass",
        "signature-and-example inputs": "pass",
        "signature-and-example outputs": "pass",
        "signature-and-example example": "pass",
        "pinned-requirements requirements": "fail",  # scikit-learn, without a version
        "pinned-requirements python": "pass",
        "safe-serialization": "pass",
    }


def test_the_gate_judges_a_pickle_that_nobody_probed(mlflow: ModuleType, tmp_path: Path) -> None:
    with mlflow.start_run() as run:
        log_model(mlflow, example=False, serialization_format="cloudpickle")
    assert judged(mlflow, run.info.run_id, tmp_path) == {
        "servable": "missing",
        "latency-percentile-budget": "missing",
        "signature-and-example": "missing",
        "pinned-requirements requirements": "fail",
        "pinned-requirements python": "pass",
        "safe-serialization": "fail",
    }


def test_the_gate_reads_a_scan_that_is_stored_in_the_model(
    mlflow: ModuleType, tmp_path: Path
) -> None:
    report = {
        "summary": {"scanned": {"scanned_files": ["model.pkl"]}, "skipped": {"skipped_files": []}},
        "issues": [],
        "errors": [],
    }
    file = tmp_path / "modelscan.json"
    file.write_text(json.dumps(report))
    with mlflow.start_run() as run:
        info = log_model(mlflow, serialization_format="cloudpickle")
        mlflow.MlflowClient().log_model_artifact(info.model_id, str(file))
    assert judged(mlflow, run.info.run_id, tmp_path)["safe-serialization"] == "pass"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the peak for everybody")
def test_the_peak_memory_of_a_server_is_that_of_a_python_with_mlflow(
    probed: tuple[Any, Any, dict[str, float]],
) -> None:
    assert 50 < probed[2]["serving.peak_rss_mb"] < 5000


def test_a_model_that_fails_on_its_own_example_leaves_errors_and_no_latency(
    mlflow: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    with mlflow.start_run():
        info = log_model(mlflow)
        example = _stored(mlflow, info) / "serving_input_example.json"
        example.write_text('{"dataframe_split": {"columns": ["secret-column"], "data": [[1]]}}')
        metrics = training.probe_serving(info.model_uri, requests=2, hardware="a laptop")
    assert metrics["serving.requests"] == metrics["serving.errors"] == 3
    assert not [name for name in metrics if name.startswith("latency.")]
    (record,) = [r for r in caplog.records if r.name == "policy_engine.training.serving"]
    assert record.getMessage() == (
        "3 of 3 requests to the served model failed; the first: 400 INVALID_PARAMETER_VALUE"
    )


def test_a_server_that_ends_before_it_is_healthy_is_quoted(tmp_path: Path) -> None:
    code = "print('no such model'); print('Traceback'); raise SystemExit(3)"
    with running([sys.executable, "-c", code], tmp_path, os.environ) as (process, log):
        server = Server(process, free_port(), log, time.monotonic())
        with pytest.raises(UsageError) as caught:
            server.wait_until_healthy(20)
    assert str(caught.value) == (
        "the model cannot be served: the server ended; its last words:\nno such model\nTraceback"
    )


class _Slow(BaseHTTPRequestHandler):
    """Answers its first request at once, and the others never."""

    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        if type(self).asked > 1:
            time.sleep(1)
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def test_no_request_is_sent_once_the_time_is_over() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        answers = _ask(server.server_port, b"{}", 100, Deadline(0.3))
        server.shutdown()
    assert (answers.sent, answers.errors, answers.first_error) == (2, 1, "TimeoutError")
    assert answers.latencies_ms == []  # the first request warms up


def test_a_served_model_that_drips_its_answer_is_left_at_the_deadline() -> None:
    began = time.monotonic()
    with serving(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")) as address:
        answers = _ask(int(address.rpartition(":")[2]), b"{}", 100, Deadline(0.5))
    assert time.monotonic() - began < 4.0
    assert (answers.sent, answers.errors, answers.first_error) == (1, 1, "TimeoutError")


def test_a_server_that_is_gone_answers_nothing() -> None:
    answers = _ask(free_port(), b"{}", 3, Deadline(5.0))
    assert (answers.sent, answers.errors) == (4, 4)
    assert answers.first_error == "ConnectionRefusedError"


def test_a_model_that_takes_too_long_to_load_raises_and_logs_nothing(mlflow: ModuleType) -> None:
    with mlflow.start_run() as run:
        uri = log_model(mlflow).model_uri
        with pytest.raises(UsageError, match=r"^the model was not served within 0.1 s"):
            training.probe_serving(uri, timeout_s=0.1)
    assert not mlflow.get_run(run.info.run_id).data.metrics


def test_a_model_without_an_example_is_refused(mlflow: ModuleType) -> None:
    with mlflow.start_run():
        uri = log_model(mlflow, example=False).model_uri
        with pytest.raises(UsageError) as caught:
            training.probe_serving(uri)
    assert str(caught.value) == (
        f"model {uri} has no input example to send: log it with input_example=…"
    )


def test_a_model_whose_example_an_old_mlflow_stored_in_another_form_is_refused(
    mlflow: ModuleType,
) -> None:
    """As MLflow 2.9 leaves it: `input_example.json` alone."""
    with mlflow.start_run():
        info = log_model(mlflow)
        folder = Path(mlflow.get_logged_model(info.model_id).artifact_location)
        (folder / "serving_input_example.json").unlink()
        with pytest.raises(UsageError) as caught:
            training.probe_serving(info.model_uri)
    assert str(caught.value) == (
        f"model {info.model_uri} has no file serving_input_example.json, and MLflow "
        f"{mlflow.__version__} is installed: MLflow 2.16 or newer writes it; log the model with "
        "that to probe it"
    )


def test_without_an_active_run_there_is_nowhere_to_log(mlflow: ModuleType) -> None:
    with pytest.raises(UsageError) as caught:
        training.probe_serving("models:/m-1")
    assert str(caught.value) == ("there is no active run to log into: with mlflow.start_run(): …")


def test_no_requests_are_no_probe() -> None:
    with pytest.raises(UsageError, match=r"^requests is 0; at least 1 is needed$"):
        training.probe_serving("models:/m-1", requests=0)


def test_a_process_is_ended_by_its_id_when_anything_goes_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    processes = []

    def interrupted() -> None:
        with running(command, tmp_path, os.environ) as (process, _):
            processes.append(process)
            assert process.poll() is None
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes[0].poll() is not None


def test_a_process_that_ignores_the_request_to_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_engine.training.scoring._END_S", 0.2)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(60)"
    )
    with running([sys.executable, "-c", code], tmp_path, os.environ) as (process, log):
        until = time.monotonic() + 20
        while not log.read_text() and time.monotonic() < until:
            time.sleep(0.02)
    assert process.poll() is not None


def test_the_peak_memory_of_a_process_that_is_gone_is_not_known() -> None:
    assert peak_memory_mb(2**22 + 1) is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the peak for everybody")
def test_memory_is_in_millions_of_bytes() -> None:
    import resource

    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured = peak_memory_mb(os.getpid())
    assert measured is not None
    assert measured <= kib * 1024 / 1e6 * 1.05


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=400), q=st.integers(1, 100))
def test_a_percentile_is_numpys_inverted_cdf(values: list[float], q: int) -> None:
    assert percentile(values, q) == np.percentile(values, q, method="inverted_cdf")


@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=400), q=st.integers(1, 100))
def test_at_least_q_percent_do_not_exceed_the_percentile_and_fewer_stay_below(
    values: list[float], q: int
) -> None:
    value = percentile(values, q)
    assert value in values
    assert sum(v <= value for v in values) * 100 >= q * len(values)
    assert sum(v < value for v in values) * 100 < q * len(values)


@pytest.mark.parametrize(("q", "expected"), [(50, 100), (95, 190), (99, 198), (100, 200)])
def test_of_1_to_200_the_percentiles_are_those_ranks(q: int, expected: int) -> None:
    assert percentile([float(n) for n in range(1, 201)], q) == expected


@pytest.mark.parametrize("q", [50, 95, 99])
@pytest.mark.parametrize("n", [1, 2, 58, 59, 200, 298, 299, 1000, 5000])
def test_a_bound_is_beyond_a_limit_where_scipys_binomial_test_shows_it(n: int, q: int) -> None:
    """Of 1 to n: for each limit, how many lie above it is what the test counts."""
    from scipy.stats import binom

    low, high = percentile_bounds([float(k) for k in range(1, n + 1)], q)
    within = np.arange(n + 1)  # how many do not exceed a limit of so much
    late = binom.cdf(within, n, q / 100) <= 0.05
    in_time = binom.sf(within - 1, n, q / 100) <= 0.05
    assert [low is not None and low > limit for limit in within] == late.tolist()
    assert [high is not None and high <= limit for limit in within] == in_time.tolist()


def _stored(mlflow: ModuleType, info: Any) -> Path:
    """The folder of a logged model's files, as this local store keeps them."""
    return Path(mlflow.get_logged_model(info.model_id).artifact_location)
