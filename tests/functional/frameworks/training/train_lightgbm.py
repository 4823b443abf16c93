"""A classifier of LightGBM, logged by autologging."""

from __future__ import annotations

import lightgbm
import mlflow
import mlflow.lightgbm
from rows import split

mlflow.lightgbm.autolog()
rows = split()
with mlflow.start_run() as run:
    model = lightgbm.LGBMClassifier(n_estimators=20, random_state=7, verbose=-1)
    model.fit(rows.features, rows.labels)
    mlflow.log_metric("val_accuracy", rows.accuracy(model.predict(rows.kept_features)))
print(run.info.run_id)
