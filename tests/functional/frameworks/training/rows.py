"""The data of the models of tables: 569 real tumours, three tenths of them kept for evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split


@dataclass(frozen=True, slots=True)
class Split:
    """Frames of features and series of labels: what is trained on, and what is kept."""

    features: Any
    labels: Any
    kept_features: Any
    kept_labels: Any

    def accuracy(self, said: Any) -> float:
        """Return the share of the kept rows whose label was said (0 to 1)."""
        return float((said == self.kept_labels.to_numpy()).mean())


def split() -> Split:
    """Return the same split every time."""
    features, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    parts = train_test_split(features, labels, test_size=0.3, random_state=7, stratify=labels)
    return Split(parts[0], parts[2], parts[1], parts[3])
