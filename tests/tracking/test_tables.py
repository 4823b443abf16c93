"""What training left in files, read from a real server: tables, importances, texts, repeats."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import mlflow
import pandas as pd
import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelOutput
from mlflow.metrics import MetricValue
from mlflow.models import make_metric

from mlops_policies.comparing.comparison import Plan, compare
from mlops_policies.comparing.counted import Counts
from policy_engine.evidence import Needs, Run, join, resolve_metric
from policy_engine.evidence.record import ImportanceRecord, Invalid, RunRecord, Unreadable
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.run_reading import Begun, Scope
from policy_engine.tracking.tables import PREDICTIONS, TABLE_CAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MlflowServer, Trained

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the training side may warn

ROWS = pd.DataFrame(
    {
        "row_id": ["a", "b", "c"],
        "target": [1, 0, 1],
        "prediction": [1, None, 0],
        "score": [0.9, 0.25, float("nan")],
        "region": ["EU", None, "US"],
    }
)


@pytest.fixture
def experiment(mlflow_server: MlflowServer) -> Iterator[str]:
    mlflow.set_tracking_uri(mlflow_server.uri)
    name = f"tables {datetime.now(UTC).timestamp()}"
    yield mlflow.create_experiment(name)
    mlflow.set_tracking_uri("")


@pytest.fixture
def read(mlflow_server: MlflowServer) -> Callable[..., RunRecord]:
    def read(run_id: str, needs: Needs, cap: int = TABLE_CAP) -> RunRecord:
        deadline = Deadline(30)
        store = open_store(mlflow_server.uri, deadline)
        return Begun(
            Reads(store, deadline), store.run(run_id), Scope(needs, cap), None, None
        ).record()

    return read


def test_a_logged_table_is_read_by_column_and_nan_is_null(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_table(ROWS, PREDICTIONS)
    table = read(run.info.run_id, Needs.PREDICTIONS).predictions
    assert not isinstance(table, (Invalid, Unreadable))
    assert table is not None
    assert (table.run_id, table.source) == (run.info.run_id, PREDICTIONS)
    assert dict(table.columns) == {
        "row_id": ("a", "b", "c"),
        "target": (1, 0, 1),
        "prediction": (1.0, None, 0.0),
        "score": (0.9, 0.25, None),
        "region": ("EU", None, "US"),
    }


def test_a_table_over_the_cap_says_its_size_and_how_to_have_it_read(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text("x" * 2_000_000, PREDICTIONS)
    table = read(run.info.run_id, Needs.PREDICTIONS, 1_500_000).predictions
    assert table == Unreadable(
        unreadable=f"the table {PREDICTIONS} of run {run.info.run_id} is 2.0 MB, and at most 1.5 "
        "MB are read: raise `max_text` under `evidence:` in the policy file, such as `max_text: "
        "3MB`, or log fewer rows, or leave out columns that no policy reads"
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not a table in pandas' split JSON, as mlflow.log_table writes it"),
        ("[]", "it is not a table in pandas' split JSON, as mlflow.log_table writes it"),
        ('{"columns": ["a"], "data": []}', "it has no rows"),
        ('{"columns": ["a", "a"], "data": [[1, 2]]}', "its columns are not texts, each once"),
        ('{"columns": ["a"], "data": [[1, 2]]}', "a row has another length than the columns"),
    ],
)
def test_a_file_of_another_shape_is_invalid(
    experiment: str, read: Callable[..., RunRecord], text: str, why: str
) -> None:
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_text(text, PREDICTIONS)
    table = read(run.info.run_id, Needs.PREDICTIONS).predictions
    assert table == Invalid(invalid=f"{PREDICTIONS}: {why}")


def test_a_run_without_a_table_has_none(trained: Trained, read: Callable[..., RunRecord]) -> None:
    assert read(trained.without_model, Needs.PREDICTIONS).predictions is None


def test_predictions_of_an_evaluation_run_are_found_by_the_model(
    mlflow_server: MlflowServer, trained: Trained, read: Callable[..., RunRecord]
) -> None:
    """The model's own metrics say which run evaluated it."""
    mlflow.set_tracking_uri(mlflow_server.uri)
    with mlflow.start_run(experiment_id=trained.experiment_id) as evaluation:
        mlflow.log_metric("late", 0.9, model_id=trained.failed_log_ready)
        mlflow.log_table(ROWS, PREDICTIONS)
    mlflow.set_tracking_uri("")
    table = read(trained.failed_log, Needs.MODEL | Needs.PREDICTIONS).predictions
    assert getattr(table, "run_id", table) == evaluation.info.run_id


