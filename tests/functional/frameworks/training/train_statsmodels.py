"""A least-squares fit of statsmodels, logged by autologging."""

from __future__ import annotations

import mlflow
import mlflow.statsmodels
import statsmodels.api
from rows import split

mlflow.statsmodels.autolog()
rows = split()
with mlflow.start_run() as run:
    columns = ["mean radius", "mean texture", "mean smoothness"]
    model = statsmodels.api.OLS(rows.labels, rows.features[columns]).fit()
    said = model.predict(rows.kept_features[columns]) > 0.5
    mlflow.log_metric("val_accuracy", rows.accuracy(said))
print(run.info.run_id)
