"""Which data a model was trained and evaluated on, and whether anybody could find it again."""

import posixpath
import re
from collections.abc import Callable, Iterator
from functools import partial
from json import JSONDecodeError
from typing import Annotated, Any

from pydantic import Field

from mlops_policies.reading.dataset_context import Context, datasets_in, names_of
from mlops_policies.reading.dataset_hash import HASH_REMEDY, strong_hash
from policy_engine.evidence import (
    Case,
    Dataset,
    EvidenceError,
    InvalidEvidence,
    Needs,
    Run,
    json_value,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Tighter, first_few

DIGEST_ROWS = 10_000
"""What MLflow's digest covers: so many rows of a table, or elements of an array."""

_COVERED = frozenset({"integer", "long", "float", "double", "string"})
"""MLflow's types of the columns that its digest reads, of text only where no cell is null."""

_HOME = re.compile(
    r"/+(?P<home>(?:home|users)/(?P<user>[^/]+)|root)(?:/|\Z)|(?P<tilde>~[^/]*)", re.IGNORECASE
)

_RUNNERS = frozenset(
    (
        "runner runneradmin vsts vsts_azpcontainer azuredevops circleci gitlab-runner jenkins "
        "buildkite-agent travis"
    ).split()
)
"""Home directories of continuous integration; nobody's own machine."""

_MOST_LISTED = 5


class DatasetIdentity(Policy, name="dataset-identity"):
    """It is recorded which data the model was trained and evaluated on, in full and reachable.

    Without it nobody can train the model again, and no two numbers are known to be about the same
    data. For each of `contexts` there are two parts:

    - `training`, `evaluation`: at least one dataset input, each with a digest. MLflow's digest is
      8 hexadecimal digits over the first 10,000 rows (of an array: elements), and leaves out
      columns that are neither numbers nor complete text. Where that is not all of the data, and
      the input's `data.sha256` does not cover it either, the part is inconclusive.
    - `training-source`, `evaluation-source`: no source lies under a person's home directory, where
      nobody else can read it. The home directories of CI runners are excepted, and a source of type
      `code`, which names the program and not the data, is not looked at.

    The context is free text: train, training and fit are training; eval, evaluation, val, valid,
    validation, test, testing and holdout are evaluation, alone or as a word of it (`train_set`);
    one that has words of both is neither. An input without one is evaluation data if
    the model's metrics name it, as those of `mlflow.models.evaluate` do.

    Log it: `policy_engine.training.log_dataset(train, name="payments", context="training")`.

    Source: `mlflow/data/digest_utils.py`, read in 3.17.2 (`MAX_ROWS`); mlflow#11560.
    """

    needs = Needs.DATASETS | Needs.MODEL

    contexts: Annotated[tuple[Context, ...], Tighter.MORE] = Field(
        default=("training", "evaluation"),
        min_length=1,
        strict=False,
        description="What data must be recorded for: training, evaluation.",
    )
    strong_hash: Annotated[bool, Tighter.ON] = Field(
        default=True,
        description="Whether data that MLflow's digest covers in part needs `data.sha256` too.",
    )
    forbid_local_source: Annotated[bool, Tighter.ON] = Field(
        default=True, description="Whether a source under a home directory fails."
    )

    def reads(self) -> Needs:
        """Leave the model out where no evaluation data is asked for."""
        return self.needs if "evaluation" in self.contexts else Needs.DATASETS

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one part a context, and one on its sources."""
        run = case.candidate
        for context in dict.fromkeys(self.contexts):
            yield part(context, self._identified(run, context))
            if self.forbid_local_source and _has(run, context):
                datasets, name = datasets_in(run, context), f"{context}-source"
                yield part(name, partial(_reachable, datasets, name))

    def _identified(self, run: Run, context: Context) -> Callable[[], Finding]:
        def judge() -> Finding:
            datasets = datasets_in(run, context)
            bare = [names_of(d) for d in datasets if not d.digest]
            if bare:
                return Finding(
                    outcome=Outcome.MISSING,
                    part=context,
                    message=f"{context} data {', '.join(bare)} has no digest",
                    remedy=HASH_REMEDY,
                )
            doubts = [
                f"{names_of(d)} {why}"
                for d in datasets
                if strong_hash(d) is None and (why := weakness(d)) is not None
            ]
            listed = ", ".join(names_of(d) for d in datasets)
            if doubts and self.strong_hash:
                return Finding(
                    outcome=Outcome.INCONCLUSIVE,
                    part=context,
                    message=f"{context} data is not identified in full",
                    detail=f"{context} data is not identified in full: {'; '.join(doubts)}",
                    remedy=HASH_REMEDY,
                )
            return Finding(
                outcome=Outcome.PASS,
                part=context,
                message=f"{context} data is recorded: {listed}",
            )

        return judge


def weakness(dataset: Dataset) -> str | None:
    """Say what MLflow's digest leaves out of a dataset; None where it covers all cells."""
    if dataset.columns is None and dataset.elements is not None:
        return _too_many(dataset.elements, "elements in one array")
    if dataset.rows is None or dataset.columns is None or dataset.types is None:
        return "does not say all of its rows, columns and their types"
    return _too_many(dataset.rows, "rows") or _outside(dataset.columns, dataset.types)


def _too_many(count: int, what: str) -> str | None:
    if count <= DIGEST_ROWS:
        return None
    return f"has {count:,} {what}, of which MLflow's digest covers {DIGEST_ROWS:,}"


def _outside(columns: tuple[str, ...], types: tuple[str, ...]) -> str | None:
    """Name the columns that the digest leaves out; their names are shown, never their values."""
    outside = [
        f"{name} ({'text with nulls' if kind == 'string?' else kind.removesuffix('?')})"
        for name, kind in zip(columns, types, strict=True)
        if not _is_covered(kind)
    ]
    if not outside:
        return None
    return f"has columns that MLflow's digest leaves out: {first_few(outside, _MOST_LISTED)}"


def _is_covered(kind: str) -> bool:
    return kind != "string?" and kind.removesuffix("?") in _COVERED


def _has(run: Run, context: Context) -> bool:
    try:
        return bool(datasets_in(run, context))
    except EvidenceError:
        return False


def _reachable(datasets: tuple[Dataset, ...], name: str) -> Finding:
    at_home = [f"{names_of(d)} under {home}" for d in datasets if (home := home_of(d)) is not None]
    if at_home:
        return Finding(
            outcome=Outcome.FAIL,
            part=name,
            message="the source of a dataset lies in a home directory",
            detail=f"the source of a dataset lies in a home directory, where nobody else can "
            f"read it: {', '.join(at_home)}",
            remedy="read the data from a place that others can reach, and log that as its source",
        )
    return Finding(
        outcome=Outcome.PASS,
        part=name,
        message=f"no source lies in a home directory: {', '.join(names_of(d) for d in datasets)}",
    )


def home_of(dataset: Dataset) -> str | None:
    """Return the home directory that a dataset's source lies under; None if it lies in none.

    Raises:
        InvalidEvidence: If its source is JSON beyond the bounds of any that MLflow writes.
    """
    if not dataset.source or dataset.source_type == "code":
        return None
    try:
        source = json_value(dataset.source)
    except JSONDecodeError:
        source = dataset.source
    except ValueError as e:
        raise InvalidEvidence(
            f"the source of dataset '{dataset.name}' cannot be read: {e}",
            "log the dataset again, with a source that says where the data lies",
        ) from e
    return next((home for text in _texts(source) if (home := _home(text)) is not None), None)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _home(text: str) -> str | None:
    """Return the home directory in a local path or a `file:` address."""
    path = text.replace("\\", "/")
    scheme, found, rest = path.partition("://")
    if found:
        if scheme.lower() != "file":
            return None
        path = "/" + rest.partition("/")[2]
    path = re.sub(r"\Afile:", "", path, flags=re.IGNORECASE)
    path = re.sub(r"\A/?[A-Za-z]:(?=/)", "", path)
    match = _HOME.match(posixpath.normpath(path))
    if match is None or (match["user"] or "").lower() in _RUNNERS:
        return None
    return match["tilde"] or f"/{match['home']}"