def hit(predictions: Any, targets: Any) -> Any:
    right = [float(p == t) for p, t in zip(predictions, targets, strict=True)]
    return MetricValue(scores=right, aggregate_results={"mean": sum(right) / len(right)})


HIT = make_metric(eval_fn=hit, greater_is_better=True, name="hit")  # type: ignore[no-untyped-call]


def evaluated(experiment: str, limit: float, data: Any, *, apart: bool) -> tuple[str, str]:
    """Evaluate a rule in the run that logs its model or in one of its own; return both runs."""

    def rule(features: Any) -> Any:
        return (features["x"] + features["y"] > limit).astype(int)

    def evaluate() -> None:
        mlflow.models.evaluate(  # type: ignore[no-untyped-call]
            rule, data, targets="target", extra_metrics=[HIT], model_id=model.model_id
        )

    with mlflow.start_run(experiment_id=experiment) as training:
        model = mlflow.initialize_logged_model(name="model", source_run_id=training.info.run_id)
        mlflow.finalize_logged_model(model.model_id, "READY")
        mlflow.log_outputs(models=[LoggedModelOutput(model.model_id, step=0)])
        if not apart:
            evaluate()
    with mlflow.start_run(experiment_id=experiment) as evaluation:
        if apart:
            evaluate()
    return training.info.run_id, evaluation.info.run_id


