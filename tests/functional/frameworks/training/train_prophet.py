"""A forecast of Prophet, for which MLflow has no autologging."""

from __future__ import annotations

import logging

import mlflow
import mlflow.prophet
import numpy as np
import pandas as pd
from prophet import Prophet

logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
days = np.arange(400)
sold = (
    100 + 0.1 * days + 20 * np.sin(2 * np.pi * days / 7) + np.random.default_rng(7).normal(size=400)
)
series = pd.DataFrame({"ds": pd.date_range("2026-01-01", periods=400), "y": sold})
known, kept = series.head(370), series.tail(30)
with mlflow.start_run() as run:
    model = Prophet(weekly_seasonality=True, yearly_seasonality=False, daily_seasonality=False)
    model.fit(known)
    said = model.predict(kept[["ds"]])["yhat"].to_numpy()
    mlflow.log_metric("val_rmse", float(np.sqrt(np.mean((said - kept["y"].to_numpy()) ** 2))))
    mlflow.prophet.log_model(model, name="model", input_example=known[["ds"]].head(3))
print(run.info.run_id)
