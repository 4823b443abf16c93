"""What a metric comes to when every row is predicted the same, in the best way there is.

Everything is computed from the targets alone, in closed form: no model, no run, no NumPy.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policy_engine.evidence import MissingEvidence
from policy_engine.statistics import RowMetric

T = TypeVar("T")
Label = str | int | float | bool

AVERAGED = frozenset({"f1", "jaccard", "precision", "recall"})
_TWO = 2


@dataclass(frozen=True, slots=True)
class ZeroRule:
    """The best constant.

    Attributes:
        value: The metric of it, in the metric's units.
        constant: What is said of every row, in words.
        label: The class that is said of every row, where the metric is the accuracy.
    """

    value: float
    constant: str
    label: Label | None = None


def zero_rule_of_classes(
    metric: RowMetric, targets: Sequence[Label], weights: Sequence[float] | None
) -> ZeroRule:
    """Return the best constant for a metric of classes or of their scores.

    Raises:
        MissingEvidence: If the metric is of one class and nothing says which.
    """
    shares = _shares(targets, weights)
    usual = max(shares, key=lambda label: (shares[label], str(label)))
    share = shares[usual]
    majority = f"class {usual}, true of {share:.1%} of the rows"
    if metric.kind == "accuracy":
        return ZeroRule(share, majority, usual)
    if metric.kind in AVERAGED:
        return _averaged(metric, shares, usual, majority)
    if metric.kind in {"average_precision", "pr_curve_area"}:
        return ZeroRule(_prevalence(metric, shares), "one score for every row")
    return _any_constant(metric, shares)


def zero_rule_of_numbers(
    metric: RowMetric, targets: Sequence[float], weights: Sequence[float] | None
) -> ZeroRule:
    """Return the best constant for a metric of numbers: mean, median, or the metric's own.

    Raises:
        MissingEvidence: If the metric has no value on these targets.
    """
    times = list(weights) if weights is not None else [1.0] * len(targets)
    total = math.fsum(times)
    mean = math.fsum(y * w for y, w in zip(targets, times, strict=True)) / total
    median = _median(targets, times)
    score = _ERRORS.get(metric.kind)
    if metric.kind == "r2":
        return ZeroRule(0.0, f"the mean {mean:.4g}")
    if score is None or (metric.kind == "rmsle" and min(*targets, mean, median) <= -1):
        raise MissingEvidence(f"it is not known what a constant has in {metric} on these targets")
    found = []
    constants = {"mean": mean, "median": median} | _own_constant(metric.kind, targets, times)
    for name, constant in constants.items():
        errors = [score(y, constant) for y in targets]
        if metric.kind == "max_error":
            value = max(e for e, w in zip(errors, times, strict=True) if w > 0)
        else:
            value = math.fsum(e * w for e, w in zip(errors, times, strict=True)) / total
        value = math.sqrt(value) if metric.kind in {"rmse", "rmsle"} else value
        found.append(ZeroRule(value, f"the {name} {constant:.4g}"))
    return min(found, key=lambda rule: rule.value)


def _own_constant(
    kind: str, targets: Sequence[float], weights: Sequence[float]
) -> dict[str, float]:
    """Return by name the constant that is best for a metric for which mean and median are not."""
    weighing = [(y, w) for y, w in zip(targets, weights, strict=True) if w > 0]
    if kind == "max_error":
        values = [y for y, _ in weighing]
        return {"middle of lowest and highest": min(values) / 2 + max(values) / 2}
    if kind == "mape":
        shares = [w / max(abs(y), _SMALLEST) for y, w in weighing]
        return {"median weighted by 1/|target|": _median([y for y, _ in weighing], shares)}
    if kind == "rmsle":
        total = math.fsum(w for _, w in weighing)
        return {
            "mean on the logarithm's scale": math.expm1(
                math.fsum(math.log1p(y) * w for y, w in weighing) / total
            )
        }
    return {}


_SMALLEST = 2.220446049250313e-16  # float64's epsilon, the least divisor that scikit-learn takes
_ERRORS: Mapping[str, Callable[[float, float], float]] = {
    "mae": lambda y, c: abs(y - c),
    "max_error": lambda y, c: abs(y - c),
    "mape": lambda y, c: abs(y - c) / max(abs(y), _SMALLEST),
    "mse": lambda y, c: (y - c) ** 2,
    "rmse": lambda y, c: (y - c) ** 2,
    "rmsle": lambda y, c: (math.log1p(y) - math.log1p(c)) ** 2,
}
"""What one row adds to the mean (max_error: to the maximum) when `c` is predicted for `y`."""


def _any_constant(metric: RowMetric, shares: Mapping[Label, float]) -> ZeroRule:
    """Return what every constant has alike, or the shares themselves as scores."""
    squares = math.fsum(p * p for p in shares.values())
    prior, one = "the share of each class as its score", "any one class"
    found = {
        "kappa": (0.0, one),
        "mcc": (0.0, one),
        "balanced_accuracy": (1 / len(shares), one),
        "specificity": (1.0, "never the positive class"),
        "roc_auc": (0.5, "one score for every row"),
        "log_loss": (-math.fsum(p * math.log(p) for p in shares.values()), prior),
        # Of two classes, one score's square counts: half of what both classes' squares add up to.
        "brier": ((1 - squares) / (2 if len(shares) <= _TWO else 1), prior),
    }
    return ZeroRule(*found[metric.kind])


def _shares(targets: Sequence[Label], weights: Sequence[float] | None) -> dict[Label, float]:
    """Return the share of each class that weighs anything."""
    counts: Counter[Label] = Counter()
    if weights is None:
        counts.update(targets)
    else:
        for label, weight in zip(targets, weights, strict=True):
            counts[label] += weight  # type: ignore[assignment]  # a count of weights
    total = math.fsum(counts.values())
    return {label: count / total for label, count in counts.items() if count > 0}


def _median(targets: Sequence[float], weights: Sequence[float]) -> float:
    ordered = sorted(zip(targets, weights, strict=True))
    half = math.fsum(weights) / 2
    reached = 0.0
    for index, (value, weight) in enumerate(ordered):
        reached += weight
        if reached > half or index == len(ordered) - 1:
            return value
        if reached == half:
            return (value + ordered[index + 1][0]) / 2
    raise MissingEvidence("there are no rows")


def _positive(metric: RowMetric, shares: Mapping[Label, float]) -> Label:
    if metric.positive is not None:
        return metric.positive
    one = next((label for label in shares if label == 1), None)
    if one is None:
        raise MissingEvidence(
            f"{metric} is of one class, and no class is 1 or true",
            "name it in the policy file: metric: {positive: …}",
        )
    return one


def _prevalence(metric: RowMetric, shares: Mapping[Label, float]) -> float:
    if metric.average == "macro":
        return 1 / len(shares)
    if metric.average == "weighted":
        return math.fsum(p * p for p in shares.values())
    return shares.get(_positive(metric, shares), 0.0)


def _averaged(
    metric: RowMetric, shares: Mapping[Label, float], usual: Label, majority: str
) -> ZeroRule:
    """Return precision, recall, F1 or Jaccard of the best constant."""
    share = shares[usual]
    if metric.average in {None, "binary"}:
        positive = _positive(metric, shares)
        return ZeroRule(_of_class(metric, shares.get(positive, 0.0)), f"always class {positive}")
    if metric.average == "micro":
        return ZeroRule(share / (2 - share) if metric.kind == "jaccard" else share, majority)
    weight = share if metric.average == "weighted" else 1 / len(shares)
    return ZeroRule(weight * _of_class(metric, share), majority)


def _of_class(metric: RowMetric, share: float) -> float:
    """Return what a class has whose share is `share` and which is said of every row."""
    if metric.kind == "recall":
        return 1.0
    return 2 * share / (1 + share) if metric.kind == "f1" else share
