"""What a policy sees: a case, its runs and models, and measurements that carry unit and grade.

Each read has four results. A value is returned; the three others are raised, so that a policy
cannot take one for another:

- `MissingEvidence`: it is not there (finding `missing`);
- `InvalidEvidence`: it is there and unusable, such as NaN (finding `fail`);
- `UnreadableEvidence`: it could not be read (finding `error`).
"""

from policy_engine.evidence.case import Case, Change
from policy_engine.evidence.commit import COMMIT_TAGS, commit_in
from policy_engine.evidence.cost import INSTANCE_TAG, training_cost, training_time
from policy_engine.evidence.joining import Joined, join, unlike_labels
from policy_engine.evidence.measurement import Grade, Measurement, Metric, resolve_metric
from policy_engine.evidence.model import Artifact, Model, ModelMetric, Version
from policy_engine.evidence.predictions import Predictions
from policy_engine.evidence.record import EVERYTHING, Needs
from policy_engine.evidence.run import Dataset, Importance, Run
from policy_engine.evidence.states import (
    EvidenceError,
    InvalidEvidence,
    MissingEvidence,
    NotApplicable,
    UndeclaredNeed,
    UnreadableEvidence,
)
from policy_engine.source.foreign import json_value

__all__ = [
    "COMMIT_TAGS",
    "EVERYTHING",
    "INSTANCE_TAG",
    "Artifact",
    "Case",
    "Change",
    "Dataset",
    "EvidenceError",
    "Grade",
    "Importance",
    "InvalidEvidence",
    "Joined",
    "Measurement",
    "Metric",
    "MissingEvidence",
    "Model",
    "ModelMetric",
    "Needs",
    "NotApplicable",
    "Predictions",
    "Run",
    "UndeclaredNeed",
    "UnreadableEvidence",
    "Version",
    "commit_in",
    "join",
    "json_value",
    "resolve_metric",
    "training_cost",
    "training_time",
    "unlike_labels",
]
