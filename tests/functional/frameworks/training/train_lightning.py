"""A small network of Lightning, logged by autologging."""

from __future__ import annotations

from typing import Any

import lightning
import mlflow
import mlflow.pytorch
import torch
from rows import split
from torch.utils.data import DataLoader, TensorDataset


class Network(lightning.LightningModule):
    """One hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        hidden = torch.nn.Linear(30, 16)
        self.layers = torch.nn.Sequential(hidden, torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def forward(self, features: Any) -> Any:
        """Return a number for each class."""
        return self.layers(features)

    def training_step(self, batch: Any, _index: int) -> Any:
        """Return the loss of a batch."""
        features, labels = batch
        loss = torch.nn.functional.cross_entropy(self(features), labels)
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=0.01)


lightning.seed_everything(7)
mlflow.pytorch.autolog()
rows = split()
scale = torch.tensor(rows.features.to_numpy().max(axis=0), dtype=torch.float32)
features = torch.tensor(rows.features.to_numpy(), dtype=torch.float32) / scale
kept = torch.tensor(rows.kept_features.to_numpy(), dtype=torch.float32) / scale
data = TensorDataset(features, torch.tensor(rows.labels.to_numpy()))
with mlflow.start_run() as run:
    model = Network()
    trainer = lightning.Trainer(
        max_epochs=5, accelerator="cpu", logger=False, enable_progress_bar=False
    )
    trainer.fit(model, DataLoader(data, batch_size=32, shuffle=True))
    said = model(kept).argmax(dim=1).numpy()
    mlflow.log_metric("val_accuracy", rows.accuracy(said))
print(run.info.run_id)
