"""A recipe and its seeds: every run of one commit, data and parameters, however it ended.

Leaving out what went badly makes a winner of anybody: the best 5 of 10 seeds beat an equal recipe
in a third of all cases. So failed, killed and deleted runs count. One that has no metric has no
value to count with; its seed is made good by a run of the same seed that has the metric, and is
otherwise *lost*: a comparison with a lost seed decides nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from policy_engine.evidence import EvidenceError, Metric, MissingEvidence, Run

SEED_PARAMS = frozenset("seed random_seed random_state".split())
"""Parameters that may differ within one recipe, also behind a dot or `__`."""
PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one recipe reached with each of its seeds.

    Attributes:
        role: Whose it is: candidate or baseline.
        values: The metric of each seed (its units): the mean over the runs of that seed.
        seeds: The seeds, in the order of `values`; None where a run does not say its seed.
        lost: Seeds without the metric (count).
    """

    role: str
    values: tuple[float, ...]
    seeds: tuple[str, ...] | None
    lost: int

    @property
    def mean(self) -> float:
        """The mean over seeds (the metric's units)."""
        return fmean(self.values)


def recipe_of(run: Run, metric: Metric) -> Recipe:
    """Return the recipe of a run, from its repeats. Needs `REPEATS` and `DATASETS`.

    Runs of another data set or with another parameter than a seed are another recipe; so folds,
    which differ by more, are not taken for seeds. A parent run that sums up its children is none.

    Raises:
        UnreadableEvidence: If the repeats could not be read.
    """
    try:
        repeats: Sequence[Run] = run.repeats
    except MissingEvidence:
        repeats = ()
    runs = [run, *(each for each in repeats if _is_same(run, each, metric))]
    parents = {each.tags.get(PARENT_TAG) for each in runs}
    return _recipe(run.role, [r for r in runs if r.run_id not in parents], metric)


def _recipe(role: str, runs: Iterable[Run], metric: Metric) -> Recipe:
    values: dict[str, list[float]] = defaultdict(list)
    lost = set()
    are_named = True
    for run in runs:
        seed = _seed(run)
        are_named = are_named and seed is not None
        key = seed if seed is not None else f"run {run.run_id}"
        value = _value(run, metric)
        if value is None:
            lost.add(key)
        else:
            values[key].append(value)
    names = sorted(values)
    return Recipe(
        role=role,
        values=tuple(fmean(values[name]) for name in names),
        seeds=tuple(names) if are_named else None,
        lost=len(lost - values.keys()),
    )


def _value(run: Run, metric: Metric) -> float | None:
    try:
        return float(run.metric(metric.name).value)
    except EvidenceError:  # absent, or no finite number: the run did not end well
        return None


def _is_same(run: Run, other: Run, metric: Metric) -> bool:
    mine, theirs = recipe_params(run), recipe_params(other)
    if metric.name in other.metrics:
        if mine != theirs:
            return False
    elif any(mine.get(name, value) != value for name, value in theirs.items()):
        return False  # it broke off, perhaps before it logged all: what it logged must agree
    data, others = ({d.digest for d in each.datasets} for each in (run, other))
    return not (data and others) or data == others


def recipe_params(run: Run) -> dict[str, str]:
    """Return the parameters of a run but its seeds: runs that have the same are of one recipe."""
    return {name: value for name, value in run.params.items() if not _is_seed(name)}


def _seed(run: Run) -> str | None:
    seeds = [f"{name}={run.params[name]}" for name in sorted(run.params) if _is_seed(name)]
    return ", ".join(seeds) or None


def _is_seed(name: str) -> bool:
    return name.replace(".", "__").rpartition("__")[2] in SEED_PARAMS
