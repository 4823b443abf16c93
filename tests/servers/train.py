"""What a small team trains and logs; it runs under the MLflow of the client, whichever that is.

    python train.py '{"champion": SHA, "candidate": SHA}'

It uses MLflow, scikit-learn and pandas alone: what `policy_engine.training` would write, it
writes by hand. The data make every number the same with every version of scikit-learn: one column
knows nine labels in ten, the other 39 in 40, and each model is one question about one column.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import mlflow
import mlflow.data
import mlflow.data.pandas_dataset
import mlflow.sklearn
import pandas as pd
from mlflow import MlflowClient
from mlflow.models import infer_signature
from sklearn.tree import DecisionTreeClassifier

NAME = "fraud"
ROWS = 400
MAJOR = int(mlflow.__version__.split(".")[0])


def frame() -> pd.DataFrame:
    """Return the evaluation data: two features and the label."""
    label = [row % 2 for row in range(ROWS)]
    rough = [y ^ (row % 10 == 3) for row, y in enumerate(label)]
    fine = [y ^ (row % 40 == 7) for row, y in enumerate(label)]
    return pd.DataFrame({"rough": rough, "fine": fine, "label": label}).astype(float)


def train(column: str) -> tuple[Any, list[int]]:
    """Return a model of one column, and what it says of each row."""
    data = frame()
    features = data[["rough", "fine"]]
    # The other column is silenced in training, so that no version picks it.
    silenced = features.assign(**{name: 0.0 for name in features.columns if name != column})
    model = DecisionTreeClassifier(max_depth=1, random_state=7).fit(silenced, data["label"])
    return model, [int(each) for each in model.predict(features)]


def log_model(model: Any) -> None:
    """Log it as each MLflow is told to."""
    features = frame()[["rough", "fine"]].head(3)
    named = {"name": "model"} if MAJOR >= 3 else {"artifact_path": "model"}
    mlflow.sklearn.log_model(
        model,
        **named,
        signature=infer_signature(features, model.predict(features)),
        input_example=features,
        pip_requirements=["scikit-learn==1.5.0"],
        registered_model_name=NAME,
        serialization_format="cloudpickle",
        await_registration_for=0,
    )


def table(said: list[int]) -> dict[str, list[Any]]:
    """Return what the model said of each row, by columns."""
    return {
        "row_id": list(range(ROWS)),
        "target": [int(each) for each in frame()["label"]],
        "prediction": said,
        "region": ["eu" if row % 4 < 2 else "us" for row in range(ROWS)],
    }


def log(name: str, column: str, path: str, tags: dict[str, str], *, child: bool) -> str:
    """Log a whole run, as `policy_engine.training` would; return its id."""
    model, said = train(column)
    rows = table(said)
    right = sum(y == p for y, p in zip(rows["target"], said, strict=True))
    with mlflow.start_run(run_name=name, tags=tags) as run:
        mlflow.log_params({"model": "DecisionTreeClassifier", "column": column, "seed": 7})
        mlflow.log_metrics({"val_accuracy": right / ROWS, "cost.total": 1.0})
        mlflow.set_tag("cost.currency", "USD")
        data = mlflow.data.pandas_dataset.from_pandas(frame(), targets="label", name="payments")
        mlflow.log_input(data, context="evaluation", tags={"data.licence": "CC-BY-4.0"})
        mlflow.log_table(rows, path)
        mlflow.log_dict({"rough": 0.4, "fine": 0.6}, "policy_engine/importance.json")
        mlflow.log_text("recall is what matters here\n", "notes/for reviewers.txt")
        if child:
            with mlflow.start_run(run_name=f"{name}-fold", nested=True, tags=tags):
                mlflow.log_metric("val_accuracy", 0.5)
        log_model(model)
    run_id: str = run.info.run_id
    return run_id


def main() -> None:
    """Train the champion and the candidate, and print what they are called."""
    told = json.loads(sys.argv[1])
    client = MlflowClient()
    experiment = mlflow.set_experiment(NAME).experiment_id
    client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.name", "val_accuracy")
    client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.greaterIsBetter", "True")

    def tags(sha: str, branch: str) -> dict[str, str]:
        return {
            "policy_engine.head_sha": told[sha],
            "policy_engine.dirty": "false",
            "mlflow.source.git.commit": told[sha],
            "mlflow.source.git.branch": branch,
        }

    of_main = tags("champion", "main") | {"baseline.kind": "existing"}
    champion = log("champion", "rough", "eval_results_table.json", of_main, child=False)
    of_change = tags("candidate", "change")
    candidate = log("candidate", "fine", "policy_engine/predictions.json", of_change, child=True)
    client.set_registered_model_alias(NAME, "champion", "1")
    client.set_registered_model_alias(NAME, "challenger", "2")
    sys.stdout.write(json.dumps({"champion": champion, "candidate": candidate}) + "\n")


main()
