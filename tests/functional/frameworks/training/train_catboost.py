"""A classifier of CatBoost, for which MLflow has no autologging."""

from __future__ import annotations

import mlflow
import mlflow.catboost
from catboost import CatBoostClassifier
from rows import split

rows = split()
with mlflow.start_run() as run:
    model = CatBoostClassifier(iterations=20, random_seed=7, allow_writing_files=False, silent=True)
    model.fit(rows.features, rows.labels)
    mlflow.log_params({"iterations": 20, "random_seed": 7})
    mlflow.log_metric("val_accuracy", rows.accuracy(model.predict(rows.kept_features)))
    mlflow.catboost.log_model(model, name="model", input_example=rows.features.head(3))
print(run.info.run_id)
