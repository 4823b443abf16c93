"""What every test may ask for: a clean environment, a real MLflow server, really trained models."""

from __future__ import annotations

import gc
import os
import signal
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.mlflow_server import WRITTEN_BY_MLFLOW, MlflowServer, logging_to, served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.github.fake.server import GitHubFake

__all__ = ["MlflowServer"]  # who asks for the fixture takes its type from here

pytest_plugins = ["tests.dealing", "tests.distribution"]

# A slow machine fails nobody: how long an example takes is measured in benchmarks/.
# The same examples every time: a red run is about the change. `make fuzz` looks for new ones.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=1000)
hypothesis.settings.register_profile("few", deadline=None, derandomize=True, max_examples=10)
hypothesis.settings.load_profile("repeatable")

# What `make check` leaves to `make test`: what takes a server, a training, a built distribution, or
# many processes, rows or rounds. Folders and files of tests/; words of names; fixtures.
SLOW_PLACES = (
    *("action", "functional", "github", "http", "servers", "tracking", "training"),
    *("change/test_commits", "cli/test_doctor", "cli/test_init", "cli/test_new_plugin"),
    "cli/test_streams",
    *("policy_file/test_tightening", "statistics/test_error_rates", "statistics/test_multiplicity"),
    *("test_benchmarks", "test_docs", "test_packaging"),
)
GARBAGE = 50_000
SLOW_WORDS = ("almost_never", "real_run", "really_", "scikit_learns", "ten_thousand")
SLOW_FIXTURES = frozenset({"dist", "github_fake", "mlflow_server"})

HERE = Path(__file__).parent

# Fake commits, exposed by `Trained`: 40 hexadecimal digits, as git writes them.
CHAMPION_SHA = "c" * 40
CANDIDATE_SHA = "a" * 40
OTHER_SHA = "b" * 40

# Given, so that MLflow does not spend 10 to 18 seconds a model on guessing them.
REQUIREMENTS = ["scikit-learn"]


@dataclass(frozen=True, slots=True)
class Trained:
    """Ids of what was really trained and logged. Read it, never write to it."""

    experiment_id: str  # `fraud`: its artifacts lie in a local absolute folder
    champion: str  # version 1, alias `champion`, commit CHAMPION_SHA
    champion_model: str
    candidate: str  # version 2, commit CANDIDATE_SHA, a larger model with a worse accuracy
    candidate_model: str
    without_model: str
    running: str
    failed: str
    failed_log: str  # one FAILED logged model beside one READY one
    failed_log_ready: str
    failed_log_failed: str
    two_models: str  # two READY models, `first` and `second`
    two_models_ids: frozenset[str]
    parent: str
    children: tuple[str, str]
    deleted: str
    not_numbers: str  # metrics `nan`, `inf` and `minus_inf` that are not numbers
    proxied_experiment_id: str  # `proxied`: its artifacts are served by the server
    proxied: str
    proxied_model: str  # the files of this model lie in nested folders
    deleted_experiment_id: str
    registered: str = "fraud"
    champion_sha: str = CHAMPION_SHA
    candidate_sha: str = CANDIDATE_SHA
    other_sha: str = OTHER_SHA


# What the tests know of the machine: where its tools, its packages and its own texts are, and what
# time it has. `env -i HOME=… PATH=… LANG=…` is enough; all else is taken out, whatever it is.
KEPT = frozenset(
    {
        *("HOME", "LANG", "LC_ALL", "PATH", "TZ"),
        *("TEMP", "TMP", "TMPDIR"),
        *("PIP_CERT", "PIP_CONFIG_FILE", "PIP_DEFAULT_TIMEOUT"),
        *("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_TRUSTED_HOST"),
        *("SSL_CERT_DIR", "SSL_CERT_FILE"),
    }
)
SET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # MLflow guesses a model's requirements for 10 to 18 s, and then takes those of its framework.
    "MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "NO_PROXY": "*",
}


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark that `pytest_collection_modifyitems` gives."""
    config.addinivalue_line("markers", "slow: takes a server, a training, or long")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the slow places out before they are imported, where no slow test is asked for."""
    if "not slow" not in config.option.markexpr or collection_path.is_dir():
        return None
    return _is_slow(collection_path) or None


