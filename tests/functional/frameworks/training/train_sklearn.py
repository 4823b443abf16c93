"""A forest of scikit-learn, logged by autologging."""

from __future__ import annotations

import mlflow
import mlflow.sklearn
from rows import split
from sklearn.ensemble import RandomForestClassifier

mlflow.sklearn.autolog()
rows = split()
with mlflow.start_run() as run:
    model = RandomForestClassifier(n_estimators=20, random_state=7)
    model.fit(rows.features, rows.labels)
    mlflow.log_metric("val_accuracy", rows.accuracy(model.predict(rows.kept_features)))
print(run.info.run_id)
