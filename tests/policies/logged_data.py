"""Two runs, really trained and logged into SQLite: a careful one, and one that gets data wrong."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from policy_engine.check import Options, collect
from policy_engine.evidence.record import RunRecord
from policy_engine.training.dataset import log_dataset, overlap_ratio

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HEAD = "d" * 40
SECRETS = ("anna.berg@example.org", "4111111111111111", "DE89370400440532013000", "192.0.2.17")
POLICIES = """\
version: 1
metric: {name: val_accuracy}
policies:
  code-lineage: on
  clean-tree: on
  dataset-identity: on
  pii-columns: on
  data-licence-and-consent: {licences: [CC-BY-4.0]}
  data-freshness: on
  train-test-leakage: on
"""


@dataclass(frozen=True, slots=True)
class Logged:
    """Where the two runs lie, and what was collected of them."""

    uri: str
    folder: Path
    careful: RunRecord
    careless: RunRecord


def logged(factory: pytest.TempPathFactory) -> Logged:
    """Return both runs, collected through the engine; they are trained once a session."""
    return _logged(factory.getbasetemp())


@functools.cache
def _logged(root: Path) -> Logged:
    import mlflow

    folder = root / "logged-data"
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "data.yaml").write_text(POLICIES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        try:
            experiment_id = mlflow.create_experiment("payments", str(folder / "artifacts"))
            runs = [_careful(experiment_id), _careless(experiment_id)]
        finally:
            mlflow.set_tracking_uri("")
    evidence = collect(Options(runs=tuple(runs), tracking_uri=uri, root=folder))
    careful, careless = (each.run for each in evidence.candidates)
    return Logged(uri, folder, careful, careless)


def _frame() -> Any:
    import pandas as pd
    from sklearn.datasets import load_breast_cancer

    features, target = load_breast_cancer(return_X_y=True)
    return pd.DataFrame(features[:, :3], columns=["radius", "texture", "size"]).assign(
        target=target
    )


def _fitted(frame: Any) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    columns = ["radius", "texture", "size"]
    first = ColumnTransformer([("numbers", "passthrough", columns)])
    return make_pipeline(first, LogisticRegression(max_iter=500)).fit(frame, frame["target"])


def _logged_model(frame: Any) -> Any:
    import mlflow

    model = _fitted(frame)
    example = frame.drop(columns="target").head(2)
    mlflow.sklearn.log_model(
        model, name="model", input_example=example, pip_requirements=["scikit-learn"]
    )
    return model


def _careful(experiment_id: str) -> str:
    import mlflow

    frame = _frame()
    train, test = frame[:400], frame[400:]
    tags = {"policy_engine.head_sha": HEAD, "policy_engine.dirty": "false"}
    facts = {"licence": "CC-BY-4.0", "purpose": "demo", "consent_basis": "none", "owner": "us"}
    with mlflow.start_run(experiment_id=experiment_id, tags=tags) as run:
        day_before = datetime.fromtimestamp(run.info.start_time / 1000 - 86400, UTC)
        log_dataset(
            train,
            name="payments-train",
            context="training",
            targets="target",
            max_timestamp=day_before,
            **facts,
        )
        log_dataset(test, name="payments-test", context="evaluation", targets="target", **facts)
        model = _logged_model(train)
        mlflow.log_metric("val_accuracy", model.score(test, test["target"]))
        mlflow.log_metric("leakage.overlap_ratio", overlap_ratio(train, test))
    run_id: str = run.info.run_id
    return run_id


def _careless(experiment_id: str) -> str:
    """Trained and evaluated on one frame that holds people's data, with uncommitted changes."""
    import mlflow
    import mlflow.data.pandas_dataset

    mail, card, iban, ip = SECRETS
    frame = _frame()
    frame["contact"], frame["payment_card"] = mail, int(card)
    frame["note"], frame["client_ip"] = f"paid from {iban}", ip
    tags = {"policy_engine.head_sha": "e" * 40, "policy_engine.dirty": "false"}
    tags |= {"mlflow.source.git.dirty": "True"}
    with mlflow.start_run(experiment_id=experiment_id, tags=tags) as run:
        data = mlflow.data.pandas_dataset.from_pandas(
            frame, source="/home/anna/payments.csv", name="payments"
        )
        mlflow.log_input(data, context="train")
        mlflow.log_input(
            mlflow.data.pandas_dataset.from_pandas(frame, source="s3://data/p.csv", name="copy"),
            context="test",
        )
        model = _logged_model(frame)
        mlflow.log_metric("val_accuracy", model.score(frame, frame["target"]))
    run_id: str = run.info.run_id
    return run_id
