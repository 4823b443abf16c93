"""What is known of a metric by its name: its direction, its range, its point.

A metric's name is read without the words that say where it was taken (`val_f1` and `test/f1_score`
are both F1). An unknown name is no error: then the policy file says the direction and the point.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Literal

Goal = Literal["maximize", "minimize"]

POINT = Decimal("0.01")
"""One point (pt) of a metric that lies in [0, 1], of R2, MCC and kappa."""

_PLACE = frozenset(
    (
        "val valid validation test eval evaluation train training dev holdout cv mean "
        "avg best final score macro micro weighted binary metric metrics"
    ).split()
)
_UNIT_INTERVAL = frozenset(
    (
        "accuracy acc f1 precision recall auc roc_auc auroc pr_auc precision_recall_auc "
        "average_precision ap balanced_accuracy top_k_accuracy hit_rate jaccard iou dice "
        "sensitivity specificity ndcg mrr map"
    ).split()
)
_UP_TO_ONE = frozenset({"r2", "mcc", "matthews_corrcoef", "kappa", "cohen_kappa"})
_LOSSES = frozenset(
    (
        "loss log_loss logloss cross_entropy brier brier_loss mae mse rmse mape rmsle "
        "mean_absolute_error mean_squared_error root_mean_squared_error max_error "
        "absolute_error squared_error root_squared_error error wer cer"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a metric's name tells.

    Attributes:
        goal: The direction that is better.
        bounded: Whether every value lies in [0, 1]; a value outside is invalid.
        point: One point in the metric's units, or None where only the policy file can say.
        perfect: The best value there is.
    """

    goal: Goal
    bounded: bool
    point: Decimal | None
    perfect: Decimal


_SCORE = Known("maximize", bounded=True, point=POINT, perfect=Decimal(1))
_COEFFICIENT = Known("maximize", bounded=False, point=POINT, perfect=Decimal(1))
_PERPLEXITY = Known("minimize", bounded=False, point=None, perfect=Decimal(1))
_LOSS = Known("minimize", bounded=False, point=None, perfect=Decimal(0))


@cache
def known(name: str) -> Known | None:
    """Return what is known of the metric called `name`, or None."""
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    for candidate in (words, [w for w in words if w not in _PLACE]):
        kind = "_".join(candidate)
        if kind in _UNIT_INTERVAL:
            return _SCORE
        if kind in _UP_TO_ONE:
            return _COEFFICIENT
        if kind in _LOSSES:
            return _LOSS
        if kind == "perplexity":
            return _PERPLEXITY
    return None
