"""What a tracking server knows of a repository's models: enough to propose a policy file."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from policy_engine.evidence.commit import COMMIT_TAGS
from policy_engine.evidence.metrics import Goal, known, of_training_rows
from policy_engine.http.deadline import Deadline
from policy_engine.source.foreign import json_value
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json, NotFound, Store
from policy_engine.tracking.translate import primary_metric, tags_of

MOST_RUNS = 200
"""FINISHED runs that are looked at, newest first."""
MOST_MODELS = 10
"""Runs whose logged models are looked at, newest first."""
CHAMPION = "champion"
"""The alias that the version in use has, by MLflow's own examples."""

_HELD_OUT = ("val", "valid", "validation", "test", "eval", "holdout", "cv")


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found; None and empty for what was not.

    Attributes:
        runs: How many FINISHED runs of the experiment were looked at.
        experiment: The experiment with most of the repository's runs.
        is_ours: Whether those runs are of commits of this repository.
        metric: The metric that seems to count.
        goal: Its better direction.
        why_metric: What speaks for it.
        values: Its values in those runs, newest first.
        of_training: Metrics of the rows that training saw, where the runs log no others.
        newest: The newest of those runs, by id.
        models: Names that models were logged under, most frequent first.
        model_name: The most frequent of them, where most runs log several models.
        registered: Names that they were registered as, most frequent first.
        champion: The registered model that has the alias.
        registers: Whether each of the newest runs registered its model itself.
    """

    runs: int = 0
    experiment: str | None = None
    is_ours: bool = False
    metric: str | None = None
    goal: Goal | None = None
    why_metric: str | None = None
    values: tuple[float, ...] = ()
    of_training: tuple[str, ...] = ()
    newest: str | None = None
    models: tuple[str, ...] = ()
    model_name: str | None = None
    registered: tuple[str, ...] = ()
    champion: str | None = None
    registers: bool = False


@dataclass(frozen=True, slots=True)
class _Metric:
    """The metric that seems to count, or those of training rows where there is no other."""

    name: str | None = None
    goal: Goal | None = None
    why: str | None = None
    of_training: tuple[str, ...] = ()


def survey(uri: str, commits: Collection[str], deadline: Deadline) -> Survey:
    """Return what a store knows of the models of a repository.

    Args:
        uri: The tracking URI.
        commits: Commits of the repository: runs of theirs go before all others.
        deadline: When to give up.

    Raises:
        NoSuchStore: If the URI names no store.
        Unreadable: If it cannot be read.
    """
    store = open_store(uri, deadline)
    reads = Reads(store, deadline)
    return reads.wait(reads.spawn(_survey, store, commits))


def _survey(store: Store, commits: Collection[str]) -> Survey:
    experiments = {each["experiment_id"]: each for each in store.experiments()}
    found = store.runs(list(experiments), Query(finished=True), limit=MOST_RUNS)
    runs = [run for run in found if "mlflow.parentRunId" not in tags_of(run)]
    ours = [run for run in runs if any(tags_of(run).get(tag) in commits for tag in COMMIT_TAGS)]
    counted = Counter(run["info"]["experiment_id"] for run in ours or runs)
    if not counted:
        return Survey()
    experiment = experiments[counted.most_common(1)[0][0]]
    chosen = [r for r in runs if r["info"]["experiment_id"] == experiment["experiment_id"]]
    metric = _metric(experiment, chosen)
    by_run = [_models_of(store, run) for run in chosen[:MOST_MODELS]]
    models = _most_frequent(name for run in by_run for name in {each[0] for each in run})
    registered = _most_frequent(name for run in by_run for each in run for name in each[1])
    crowded = sum(len(run) > 1 for run in by_run)
    return Survey(
        runs=len(chosen),
        experiment=experiment["name"],
        is_ours=bool(ours),
        metric=metric.name,
        goal=metric.goal,
        why_metric=metric.why,
        values=tuple(_values(metric.name, chosen)),
        of_training=metric.of_training,
        newest=chosen[0]["info"]["run_id"],
        models=models,
        model_name=models[0] if models and 2 * crowded > len(by_run) else None,
        registered=registered,
        champion=next((n for n in registered if _has_champion(store, n)), None),
        registers=all(any(names for _, names in run) for run in by_run),
    )


def _metric(experiment: Json, runs: Sequence[Json]) -> _Metric:
    """Return the metric that counts, its direction, and what speaks for it.

    One of the rows that training saw is never proposed: it tells how well the model fits these.
    """
    primary = primary_metric(experiment)
    if primary is not None:
        kind = known(primary.name)
        goal = kind.goal if kind else primary.goal
        return _Metric(primary.name, goal, "the experiment's primary metric")
    counted = Counter(name for run in runs for name in _metrics_of(run))
    usable = [name for name in counted if known(name) and not of_training_rows(name)]
    if not usable:
        return _Metric(of_training=tuple(sorted(filter(of_training_rows, counted))))
    best = max(usable, key=lambda name: (_is_held_out(name), counted[name], _is_score(name), name))
    kind = known(best)
    return _Metric(best, kind.goal if kind else None, f"in {counted[best]} of {len(runs)} runs")


def _values(name: str | None, runs: Sequence[Json]) -> Iterator[float]:
    """Yield a metric's finite values, in the order of the runs."""
    for run in runs:
        for metric in run.get("data", {}).get("metrics", ()):
            value = metric.get("value")
            if metric["key"] == name and isinstance(value, (int, float)) and isfinite(value):
                yield float(value)


def _metrics_of(run: Json) -> Iterator[str]:
    for metric in run.get("data", {}).get("metrics", ()):
        yield str(metric["key"])


def _is_held_out(name: str) -> bool:
    words = name.lower().replace("/", "_").replace("-", "_").split("_")
    return any(word in _HELD_OUT for word in words)


def _is_score(name: str) -> bool:
    """Say whether it has a known point: then a policy can be about points of it."""
    kind = known(name)
    return kind is not None and kind.point is not None


def _models_of(store: Store, run: Json) -> list[tuple[str, tuple[str, ...]]]:
    """Return the models that a run logged: each with the names that it was registered as."""
    info = run["info"]
    found = []
    for model in store.models_of_run(info["experiment_id"], info["run_id"]):
        tags = {tag["key"]: tag["value"] for tag in model["info"].get("tags") or ()}
        versions = tuple(_registered(tags.get("mlflow.modelVersions", "[]")))
        found.append((str(model["info"].get("name")), versions))
    return found


def _most_frequent(names: Iterable[str]) -> tuple[str, ...]:
    counted = Counter(names)
    return tuple(sorted(counted, key=lambda name: (-counted[name], name)))


def _registered(versions: str) -> Iterator[str]:
    try:
        listed = json_value(versions)
    except ValueError:
        return
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            yield each["name"]


def _has_champion(store: Store, name: str) -> bool:
    try:
        store.version_by_alias(name, CHAMPION)
    except NotFound:
        return False
    return True
