"""Metrics of all classes, some of them rare: equal models, and losses of exactly the margin."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.rates import ALPHA, RESAMPLES, Random, Rate
from policy_engine.statistics import Outputs, PairedRows, RowMetric, shortfall
from policy_engine.statistics.metrics import settle_metric
from policy_engine.statistics.resampling import Draws
from policy_engine.statistics.sample import Columns, encode
from policy_engine.statistics.small_classes import small_classes
from policy_engine.statistics.statistic import statistic
from policy_engine.statistics.sums import Sums
from policy_engine.statistics.tallies import features, finish

METRICS = {
    "macro F1": RowMetric("f1", "macro"),
    "weighted F1": RowMetric("f1", "weighted"),
    "balanced accuracy": RowMetric("balanced_accuracy"),
    "MCC": RowMetric("mcc"),
    "kappa": RowMetric("kappa"),
}
_AT_ONCE = 64
_ROUNDING = 1e-12
_RIGHT, _SAME, _RARE, _LOST = 0.85, 0.6, 50, 0.15
"""How often a model is right, and says the same as the other; rows under which a class is rare,
and how much less often one that neglects rare classes is right on these."""
_JUDGED_BEFORE = 25
"""Of so many trials one is asked whether there are too few rows, beside those that would win."""


@dataclass(frozen=True, slots=True)
class World:
    """Rows a class, and how often the candidate is right on each; the baseline is on `_RIGHT`."""

    name: str
    sizes: Sequence[int]
    right: Sequence[float]

    @classmethod
    def neglecting(cls, name: str, sizes: Sequence[int]) -> "World":
        """Return a world whose candidate is less often right on rare classes."""
        return cls(name, sizes, [_RIGHT - (_LOST if size < _RARE else 0) for size in sizes])

    def draw(self, random: Random) -> PairedRows:
        """Draw the rows: what is wrong is any class, by its share; some of the luck is shared."""
        truth = np.repeat(np.arange(len(self.sizes)), self.sizes)
        luck, other = (self._drawn(random, len(truth)) for _ in range(2))
        same = random.random(len(truth)) < _SAME
        mine = [np.where(same, *each) for each in zip(luck, other, strict=True)]
        ours, theirs = (
            np.where(chance < np.array(right)[truth], truth, wrong).tolist()
            for (chance, wrong), right in ((mine, self.right), (luck, [_RIGHT] * len(self.sizes)))
        )
        return PairedRows(
            targets=truth.tolist(),
            candidate=Outputs(predictions=ours),
            baseline=Outputs(predictions=theirs),
        )

    def _drawn(self, random: Random, rows: int) -> tuple[Any, Any]:
        shares = np.array(self.sizes) / sum(self.sizes)
        return random.random(rows), random.choice(len(self.sizes), size=rows, p=shares)

    def losses(self) -> list[float]:
        """Return how much less the candidate truly reaches, by each metric."""
        sizes = np.array(self.sizes, float)
        shares = sizes / sizes.sum()
        known = Columns(targets=list(range(len(sizes))))
        same = [Outputs(predictions=known.targets)] * 2
        sample = encode(METRICS["kappa"], known, same)
        sides = []
        for right in (self.right, [_RIGHT] * len(sizes)):
            hits = sizes * (np.array(right) + (1 - np.array(right)) * shares)
            wrong = sizes * (1 - np.array(right))
            said = wrong.sum() * shares + sizes * np.array(right)
            sides.append(np.concatenate([[sizes.sum()], hits, said, sizes])[None, :])
        found = []
        for metric in METRICS.values():
            of_sums = finish(replace(sample, metric=settle_metric(metric, sample.labels)), sizes)
            mine, theirs = (float(of_sums(sums)[0][0]) for sums in sides)
            found.append(theirs - mine)
        return found


TAILS = {
    "3 classes of 500, 480 and 20 rows": (500, 480, 20),
    "10 classes of 340 to 37 rows": (340, 170, 113, 85, 68, 57, 49, 43, 38, 37),
    "20 classes of 400 to 9 rows": (400, 200, 100, 60, 40, 30, 25, 20, 15, 15, *[10] * 5, *[9] * 5),
    "50 classes of 400 to 10 rows": (400, 300, 200, 150, 100, *[40] * 10, *[20] * 10, *[10] * 25),
}


def long_tails(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often equal models are called better in a metric of all classes, some rare."""
    for name, sizes in TAILS.items():
        world = World(f"equal models, {name}", sizes, [_RIGHT] * len(sizes))
        yield from _rates(world, "improved ({}, percentile)", [0.0] * len(METRICS), trials, random)


