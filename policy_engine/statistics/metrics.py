"""Which number is meant: a metric's definition, and what a logged name may stand for."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

from policy_engine.errors import PolicyEngineError

Label = str | int | float | bool
"""A class, as JSON writes it; 1, 1.0 and true are the same class."""

Average = Literal["binary", "macro", "micro", "weighted"]
CountKind = Literal[
    "accuracy",
    "balanced_accuracy",
    "f1",
    "jaccard",
    "kappa",
    "mcc",
    "precision",
    "recall",
    "specificity",
]
"""What depends on the counts of (target, prediction) alone."""
RankKind = Literal["average_precision", "pr_curve_area", "roc_auc"]
"""What depends on the order of the scores alone."""
LossKind = Literal["brier", "log_loss"]
"""A mean over rows of what a probability costs."""
NumberKind = Literal["mae", "mape", "max_error", "mse", "r2", "rmse", "rmsle"]
"""What compares predicted numbers with true ones."""
Kind = Literal[CountKind, RankKind, LossKind, NumberKind, "row_mean"]
"""All of them; `row_mean` is the mean of a column that holds one value a row."""

AVERAGED = frozenset({"f1", "jaccard", "precision", "recall"})
"""Of one class, or averaged over all of them."""
RANKED: frozenset[str] = frozenset(get_args(RankKind))
LOSSES: frozenset[str] = frozenset(get_args(LossKind))
NUMBERS: frozenset[str] = frozenset(get_args(NumberKind))
COUNTED: frozenset[str] = frozenset(get_args(CountKind))

_KINDS: dict[Kind, str] = {
    "accuracy": "accuracy acc",
    "balanced_accuracy": "balanced_accuracy",
    "f1": "f1 dice",
    "jaccard": "jaccard iou",
    "kappa": "kappa cohen_kappa",
    "mcc": "mcc matthews_corrcoef",
    "precision": "precision",
    "recall": "recall sensitivity",
    "specificity": "specificity",
    "average_precision": "average_precision ap pr_auc precision_recall_auc",
    "roc_auc": "roc_auc auc auroc",
    "brier": "brier brier_loss",
    "log_loss": "log_loss logloss cross_entropy",
    "mae": "mae mean_absolute_error absolute_error",
    "mape": "mape mean_absolute_percentage_error absolute_percentage_error",
    "max_error": "max_error",
    "mse": "mse mean_squared_error squared_error",
    "r2": "r2",
    "rmse": "rmse root_mean_squared_error root_squared_error",
    "rmsle": "rmsle",
}
_NAMES = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_AVERAGES: tuple[Average, ...] = ("binary", "weighted", "macro", "micro")
_PLACES = frozenset(
    (
        "val valid validation test eval evaluation train training dev holdout cv mean "
        "avg best final score macro micro weighted binary metric metrics"
    ).split()
)


class NotComputable(PolicyEngineError):  # noqa: N818 (it names what is wrong)
    """These rows do not allow this definition: a column or the positive class is not there."""


@dataclass(frozen=True, slots=True)
class RowMetric:
    """One definition of one metric.

    Attributes:
        kind: What is computed.
        average: Over classes; None means `binary` where a positive class is known, else `weighted`
            (as MLflow's autologging does). Only `AVERAGED` and `RANKED` kinds look at it.
        positive: The class that counts in a `binary` metric; None means 1 or true. With more than
            two classes it is that class against all others.
        multiclass: For `roc_auc` of more than two classes: one against the rest, or against one.
    """

    kind: Kind
    average: Average | None = None
    positive: Label | None = None
    multiclass: Literal["ovr", "ovo"] = "ovr"

    def __str__(self) -> str:
        words = [self.average or "", self.multiclass if self._pairs else "", self.kind]
        of = f" of {self.positive}" if self.positive is not None else ""
        return " ".join(word for word in words if word).replace("_", " ") + of

    @property
    def _pairs(self) -> bool:
        return self.kind == "roc_auc" and self.average in ("macro", "weighted")


def metric_definitions(name: str, positive: Label | None = None) -> tuple[RowMetric, ...]:
    """Return what a metric logged as `name` may be, the likeliest first; none if it is not known.

    Args:
        name: As logged (`val_f1`, `test/f1_score_macro`).
        positive: The positive class, where the policy file names it.

    Returns:
        One definition, or several where libraries differ: scikit-learn's F1 is binary, MLflow's
        autologging logs the weighted one even for two classes.
    """
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    kind = _NAMES.get("_".join(words)) or _NAMES.get(
        "_".join(word for word in words if word not in _PLACES)
    )
    if kind is None:
        return ()
    said = [average for average in _AVERAGES if average in words]
    found = [RowMetric(kind, average, positive) for average in _choices(kind, said)]
    if kind == "roc_auc":
        found += [replace(m, multiclass="ovo") for m in found if m.average != "binary"]
    if kind == "average_precision":
        found.append(RowMetric("pr_curve_area", "binary", positive))
    return tuple(found)


def _choices(kind: Kind, said: list[Average]) -> tuple[Average | None, ...]:
    if kind in AVERAGED:
        return tuple(said) or _AVERAGES
    if kind in RANKED:
        return tuple(said) or ("binary", "weighted", "macro")
    return ("binary",) if kind in LOSSES or kind == "specificity" else (None,)


def settle_metric(
    metric: RowMetric, labels: Collection[Label], *, scored_classes: int = 0
) -> RowMetric:
    """Return the metric with its average and its positive class filled in.

    Args:
        metric: As asked for.
        labels: Every class that occurs.
        scored_classes: How many classes have a score column of their own; 0 for a single column.

    Raises:
        NotComputable: If the metric is of one class and that class is not known or does not occur.
    """
    if metric.kind in NUMBERS or metric.kind == "row_mean":
        return metric
    positive = metric.positive if metric.positive is not None else _one(labels)
    average = metric.average or _usual(metric, positive, labels, scored_classes)
    if not _of_one_class(metric.kind, average, scored_classes):
        return replace(metric, average=average, positive=None)
    if positive is None:
        raise NotComputable(
            f"{metric.kind} needs a positive class and no class is 1 or true; "
            "name it: metric: {positive: …}"
        )
    if positive not in labels:
        raise NotComputable(f"no row is of the positive class {positive}")
    return replace(metric, average="binary", positive=positive)


def _of_one_class(kind: Kind, average: Average, scored_classes: int) -> bool:
    if kind in LOSSES:
        return scored_classes == 0
    if kind == "specificity":
        return True
    return average == "binary" and (kind in AVERAGED or kind in RANKED)


def _usual(
    metric: RowMetric, positive: Label | None, labels: Collection[Label], scored_classes: int
) -> Average:
    if metric.positive is not None:
        return "binary"
    if metric.kind in RANKED and scored_classes == 0:
        return "binary"
    return "binary" if positive is not None and len(labels) <= 2 else "weighted"  # noqa: PLR2004


def _one(labels: Collection[Label]) -> Label | None:
    return next((label for label in labels if label == 1), None)
