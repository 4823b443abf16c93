"""Whether candidate and baseline were evaluated on the same data."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from mlops_policies.comparing.same_data import (
    STRONG_HASH,
    Identity,
    Level,
    Same,
    evaluation_data,
    evaluations_of_model,
    same_data,
    same_rows,
)
from mlops_policies.reading.dataset_context import EVALUATION_REMEDY
from policy_engine.evidence import (
    Case,
    Grade,
    Measurement,
    MissingEvidence,
    Needs,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import Tighter

_REMEDY = (
    "evaluate the baseline's model on the candidate's data "
    "(mlflow.models.evaluate with its model id), or the candidate on the baseline's"
)

_SAME = "candidate and baseline were evaluated on the same data"
_WEAK = (
    " (by MLflow's digest alone, which reads a sample of large data: "
    "policy_engine.training.log_dataset logs a hash of all of it)"
)


class SameEvalData(Policy, name="same-eval-data"):
    """Candidate and baseline were evaluated on the same data.

    Two scores on two test sets say nothing about two models: easier rows are not an improvement.

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
                message="candidate and baseline were evaluated on different data",
                detail=f"the candidate was evaluated on {_listed(mine)}, "
                f"the baseline on {_listed(theirs)}: other data",
                remedy=_REMEDY,
            )
        elif same is Same.YES:
            yield self._equal(mine, theirs)
        else:
            yield self._by_rows(case, mine, theirs)

    def _equal(self, mine: Sequence[Identity], theirs: Sequence[Identity]) -> Finding:
        both = f"{_SAME}, {_listed(mine)}"
        if _all_strong(mine, theirs):
            return Finding(outcome=Outcome.PASS, message=_SAME, detail=both)
        if self.require_strong:
            raise _no_strong_hash()
        said = f"{_SAME}, by MLflow's digest alone"
        return Finding(outcome=Outcome.PASS, message=said, detail=both + _WEAK)

    def _by_rows(self, case: Case, mine: Sequence[Identity], theirs: Sequence[Identity]) -> Finding:
        if self.require_strong:
            raise _no_strong_hash()
        try:
            tables = case.candidate.predictions, case.baseline.predictions
            rows = Decimal(same_rows(*tables))
        except MissingEvidence as e:
            lacking = case.baseline if mine and not theirs else case.candidate
            remedy = lacking.to_log(EVALUATION_REMEDY)
            raise MissingEvidence(f"{_what_lacks(mine, theirs)}: {e}", remedy) from e
        return Finding(
            outcome=Outcome.PASS,
            message=f"{_SAME}: all {rows:,} row_id are equal",
            detail=f"{_SAME}: all {rows:,} row_id of their predictions, with their targets, are "
            "equal",
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
        EVALUATION_REMEDY,
    )


def _what_lacks(mine: Sequence[Identity], theirs: Sequence[Identity]) -> str:
    if mine and theirs:
        return "the evaluation data of candidate and baseline have no identifier in common"
    who = "baseline" if mine else "candidate"
    return f"the {who} has no evaluation dataset, so it is not comparable"


def _listed(identities: Sequence[Identity]) -> str:
    return ", ".join(map(str, identities))
