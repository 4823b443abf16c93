"""Whether two runs were evaluated on the same data."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from mlops_policies.reading.dataset_context import context_of, datasets_in
from policy_engine.evidence import (
    Dataset,
    InvalidEvidence,
    MissingEvidence,
    Predictions,
    Run,
    join,
)

STRONG_HASH = "data.sha256"
"""The tag of a dataset input that holds a hash of all its content."""

Level = Literal["digest", "digest+rows"]


class Same(Enum):
    """Whether two evaluations were on the same data."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a dataset that a model was evaluated on.

    Attributes:
        name: What its owner calls it; shown, not judged.
        context: The word of its context in lower case; empty where nobody said one.
        digest: MLflow's digest.
        rows: How many rows it has (count).
        strong: A hash of all its content.
        is_sure: Whether it is known that it was evaluation data.
    """

    name: str
    context: str = ""
    digest: str | None = None
    rows: int | None = None
    strong: str | None = None
    is_sure: bool = True

    @classmethod
    def of(cls, dataset: Dataset, *, is_sure: bool = True) -> "Identity":
        """Return what a dataset input says."""
        return cls(
            name=dataset.name,
            context=_word(dataset),
            digest=dataset.digest,
            rows=dataset.rows,
            strong=dataset.tags.get(STRONG_HASH),
            is_sure=is_sure,
        )

    def __str__(self) -> str:
        facts = [
            f"digest {self.digest}" if self.digest else "",
            f"{self.rows:,} rows" if self.rows is not None else "",
            f"sha256 {self.strong[:12]}" if self.strong else "",
        ]
        return f"'{self.name}' ({', '.join(fact for fact in facts if fact) or 'no digest'})"

    def compare(self, other: "Identity", level: Level = "digest+rows") -> Same:
        """Compare the identifiers that both have; rows alone identify nothing."""
        hashes = ((self.strong, other.strong), (self.digest, other.digest))
        rows = ((self.rows, other.rows),) if level == "digest+rows" else ()
        if any(_both(*pair) and pair[0] != pair[1] for pair in (*hashes, *rows)):
            return Same.NO if self.is_sure and other.is_sure else Same.UNKNOWN
        return Same.YES if any(_both(*pair) for pair in hashes) else Same.UNKNOWN


def evaluation_data(run: Run) -> tuple[Identity, ...]:
    """Return what a run says of its evaluation data; nothing where it says nothing.

    Of an earlier or a later run only the facts are known: an input without a context may be
    evaluation data.
    Needs `DATASETS`, and of candidate and baseline `MODEL`.
    """
    if run.role in {"earlier", "later"}:
        return tuple(
            Identity.of(d, is_sure=bool(_word(d)))
            for d in run.datasets
            if not _word(d) or context_of(d) == "evaluation"
        )
    try:
        return tuple(Identity.of(d) for d in datasets_in(run, "evaluation"))
    except MissingEvidence:
        # Only of these two is the model read: of a run beside them it is not known.
        return evaluations_of_model(run) if run.role in {"candidate", "baseline"} else ()


def evaluations_of_model(run: Run) -> tuple[Identity, ...]:
    """Return the data that the metrics of a run's model name, whichever run evaluated it."""
    trained = {d.digest for d in run.datasets if context_of(d) == "training"}
    try:
        metrics = run.model.metrics
    except MissingEvidence:
        return ()
    named = dict.fromkeys((m.dataset, m.digest) for m in metrics)
    return tuple(
        Identity(name=name, digest=digest)
        for name, digest in named
        if name and digest and digest not in trained
    )


def same_data(
    mine: Sequence[Identity], theirs: Sequence[Identity], level: Level = "digest+rows"
) -> Same:
    """Say whether each of `mine` is among `theirs`; contexts that both have are compared alone."""
    contexts = {m.context for m in mine} & {t.context for t in theirs} - {""}
    if contexts:
        mine = [m for m in mine if m.context in contexts]
        theirs = [t for t in theirs if t.context in contexts]
    if not mine or not theirs:
        return Same.UNKNOWN
    found = [[m.compare(t, level) for t in theirs] for m in mine]
    if all(Same.YES in each for each in found):
        return Same.YES
    if any(all(same is Same.NO for same in each) for each in found):
        return Same.NO
    return Same.UNKNOWN


def same_rows(candidate: Predictions, baseline: Predictions) -> int:
    """Return how many rows two tables have, if `row_id` and `target` are equal in both.

    Raises:
        InvalidEvidence: If they are not; says where they differ.
        MissingEvidence: If a table has no `row_id` or no `target`.
    """
    joined = join(candidate, baseline)
    candidate.cells("target")  # without it, equal names of rows alone would say nothing
    if joined.left_out:
        raise InvalidEvidence(
            f"the candidate's predictions have {joined.left_out:,} rows that the baseline's lack",
            "evaluate both on the same rows",
        )
    return len(joined)


def _both(mine: str | int | None, theirs: str | int | None) -> bool:
    return mine is not None and theirs is not None


def _word(dataset: Dataset) -> str:
    return (dataset.context or "").strip().lower()