def neglected_tails(trials: int, random: Random) -> Iterator[Rate]:
    """Yield how often a loss of exactly the margin passes, where the rare classes are neglected."""
    for name, sizes in TAILS.items():
        world = World.neglecting(f"classes under {_RARE} rows neglected, {name}", sizes)
        verdict = "no regression beyond the true loss: passes ({})"
        yield from _rates(world, verdict, world.losses(), trials, random)


def _rates(
    world: World, verdict: str, margins: Sequence[float], trials: int, random: Random
) -> Iterator[Rate]:
    shown, few = np.zeros(len(METRICS), int), np.zeros(len(METRICS), int)
    for seed in range(trials):
        rows = world.draw(random)
        found = shows(rows, margins, seed)
        is_asked = seed % _JUDGED_BEFORE == 0
        for place, metric in enumerate(METRICS.values()):
            if found[place] or is_asked:
                is_short = shortfall(metric, rows) is not None
                shown[place] += found[place] and not is_short
                few[place] += is_asked and is_short
    asked = len(range(0, trials, _JUDGED_BEFORE))
    for place, name in enumerate(METRICS):
        rate = float(shown[place]) / trials
        yield Rate(world.name, verdict.format(name), rate, trials, at_most=ALPHA)
        yield Rate(
            world.name, f"undecided ({name}): too few rows", float(few[place]) / asked, asked
        )


def shows(rows: PairedRows, margins: Sequence[float], seed: int) -> list[bool]:
    """Return by which metrics a bootstrap shows a loss to be less than a margin.

    As `paired_bootstrap` with these resamples and this seed does, but all metrics look at the same
    draws, which end as soon as none can be shown any more.

    Args:
        rows: Of both models.
        margins: One a metric (its units); 0: a gain is to be shown.
        seed: Of the draws.
    """
    first, *_ = METRICS.values()
    sample = encode(first, Columns(targets=rows.targets), [rows.candidate, rows.baseline])
    sides = [Sums(features(sample, side, sample.weights), None, _plain) for side in (0, 1)]
    settled = [settle_metric(metric, sample.labels) for metric in METRICS.values()]
    metrics = [finish(replace(sample, metric=metric), sample.weights) for metric in settled]
    draws, have, contrary = Draws(sample.observed, seed), 0, np.zeros(len(metrics), int)
    most, drawn = int(ALPHA * RESAMPLES), [list[Any]() for _ in metrics]
    while have < RESAMPLES and (contrary <= most).any():
        counts = draws.take(min(_AT_ONCE, RESAMPLES - have))
        mine, theirs = (side.evaluate(counts)[0] for side in sides)
        for place, metric in enumerate(metrics):
            (new, complete), (old, _) = metric(mine), metric(theirs)
            gains = (new - old)[complete]
            drawn[place].append(gains)
            contrary[place] += (gains <= _ROUNDING - margins[place]).sum()
        have += int(complete.sum())
    found = []
    for place, metric in enumerate(settled):
        is_left = contrary[place] <= most
        values = np.concatenate(drawn[place]) if is_left else np.array([])
        found.append(is_left and _widened(metric, rows, values, margins[place]) <= most)
    return found


def _widened(metric: RowMetric, rows: PairedRows, values: Any, margin: float) -> int:
    """Return how many resamples show a loss of the margin once small classes are allowed for."""
    columns = Columns(targets=rows.targets)
    sample = encode(metric, columns, [rows.candidate, rows.baseline])
    sides = [statistic(sample, side) for side in (0, 1)]
    new, old = (side.evaluate(sample.observed[None, :])[0][0] for side in sides)
    factor = small_classes(sample, lambda at: sides[0].pulls(at) - sides[1].pulls(at))
    wide = new - old + factor * (values - (new - old))
    return int((wide <= _ROUNDING - margin).sum())


def _plain(sums: Any) -> tuple[Any, Any]:
    return sums, np.ones(len(sums), dtype=bool)