def _is_slow(path: Path) -> bool:
    return path.relative_to(HERE).as_posix().startswith(SLOW_PLACES)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make check` does not run."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        named = any(word in item.nodeid for word in SLOW_WORDS)
        if named or _is_slow(item.path) or fixtures & SLOW_FIXTURES:
            item.add_marker("slow")


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: a third of the time a test waits for a server or a silence."""
    return -(-len(os.sched_getaffinity(0)) * 3 // 2) if hasattr(os, "sched_getaffinity") else 3


def pytest_collection_finish() -> None:
    """Look no more for garbage in what collecting left: it is a sixteenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 50, 50)


def _unwanted() -> list[str]:
    """Return the variables that could make a test depend on where it runs; pytest's own are not."""
    pytests = {n for n in os.environ if "PYTEST" in n} - {"PYTEST_ARGS"}  # that one is make's
    return sorted(os.environ.keys() - KEPT - SET.keys() - pytests)


def pytest_report_header() -> str:
    """Say what the tests do not see."""
    return f"variables taken out: {', '.join(_unwanted()) or 'none'}"


def _clean(environment: pytest.MonkeyPatch) -> None:
    for name in _unwanted():
        environment.delenv(name)
    for name, value in SET.items():
        environment.setenv(name, value)


@pytest.fixture(scope="session", autouse=True)
def _clean_session() -> Iterator[None]:
    """The environment of a machine that has nothing set, for all fixtures and tests."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Shells start background jobs so, and each command that a test starts would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as environment:
        _clean(environment)
        yield


@pytest.fixture(autouse=True)
def clean_environment(_clean_session: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts with a clean environment, and MLflow leaves nothing there for the next."""
    _clean(monkeypatch)
    yield
    for name in WRITTEN_BY_MLFLOW:
        os.environ.pop(name, None)


@pytest.fixture
def github_fake() -> Iterator[GitHubFake]:
    """A GitHub on loopback; a test that asked it for what GitHub's description forbids fails."""
    from tests.github.fake.server import GitHubFake

    fake = GitHubFake()
    yield fake
    fake.close()
    assert fake.violations == []


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """The real `mlflow server` that all tests share."""
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@contextmanager
def running_mlflow(root: Path) -> Iterator[MlflowServer]:
    """A real `mlflow server` on a free port, over a new SQLite database; ended by its pid."""
    with served(root, meanwhile=_import_mlflow) as server:
        yield server


def _import_mlflow() -> None:
    # The import takes as long as the server takes to start: do both at once.
    with _foreign_warnings_ignored():
        import mlflow.sklearn  # noqa: F401 -- only to have it loaded


@contextmanager
def _foreign_warnings_ignored() -> Iterator[None]:
    """Training code may warn; only our own code is held to `filterwarnings = error`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="session")
def trained(mlflow_server: MlflowServer) -> Trained:
    """What a small team trained and logged through the server that all tests share."""
    return trained_on(mlflow_server)


def trained_on(mlflow_server: MlflowServer) -> Trained:
    """Train small scikit-learn models and log them through a server, as a team would."""
    with _foreign_warnings_ignored(), logging_to(mlflow_server.uri):
        return _Training(mlflow_server.root).run()


class _Training:
    """The story of a small team: a champion, pull requests, and everything that went wrong."""

    def __init__(self, root: Path) -> None:
        from mlflow import MlflowClient
        from sklearn.datasets import load_breast_cancer

        self.client = MlflowClient()
        self.root = root
        self.features, self.labels = load_breast_cancer(return_X_y=True)
        self.experiment_id = self.client.create_experiment(
            "fraud",
            artifact_location=str(root / "artifacts" / "fraud"),
            tags={
                "mlflow.experiment.primaryMetric.name": "val_accuracy",
                "mlflow.experiment.primaryMetric.greaterIsBetter": "True",
            },
        )
        self.proxied_id = self.client.create_experiment("proxied")

    def run(self) -> Trained:
        champion, champion_model = self.modelled(self.logistic(), CHAMPION_SHA, registered="fraud")
        self.client.set_registered_model_alias("fraud", "champion", "1")
        candidate, candidate_model = self.modelled(
            self.forest(), CANDIDATE_SHA, registered="fraud", accuracy=0.9574468085106383
        )
        failed_log, ready, failed = self.failing_log()
        two_models, two_models_ids = self.two_models()
        parent, children = self.family()
        proxied, proxied_model = self.in_folders()
        return Trained(
            experiment_id=self.experiment_id,
            champion=champion,
            champion_model=champion_model,
            candidate=candidate,
            candidate_model=candidate_model,
            without_model=self.bare("without-model"),
            running=self.bare("running", end=None),
            failed=self.bare("failed", end="FAILED"),
            failed_log=failed_log,
            failed_log_ready=ready,
            failed_log_failed=failed,
            two_models=two_models,
            two_models_ids=two_models_ids,
            parent=parent,
            children=children,
            deleted=self.deleted(),
            not_numbers=self.bare(
                "not-numbers",
                {"nan": float("nan"), "inf": float("inf"), "minus_inf": float("-inf")},
            ),
            proxied_experiment_id=self.proxied_id,
            proxied=proxied,
            proxied_model=proxied_model,
            deleted_experiment_id=self.deleted_experiment(),
        )

    def logistic(self) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression()).fit(self.features, self.labels)

    def forest(self) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        forest = RandomForestClassifier(n_estimators=20, random_state=7)
        return forest.fit(self.features, self.labels)

    def package(self) -> Path:
        """A Python package with an empty file, and a folder in a folder."""
        package = self.root / "rules"
        (package / "limits").mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "limits" / "limits.txt").write_text("0.95\n")
        return package

    def log_model(
        self, model: Any, name: str, registered: str | None = None, code: Path | None = None
    ) -> str:
        import mlflow.sklearn

        info = mlflow.sklearn.log_model(
            model,
            name=name,
            pip_requirements=REQUIREMENTS,
            registered_model_name=registered,
            code_paths=None if code is None else [str(code)],
            # MLflow's default, skops, refuses tree models.
            serialization_format="cloudpickle",
        )
        model_id: str = info.model_id
        return model_id

    def log_dataset(self) -> None:
        import mlflow
        import mlflow.data.numpy_dataset

        # A small part of the rows: the digest and the schema are what the tests read.
        data = mlflow.data.numpy_dataset.from_numpy(
            self.features[:50], targets=self.labels[:50], name="breast-cancer-validation"
        )
        mlflow.log_input(data, context="validation")

    def modelled(
        self, model: Any, sha: str, *, registered: str, accuracy: float = 0.9787234042553191
    ) -> tuple[str, str]:
        """A whole run: parameters, metrics, commit, dataset, a note for people, and the model."""
        import mlflow

        with mlflow.start_run(experiment_id=self.experiment_id, tags=_tags(sha)) as run:
            mlflow.log_params({"model": type(model).__name__, "seed": 7})
            mlflow.log_metrics({"val_accuracy": accuracy, "train_seconds": 0.25})
            self.log_dataset()
            mlflow.log_text("recall is what matters here\n", "notes/for reviewers.txt")
            model_id = self.log_model(model, "fraud-model", registered)
        return run.info.run_id, model_id

    def bare(
        self,
        name: str,
        metrics: Mapping[str, float] | None = None,
        *,
        end: str | None = "FINISHED",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """A run without a model, by requests alone. `end=None` leaves it RUNNING."""
        run = self.client.create_run(
            self.experiment_id, tags=_tags(OTHER_SHA) | dict(tags or {}), run_name=name
        )
        run_id: str = run.info.run_id
        for key, value in ({"val_accuracy": 0.9} | dict(metrics or {})).items():
            self.client.log_metric(run_id, key, value)
        if end is not None:
            self.client.set_terminated(run_id, end)
        return run_id

    def failing_log(self) -> tuple[str, str, str]:
        """A run whose second `log_model` raised: MLflow keeps a FAILED model without files."""
        import mlflow

        model = self.logistic()
        with mlflow.start_run(experiment_id=self.experiment_id, tags=_tags(OTHER_SHA)) as run:
            mlflow.log_metric("val_accuracy", 0.9)
            ready = self.log_model(model, "whole")
            model.lock = threading.Lock()  # no pickle can hold a lock
            with pytest.raises(TypeError, match="cannot pickle"):
                self.log_model(model, "broken")
        outputs = self.client.get_run(run.info.run_id).outputs
        assert outputs is not None
        (failed,) = {output.model_id for output in outputs.model_outputs} - {ready}
        return run.info.run_id, ready, failed

    def two_models(self) -> tuple[str, frozenset[str]]:
        import mlflow

        model = self.logistic()
        with mlflow.start_run(experiment_id=self.experiment_id, tags=_tags(OTHER_SHA)) as run:
            mlflow.log_metric("val_accuracy", 0.9)
            models = frozenset(self.log_model(model, name) for name in ("first", "second"))
        return run.info.run_id, models

    def family(self) -> tuple[str, tuple[str, str]]:
        parent = self.bare("parent")
        tags = {"mlflow.parentRunId": parent}
        return parent, (self.bare("child-1", tags=tags), self.bare("child-2", tags=tags))

    def deleted(self) -> str:
        run_id = self.bare("deleted")
        self.client.delete_run(run_id)
        return run_id

    def deleted_experiment(self) -> str:
        experiment_id: str = self.client.create_experiment("given up")
        self.client.delete_experiment(experiment_id)
        return experiment_id

    def in_folders(self) -> tuple[str, str]:
        """A model that the server serves, with a file in a folder of a folder, and an empty one."""
        import mlflow

        with mlflow.start_run(experiment_id=self.proxied_id, tags=_tags(OTHER_SHA)) as run:
            mlflow.log_metric("val_accuracy", 0.9)
            mlflow.log_text("a,b\n1,2\n", "tables/deep/rows.csv")
            model_id = self.log_model(self.logistic(), "nested", code=self.package())
        return run.info.run_id, model_id


def _tags(sha: str) -> dict[str, str]:
    return {"policy_engine.head_sha": sha, "mlflow.source.git.commit": sha}
