"""A small network of PyTorch, logged by hand: MLflow's autologging is for Lightning."""

from __future__ import annotations

import mlflow
import mlflow.pytorch
import torch
from rows import split

torch.manual_seed(7)
rows = split()
scale = torch.tensor(rows.features.to_numpy().max(axis=0), dtype=torch.float32)
features = torch.tensor(rows.features.to_numpy(), dtype=torch.float32) / scale
labels = torch.tensor(rows.labels.to_numpy())
kept = torch.tensor(rows.kept_features.to_numpy(), dtype=torch.float32) / scale
model = torch.nn.Sequential(torch.nn.Linear(30, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with mlflow.start_run() as run:
    mlflow.log_params({"epochs": 50, "lr": 0.01})
    for epoch in range(50):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(features), labels)
        loss.backward()
        optimizer.step()
        mlflow.log_metric("train_loss", loss.item(), step=epoch)
    said = model(kept).argmax(dim=1).numpy()
    mlflow.log_metric("val_accuracy", rows.accuracy(said))
    mlflow.pytorch.log_model(model, name="model", input_example=features[:3].numpy())
print(run.info.run_id)
