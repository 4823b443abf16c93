"""A booster of XGBoost, logged by autologging."""

from __future__ import annotations

import mlflow
import mlflow.xgboost
import xgboost
from rows import split

mlflow.xgboost.autolog()
rows = split()
with mlflow.start_run() as run:
    data = xgboost.DMatrix(rows.features, label=rows.labels)
    model = xgboost.train({"objective": "binary:logistic", "seed": 7}, data, num_boost_round=20)
    said = model.predict(xgboost.DMatrix(rows.kept_features)) > 0.5
    mlflow.log_metric("val_accuracy", rows.accuracy(said))
print(run.info.run_id)
