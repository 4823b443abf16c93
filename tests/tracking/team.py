"""A team that logs to a real MLflow server, by requests alone: quick, and exactly as told.

What a test changes lies in an experiment of its own; the models are files of a few bytes.
"""

from __future__ import annotations

import textwrap
import uuid
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policy_engine.check import Options, check, collect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.evidence.record import EvidenceRecord
    from policy_engine.report import Report
    from tests.conftest import MlflowServer

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The moment of every judgement."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOON_MS = 1_790_000_000_000
"""When the runs begin unless a test says otherwise (epoch milliseconds; September 2026)."""

MLMODEL = b"flavors:\n  sklearn: {}\n  python_function: {}\nmodel_size_bytes: 900\n"
FILES: Mapping[str, bytes] = {"MLmodel": MLMODEL, "model.bin": bytes(900)}


@dataclass(frozen=True, slots=True)
class Team:
    """Logs runs, models and versions."""

    server: MlflowServer
    client: Any
    made: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, server: MlflowServer) -> Team:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient

            return cls(server, MlflowClient(server.uri, registry_uri=server.uri))

    def name(self, word: str) -> str:
        """Return a name that no other test uses."""
        return f"{word}-{uuid.uuid4().hex[:8]}"

    def experiment(self, *, primary: str | None = "val_accuracy", greater: str = "True") -> str:
        """Make an experiment whose artifacts lie in a local folder, so that SQLite reads them."""
        name = self.name("team")
        tags = {
            "mlflow.experiment.primaryMetric.name": primary,
            "mlflow.experiment.primaryMetric.greaterIsBetter": greater,
        }
        experiment_id: str = self.client.create_experiment(
            name,
            artifact_location=str(self.server.root / "artifacts" / name),
            tags=tags if primary else {},
        )
        return experiment_id

    def run(
        self,
        experiment_id: str,
        *,
        name: str = "a-run",
        commit: str | None = None,
        tags: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        begin: int = NOON_MS,
        end: int | None = None,
        status: str = "FINISHED",
    ) -> str:
        """Log a run; `commit` becomes both of its commit tags, `status` RUNNING leaves it open."""
        from mlflow.entities import Metric, Param

        both = {"policy_engine.head_sha": commit, "mlflow.source.git.commit": commit}
        all_tags = {**(both if commit else {}), **(tags or {})}
        run = self.client.create_run(experiment_id, begin, all_tags, name)
        run_id: str = run.info.run_id
        self.client.log_batch(
            run_id,
            [
                Metric(key, value, begin, 0)
                for key, value in ({"val_accuracy": 0.9} if metrics is None else metrics).items()
            ],
            [Param(key, value) for key, value in (params or {}).items()],
        )
        if status != "RUNNING":
            self.client.set_terminated(run_id, status, begin + HOUR_MS if end is None else end)
        return run_id

    def model(
        self,
        run_id: str,
        name: str = "model",
        *,
        files: Mapping[str, bytes] = FILES,
        status: str = "READY",
        step: int = 0,
    ) -> str:
        """Log a model of these files under a run."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus

        experiment_id = self.client.get_run(run_id).info.experiment_id
        model = self.client.create_logged_model(experiment_id, name, source_run_id=run_id)
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step)])
        for path, content in files.items():
            file = Path(model.artifact_location.removeprefix("file://")) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        if status != "PENDING":
            self.client.finalize_logged_model(model.model_id, LoggedModelStatus(status))
        model_id: str = model.model_id
        return model_id

    def register(self, name: str, model_id: str, run_id: str, *aliases: str) -> str:
        """Register a logged model, as the next version of a name; return the version."""
        if name not in self.made:
            self.client.create_registered_model(name)
        self.made[name] = self.made.get(name, 0) + 1
        made = self.client.create_model_version(
            name, f"models:/{model_id}", run_id, await_creation_for=0, model_id=model_id
        )
        for alias in aliases:
            self.client.set_registered_model_alias(name, alias, made.version)
        return str(made.version)


@dataclass(frozen=True, slots=True)
class Gate:
    """A folder with policy files, and the check of whoever works in it."""

    root: Path
    uri: str

    @classmethod
    def of(cls, root: Path, uri: str, **files: str) -> Gate:
        """Write each policy file, `fraud="…"` as `policies/fraud.yaml`, without `version: 1`."""
        for name, text in files.items():
            path = root / "policies" / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("version: 1\n" + textwrap.dedent(text))
        return cls(root, uri)

    def check(self, **options: Any) -> Report:
        return check(Options(root=self.root, tracking_uri=self.uri, at=AT, **options))

    def collect(self, **options: Any) -> EvidenceRecord:
        return collect(Options(root=self.root, tracking_uri=self.uri, at=AT, **options))

    def reason(self, exit_code: int, **options: Any) -> str | None:
        """Return why there is nothing to judge; the check ends with this exit code."""
        report = self.check(**options)
        assert report.exit_code == exit_code
        (subject,) = report.subjects
        assert subject.candidate is None
        return subject.reason
