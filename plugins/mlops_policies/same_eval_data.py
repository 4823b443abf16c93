"""Whether two runs were evaluated on the same data, and the policy that asks for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal

from pydantic import Field

from mlops_policies.dataset_context import CONTEXT_REMEDY, context_of, datasets_in
from policy_engine.evidence import (
    Case,
    Dataset,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    Predictions,
    Run,
    join,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import Tighter

STRONG_HASH = "data.sha256"
"""The tag of a dataset input that holds a hash of all its content."""
Level = Literal["digest", "digest+rows"]

_REMEDY = (
    "evaluate the baseline's model on the candidate's data "
    "(mlflow.models.evaluate with its model id), or the candidate on the baseline's"
)
_WEAK = (
    " (by MLflow's digest alone, which reads a sample of large data: "
    "policy_engine.training.log_dataset logs a hash of all of it)"
)


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


class SameEvalData(Policy, name="same-eval-data"):
    """Candidate and baseline were evaluated on the same data.

    Two scores on two test sets say nothing about two models: easier rows are no improvement.

    Compared are the evaluation data of the candidate with those of the baseline, and with any data
    that the metrics of the baseline's model name, since it may have been evaluated again. Of strong
    hash, MLflow's digest and number of rows, those that both sides have must be equal; name and
    schema are shown and not judged. A pass by the digest alone says so. Where a side logs no
    dataset, the predictions of both are compared: equal sets of (`row_id`, `target`) pass. A metric
    of training rows by its name (`training_accuracy`) has no evaluation data: `missing`.

    The strong hash is `data.sha256`, a tag of the dataset input. A dataset is evaluation data by
    its context (eval, evaluation, validation, test, holdout), or because the model's metrics name
    it.

    Log it: `training.log_dataset(test, name="payments", context="evaluation")`.

    Source: MLflow's digest reads a sample of large data and knows no object columns
    (mlflow.data.digest_utils); the review in lakeFS#8599.
    """

    needs = Needs.BASELINE | Needs.DATASETS | Needs.MODEL | Needs.PREDICTIONS

    match: Level = Field(
        default="digest+rows",
        description="What must be equal beside the strong hash: MLflow's digest, or also the "
        "number of rows.",
    )
    require_strong: Annotated[bool, Tighter.ON] = Field(
        default=False, description="Whether only an equal strong hash passes."
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        candidate, baseline = case.candidate, case.baseline
        _refuse_training_rows(case)
        mine = evaluation_data(candidate) or evaluations_of_model(candidate)
        theirs = evaluation_data(baseline)
        again = evaluations_of_model(baseline)
        same = same_data(mine, theirs, self.match)
        if same is not Same.YES and same_data(mine, again, self.match) is Same.YES:
            same, theirs = Same.YES, again
        if same is Same.NO:
            yield Finding(
                outcome=Outcome.FAIL,
                message=f"the candidate was evaluated on {_listed(mine)}, "
                f"the baseline on {_listed(theirs)}: other data",
                remedy=_REMEDY,
            )
        elif same is Same.YES:
            yield self._equal(mine, theirs)
        else:
            yield self._by_rows(case, mine, theirs)

    def _equal(self, mine: Sequence[Identity], theirs: Sequence[Identity]) -> Finding:
        both = "candidate and baseline were evaluated on the same data, "
        if _all_strong(mine, theirs):
            return Finding(outcome=Outcome.PASS, message=both + _listed(mine))
        if self.require_strong:
            raise _no_strong_hash()
        return Finding(outcome=Outcome.PASS, message=both + _listed(mine) + _WEAK)

    def _by_rows(self, case: Case, mine: Sequence[Identity], theirs: Sequence[Identity]) -> Finding:
        if self.require_strong:
            raise _no_strong_hash()
        try:
            tables = case.candidate.predictions, case.baseline.predictions
            rows = Decimal(same_rows(*tables))
        except MissingEvidence as e:
            raise MissingEvidence(f"{_what_lacks(mine, theirs)}: {e}", CONTEXT_REMEDY) from e
        return Finding(
            outcome=Outcome.PASS,
            message="candidate and baseline were evaluated on the same data: all "
            f"{rows:,} row_id of their predictions, with their targets, are equal",
            measured=Measurement(rows, "rows", Grade.MEASURED, tables[0].source),
            limit=Limit(rows, "rows", ">="),
        )


def _refuse_training_rows(case: Case) -> None:
    """Refuse to compare evaluation data where the metric is of the rows that training saw."""
    if case.metric_setting is None and case.evidence.run.primary_metric is None:
        return
    metric = case.metric
    if metric.of_training_rows:
        raise MissingEvidence(
            f"the metric that counts, {metric.name}, is by its name of the rows that training saw, "
            "so no evaluation data stand behind it",
            "name a metric of evaluation data under `metric:` in the policy file",
        )


def _all_strong(mine: Sequence[Identity], theirs: Sequence[Identity]) -> bool:
    hashes = {each.strong for each in theirs} - {None}
    return all(each.strong in hashes for each in mine)


def _no_strong_hash() -> MissingEvidence:
    return MissingEvidence(
        f"candidate and baseline have no {STRONG_HASH} of their evaluation data in common, "
        "and require_strong asks for it",
        CONTEXT_REMEDY,
    )


def _what_lacks(mine: Sequence[Identity], theirs: Sequence[Identity]) -> str:
    if mine and theirs:
        return "the evaluation data of candidate and baseline have no identifier in common"
    who = "baseline" if mine else "candidate"
    return f"the {who} has no evaluation dataset, so it is not comparable"


def _listed(identities: Sequence[Identity]) -> str:
    return ", ".join(map(str, identities))
