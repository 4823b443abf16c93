"""What a dataset input was used for: training, evaluation, or not known."""

import re
from collections.abc import Iterable
from typing import Literal

from policy_engine.evidence import Dataset, MissingEvidence, Run

Context = Literal["training", "evaluation"]

WORDS: dict[str, Context] = {
    **dict.fromkeys(("train", "training", "fit"), "training"),
    **dict.fromkeys(
        ("eval", "evaluation", "val", "valid", "validation", "test", "testing", "holdout"),
        "evaluation",
    ),
}
"""The context is free text. sklearn's autologging says "train", MLflow's own example "testing"."""

EVALUATION_REMEDY = "log it: policy_engine.training.log_dataset(data, name=…, context='evaluation')"
_WORD = re.compile(r"[a-z]+")
CONTEXT_REMEDY = (
    "log it: policy_engine.training.log_dataset(data, name=…, context='training') (or 'evaluation')"
)


def datasets_in(run: Run, context: Context) -> tuple[Dataset, ...]:
    """Return a run's dataset inputs that were used for training, or for evaluation.

    An input without a context is evaluation data if the metrics of the run's model name it:
    `mlflow.models.evaluate` logs its data so. Needs `DATASETS`; `MODEL` too for evaluation data.

    Raises:
        MissingEvidence: If there is none; names the inputs that there are.
        UnreadableEvidence: If only the model could tell, and it could not be read.
    """
    found = tuple(d for d in run.datasets if context_of(d) == context)
    if context == "evaluation" and any(_is_unsaid(d) for d in run.datasets):
        names_of = _named_by_metrics(run)
        found = tuple(
            d
            for d in run.datasets
            if context_of(d) == context or (_is_unsaid(d) and (d.name, d.digest) in names_of)
        )
    if not found:
        raise MissingEvidence(
            f"the {run.role} run has no dataset logged for context `{context}`"
            f"{_others(run.datasets)}",
            run.to_log(_remedy(run.datasets, context)),
        )
    return found


def names_of(dataset: Dataset) -> str:
    """Return a dataset as messages name it, with its digest where it has one."""
    return f"'{dataset.name}'" + (f" ({dataset.digest})" if dataset.digest else "")


def context_of(dataset: Dataset) -> Context | None:
    """Return what a dataset input was used for, by its whole context or a word of it.

    `train_set` is training data and `test 2024` evaluation data; `train/test` is neither.
    """
    said = (dataset.context or "").strip().lower()
    if said in WORDS:
        return WORDS[said]
    found = {WORDS[word] for word in _WORD.findall(said) if word in WORDS}
    return found.pop() if len(found) == 1 else None


def _remedy(datasets: Iterable[Dataset], context: Context) -> str:
    """Return what to do: data that is logged with another word is not to be logged once more."""
    log_it = f"log it: policy_engine.training.log_dataset(data, name=…, context='{context}')"
    other = [d for d in datasets if not _is_unsaid(d) and context_of(d) is None]
    if not other:
        return log_it
    first = other[0]
    return (
        f"if '{first.name}' is that data, log it with context='{context}' in place of "
        f"'{first.context}'; else {log_it}"
    )


def _is_unsaid(dataset: Dataset) -> bool:
    return not (dataset.context or "").strip()


def _named_by_metrics(run: Run) -> frozenset[tuple[str | None, str | None]]:
    try:
        metrics = run.model.metrics
    except MissingEvidence:
        return frozenset()
    return frozenset((m.dataset, m.digest) for m in metrics if m.dataset)


def _others(datasets: Iterable[Dataset]) -> str:
    listed = [f"'{d.name}' ({d.context or 'no context'})" for d in datasets]
    return f"; its inputs are {', '.join(listed[:5])}" if listed else ""
