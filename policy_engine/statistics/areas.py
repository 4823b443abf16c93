"""How much one more of a row moves an area under the ROC or the precision-recall curve.

That is the derivative of the area by the row's weight, exact and in closed form: all are sums over
the rows above, or below, a score. Of ROC AUC it is the placement of DeLong and others, less the
area, over the rows of the class: the variance that follows is theirs (and Obuchowski's, where rows
of one cluster are added up).

With P and N the weights of positives and negatives, H and F those of the positives and the
negatives that score at least as high as a row, and w the row's own weight:

| area | one more positive | one more negative |
|---|---|---|
| ROC AUC | (placement - area)/P | (placement - area)/N |
| average precision | (H/(H+F) - area + sum of wF/(H+F)² below)/P | -(sum of wH/(H+F)² below)/P |

where the sums are over the positives that score no higher, itself among them. The other area under
the precision-recall curve takes the mean of that and of the same with H and F of strictly higher
scores alone.

Sources: DeLong and others, Biometrics 44 (1988) 837-845; Obuchowski, Biometrics 53 (1997) 567-578;
Jaeckel, The Infinitesimal Jackknife, Bell Laboratories (1972).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from policy_engine.statistics.unavailable import Lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
else:
    np = Lazy("numpy")


class Side(NamedTuple):
    """The rows of one side of a binary question, the highest score first.

    Attributes:
        keys: Their negated scores, ascending.
        weights: What each weighs, all its copies together.
    """

    keys: Floats
    weights: Floats

    def before(self, keys: Floats, *, with_ties: bool) -> Floats:
        """Return how much stands above each of `keys`, or above it and as high."""
        return running(self.weights)[self.places(keys, with_ties=with_ties)]

    def places(self, keys: Floats, *, with_ties: bool) -> NDArray[np.intp]:
        """Return how many rows stand above each of `keys`, or above it and as high."""
        return np.searchsorted(self.keys, keys, "right" if with_ties else "left")


class Pulls(NamedTuple):
    """An area, and how much one more of each row moves it.

    Attributes:
        area: The area.
        true: Of each positive, in their order.
        false: Of each negative.
    """

    area: float
    true: Floats
    false: Floats


def running(values: Floats) -> Floats:
    """Return the running sums, from nothing to all of it."""
    return np.concatenate([[0.0], np.cumsum(values)])


def roc(true: Side, false: Side) -> Pulls:
    """Return the area under the ROC curve, and what moves it."""
    positives, negatives = float(true.weights.sum()), float(false.weights.sum())
    above, as_high = (false.before(true.keys, with_ties=ties) for ties in (False, True))
    won = 1 - (above + as_high) / (2 * negatives)
    above, as_high = (true.before(false.keys, with_ties=ties) for ties in (False, True))
    lost = (above + as_high) / (2 * positives)
    area = float((true.weights * won).sum()) / positives
    return Pulls(area, (won - area) / positives, (lost - area) / negatives)


def precision_recall(true: Side, false: Side, *, smooth: bool) -> Pulls:
    """Return the area under the precision-recall curve, by steps or smooth, and what moves it."""
    at = _steps(true, false, with_ties=True)
    if not smooth:
        return at
    before = _steps(true, false, with_ties=False)
    return Pulls(
        (at.area + before.area) / 2, (at.true + before.true) / 2, (at.false + before.false) / 2
    )


def _steps(true: Side, false: Side, *, with_ties: bool) -> Pulls:
    """Return the mean of the precision at each positive: of what is as high, or only of higher."""
    hits, others = (side.before(true.keys, with_ties=with_ties) for side in (true, false))
    seen = hits + others
    some = seen > 0  # else nothing is higher, and the curve begins at 1
    precision, gained, lost = np.ones(len(seen)), np.zeros(len(seen)), np.zeros(len(seen))
    np.divide(hits, seen, out=precision, where=some)
    np.divide(true.weights * others, seen**2, out=gained, where=some)
    np.divide(true.weights * hits, seen**2, out=lost, where=some)
    total = float(true.weights.sum())
    area = float((true.weights * precision).sum()) / total
    # A row counts at the positives that score no higher (strictly lower): the last of the order.
    of_true, of_false = (true.places(s.keys, with_ties=not with_ties) for s in (true, false))
    return Pulls(
        area,
        (precision - area + _after(gained, of_true)) / total,
        -_after(lost, of_false) / total,
    )


def _after(values: Floats, places: NDArray[np.intp]) -> Floats:
    """Return the sum of the values from each place on."""
    sums = running(values[::-1])[::-1]  # from behind, so that none is a difference of large sums
    return sums[places]
