"""Metrics that another run logged for a run's model: evaluation as a step of its own.

`mlflow.models.evaluate` opens a run of its own, and writes what it finds on the logged model. Where
the training run has no metric of that name, the model's is the run's.
"""

from policy_engine.evidence.record import Metric, ModelMetricRecord, ModelRecord, RunRecord

TRAINING = frozenset({"train", "training", "fit"})
"""Contexts of data that the model was trained on: what was measured there is no evaluation."""


def with_evaluations(run: RunRecord, dataset: str | None = None) -> RunRecord:
    """Return a run with the metrics of its model that it has none of, each of one dataset.

    Args:
        run: The run as it was read.
        dataset: The name of the dataset that counts; None: the only one.
    """
    found = {
        key: metrics[-1].value
        for key, metrics in _evaluations(run, dataset).items()
        if len(_datasets(metrics)) == 1
    }
    return run.model_copy(update={"metrics": {**run.metrics, **found}}) if found else run


def several_datasets(run: RunRecord, key: str) -> tuple[str, ...]:
    """Return the datasets that a run's model has a metric on, where the run itself has none."""
    named = _datasets(_evaluations(run).get(key, []))
    return tuple(sorted(name or "without a name" for name, _ in named)) if len(named) > 1 else ()


def any_evaluation(run: RunRecord, key: str) -> Metric | None:
    """Return the last value of a metric that the run has none of, on whichever dataset."""
    metrics = _evaluations(run).get(key, [])
    return metrics[-1].value if metrics else None


def evaluation_notes(
    run: RunRecord, key: str | None, dataset: str | None = None
) -> tuple[str, ...]:
    """Return the sentence that says where a metric is from, if it is the model's and not the run's.

    Args:
        run: The run as it was read.
        key: The metric that counts; None: nothing says which.
        dataset: The name of the dataset that counts; None: the only one.
    """
    metrics = _evaluations(run, dataset).get(key or "", [])
    if len(_datasets(metrics)) != 1:
        return ()
    last = metrics[-1]
    data = f" on dataset '{last.dataset}'" if last.dataset else ""
    by = f" by run {last.run_id[:8]}" if last.run_id else ""
    return (f"{key} of run {run.run_id[:8]} is that of its logged model, evaluated{data}{by}",)


def _evaluations(run: RunRecord, dataset: str | None = None) -> dict[str, list[ModelMetricRecord]]:
    """Return the model's metrics that the run has none of, by name, oldest first."""
    if not isinstance(run.model, ModelRecord):
        return {}
    trained_on = {d.digest for d in run.datasets if (d.context or "").strip().lower() in TRAINING}
    found: dict[str, list[ModelMetricRecord]] = {}
    for metric in run.model.metrics:
        if metric.key in run.metrics or (dataset is not None and metric.dataset != dataset):
            continue
        if dataset is not None or metric.digest is None or metric.digest not in trained_on:
            found.setdefault(metric.key, []).append(metric)
    return found


def _datasets(metrics: list[ModelMetricRecord]) -> set[tuple[str | None, str | None]]:
    return {(metric.dataset, metric.digest) for metric in metrics}