def test_rows_of_mlflows_own_evaluations_of_one_dataset_are_joined_by_their_place(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    """Candidate evaluated in its training run, the baseline in one of its own; no row_id at all."""
    drawn = random.Random(4)  # noqa: S311 (test data)
    data = pd.DataFrame({name: [drawn.random() for _ in range(200)] for name in "xy"})
    data["target"] = [int(r.x + r.y + drawn.gauss(0, 0.3) > 1) for r in data.itertuples()]
    new, _ = evaluated(experiment, 1, data, apart=False)
    old, evaluation = evaluated(experiment, 1.3, data, apart=True)
    needs = Needs.MODEL | Needs.PREDICTIONS
    sides = Run(read(new, needs), needs), Run(read(old, needs), needs, "baseline")
    mine, theirs = (side.predictions for side in sides)
    assert (mine.run_id, theirs.run_id) == (new, evaluation)
    assert mine.source == theirs.source == "eval_results_table.json"
    assert mine.dataset == theirs.dataset is not None
    joined = join(mine, theirs)
    assert joined.targets == tuple(data["target"])
    assert list(joined.candidate_rows) == list(range(200))
    metric = resolve_metric("hit/mean", "maximize", Decimal("0.01"), "the test")
    found = compare(*sides, metric, Plan())
    assert isinstance(found, Counts)
    assert found.n == 200
    assert found.wins > found.losses


def test_a_baseline_evaluated_again_on_the_candidates_data_is_compared_on_these(
    mlflow_server: MlflowServer, experiment: str
) -> None:
    client = mlflow.MlflowClient()
    old, new = (Dataset(name="test", digest=d, source_type="local", source="{}") for d in "on")
    tag = InputTag("mlflow.data.context", "evaluation")

    def trained(data: Dataset) -> tuple[str, str]:
        with mlflow.start_run(experiment_id=experiment) as run:
            model = mlflow.initialize_logged_model(name="model", source_run_id=run.info.run_id)
            client.log_inputs(run.info.run_id, [DatasetInput(data, [tag])])
            mlflow.log_metric("f1", 0.9, model_id=model.model_id)
            mlflow.log_table(ROWS, PREDICTIONS)
        mlflow.finalize_logged_model(model.model_id, "READY")
        return run.info.run_id, model.model_id

    (candidate, _), (champion, model_id) = trained(new), trained(old)
    with mlflow.start_run(experiment_id=experiment) as again:
        mlflow.log_table(ROWS, PREDICTIONS)
        client.log_metric(
            again.info.run_id, "f1", 0.8, model_id=model_id, dataset_name="test", dataset_digest="n"
        )
    deadline = Deadline(30)
    store = open_store(mlflow_server.uri, deadline)
    reads, scope = Reads(store, deadline), Scope(Needs.MODEL | Needs.PREDICTIONS, TABLE_CAP)
    mine = Begun(reads, store.run(candidate), scope, None, None)
    theirs: Any = Begun(reads, store.run(champion), scope, None, None, beside=mine).predictions()
    assert (theirs.run_id, theirs.dataset) == (again.info.run_id, "n")
    alone: Any = Begun(reads, store.run(champion), scope, None, None).predictions()
    assert (alone.run_id, alone.dataset) == (champion, "o")


def test_importances_are_numbers_and_nan_is_invalid(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_dict({"age": 0.7, "city": math.nan}, "policy_engine/importance.json")
    assert read(run.info.run_id, Needs.IMPORTANCE).importance == ImportanceRecord(
        source="policy_engine/importance.json",
        values={"age": 0.7, "city": Invalid(invalid="NaN")},
    )


def test_autologged_importances_are_found_and_pictures_are_named(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    with mlflow.start_run(experiment_id=experiment) as booster:
        mlflow.log_dict({"age": 3.0}, "feature_importance_weight.json")
        mlflow.log_dict({"age": 9.5}, "feature_importance_gain.json")
    assert read(booster.info.run_id, Needs.IMPORTANCE).importance == ImportanceRecord(
        source="feature_importance_gain.json", values={"age": 9.5}
    )
    with mlflow.start_run(experiment_id=experiment) as shap:
        mlflow.log_text("not really a picture", "shap_summary_plot.png")
    assert read(shap.info.run_id, Needs.IMPORTANCE).importance == ImportanceRecord(
        pictures=("shap_summary_plot.png",)
    )


def test_the_small_texts_of_a_model_are_read_where_files_are_needed(
    trained: Trained, read: Callable[..., RunRecord]
) -> None:
    model: Any = read(trained.champion, Needs.MODEL | Needs.FILES).model
    assert "scikit-learn" in model.texts["requirements.txt"]
    assert "python:" in model.texts["python_env.yaml"]
    assert model.mlmodel["model_id"] == trained.champion_model
    without: Any = read(trained.champion, Needs.MODEL).model
    assert without.texts is None


def test_runs_of_one_commit_are_repeats_failed_and_deleted_ones_too(
    experiment: str, read: Callable[..., RunRecord]
) -> None:
    client = mlflow.MlflowClient()
    tags = {"policy_engine.head_sha": "e" * 40}
    runs = [client.create_run(experiment, tags=tags).info.run_id for _ in range(3)]
    other = client.create_run(experiment, tags={"policy_engine.head_sha": "f" * 40})
    client.set_terminated(runs[1], "FAILED")
    client.delete_run(runs[2])
    repeats: Any = read(runs[0], Needs.REPEATS).repeats
    assert {(r.run_id, r.status, r.lifecycle) for r in repeats} == {
        (runs[1], "FAILED", "active"),
        (runs[2], "RUNNING", "deleted"),
    }
    assert other.info.run_id not in {r.run_id for r in repeats}
